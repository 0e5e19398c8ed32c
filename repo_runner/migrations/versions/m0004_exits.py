"""Exits told apart."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the signal and the cause of an exit to runs."""
    op.add_column("runs", sa.Column("exit_signal", sa.Integer))
    op.add_column("runs", sa.Column("exit_cause", sa.String(16)))
