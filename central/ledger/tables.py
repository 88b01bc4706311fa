"""Tables of the ledger and of the agents that feed it; all of them sources, none a projection."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint, false

from central.store.metadata import metadata

agents = Table(
    "agents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(40), nullable=False, unique=True),
    Column("room", String(40), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),  # hex SHA-256 of the bearer token (32 random bytes as text)
    Column("enrolled_ms", BigInteger, nullable=False),
    Column("online", Boolean, nullable=False, server_default=false()),  # from the status topic, not from the ledger
    Column("status", Text, nullable=False, server_default="{}"),  # the status message as JSON text
    Column("last_seen_ms", BigInteger),  # centre's clock: the last message of any kind
    Column("epoch_id", Integer),  # the epoch of its last stored batch
)

agent_keys = Table(
    "agent_keys",
    metadata,
    Column("key_id", String(16), primary_key=True),
    Column("agent_id", Integer, ForeignKey("agents.id"), nullable=False, index=True),
    Column("public_key", LargeBinary(32), nullable=False),
    Column("enrolled_ms", BigInteger, nullable=False),
    Column("retired_ms", BigInteger),
)

epochs = Table(
    "epochs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agent_id", Integer, ForeignKey("agents.id"), nullable=False),
    Column("epoch", String(128), nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("left_ms", BigInteger),  # when another epoch took its place
    UniqueConstraint("agent_id", "epoch"),
)

tips = Table(  # the highest contiguous committed sequence of each lane, with the chain's hash there
    "tips",
    metadata,
    Column("epoch_id", Integer, ForeignKey("epochs.id"), primary_key=True),
    Column("lane", String(10), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("head", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

ledger_batches = Table(
    "ledger_batches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("epoch_id", Integer, ForeignKey("epochs.id"), nullable=False),
    Column("lane", String(10), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("n", Integer, nullable=False),
    Column("prev", LargeBinary(32), nullable=False),
    Column("head", LargeBinary(32), nullable=False),
    Column("key", String(16), nullable=False),
    Column("sig", String(128), nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("flags", Text),  # JSON list of what was wrong with single records; NULL where nothing was
    Column("body", LargeBinary, nullable=False),  # zlib of the lines, each with its newline
    UniqueConstraint("epoch_id", "lane", "first"),
)

ledger_gaps = Table(  # sequences that no longer exist anywhere: the agent had to let them go before the centre had them
    "ledger_gaps",
    metadata,
    Column("epoch_id", Integer, ForeignKey("epochs.id"), primary_key=True),
    Column("lane", String(10), primary_key=True),
    Column("from_seq", BigInteger, primary_key=True),
    Column("to_seq", BigInteger, nullable=False),
    Column("act_id", Integer, nullable=False),
    sqlite_with_rowid=False,
)

acts = Table(
    "acts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("t_ms", BigInteger, nullable=False),
    Column("kind", String(60), nullable=False),
    Column("actor", String(120), nullable=False),  # user's name, "agent:NAME", or "system"
    Column("salt", LargeBinary(16)),  # salt and body may be erased by a rule; the digest stays
    Column("body", Text),  # canonical JSON, with the actor inside
    Column("digest", String(64), nullable=False),  # hex SHA-256(salt || body)
    Column("leaf_idx", BigInteger, unique=True),  # NULL until the sequencer has appended it
)
Index("ix_acts_pending", acts.c.id, sqlite_where=acts.c.leaf_idx.is_(None))
Index("ix_acts_kind", acts.c.kind, acts.c.t_ms)

ledger_leaves = Table(
    "ledger_leaves",
    metadata,
    Column("idx", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("type", String(5), nullable=False),  # "batch" or "act"
    Column("ref_id", Integer, nullable=False),
    UniqueConstraint("type", "ref_id"),
)

ledger_nodes = Table(  # hashes of the tree's complete subtrees; level 0 = leaf hashes, node (level, pos) covers 2**level leaves
    "ledger_nodes",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("pos", BigInteger, primary_key=True),
    Column("hash", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

ledger_packs = Table(  # aligned subtrees at rest, with all their batches: see packs.py and batches.py
    "ledger_packs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # holds leaves id * 1024 to id * 1024 + 1023
    Column("batches", Integer, nullable=False),
    Column("hashes", LargeBinary, nullable=False),  # of its leaves, 32 bytes each: the nodes below level 10 follow from them
    Column("body", LargeBinary, nullable=False),
)

ledger_pack_runs = Table(  # where a lane's sequences lie
    "ledger_pack_runs",
    metadata,
    Column("epoch_id", Integer, primary_key=True),
    Column("lane", String(10), primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("pack_id", Integer, nullable=False),
    sqlite_with_rowid=False,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("root", String(64), nullable=False),  # hex
    Column("t_ms", BigInteger, nullable=False),
    Column("note", Text, nullable=False),  # C2SP signed note
)

quarantine = Table(  # batches that were refused, kept within bounds for whoever looks into it
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agent", String(40), nullable=False),
    Column("lane", String(10), nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

commands = Table(  # what people asked of agents; the answer is a command.done record, see command_results
    "commands",
    metadata,
    Column("id", String(36), primary_key=True),  # UUID
    Column("agent", String(40), nullable=False),
    Column("name", String(40), nullable=False),
    Column("args", Text, nullable=False),  # JSON object
    Column("actor", String(120), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("sent_ms", BigInteger),  # NULL until ingest has published it
)
Index("ix_commands_expires", commands.c.expires_ms)
Index("ix_commands_unsent", commands.c.created_ms, sqlite_where=commands.c.sent_ms.is_(None))

live = Table(  # what browsers are told, in order; the row id is the event id of server-sent events
    "live",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("t_ms", BigInteger, nullable=False),
    Column("event", String(20), nullable=False),  # reading, contact, alarm, clip, page, batch, press, agent, command, review
    Column("agent", String(40)),
    Column("room", String(40)),
    Column("data", Text, nullable=False),  # JSON object
    sqlite_autoincrement=True,
)

ingest_state = Table(  # what the ingest process last said of itself, for whoever watches it
    "ingest_state",
    metadata,
    Column("key", String(40), primary_key=True),  # "counters": JSON object of what went wrong, by cause, since it started
    Column("value", Text, nullable=False),
)
