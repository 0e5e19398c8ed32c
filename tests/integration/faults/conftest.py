"""The forkserver lives as long as the test session: it is started before any test counts processes."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.integration.faults.invariants")

from tests.integration.faults.lives import warm_up  # noqa: E402


@pytest.fixture(scope="package", autouse=True)
def forkserver() -> None:
    """See above."""
    warm_up()
