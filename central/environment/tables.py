"""Projections of the environment domain. Times are integer milliseconds since 1970 UTC, `t_ms` as shown, `raw_ms` as sent."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, SmallInteger, String, Table, Text

from central.store.metadata import metadata

QUALITY = {"good": 0, "suspect": 1, "bad": 2}
SUM_SCALE = 1_000_000  # rollup sums are integers of millionths, so that adding is exact in any grouping
SUM_LIMIT = 100_000_000  # values beyond this are left out of the mean (they have no place in a storeroom)

rooms = Table(
    "rooms",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("agent", String(40), nullable=False),
)

agent_rooms = Table(  # the room of an agent, as its enrolment said
    "agent_rooms",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("room", String(40), nullable=False),
)

channels = Table(
    "channels",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 31 bits of SHA-256 of the channel's name
    Column("channel", String(160), nullable=False, unique=True),  # {agent}.{sensor}.{q}
    Column("agent", String(40), nullable=False),
    Column("room", String(40), nullable=False),
    Column("sensor", String(100), nullable=False),
    Column("q", String(40), nullable=False),
    Column("u", String(20), nullable=False),
    Column("serial", String(200)),
    Column("resolution", Float),
    Column("tolerance", Float),
    Column("t_ms", BigInteger, nullable=False),  # of the declaration
)

channel_indexes = Table(  # what `i` means in the readings of an epoch
    "channel_indexes",
    metadata,
    Column("epoch_id", Integer, primary_key=True),
    Column("i", Integer, primary_key=True),
    Column("from_seq", BigInteger, primary_key=True),  # of the declaration
    Column("channel_id", Integer, nullable=False),
    sqlite_with_rowid=False,
)

rejournals = Table(  # epochs in which an agent journalled records again that may be known from the one before
    "rejournals",
    metadata,
    Column("epoch_id", Integer, primary_key=True, autoincrement=False),
    Column("until_ms", BigInteger, nullable=False),  # the device's time at which the epoch began
)

readings = Table(
    "readings",
    metadata,
    Column("channel_id", Integer, primary_key=True),
    Column("t_ms", BigInteger, primary_key=True),
    Column("epoch_id", Integer, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("v", Float),
    Column("quality", SmallInteger, nullable=False),  # QUALITY
    Column("why", Text),
    Column("raw_ms", BigInteger),  # the device's own time where t_ms is a corrected one
    sqlite_with_rowid=False,
)

reading_chunks = Table(  # earlier days, one row a channel and UTC day; see chunks.py and windows.py
    "reading_chunks",
    metadata,
    Column("channel_id", Integer, primary_key=True),
    Column("start_ms", BigInteger, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("good", Integer, nullable=False),
    Column("min", Float),
    Column("max", Float),
    Column("sum_n", Integer, nullable=False),
    Column("sum", BigInteger, nullable=False),  # of the good values, times SUM_SCALE
    Column("body", LargeBinary, nullable=False),
)

reading_policies = Table(  # how long single readings of a class of channels are kept; no row: for ever
    "reading_policies",
    metadata,
    Column("class", String(20), primary_key=True),
    Column("keep_raw_days", Integer, nullable=False),
    Column("then", String(10), nullable=False),  # hour, drop
)

reading_thinned = Table(  # spans whose single readings were let go, by an act
    "reading_thinned",
    metadata,
    Column("channel_id", Integer, primary_key=True),
    Column("from_ms", BigInteger, primary_key=True),
    Column("to_ms", BigInteger, nullable=False),
    Column("then", String(10), nullable=False),
    Column("n", Integer, nullable=False),
    sqlite_with_rowid=False,
)

rollup_hour = Table(
    "rollup_hour",
    metadata,
    Column("channel_id", Integer, primary_key=True),
    Column("hour_ms", BigInteger, primary_key=True),  # start of the UTC hour
    Column("n", Integer, nullable=False),  # good values
    Column("other", Integer, nullable=False),  # suspect, bad or missing ones
    Column("min", Float),
    Column("max", Float),
    Column("sum_n", Integer, nullable=False),  # how many values are in `sum`
    Column("sum", BigInteger, nullable=False),  # times SUM_SCALE; mean = sum / SUM_SCALE / sum_n
    sqlite_with_rowid=False,
)

limits = Table(  # the limits in force at the agents, from their `config` records
    "limits",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("rule", String(100), primary_key=True),
    Column("channel", String(160), nullable=False),
    Column("above", Float),
    Column("below", Float),
    Column("deadband", Float),
    Column("delay_s", Float),
    Column("priority", String(10)),
)

alarms = Table(
    "alarms",
    metadata,
    Column("id", String(200), primary_key=True),  # {agent}:{epoch}:{seq} of its first record; "centre:…" for the centre's own
    Column("agent", String(40), nullable=False),
    Column("room", String(40), nullable=False),
    Column("rule", String(100), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("priority", String(10), nullable=False),  # low, medium, high, urgent
    Column("kind", String(12), nullable=False, server_default=""),  # of KINDS in relations.py
    Column("state", String(16), nullable=False),  # as shown: one of STATES in states.py
    Column("beneath", String(16), nullable=False, server_default="normal"),  # the state below shelving and suppression
    Column("active", Boolean, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("returned_ms", BigInteger),
    Column("value", Float),
    Column("limit", Float),
    Column("words", Text, nullable=False),  # JSON object: language -> text, and what to do
    Column("acknowledged_by", String(120)),
    Column("acknowledged_ms", BigInteger),
    Column("shelved_until_ms", BigInteger),
    Column("shelved_by", String(120)),
    Column("shelved_reason", Text),
    Column("escalated_ms", BigInteger),
    Column("escalations", Integer, nullable=False, server_default="0"),
    Column("uncovered_ms", BigInteger),  # when shelving or suppression last ended: patience counts from there
    Column("repeated_ms", BigInteger),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("suppressed_by", String(240)),  # "works:{id}", or "alarm:{id}" of the cause
    Column("cause", String(200), index=True),  # the alarm that explains this one, also after the suppression
    Column("uncertain", Boolean, nullable=False, server_default="0"),  # within the sensor's tolerance of its limit
    Column("held", Boolean, nullable=False, server_default="0"),  # the agent kept its outputs quiet because of planned works
    Column("found_later", Boolean, nullable=False, server_default="0"),  # from late readings: history, never live
    Column("raw_ms", BigInteger),
    Column("boot", String(64)),
    Column("m_ms", BigInteger),
)
Index("ix_alarms_active", alarms.c.active, alarms.c.room)
Index("ix_alarms_returned", alarms.c.room, alarms.c.returned_ms)
Index("ix_alarms_state", alarms.c.state, alarms.c.since_ms)
Index("ix_alarms_subject", alarms.c.subject, alarms.c.rule)

alarm_notes = Table(  # what was said and done about an alarm, in order
    "alarm_notes",
    metadata,
    Column("id", String(36), primary_key=True),  # uuid5 of the ledger fact
    Column("alarm_id", String(200), nullable=False, index=True),
    Column("t_ms", BigInteger, nullable=False),
    Column("leaf_idx", BigInteger, nullable=False),
    Column("what", String(20), nullable=False),  # a key of NOTE in the console's words
    Column("actor", String(120), nullable=False),
    Column("text", Text),
)

PROJECTIONS = (
    rooms,
    agent_rooms,
    channels,
    channel_indexes,
    rejournals,
    readings,
    reading_chunks,
    reading_policies,
    reading_thinned,
    rollup_hour,
    limits,
    alarms,
    alarm_notes,
)
