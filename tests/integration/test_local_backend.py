"""The contract of backends, kept by the local one."""

from __future__ import annotations

import pytest

from tests.backend_contract import *  # noqa: F403  the tests


@pytest.fixture
def backend() -> str:
    return "local"
