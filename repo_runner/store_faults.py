"""What goes wrong below the store, said for people: a disk, a lock, a damaged file, a server that is away."""

from __future__ import annotations

import sqlite3

from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InterfaceError, OperationalError

from repo_runner.errors import RunnerError, StoreDamaged, StoreUnavailable

_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "Another program holds the database.",
    sqlite3.SQLITE_LOCKED: "Another program holds the database.",
    sqlite3.SQLITE_FULL: "The disk is full, so the database cannot be written.",
    sqlite3.SQLITE_READONLY: "The database cannot be written: its file or its folder is read-only.",
    sqlite3.SQLITE_IOERR: "The disk that holds the database is full or reports an error.",
    sqlite3.SQLITE_CANTOPEN: "The database's file cannot be opened.",
}
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def raise_for_people(context: ExceptionContext) -> None:
    """For SQLAlchemy's `handle_error`. Connections to a file that may have been replaced are not used again."""
    error = context.original_exception
    told = describe(error)
    if told is None and _is_server_away(context):
        told = StoreUnavailable("The database server cannot be reached.")
    if told is not None:
        if context.engine is not None and not _is_busy(error):
            context.engine.dispose(close=False)
        raise told from error


def describe(error: BaseException) -> RunnerError | None:
    """The error as a person can use it; None for what is a defect of ours."""
    if not isinstance(error, sqlite3.DatabaseError) or isinstance(error, sqlite3.IntegrityError):
        return None
    code = _code(error)
    if code in _DAMAGED:
        return StoreDamaged()
    if str(error).startswith("no such table"):
        return StoreDamaged("The database is empty: its file was removed or replaced.")
    return StoreUnavailable(_UNAVAILABLE[code]) if code in _UNAVAILABLE else None


def _code(error: sqlite3.DatabaseError) -> int:
    """The primary code, without the details SQLite adds above it."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _is_busy(error: BaseException) -> bool:
    busy = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, sqlite3.DatabaseError) and _code(error) in busy


def _is_server_away(context: ExceptionContext) -> bool:
    is_sqlite = isinstance(context.original_exception, sqlite3.Error)
    gone = (OperationalError, InterfaceError)
    return not is_sqlite and (
        context.is_disconnect or isinstance(context.sqlalchemy_exception, gone)
    )
