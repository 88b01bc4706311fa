"""Projections of what agents report about themselves."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from central.store.metadata import metadata

CORE = "core"  # the part that a report without a camera or station is about

health = Table(  # the last report of each part in each lane
    "health",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("lane", String(10), primary_key=True),
    Column("part", String(100), primary_key=True),  # CORE, or the camera or station that the report is about
    Column("t_ms", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),  # JSON object
)

agent_config = Table(  # what is in force at an agent: limits, thresholds, calibration, versions; the last record
    "agent_config",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("t_ms", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),
)

agent_documents = Table(  # what was set at an agent, of the last record that knew it: a replaced agent gets it back
    "agent_documents",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("t_ms", BigInteger, nullable=False),
    Column("calibration", Text, nullable=False),  # JSON object: channel -> {"offset", "gain"}
    Column("profile", Text, nullable=False),  # JSON object: bench -> thresholds
    Column("settings", Text),  # JSON object: limits (null: the agent's own file's), works, calendar; null before an agent told of them
)

boots = Table(  # a boot's clock: W = t - m of its first disciplined `clock` record, by which earlier records are shown
    "boots",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("boot", String(64), primary_key=True),
    Column("w_ms", BigInteger),  # NULL until the clock was disciplined
    Column("ok_m_ms", BigInteger),  # m of that record: earlier ones are corrected
    Column("source", String(100)),
)

lane_boots = Table(  # from which sequence on a lane's records belong to which boot
    "lane_boots",
    metadata,
    Column("epoch_id", Integer, primary_key=True),
    Column("lane", String(10), primary_key=True),
    Column("from_seq", BigInteger, primary_key=True),
    Column("boot", String(64), nullable=False),
    sqlite_with_rowid=False,
)

gaps = Table(  # what an agent says it no longer has, or the centre saw missing
    "gaps",
    metadata,
    Column("id", String(200), primary_key=True),  # {agent}:{epoch}:{lane}:{seq} of the record, or "centre:{leaf}"
    Column("agent", String(40), nullable=False),
    Column("lane", String(10), nullable=False),
    Column("from_seq", BigInteger, nullable=False),
    Column("to_seq", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("t_ms", BigInteger, nullable=False),
)
Index("ix_gaps_agent", gaps.c.agent, gaps.c.t_ms)

command_results = Table(
    "command_results",
    metadata,
    Column("id", String(100), primary_key=True),  # of the command
    Column("agent", String(40), primary_key=True),
    Column("ok", Boolean, nullable=False),
    Column("why", Text),
    Column("t_ms", BigInteger, nullable=False),
)

PROJECTIONS = (health, agent_config, agent_documents, boots, lane_boots, gaps, command_results)
