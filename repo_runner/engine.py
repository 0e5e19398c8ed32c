"""Opens the database: SQLite in WAL mode, or any other by URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool

from repo_runner.store_faults import raise_for_people
from repo_runner.store_files import StoreFiles

#: How long a writer waits for another one; then the caller is told to try again.
BUSY_S = 5
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_S * 1000}",
)


def open_engine(url: str) -> Engine:
    """A connection pool whose errors are said for people."""
    is_sqlite = url.startswith("sqlite")
    options: dict[str, Any] = (
        {"connect_args": {"timeout": BUSY_S}} if is_sqlite else {"pool_pre_ping": True}
    )
    engine = create_engine(url, **options)
    event.listen(engine, "handle_error", raise_for_people)
    if is_sqlite:
        _watch_files(engine, StoreFiles(Path(engine.url.database or "")))
        event.listen(engine, "begin", _begin_immediate)
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


def _begin_immediate(connection: Any) -> None:
    """Writers queue up at the start of a transaction instead of failing in its middle."""
    mode = "IMMEDIATE" if connection.get_execution_options().get("writes", False) else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {mode}")
