"""Projections of planned works and of the calendar. Times are integer milliseconds since 1970 UTC."""

from sqlalchemy import BigInteger, Column, Index, SmallInteger, String, Table, Text

from central.store.metadata import metadata

works = Table(
    "works",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("room", String(40), nullable=False),
    Column("kind", String(12), nullable=False),  # fumigation, cleaning, repair, other
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=False),  # as planned
    Column("over_ms", BigInteger, nullable=False),  # as it came: to_ms, the moment of an early end, from_ms of what was cancelled
    Column("reason", Text, nullable=False),
    Column("planned_ms", BigInteger, nullable=False),
    Column("planned_by", String(120), nullable=False),
    Column("ended_ms", BigInteger),
    Column("ended_by", String(120)),
    Column("cancelled_ms", BigInteger),
    Column("cancelled_by", String(120)),
)
Index("ix_works_room", works.c.room, works.c.over_ms)

calendar_days = Table(  # days that are not as their weekday says
    "calendar_days",
    metadata,
    Column("day", String(10), primary_key=True),  # YYYY-MM-DD
    Column("kind", String(4), nullable=False),  # off, work
)

calendar_weekend = Table(
    "calendar_weekend",
    metadata,
    Column("weekday", SmallInteger, primary_key=True, autoincrement=False),  # 0 = Monday
)

calendar_changes = Table(  # who confirmed which calendar
    "calendar_changes",
    metadata,
    Column("leaf_idx", BigInteger, primary_key=True, autoincrement=False),
    Column("t_ms", BigInteger, nullable=False),
    Column("actor", String(120), nullable=False),
)

commands_kept = Table(  # what an agent was last told to keep; like `commands`, no projection
    "commands_kept",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("args", Text, nullable=False),  # JSON object
    Column("command", String(36), nullable=False),
    Column("given_ms", BigInteger, nullable=False),
)

PROJECTIONS = (works, calendar_days, calendar_weekend, calendar_changes)
