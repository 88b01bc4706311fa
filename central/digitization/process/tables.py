"""Projections of volumes and their way through the line. Times are integer milliseconds since 1970 UTC."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, String, Table, Text, UniqueConstraint

from central.store.metadata import metadata

consignments = Table(  # what a unit hands over at once
    "consignments",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("witness", Boolean, nullable=False),  # two people count independently when its volumes are received
    Column("changed_ms", BigInteger, nullable=False),
    Column("changed_by", String(120), nullable=False),
)

volumes = Table(
    "volumes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", String(200), nullable=False),  # as the bench names it in its batches
    Column("unit", String(120), nullable=False),
    Column("consignment", String(120), nullable=False),
    Column("title", String(500)),
    Column("kind", String(80)),
    Column("declared", Integer, nullable=False),  # pages, by the unit
    Column("count", Integer, nullable=False),  # pages, as last counted or agreed on; declared until then
    Column("step", String(8), nullable=False),  # machine.STEPS, or "done"
    Column("state", String(8), nullable=False),  # waiting, working, witness, look, done
    Column("visit", Integer, nullable=False),  # of the stay at this step
    Column("since_ms", BigInteger, nullable=False),  # at this step
    Column("held", Boolean, nullable=False),
    Column("held_reason", Text),
    Column("fresh", Boolean, nullable=False),  # whether what the bench closed before this step began counts for it
    Column("findings", Text, nullable=False),  # JSON list of {code, ...}: what a person must look at
    Column("captured", Integer, nullable=False),  # pages in its batches that count
    Column("placeholders", Integer, nullable=False),  # of them, those that stand for a missing or oversize page
    Column("bad", Integer, nullable=False),  # of them, those judged bad
    Column("open_discrepancies", Integer, nullable=False),
    Column("rework", Integer, nullable=False),  # how often it went back
    Column("registered_ms", BigInteger, nullable=False),
    Column("registered_by", String(120), nullable=False),
    Column("filed_ms", BigInteger),
    Column("undo", Text),  # JSON: what the last act of a person changed, as it was before; NULL where nothing can be undone
    Column("leaf_idx", BigInteger, nullable=False),  # of the entry that changed it last
    UniqueConstraint("number", name="uq_volumes_number"),
)
Index("ix_volumes_step", volumes.c.step, volumes.c.since_ms)
Index("ix_volumes_unit", volumes.c.unit, volumes.c.step)
Index("ix_volumes_consignment", volumes.c.consignment, volumes.c.step)
Index("ix_volumes_registered", volumes.c.registered_ms, volumes.c.id)

visits = Table(  # each stay of a volume at a step
    "visits",
    metadata,
    Column("volume", String(36), primary_key=True),
    Column("visit", Integer, primary_key=True, autoincrement=False),  # from 1 for each volume
    Column("step", String(8), nullable=False),
    Column("entered_ms", BigInteger, nullable=False),
    Column("begun_ms", BigInteger),
    Column("begun_by", String(120)),
    Column("ended_ms", BigInteger),
    Column("ended_by", String(120)),
    Column("how", String(8)),  # finished, skipped, back, undone
    Column("count_in", Integer, nullable=False),
    Column("count_out", Integer),
    Column("placeholders", Integer),
    Column("first_count", Integer),  # of two who count independently
    Column("first_by", String(120)),
    Column("note", Text),
    Column("reason", Text),
    sqlite_with_rowid=False,
)
Index("ix_visits_ended", visits.c.ended_ms)

discrepancies = Table(  # a count that differs from the one before, until a person resolves it
    "discrepancies",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("volume", String(36), nullable=False),
    Column("visit", Integer, nullable=False),
    Column("step", String(8), nullable=False),
    Column("kind", String(8), nullable=False),  # count, witness, capture
    Column("expected", Integer, nullable=False),
    Column("found", Integer, nullable=False),
    Column("note", Text),
    Column("opened_ms", BigInteger, nullable=False),
    Column("opened_by", String(120), nullable=False),
    Column("resolved_ms", BigInteger),
    Column("resolved_by", String(120)),
    Column("resolution", Text),
)
Index("ix_discrepancies_volume", discrepancies.c.volume, discrepancies.c.opened_ms)
Index("ix_discrepancies_opened", discrepancies.c.opened_ms)

volume_history = Table(  # what happened to a volume, line by line
    "volume_history",
    metadata,
    Column("volume", String(36), primary_key=True),
    Column("leaf_idx", BigInteger, primary_key=True, autoincrement=False),
    Column("place", SmallInteger, primary_key=True, autoincrement=False),  # within what one entry brought
    Column("t_ms", BigInteger, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("step", String(8), nullable=False),
    Column("facts", Text, nullable=False),  # JSON object: counts, note, reason, batch, ...
    sqlite_with_rowid=False,
)

volume_batches = Table(  # which batch of a bench belongs to which volume, by the number that the bench gave
    "volume_batches",
    metadata,
    Column("batch", String(100), primary_key=True),
    Column("number", String(200), nullable=False),  # empty where the bench gave none
    Column("volume", String(36)),  # NULL: no such volume
    Column("linked", Boolean, nullable=False),  # to a volume of another number, by a person
    Column("agent", String(40), nullable=False),
    Column("state", String(10), nullable=False),
    Column("captured", Integer, nullable=False),
    Column("placeholders", Integer, nullable=False),
    Column("bad", Integer, nullable=False),
    Column("t_ms", BigInteger, nullable=False),  # of its first record
    Column("first_leaf", BigInteger, nullable=False),
    Column("decided_leaf", BigInteger),  # of its acceptance or rejection
)
Index("ix_volume_batches_number", volume_batches.c.number)
Index("ix_volume_batches_volume", volume_batches.c.volume, volume_batches.c.t_ms)

step_limits = Table(  # from how many hours at a step a light turns yellow and red
    "step_limits",
    metadata,
    Column("step", String(8), primary_key=True),
    Column("yellow_h", Integer, nullable=False),
    Column("red_h", Integer, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("changed_by", String(120), nullable=False),
)

PROJECTIONS = (consignments, volumes, visits, discrepancies, volume_history, volume_batches, step_limits)
