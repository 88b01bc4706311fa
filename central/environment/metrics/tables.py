"""Projections of the preservation metrics: sums by sensor and UTC day, and what is needed to go on from them."""

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, Text

from central.store.metadata import metadata

metric_sensors = Table(  # the last value of each of a sensor's two channels
    "metric_sensors",
    metadata,
    Column("sensor", String(160), primary_key=True),  # {agent}/{name}
    Column("agent", String(40), nullable=False),
    Column("temp_id", Integer),  # channels.id
    Column("rh_id", Integer),
    Column("temp_ms", BigInteger),
    Column("temp", Float),  # None where it was not good
    Column("rh_ms", BigInteger),
    Column("rh", Float),
    sqlite_with_rowid=False,
)

metric_agents = Table(  # how often an agent reports, as it last said
    "metric_agents",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("interval_ms", BigInteger, nullable=False),
    Column("own", Text, nullable=False),  # JSON object: sensor -> ms, of those that report at intervals of their own
    sqlite_with_rowid=False,
)

metric_days = Table(  # `Day` of cells.py, field by field
    "metric_days",
    metadata,
    Column("sensor", String(160), primary_key=True),
    Column("day_ms", BigInteger, primary_key=True),
    Column("interval_ms", BigInteger, nullable=False),
    Column("n", Integer, nullable=False),
    Column("covered_ms", BigInteger, nullable=False),
    Column("temp", Float, nullable=False),
    Column("rh", Float, nullable=False),
    Column("temp_min", Float),
    Column("temp_max", Float),
    Column("rh_min", Float),
    Column("rh_max", Float),
    Column("absolute", Float, nullable=False),
    Column("emc", Float, nullable=False),
    Column("dew", Float, nullable=False),
    Column("dew_ms", BigInteger, nullable=False),
    Column("decay", Float, nullable=False),
    Column("ageing", Float, nullable=False),
    Column("kinetic", Float, nullable=False),
    Column("mould", Float, nullable=False),
    Column("mould_dry_ms", BigInteger, nullable=False),
    Column("mould_low", Float, nullable=False),
    Column("mould_low_dry_ms", BigInteger, nullable=False),
    Column("mould_high", Float, nullable=False),
    Column("mould_high_dry_ms", BigInteger, nullable=False),
    Column("mould_max", Float, nullable=False),
    Column("open_ms", BigInteger),
    Column("open_temp", Float),
    Column("open_rh", Float),
    Column("tolerance_c", Float, nullable=False),
    Column("tolerance_pct", Float, nullable=False),
    sqlite_with_rowid=False,
)

metric_dirty = Table(  # days that wait to be folded anew
    "metric_dirty",
    metadata,
    Column("sensor", String(160), primary_key=True),
    Column("day_ms", BigInteger, primary_key=True),
    Column("told_ms", BigInteger),  # the interval that its sensor told, for a day that has no row yet
    sqlite_with_rowid=False,
)

PROJECTIONS = (metric_sensors, metric_agents, metric_days, metric_dirty)
