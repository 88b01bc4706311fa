"""Who may work at a bench, and how they sign in there."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: a backup is the way back."""
    op.create_table(
        "bench_people",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("pin_hash", sa.String(length=120), nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bench_people")),
        sa.UniqueConstraint("name", name=op.f("uq_bench_people_name")),
    )
    op.create_table(
        "bench_people_at",
        sa.Column("person", sa.String(length=36), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["bench_people.id"], name=op.f("fk_bench_people_at_person_bench_people")),
        sa.PrimaryKeyConstraint("person", "station", name=op.f("pk_bench_people_at")),
        sqlite_with_rowid=False,
    )
