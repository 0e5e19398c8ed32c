"""A journal that is removed under open connections is noticed, and loses nothing."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from repo_runner.errors import StoreUnavailable
from repo_runner.migrations import migrate
from repo_runner.models import RunSpec
from repo_runner.store import Store

SPEC = RunSpec(repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="train.py")


def remove_journal(tmp_path: Path) -> None:
    for name in ("store.db-wal", "store.db-shm"):
        (tmp_path / name).unlink()


def test_F2_a_journal_that_is_removed_under_the_store_is_saved_and_the_next_call_works(
    store: Store, tmp_path: Path
) -> None:
    store.add("before", SPEC, None)
    remove_journal(tmp_path)
    with pytest.raises(StoreUnavailable, match="opened anew"):
        store.get("before")
    store.add("after", SPEC, None)
    with closing(sqlite3.connect(tmp_path / "store.db")) as other:
        found = other.execute("SELECT run_id FROM runs ORDER BY number").fetchall()
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert found == [("before",), ("after",)]


def test_F2_nobody_opens_a_second_journal_while_a_connection_still_uses_the_removed_one(
    store: Store, tmp_path: Path
) -> None:
    store.add("before", SPEC, None)
    told: list[str] = []

    def ask() -> None:
        try:
            store.get("before")
        except StoreUnavailable as error:
            told.append(error.message)

    with store.engine.execution_options(writes=True).begin() as writing:
        writing.exec_driver_sql("UPDATE runs SET name = 'written to the removed journal'")
        remove_journal(tmp_path)
        asking = threading.Thread(target=ask)
        asking.start()
        asking.join()
        assert not (tmp_path / "store.db-wal").exists()
    ask()
    assert len(told) == 2
    assert store.get("before").name == "written to the removed journal"


def test_F2_a_database_that_is_replaced_under_the_store_is_read_from_then_on(
    store: Store, tmp_path: Path
) -> None:
    store.add("old", SPEC, None)
    other = Store(f"sqlite:///{tmp_path / 'other.db'}")
    migrate(other.engine, tmp_path / "other-backups")
    other.add("new", SPEC, None)
    other.close()
    (tmp_path / "other.db").replace(tmp_path / "store.db")
    remove_journal(tmp_path)
    with pytest.raises(StoreUnavailable):
        store.get("old")
    assert list(store.attempts()) == ["new"]


def test_F2_the_journal_that_sqlite_removes_itself_is_not_missed(store: Store) -> None:
    for number in range(3):
        store.add(f"run-{number}", SPEC, None)
        store.close()
    assert len(store.attempts()) == 3
