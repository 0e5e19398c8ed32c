"""What a run took of the machine over time."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "resources",
        sa.Column("resource_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(
            "run_number",
            sa.Integer,
            sa.ForeignKey("runs.number", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("timestamp", sa.Float, nullable=False),
        sa.Column("cpu_percent", sa.Float, nullable=False),
        sa.Column("memory_bytes", sa.BigInteger, nullable=False),
        sa.Column("gpu_percent", sa.Float),
        sa.Column("gpu_memory_bytes", sa.BigInteger),
    )
