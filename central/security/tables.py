"""Projections of the security domain: events, clips and the review queue. Times as in the environment's tables."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from central.store.metadata import metadata

security_events = Table(
    "security_events",
    metadata,
    Column("id", String(200), primary_key=True),  # {agent}:{epoch}:{seq} of its record
    Column("kind", String(20), nullable=False),  # door, motion, leak, smoke, exit, card
    Column("agent", String(40), nullable=False),
    Column("room", String(40), nullable=False),
    Column("door", String(100), nullable=False),  # contact or reader: {agent}/{name}
    Column("state", String(16), nullable=False),  # of a contact: open, closed, …; of a card: the result
    Column("person", String(200)),  # opaque id of a card or person
    Column("t_ms", BigInteger, nullable=False),
    Column("raw_ms", BigInteger),
    Column("boot", String(64)),
    Column("m_ms", BigInteger, nullable=False),
    Column("leaf_idx", BigInteger, nullable=False),
)
Index("ix_security_events_t", security_events.c.t_ms)
Index("ix_security_events_door", security_events.c.door, security_events.c.t_ms)

clips = Table(  # `pending` while objects holds no stored row of its sha256
    "clips",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("agent", String(40), nullable=False),
    Column("camera", String(100), nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=False),
    Column("sha256", String(64), index=True),  # NULL where the recorder could keep nothing
    Column("bytes", BigInteger, nullable=False),
    Column("because", Text, nullable=False),  # JSON list as sent
    Column("holes", Text, nullable=False),  # JSON list as sent: spans that are missing
    Column("t_ms", BigInteger, nullable=False),
    Column("raw_ms", BigInteger),
    Column("boot", String(64)),
    Column("m_ms", BigInteger, nullable=False),
)

clip_events = Table(  # which clip shows which event
    "clip_events",
    metadata,
    Column("event_id", String(200), primary_key=True),
    Column("clip_id", String(100), primary_key=True, index=True),
    sqlite_with_rowid=False,
)

reviews = Table(  # one for each door opening
    "reviews",
    metadata,
    Column("id", String(36), primary_key=True),  # uuid5 of the event's id
    Column("event_id", String(200), nullable=False, unique=True),
    Column("room", String(40), nullable=False),
    Column("state", String(12), nullable=False),  # open, claimed, escalated, closed
    Column("owner", String(120)),
    Column("verdict", String(40)),
    Column("reason", Text),
    Column("t_ms", BigInteger, nullable=False),  # of the event
    Column("changed_ms", BigInteger),
    Column("changed_by", String(120)),
    Column("leaf_idx", Integer, nullable=False),
)
Index("ix_reviews_state", reviews.c.state, reviews.c.t_ms)

PROJECTIONS = (security_events, clips, clip_events, reviews)
