"""Moves the store's schema forward, with a backup first; a schema newer than this app is refused."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from repo_runner.backups import Backups
from repo_runner.errors import StoreTooNew


def migrate(engine: Engine, backups: Path) -> None:
    """Bring the schema to this version; raises StoreDamaged, or StoreTooNew and changes nothing."""
    scripts = ScriptDirectory.from_config(_config(engine))
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
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
        raise StoreTooNew(f"The database has schema {current}, which is newer than this app.")


def _back_up(engine: Engine, backups: Path) -> None:
    if engine.dialect.name == "sqlite" and engine.url.database:
        Backups(backups).make(Path(engine.url.database))
