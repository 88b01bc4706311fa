"""What a bench says of pages beyond taking them: placeholders, moves, rework."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: a backup is the way back."""
    with op.batch_alter_table("pages") as table:
        table.add_column(sa.Column("placeholder", sa.String(length=10), nullable=True))
        table.add_column(sa.Column("moved_from", sa.String(length=100), nullable=True))
        table.add_column(sa.Column("inserted", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("presses") as table:
        table.add_column(sa.Column("operator", sa.String(length=100), nullable=True))
    with op.batch_alter_table("batches") as table:
        table.add_column(sa.Column("reason", sa.Text(), nullable=True))
        table.add_column(sa.Column("decisions", sa.Text(), server_default="[]", nullable=False))
    op.create_table(
        "page_changes",
        sa.Column("epoch_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("page", sa.String(length=100), nullable=False),
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("batch_id", sa.String(length=100), nullable=False),
        sa.Column("after", sa.String(length=100), nullable=True),
        sa.Column("from_batch", sa.String(length=100), nullable=False),
        sa.Column("from_after", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("raw_ms", sa.BigInteger(), nullable=True),
        sa.Column("boot", sa.String(length=64), nullable=True),
        sa.Column("m_ms", sa.BigInteger(), nullable=False),
        sa.Column("leaf_idx", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("epoch_id", "seq", name=op.f("pk_page_changes")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_page_changes_page"), "page_changes", ["page"])
