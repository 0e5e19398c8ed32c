from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_runner.migrations import migrate
from repo_runner.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of the newest version, with nothing in it."""
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    migrate(store.engine, tmp_path / "backups")
    yield store
    store.close()
