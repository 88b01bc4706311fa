"""Preservation metrics by day."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: a backup is the way back."""
    op.create_table(
        "metric_sensors",
        sa.Column("sensor", sa.String(length=160), nullable=False),
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("temp_id", sa.Integer(), nullable=True),
        sa.Column("rh_id", sa.Integer(), nullable=True),
        sa.Column("temp_ms", sa.BigInteger(), nullable=True),
        sa.Column("temp", sa.Float(), nullable=True),
        sa.Column("rh_ms", sa.BigInteger(), nullable=True),
        sa.Column("rh", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("sensor", name=op.f("pk_metric_sensors")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_agents",
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("interval_ms", sa.BigInteger(), nullable=False),
        sa.Column("own", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agent", name=op.f("pk_metric_agents")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_dirty",
        sa.Column("sensor", sa.String(length=160), nullable=False),
        sa.Column("day_ms", sa.BigInteger(), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sensor", "day_ms", name=op.f("pk_metric_dirty")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_days",
        sa.Column("sensor", sa.String(length=160), nullable=False),
        sa.Column("day_ms", sa.BigInteger(), nullable=False),
        sa.Column("interval_ms", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("covered_ms", sa.BigInteger(), nullable=False),
        sa.Column("temp", sa.Float(), nullable=False),
        sa.Column("rh", sa.Float(), nullable=False),
        sa.Column("temp_min", sa.Float(), nullable=True),
        sa.Column("temp_max", sa.Float(), nullable=True),
        sa.Column("rh_min", sa.Float(), nullable=True),
        sa.Column("rh_max", sa.Float(), nullable=True),
        sa.Column("absolute", sa.Float(), nullable=False),
        sa.Column("emc", sa.Float(), nullable=False),
        sa.Column("dew", sa.Float(), nullable=False),
        sa.Column("dew_ms", sa.BigInteger(), nullable=False),
        sa.Column("decay", sa.Float(), nullable=False),
        sa.Column("ageing", sa.Float(), nullable=False),
        sa.Column("kinetic", sa.Float(), nullable=False),
        sa.Column("mould", sa.Float(), nullable=False),
        sa.Column("mould_dry_ms", sa.BigInteger(), nullable=False),
        sa.Column("mould_low", sa.Float(), nullable=False),
        sa.Column("mould_low_dry_ms", sa.BigInteger(), nullable=False),
        sa.Column("mould_high", sa.Float(), nullable=False),
        sa.Column("mould_high_dry_ms", sa.BigInteger(), nullable=False),
        sa.Column("mould_max", sa.Float(), nullable=False),
        sa.Column("open_ms", sa.BigInteger(), nullable=True),
        sa.Column("open_temp", sa.Float(), nullable=True),
        sa.Column("open_rh", sa.Float(), nullable=True),
        sa.Column("tolerance_c", sa.Float(), nullable=False),
        sa.Column("tolerance_pct", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("sensor", "day_ms", name=op.f("pk_metric_days")),
        sqlite_with_rowid=False,
    )
