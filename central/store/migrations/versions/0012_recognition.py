"""Recognised text of pages, its index, page numbers read from it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: a backup is the way back."""
    op.create_table(
        "texts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("engine", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.Column("characters", sa.Integer(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_texts")),
        sa.UniqueConstraint("sha256", name=op.f("uq_texts_sha256")),
    )
    op.create_index("ix_texts_done", "texts", ["done_ms"], unique=False)
    op.create_table(
        "text_jobs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("batch_id", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=7), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("order_ms", sa.BigInteger(), nullable=False),
        sa.Column("arrival", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("words_zh", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_text_jobs")),
    )
    op.create_index("ix_text_jobs_batch", "text_jobs", ["batch_id", "state"], unique=False)
    op.create_index("ix_text_jobs_next", "text_jobs", ["state", "turn", "order_ms", "batch_id", "arrival"], unique=False)
    op.create_table(
        "recognition_state",
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_recognition_state")),
    )
    op.create_table(
        "page_numbers",
        sa.Column("page", sa.String(length=100), nullable=False),
        sa.Column("batch_id", sa.String(length=100), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("read", sa.String(length=40), nullable=True),
        sa.Column("label", sa.String(length=20), nullable=True),
        sa.Column("x", sa.Integer(), nullable=True),
        sa.Column("y", sa.Integer(), nullable=True),
        sa.Column("w", sa.Integer(), nullable=True),
        sa.Column("h", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=True),
        sa.Column("first", sa.Integer(), nullable=True),
        sa.Column("last", sa.Integer(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("words_zh", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("page", name=op.f("pk_page_numbers")),
    )
    op.create_index("ix_page_numbers_batch", "page_numbers", ["batch_id", "seq"], unique=False)
    op.create_table(
        "batch_numbers",
        sa.Column("batch_id", sa.String(length=100), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("judged_ms", sa.BigInteger(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("numbered", sa.Integer(), nullable=False),
        sa.Column("trusted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_batch_numbers")),
    )
    op.create_table(
        "batch_changes",
        sa.Column("batch_id", sa.String(length=100), nullable=False),
        sa.Column("leaf_idx", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_batch_changes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sequence_checks",
        sa.Column("page", sa.String(length=100), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("read", sa.String(length=40), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("words_zh", sa.Text(), nullable=True),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("page", name=op.f("pk_sequence_checks")),
    )
    op.create_table(
        "descriptions",
        sa.Column("batch_id", sa.String(length=100), nullable=False),
        sa.Column("volume", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("title", sa.String(length=400), nullable=True),
        sa.Column("number", sa.String(length=200), nullable=True),
        sa.Column("suggested", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_descriptions")),
    )
    op.create_index("ix_descriptions_volume", "descriptions", ["volume"], unique=False)

    # words are made in Python (recognition/units.py): the index gets them parted by spaces, and keeps no copy of the text
    op.execute("CREATE VIRTUAL TABLE text_index USING fts5(body, singles, numbers, content='', columnsize=0, tokenize='ascii')")
