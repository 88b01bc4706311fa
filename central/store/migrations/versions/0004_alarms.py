"""Planned works, calendar, patrols and alarm relations."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NEW: tuple[sa.Column[Any], ...] = (
    sa.Column("kind", sa.String(length=12), nullable=False, server_default=""),
    sa.Column("beneath", sa.String(length=16), nullable=False, server_default="normal"),
    sa.Column("escalations", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("uncovered_ms", sa.BigInteger(), nullable=True),
    sa.Column("repeated_ms", sa.BigInteger(), nullable=True),
    sa.Column("repeats", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("suppressed_by", sa.String(length=240), nullable=True),
    sa.Column("cause", sa.String(length=200), nullable=True),
    sa.Column("uncertain", sa.Boolean(), nullable=False, server_default="0"),
    sa.Column("held", sa.Boolean(), nullable=False, server_default="0"),
    sa.Column("found_later", sa.Boolean(), nullable=False, server_default="0"),
)
BENEATH = """UPDATE alarms SET beneath = CASE
    WHEN active THEN CASE WHEN acknowledged_ms IS NULL THEN 'unacknowledged' ELSE 'acknowledged' END
    ELSE CASE WHEN acknowledged_ms IS NULL THEN 'returned' ELSE 'normal' END END,
    escalations = escalated_ms IS NOT NULL"""
# by the names that agents and the centre give to their rules; a limit's rule has a name of its own and a channel as its subject
KINDS = {
    "%-held-open": "held_open",
    "%-after-hours": "after_hours",
    "%-leak": "leak",
    "%-smoke": "smoke",
    "agent-silent": "silent",
    "missing-data": "missing",
}


def upgrade() -> None:
    """Forward only: a backup is the way back."""
    for column in NEW:
        op.add_column("alarms", column)
    op.execute(BENEATH)
    for rule, kind in KINDS.items():
        op.execute(sa.text("UPDATE alarms SET kind = :kind WHERE kind = '' AND rule LIKE :rule").bindparams(kind=kind, rule=rule))
    op.execute("UPDATE alarms SET kind = 'sensor' WHERE kind = '' AND rule LIKE '%-bad' AND subject LIKE '%/%'")
    op.execute("UPDATE alarms SET kind = 'limit' WHERE kind = '' AND subject LIKE '%.%.%'")
    op.create_index("ix_alarms_active", "alarms", ["active", "room"])
    op.create_index("ix_alarms_returned", "alarms", ["room", "returned_ms"])
    op.create_index(op.f("ix_alarms_cause"), "alarms", ["cause"])
    _works()
    _patrols()
    op.create_table(
        "commands_kept",
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("args", sa.Text(), nullable=False),
        sa.Column("command", sa.String(length=36), nullable=False),
        sa.Column("given_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "name", name=op.f("pk_commands_kept")),
    )


def _works() -> None:
    op.create_table(
        "works",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("room", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("over_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("planned_ms", sa.BigInteger(), nullable=False),
        sa.Column("planned_by", sa.String(length=120), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=True),
        sa.Column("cancelled_ms", sa.BigInteger(), nullable=True),
        sa.Column("cancelled_by", sa.String(length=120), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_works")),
    )
    op.create_index("ix_works_room", "works", ["room", "over_ms"])
    op.create_table(
        "calendar_days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_days")),
    )
    op.create_table(
        "calendar_weekend",
        sa.Column("weekday", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("weekday", name=op.f("pk_calendar_weekend")),
    )
    op.create_table(
        "calendar_changes",
        sa.Column("leaf_idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("leaf_idx", name=op.f("pk_calendar_changes")),
    )


def _patrols() -> None:
    op.create_table(
        "patrol_rounds",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("times", sa.Text(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("grace_min", sa.Integer(), nullable=False),
        sa.Column("off_days", sa.Boolean(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_rounds")),
    )
    op.create_table(
        "patrol_points",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("round", sa.String(length=36), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("room", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("look_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_patrol_points")),
    )
    op.create_index(op.f("ix_patrol_points_round"), "patrol_points", ["round"])
    op.create_table(
        "patrol_checks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("round", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("room", sa.String(length=40), nullable=False),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("scanned", sa.Boolean(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_checks")),
    )
    op.create_index("ix_patrol_checks_room", "patrol_checks", ["room", "t_ms"])
    op.create_index("ix_patrol_checks_round", "patrol_checks", ["round", "t_ms"])
