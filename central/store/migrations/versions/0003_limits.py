"""Limits by medium, room settings, calibrations and sensors."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: a backup is the way back."""
    op.create_table(
        "limit_profiles",
        sa.Column("leaf_idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("profile", sa.String(length=60), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("leaf_idx", name=op.f("pk_limit_profiles")),
    )
    op.create_index("ix_limit_profiles_profile", "limit_profiles", ["profile", "leaf_idx"])
    op.create_table(
        "room_limits",
        sa.Column("leaf_idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("room", sa.String(length=40), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("leaf_idx", name=op.f("pk_room_limits")),
    )
    op.create_index("ix_room_limits_room", "room_limits", ["room", "t_ms", "leaf_idx"])
    op.create_table(
        "room_settings",
        sa.Column("room", sa.String(length=40), nullable=False),
        sa.Column("name_en", sa.String(length=120), nullable=True),
        sa.Column("name_zh", sa.String(length=120), nullable=True),
        sa.Column("outdoor", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("room", name=op.f("pk_room_settings")),
    )
    op.create_table(
        "agent_limits",
        sa.Column("leaf_idx", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("leaf_idx", "seq", name=op.f("pk_agent_limits")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_agent_limits_agent", "agent_limits", ["agent", "t_ms"])
    op.create_table(
        "calibrations",
        sa.Column("leaf_idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(length=160), nullable=False),
        sa.Column("serial", sa.String(length=200), nullable=True),
        sa.Column("offset", sa.Float(), nullable=False),
        sa.Column("gain", sa.Float(), nullable=False),
        sa.Column("points", sa.Text(), nullable=False),
        sa.Column("date", sa.String(length=10), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=True),
        sa.Column("person", sa.String(length=120), nullable=False),
        sa.Column("certificate", sa.String(length=200), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("leaf_idx", name=op.f("pk_calibrations")),
    )
    op.create_index("ix_calibrations_channel", "calibrations", ["channel", "leaf_idx"])
    op.create_table(
        "instruments",
        sa.Column("channel", sa.String(length=160), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=200), nullable=True),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "n", name=op.f("pk_instruments")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("agent_documents") as batch:
        batch.add_column(sa.Column("settings", sa.Text(), nullable=True))
