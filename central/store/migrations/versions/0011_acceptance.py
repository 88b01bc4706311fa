"""Acceptance by sample: plans, lots with their samples, reviews."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: a backup is the way back."""
    op.create_table(
        "acceptance_plans",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acceptance_plans")),
    )
    op.create_table(
        "acceptance_choices",
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("plan", sa.String(length=40), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_acceptance_choices")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "acceptance_lots",
        sa.Column("batch_id", sa.String(length=100), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf_idx", sa.BigInteger(), nullable=False),
        sa.Column("leaf_hash", sa.String(length=64), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.String(length=40), nullable=False),
        sa.Column("plan_name", sa.String(length=120), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("volume", sa.String(length=200), nullable=True),
        sa.Column("unit", sa.String(length=120), nullable=True),
        sa.Column("consignment", sa.String(length=120), nullable=True),
        sa.Column("station", sa.String(length=100), nullable=False),
        sa.Column("severity", sa.String(length=9), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("letter", sa.String(length=1), nullable=True),
        sa.Column("ac", sa.Integer(), nullable=True),
        sa.Column("re", sa.Integer(), nullable=True),
        sa.Column("pages", sa.Text(), nullable=False),
        sa.Column("first", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decided_by", sa.String(length=120), nullable=True),
        sa.Column("decided_ms", sa.BigInteger(), nullable=True),
        sa.Column("decided_leaf", sa.BigInteger(), nullable=True),
        sa.Column("decided_reason", sa.Text(), nullable=True),
        sa.Column("override", sa.Boolean(), nullable=False),
        sa.Column("rework", sa.Text(), nullable=True),
        sa.Column("looked", sa.Integer(), nullable=False),
        sa.Column("defects", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "round", name=op.f("pk_acceptance_lots")),
    )
    op.create_index("ix_acceptance_lots_decided", "acceptance_lots", ["unit", "station", "decided_leaf"])
    op.create_index("ix_acceptance_lots_state", "acceptance_lots", ["state", "decided_ms"])
    op.create_table(
        "acceptance_sample",
        sa.Column("batch_id", sa.String(length=100), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("page_id", sa.String(length=100), nullable=False),
        sa.Column("why", sa.String(length=12), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "round", "page_id", name=op.f("pk_acceptance_sample")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "page_reviews",
        sa.Column("batch_id", sa.String(length=100), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("page_id", sa.String(length=100), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("sampled", sa.Boolean(), nullable=False),
        sa.Column("unit", sa.String(length=120), nullable=True),
        sa.Column("station", sa.String(length=100), nullable=False),
        sa.Column("operator", sa.String(length=120), nullable=True),
        sa.PrimaryKeyConstraint("batch_id", "round", "page_id", name=op.f("pk_page_reviews")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_page_reviews_month", "page_reviews", ["month"])
