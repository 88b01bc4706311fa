"""Readings in delta-coded chunks, packed ledger bodies."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: a backup is the way back."""
    op.create_table(
        "reading_chunks",
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("min", sa.Float(), nullable=True),
        sa.Column("max", sa.Float(), nullable=True),
        sa.Column("sum_n", sa.Integer(), nullable=False),
        sa.Column("sum", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "start_ms", name=op.f("pk_reading_chunks")),
    )
    op.create_table(
        "reading_policies",
        sa.Column("class", sa.String(length=20), nullable=False),
        sa.Column("keep_raw_days", sa.Integer(), nullable=False),
        sa.Column("then", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("class", name=op.f("pk_reading_policies")),
    )
    op.create_table(
        "reading_thinned",
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("then", sa.String(length=10), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "from_ms", name=op.f("pk_reading_thinned")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_packs",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batches", sa.Integer(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_packs")),
    )
    op.create_table(
        "ledger_pack_runs",
        sa.Column("epoch_id", sa.Integer(), nullable=False),
        sa.Column("lane", sa.String(length=10), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("pack_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("epoch_id", "lane", "first", name=op.f("pk_ledger_pack_runs")),
        sqlite_with_rowid=False,
    )
