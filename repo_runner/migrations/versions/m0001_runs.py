"""Runs, metrics and checkpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(64), nullable=False, unique=True),
        sa.Column("idempotency_key", sa.String(200), unique=True),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False, index=True),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("ended_at", sa.Float),
        sa.Column("stop_requested_at", sa.Float),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("commit_sha", sa.String(64), nullable=False),
        sa.Column("environment_key", sa.String(80)),
        sa.Column("exit_code", sa.Integer),
        sa.Column("failure", sa.JSON),
        sa.Column("has_probe", sa.Boolean, nullable=False),
        sa.Column("notes", sa.JSON, nullable=False),
        sa.Column("monitor", sa.Text),
        sa.Column("mode", sa.String(8)),
        sa.Column("best_model_score", sa.Float),
        sa.Column("best_model_path", sa.Text),
        sa.Column("progress", sa.JSON),
        sa.Column("last_metrics", sa.JSON, nullable=False),
        sa.Column("hparams", sa.JSON, nullable=False),
        sa.Column("trainer", sa.JSON, nullable=False),
        sa.Column("phases", sa.JSON, nullable=False),
        sa.Column("events_offset", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "metrics",
        sa.Column("metric_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(
            "run_number",
            sa.Integer,
            sa.ForeignKey("runs.number", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.Integer),
        sa.Column("timestamp", sa.Float, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("text", sa.String(8)),
    )
    op.create_index("ix_metrics_run_name", "metrics", ["run_number", "name", "metric_id"])
    op.create_table(
        "checkpoints",
        sa.Column(
            "run_number",
            sa.Integer,
            sa.ForeignKey("runs.number", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("data", sa.JSON, nullable=False),
    )
