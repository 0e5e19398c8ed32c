import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from repo_runner.metric_store import Stretch
from repo_runner.migrations import _config, migrate
from repo_runner.run_list import RunQuery
from repo_runner.store import Store

SPEC = {"repo_url": "https://github.com/a/b.git", "commit_sha": "0" * 40, "script_path": "t.py"}


@pytest.fixture
def store(tmp_path: Path):
    """A store as the first version of the app left it: two runs, and one of them with a curve."""
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    command.upgrade(_config(store.engine), "0001")
    with store.engine.execution_options(writes=True).begin() as connection:
        run = sa.text(
            "INSERT INTO runs (run_id, spec, name, status, phase, created_at, attempt, commit_sha, has_probe,"
            " notes, last_metrics, hparams, trainer, phases, events_offset)"
            " VALUES (:id, :spec, :id, :status, 'training', 0, 1, 'c0ffee', 1, '[]', '{}', '{}', '{}', '[]', 0)"
        )
        for run_id, status in (("old", "succeeded"), ("live", "running")):
            connection.execute(run, {"id": run_id, "status": status, "spec": json.dumps(SPEC)})
        value = sa.text(
            "INSERT INTO metrics (run_number, name, step, timestamp, value) VALUES (1, 'loss', :i, 0, :i)"
        )
        connection.execute(value, [{"i": i} for i in range(1000)])
    yield store
    store.close()


def test_an_older_store_keeps_its_runs_and_curves(store: Store, tmp_path: Path) -> None:
    migrate(store.engine, tmp_path / "backups")
    (curve,) = store.curves(1, (), Stretch(max_points=2000))
    assert [(p.number, p.step, p.value) for p in curve.points] == [
        (i + 1, i, float(i)) for i in range(1000)
    ]
    (thinned,) = store.curves(1, (), Stretch(max_points=20))
    assert (thinned.points[0].value, thinned.points[-1].value) == (0.0, 999.0)
    assert store.counts() == {"running": 1, "succeeded": 1}
    found = store.page(RunQuery(q="a/b", repository="a/b"), 10)
    assert [row.run_id for row in found.rows] == ["live", "old"]
    assert len(list((tmp_path / "backups").iterdir())) == 1
