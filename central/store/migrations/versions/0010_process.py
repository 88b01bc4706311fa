"""The steps that volumes go through on the line."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: a backup is the way back."""
    op.create_table(
        "consignments",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("witness", sa.Boolean(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_consignments")),
    )
    op.create_table(
        "volumes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.Column("unit", sa.String(length=120), nullable=False),
        sa.Column("consignment", sa.String(length=120), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=True),
        sa.Column("kind", sa.String(length=80), nullable=True),
        sa.Column("declared", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("captured", sa.Integer(), nullable=False),
        sa.Column("placeholders", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("open_discrepancies", sa.Integer(), nullable=False),
        sa.Column("rework", sa.Integer(), nullable=False),
        sa.Column("registered_ms", sa.BigInteger(), nullable=False),
        sa.Column("registered_by", sa.String(length=120), nullable=False),
        sa.Column("filed_ms", sa.BigInteger(), nullable=True),
        sa.Column("undo", sa.Text(), nullable=True),
        sa.Column("leaf_idx", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volumes")),
        sa.UniqueConstraint("number", name="uq_volumes_number"),
    )
    op.create_index("ix_volumes_consignment", "volumes", ["consignment", "step"], unique=False)
    op.create_index("ix_volumes_registered", "volumes", ["registered_ms", "id"], unique=False)
    op.create_index("ix_volumes_step", "volumes", ["step", "since_ms"], unique=False)
    op.create_index("ix_volumes_unit", "volumes", ["unit", "step"], unique=False)
    op.create_table(
        "visits",
        sa.Column("volume", sa.String(length=36), nullable=False),
        sa.Column("visit", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=8), nullable=False),
        sa.Column("entered_ms", sa.BigInteger(), nullable=False),
        sa.Column("begun_ms", sa.BigInteger(), nullable=True),
        sa.Column("begun_by", sa.String(length=120), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=True),
        sa.Column("how", sa.String(length=8), nullable=True),
        sa.Column("count_in", sa.Integer(), nullable=False),
        sa.Column("count_out", sa.Integer(), nullable=True),
        sa.Column("placeholders", sa.Integer(), nullable=True),
        sa.Column("first_count", sa.Integer(), nullable=True),
        sa.Column("first_by", sa.String(length=120), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("volume", "visit", name=op.f("pk_visits")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_visits_ended", "visits", ["ended_ms"], unique=False)
    op.create_table(
        "discrepancies",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("volume", sa.String(length=36), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.String(length=120), nullable=False),
        sa.Column("resolved_ms", sa.BigInteger(), nullable=True),
        sa.Column("resolved_by", sa.String(length=120), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancies")),
    )
    op.create_index("ix_discrepancies_opened", "discrepancies", ["opened_ms"], unique=False)
    op.create_index("ix_discrepancies_volume", "discrepancies", ["volume", "opened_ms"], unique=False)
    op.create_table(
        "volume_history",
        sa.Column("volume", sa.String(length=36), nullable=False),
        sa.Column("leaf_idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("step", sa.String(length=8), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("volume", "leaf_idx", "place", name=op.f("pk_volume_history")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "volume_batches",
        sa.Column("batch", sa.String(length=100), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.Column("volume", sa.String(length=36), nullable=True),
        sa.Column("linked", sa.Boolean(), nullable=False),
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("captured", sa.Integer(), nullable=False),
        sa.Column("placeholders", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("first_leaf", sa.BigInteger(), nullable=False),
        sa.Column("decided_leaf", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("batch", name=op.f("pk_volume_batches")),
    )
    op.create_index("ix_volume_batches_number", "volume_batches", ["number"], unique=False)
    op.create_index("ix_volume_batches_volume", "volume_batches", ["volume", "t_ms"], unique=False)
    op.create_table(
        "step_limits",
        sa.Column("step", sa.String(length=8), nullable=False),
        sa.Column("yellow_h", sa.Integer(), nullable=False),
        sa.Column("red_h", sa.Integer(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("step", name=op.f("pk_step_limits")),
    )
