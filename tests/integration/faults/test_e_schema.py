"""E6: an older store is brought forward with a backup first; a newer one is refused; nothing is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from repo_runner import migrations
from repo_runner.backups import Backups, damage_of
from repo_runner.errors import StoreTooNew
from repo_runner.migrations import migrate
from repo_runner.run_view import to_run
from repo_runner.store import Store
from tests.integration.faults.stores import SPEC


@pytest.fixture
def old(tmp_path: Path):
    """A store as the first version left it, with one run."""
    store = Store(f"sqlite:///{tmp_path / 'old.db'}")
    command.upgrade(migrations._config(store.engine), "0001")
    columns = "run_id spec name status phase created_at attempt commit_sha has_probe notes last_metrics hparams"
    names = (columns + " trainer phases events_offset").split()
    facts = ["old", SPEC.model_dump_json(), "n", "failed", "queued", 1.0, 1, "0" * 40, 0]
    values = dict(zip(names, [*facts, "[]", "{}", "{}", "{}", "[]", 0], strict=True))
    asked = f"INSERT INTO runs ({', '.join(names)}) VALUES ({', '.join(':' + n for n in names)})"
    with store.engine.begin() as connection:
        connection.execute(sa.text(asked), values)
    yield store
    store.close()


def test_E6_a_store_of_an_older_version_keeps_its_runs(old: Store, tmp_path: Path) -> None:
    migrate(old.engine, tmp_path / "backups")
    run = to_run(old.get("old"), None, stop_grace_s=30)
    assert (run.spec.limits.time_s, run.retries_used, run.gpus) == (None, 0, ())
    assert run.duration_s is None
    (backup,) = Backups(tmp_path / "backups").all()
    assert damage_of(backup) is None
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("SELECT run_id FROM runs").fetchall() == [("old",)]
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]


def test_E6_a_migration_that_fails_leaves_the_store_as_it_was(
    old: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = ScriptDirectory.from_config(migrations._config(old.engine))
    migration = scripts.get_revision("0002").module
    whole = migration.upgrade

    def half() -> None:
        whole()
        raise RuntimeError("power lost")

    with monkeypatch.context() as patched:
        patched.setattr(migration, "upgrade", half)
        patched.setattr(ScriptDirectory, "from_config", lambda _config: scripts)
        with pytest.raises(RuntimeError, match="power lost"):
            migrate(old.engine, tmp_path / "backups")
    with closing(sqlite3.connect(tmp_path / "old.db")) as store:
        assert store.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert "priority" not in str(store.execute("PRAGMA table_info(runs)").fetchall())
    migrate(old.engine, tmp_path / "backups")
    assert old.get("old").status == "failed"


def test_E6_a_schema_newer_than_the_app_is_refused_and_left_alone(
    old: Store, tmp_path: Path
) -> None:
    with old.engine.execution_options(writes=True).begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreTooNew, match="newer than this app"):
        migrate(old.engine, tmp_path / "backups")
    assert not (tmp_path / "backups").exists()
