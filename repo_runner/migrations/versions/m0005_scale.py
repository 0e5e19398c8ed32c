"""Metrics with a pyramid of spans, the table of runs by any order, and counters of their statuses."""

import json
from itertools import groupby

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from repo_runner.metric_store import add_values

revision = "0005"
down_revision = "0004"

#: Values carried over at a time, so that no history has to fit into memory.
_PIECE = 50_000


def upgrade() -> None:
    """Make the tables, and carry over what the old ones hold."""
    op.rename_table("metrics", "old_metrics")
    _create_metrics()
    _carry_metrics_over()
    op.drop_table("old_metrics")
    _create_listing()
    _carry_runs_over()
    _count_runs()


def _run_key(**options: object) -> sa.Column:
    run = sa.ForeignKey("runs.number", ondelete="CASCADE")
    return sa.Column(options.pop("name", "run_number"), sa.Integer, run, **options)


def _series_key() -> sa.Column:
    series = sa.ForeignKey("metric_series.series_id", ondelete="CASCADE")
    return sa.Column("series_id", sa.Integer, series, primary_key=True)


def _create_metrics() -> None:
    op.create_table(
        "metric_series",
        sa.Column("series_id", sa.Integer, primary_key=True, autoincrement=True),
        _run_key(nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("broken", sa.BigInteger, nullable=False),
        sa.Column("last_number", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_metric_series_name", "metric_series", ["run_number", "name"], unique=True)
    op.create_table(
        "metrics",
        _series_key(),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.Integer),
        sa.Column("timestamp", sa.Float, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("text", sa.String(8)),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_spans",
        _series_key(),
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("low", sa.Float),
        sa.Column("low_number", sa.BigInteger, nullable=False),
        sa.Column("high", sa.Float),
        sa.Column("high_number", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _carry_metrics_over() -> None:
    old = sa.text(
        "SELECT run_number, name, step, epoch, timestamp, value, text FROM old_metrics"
        " WHERE metric_id > :first AND metric_id <= :last ORDER BY run_number, metric_id"
    )
    bind = op.get_bind()
    newest = bind.execute(sa.text("SELECT max(metric_id) FROM old_metrics")).scalar() or 0
    for first in range(0, newest, _PIECE):
        rows = bind.execute(old, {"first": first, "last": first + _PIECE}).mappings().all()
        with Session(bind, join_transaction_mode="create_savepoint") as session:
            for number, values in groupby(rows, key=lambda row: row["run_number"]):
                add_values(session, number, [dict(value) for value in values])
            session.commit()


def _create_listing() -> None:
    op.add_column("runs", sa.Column("repository", sa.Text, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("sparkline", sa.JSON))
    op.create_table(
        "run_words",
        _run_key(name="number", primary_key=True),
        sa.Column("words", sa.Text, nullable=False),
    )
    for name, columns in {
        "ix_runs_by_name": [sa.text("lower(name)"), "number"],
        "ix_runs_by_repository": ["repository", "number"],
        "ix_runs_by_duration": [sa.text("(ended_at - started_at)"), "number"],
        "ix_runs_by_score": ["best_model_score", "number"],
        "ix_runs_by_status": ["status", "number"],
    }.items():
        op.create_index(name, "runs", columns)
    op.drop_index("ix_runs_status", "runs")


def _carry_runs_over() -> None:
    bind = op.get_bind()
    runs = bind.execute(sa.text("SELECT number, run_id, name, commit_sha, spec FROM runs"))
    for number, run_id, name, commit_sha, spec in runs.all():
        facts = json.loads(spec) if isinstance(spec, str) else spec
        url, script = facts.get("repo_url", ""), facts.get("script_path", "")
        path = url.partition("://")[2].partition("/")[2]
        words = f"{run_id} {name} {url} {commit_sha} {script}".lower()
        values = {"n": number, "r": path.strip("/").removesuffix(".git"), "w": words}
        bind.execute(sa.text("UPDATE runs SET repository = :r WHERE number = :n"), values)
        bind.execute(sa.text("INSERT INTO run_words (number, words) VALUES (:n, :w)"), values)


def _count_runs() -> None:
    op.create_table(
        "run_counts",
        sa.Column("status", sa.String(16), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.execute(
        "INSERT INTO run_counts (status, count) SELECT s.status, count(r.number) FROM"
        " (SELECT 'pending' AS status UNION SELECT 'running' UNION SELECT 'succeeded'"
        " UNION SELECT 'failed' UNION SELECT 'stopped') s"
        " LEFT JOIN runs r ON r.status = s.status GROUP BY s.status"
    )
    plus = "UPDATE run_counts SET count = count + 1 WHERE status = NEW.status;"
    minus = "UPDATE run_counts SET count = count - 1 WHERE status = OLD.status;"
    events = {"INSERT": plus, "DELETE": minus, "UPDATE OF status": minus + plus}
    sqlite = op.get_bind().dialect.name == "sqlite"
    for event, body in events.items():
        name = f"count_runs_on_{event.split()[0].lower()}"
        if sqlite:
            op.execute(f"CREATE TRIGGER {name} AFTER {event} ON runs BEGIN {body} END")
            continue
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
            f" AS $$ BEGIN {body} RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON runs FOR EACH ROW EXECUTE FUNCTION {name}()"
        )
