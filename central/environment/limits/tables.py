"""Projections of what people set for a room: its limits, its name, and their own copies of the profiles."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from central.store.metadata import metadata

limit_profiles = Table(  # copies that were edited here; those of the product stand in climate_limits.csv
    "limit_profiles",
    metadata,
    Column("leaf_idx", BigInteger, primary_key=True, autoincrement=False),  # of the act: the history, newest last
    Column("profile", String(60), nullable=False),
    Column("facts", Text, nullable=False),  # JSON object: a Profile
    Column("retired", Boolean, nullable=False),
    Column("t_ms", BigInteger, nullable=False),
    Column("actor", String(120), nullable=False),
)
Index("ix_limit_profiles_profile", limit_profiles.c.profile, limit_profiles.c.leaf_idx)

room_limits = Table(  # what was set for a room and when; the newest row is what is asked for
    "room_limits",
    metadata,
    Column("leaf_idx", BigInteger, primary_key=True, autoincrement=False),
    Column("room", String(40), nullable=False),
    Column("facts", Text, nullable=False),  # JSON object: an Asked, with its profiles as they were then
    Column("t_ms", BigInteger, nullable=False),
    Column("actor", String(120), nullable=False),
)
Index("ix_room_limits_room", room_limits.c.room, room_limits.c.t_ms, room_limits.c.leaf_idx)

room_settings = Table(
    "room_settings",
    metadata,
    Column("room", String(40), primary_key=True),
    Column("name_en", String(120)),
    Column("name_zh", String(120)),
    Column("outdoor", Boolean, nullable=False),  # its sensors are the outdoor reference
    Column("note", Text),
    Column("t_ms", BigInteger, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("changes", Integer, nullable=False),  # how often it was set
)

agent_limits = Table(  # what an agent told of its rules, a row a change
    "agent_limits",
    metadata,
    Column("leaf_idx", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("agent", String(40), nullable=False),
    Column("t_ms", BigInteger, nullable=False),
    Column("rules", Text, nullable=False),  # JSON object: rule -> what it says
    sqlite_with_rowid=False,
)
Index("ix_agent_limits_agent", agent_limits.c.agent, agent_limits.c.t_ms)

PROJECTIONS = (limit_profiles, room_limits, room_settings, agent_limits)
