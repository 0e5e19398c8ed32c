"""Notices when the files of a SQLite database are taken away from under its open connections.

SQLite itself does not: who has the journal open goes on with it, who comes later begins a new one, and the two do not
know of each other. So what the removed journal holds is saved into the database, and every connection opened anew.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from repo_runner.errors import StoreUnavailable

_log = logging.getLogger(__name__)


class Files(NamedTuple):
    """What lies under the names now: inodes, None where nothing does."""

    database: int | None
    journal: int | None


class StoreFiles:
    """Those of one connection pool. While a connection is open, SQLite removes none of them itself."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._journal = database.with_name(database.name + "-wal")
        self._known: Files | None = None

    def forget(self) -> None:
        """No connection is open any more."""
        self._known = None

    def before_opening(self) -> None:
        """Raises StoreUnavailable where a further connection would not find the files of the others."""
        if self._known is not None and self._look() != self._known:
            raise _removed()

    def opened(self, connection: sqlite3.Connection) -> None:
        """Remember the files of the first connection."""
        if self._known is None:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # opens the journal
            self._known = self._look()

    def check(
        self, connection: sqlite3.Connection, in_use: int, close_all: Callable[[], None]
    ) -> None:
        """Before each use; the last of the connections `in_use` saves the journal, then all can be opened anew.

        Raises StoreUnavailable when the files are gone.
        """
        if self._known is None or self._look() == self._known:
            return
        if in_use <= 1:
            if self._may_be_saved():
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("PRAGMA wal_checkpoint(FULL)")
            _log.error("Files of the database %s were removed while it was in use.", self._database)
            close_all()
        raise _removed()

    def _may_be_saved(self) -> bool:
        """Not into a file that others took for the database, nor once there is another journal with content."""
        known, now = self._known, self._look()
        is_newer = now.journal is not None and self._journal.stat().st_size > 0
        return known is not None and known.database == now.database and not is_newer

    def _look(self) -> Files:
        return Files(_inode(self._database), _inode(self._journal))


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _removed() -> StoreUnavailable:
    return StoreUnavailable(
        "The database's files were removed while it was in use; it is opened anew."
    )
