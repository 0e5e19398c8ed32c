"""Moves the store's schema forward, with a backup first; a schema newer than this app is refused."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError

from repo_runner.errors import StoreDamaged

_KEPT_BACKUPS = 5


def migrate(engine: Engine, backups: Path) -> None:
    """Bring the schema to this version; raises StoreDamaged when the database is damaged or newer than the app."""
    scripts = ScriptDirectory.from_config(_config(engine))
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except DatabaseError as error:
        raise StoreDamaged(
            f"The database cannot be read: {error.orig}. Backups are in {backups}."
        ) from error
    if current == scripts.get_current_head():
        return
    if current is not None:
        _refuse_newer(scripts, current)
        _back_up(engine, backups)
    command.upgrade(_config(engine), "head")


def _config(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["engine"] = engine
    return config


def _refuse_newer(scripts: ScriptDirectory, current: str) -> None:
    if current not in {revision.revision for revision in scripts.walk_revisions()}:
        raise StoreDamaged(
            f"The database has schema {current}, which is newer than this app.",
            hint="Update the app, or point REPO_RUNNER_HOME to another folder. Nothing was changed.",
        )


def _back_up(engine: Engine, backups: Path) -> None:
    """SQLite only; the operator of a PostgreSQL server has their own backups."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return
    backups.mkdir(parents=True, exist_ok=True)
    target = backups / f"store-{time.strftime('%Y%m%dT%H%M%S')}.db"
    partial = target.with_suffix(".partial")
    with (
        closing(sqlite3.connect(engine.url.database)) as source,
        closing(sqlite3.connect(partial)) as copy,
    ):
        source.backup(copy)
    shutil.move(partial, target)
    for old in sorted(backups.glob("store-*.db"))[:-_KEPT_BACKUPS]:
        old.unlink()
