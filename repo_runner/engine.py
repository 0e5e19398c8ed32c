"""Opens the database: SQLite in WAL mode, or any other by URL."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool

from repo_runner.store_faults import raise_for_people
from repo_runner.store_files import StoreFiles

#: How long a writer waits for another one; then the caller is told to try again.
BUSY_S = 5
#: SQLite looks less and less often whether the other one is done, every 0.1 s in the end. Who begins to wait anew after
#: this time is therefore ahead of all who have waited for long.
_IMPATIENT_MS = 30
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_S * 1000}",
)


def open_engine(url: str, *, goes_first: bool = False) -> Engine:
    """A connection pool whose errors are said for people.

    Who `goes_first` gets the turn to write before those who do not: a person waits for one transaction of the runs'
    works, not for all that a hundred of them have in mind.
    """
    is_sqlite = url.startswith("sqlite")
    options: dict[str, Any] = (
        {"connect_args": {"timeout": BUSY_S}} if is_sqlite else {"pool_pre_ping": True}
    )
    engine = create_engine(url, **options)
    event.listen(engine, "handle_error", raise_for_people)
    if is_sqlite:
        _watch_files(engine, StoreFiles(Path(engine.url.database or "")))
        event.listen(engine, "begin", _begin_first if goes_first else _begin)
    return engine


def _watch_files(engine: Engine, files: StoreFiles) -> None:
    """Each connection is configured, and used while the files are those it has opened."""

    def connect(connection: Any, _record: Any) -> None:
        files.before_opening()
        _configure_sqlite(connection)
        files.opened(connection)

    def check(connection: Any, _record: Any, _use: Any) -> None:
        pool = engine.pool
        in_use = pool.checkedout() if isinstance(pool, QueuePool) else 1
        files.check(connection, in_use, engine.dispose)

    event.listen(engine, "connect", connect)
    event.listen(engine, "checkout", check)
    event.listen(engine, "engine_disposed", lambda _engine: files.forget())


def _configure_sqlite(connection: Any) -> None:
    """WAL for readers beside a writer; we begin transactions ourselves (the driver would do it too late)."""
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    """Writers queue up at the start of a transaction instead of failing in its middle."""
    mode = "IMMEDIATE" if connection.get_execution_options().get("writes", False) else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {mode}")


def _begin_first(connection: Any) -> None:
    """The same, asking again and again."""
    if not connection.get_execution_options().get("writes", False):
        return _begin(connection)
    sqlite: sqlite3.Connection = connection.connection.dbapi_connection
    sqlite.execute(f"PRAGMA busy_timeout={_IMPATIENT_MS}")
    try:
        if not _has_begun(sqlite):
            _begin(connection)  # says for people what is in the way
    finally:
        sqlite.execute(f"PRAGMA busy_timeout={BUSY_S * 1000}")
    return None


def _has_begun(sqlite: sqlite3.Connection) -> bool:
    deadline = time.monotonic() + BUSY_S
    while time.monotonic() < deadline:
        try:
            sqlite.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                return False
        else:
            return True
    return False
