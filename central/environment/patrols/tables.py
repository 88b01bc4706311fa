"""Projections of patrols. Times are integer milliseconds since 1970 UTC."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from central.store.metadata import metadata

patrol_rounds = Table(
    "patrol_rounds",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("times", Text, nullable=False),  # JSON list of HH:MM in `zone`, in order
    Column("zone", String(64), nullable=False),  # IANA name
    Column("grace_min", Integer, nullable=False),
    Column("off_days", Boolean, nullable=False),  # whether it is walked on days off, too
    Column("removed", Boolean, nullable=False),
    Column("from_ms", BigInteger, nullable=False),  # nothing was due before
    Column("changed_by", String(120), nullable=False),
)

patrol_points = Table(  # the checkpoints of a round, in the order in which they are walked
    "patrol_points",
    metadata,
    Column("code", String(40), primary_key=True),  # in the QR code at the spot
    Column("round", String(36), nullable=False, index=True),
    Column("place", Integer, nullable=False),
    Column("room", String(40), nullable=False),
    Column("name", String(120), nullable=False),
    Column("look_at", Text, nullable=False),
)

patrol_checks = Table(
    "patrol_checks",
    metadata,
    Column("id", String(36), primary_key=True),  # made by the phone, so that one sent twice is one
    Column("round", String(36), nullable=False),
    Column("code", String(40), nullable=False),
    Column("room", String(40), nullable=False),
    Column("t_ms", BigInteger, nullable=False),  # when it was made
    Column("sent_ms", BigInteger, nullable=False),  # when the centre heard of it
    Column("late", Boolean, nullable=False),
    Column("scanned", Boolean, nullable=False),  # the code at the spot was read
    Column("ok", Boolean, nullable=False),
    Column("note", Text),
    Column("actor", String(120), nullable=False),
)
Index("ix_patrol_checks_room", patrol_checks.c.room, patrol_checks.c.t_ms)
Index("ix_patrol_checks_round", patrol_checks.c.round, patrol_checks.c.t_ms)

PROJECTIONS = (patrol_rounds, patrol_points, patrol_checks)
