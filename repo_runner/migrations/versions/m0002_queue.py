"""Priority, retries, silence, GPUs and measured durations."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns of queue and supervision to runs."""
    for column in (
        sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
        sa.Column("retries_used", sa.Integer, nullable=False, server_default="0"),
        sa.Column("retry_at", sa.Float),
        sa.Column("silent_since", sa.Float),
        sa.Column("gpus", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("started_ticks_s", sa.Float),
        sa.Column("duration_s", sa.Float),
    ):
        op.add_column("runs", column)
