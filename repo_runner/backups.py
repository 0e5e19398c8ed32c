"""Copies of the database: made while it is in use, checked before they count, the oldest removed.

SQLite only; the operator of a database server has their own backups.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from repo_runner.errors import ArtifactNotFound, StoreDamaged, StoreUnavailable
from repo_runner.store_faults import describe

_KEPT = 8
#: Between these many pages another writer gets its turn.
_PAGES_AT_ONCE = 1000


class Backups:
    """The folder of copies of one database, `store-<time>.db`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[Path]:
        """The newest first."""
        return sorted(self._folder.glob("store-*.db"), reverse=True)

    def make(self, database: Path) -> Path:
        """Copy the database as it is now; raises StoreDamaged when the copy is not sound."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self._folder / f"store-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}.db"
        partial = target.with_suffix(".partial")
        for cut_off in self._folder.glob("store-*.partial*"):
            cut_off.unlink(missing_ok=True)
        try:
            _copy(database, partial)
            if problem := damage_of(partial):
                raise StoreDamaged(f"The database is damaged: {problem}.")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        for old in self.all()[_KEPT:]:
            old.unlink(missing_ok=True)
        return target

    def is_due(self, database: Path, every_s: float) -> bool:
        """Whether the newest copy is that old, and the database has changed since."""
        made_at = max((path.stat().st_mtime for path in self.all()), default=0.0)
        changed_at = max(_times(database), default=0.0)
        return changed_at > made_at and time.time() - made_at >= every_s

    def good(self) -> Iterator[Path]:
        """Those that are sound, the newest first."""
        return (path for path in self.all() if damage_of(path) is None)

    def named(self, name: str) -> Path:
        """One of them by its name; raises ArtifactNotFound."""
        for path in self.all():
            if path.name == name:
                return path
        raise ArtifactNotFound(f"There is no backup {name!r} in {self._folder}.")


def damage_of(database: Path, check: str = "integrity_check") -> str | None:
    """What is wrong with a database file; None when it is sound. Raises StoreUnavailable when it cannot be told."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            found = connection.execute(f"PRAGMA {check}(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        told = describe(error)
        if isinstance(told, StoreUnavailable):
            raise told from error
        return str(error)
    return None if found == "ok" else str(found).replace("\n", " ")


def check(database: Path) -> None:
    """Look through the database for damage. Raises StoreDamaged."""
    if database.exists() and (damage := damage_of(database, "quick_check")):
        raise StoreDamaged(f"The database is damaged: {damage}.")


def _copy(database: Path, target: Path) -> None:
    """With no journal beside the copy, and on the disk before it gets its name."""
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        try:
            source.backup(copy, pages=_PAGES_AT_ONCE, sleep=0.01)
            copy.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.DatabaseError as error:
            raise StoreDamaged(
                f"The database is damaged: it cannot be copied ({error})."
            ) from error
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _times(database: Path) -> Iterator[float]:
    """When the database and its journal were written last."""
    for path in (database, database.with_name(database.name + "-wal")):
        with contextlib.suppress(FileNotFoundError):
            yield path.stat().st_mtime
