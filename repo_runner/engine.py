"""Opens the database: SQLite in WAL mode, or any other by URL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine

from repo_runner.store_faults import raise_for_people

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
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    """WAL for readers beside a writer; we begin transactions ourselves (the driver would do it too late)."""
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Any) -> None:
    """Writers queue up at the start of a transaction instead of failing in its middle."""
    mode = "IMMEDIATE" if connection.get_execution_options().get("writes", False) else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {mode}")
