"""Projections of the digitisation line, and `objects`, the source table of what was uploaded."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text, false

from central.store.metadata import metadata

stations = Table(
    "stations",
    metadata,
    Column("id", String(100), primary_key=True),  # {agent}/{name}
    Column("agent", String(40), nullable=False),
    Column("first_ms", BigInteger, nullable=False),
)

presses = Table(
    "presses",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("agent", String(40), nullable=False),
    Column("station", String(100), nullable=False),
    Column("pedal", String(100), nullable=False),
    Column("outcome", String(12), nullable=False),  # captured, rejected, failed, ignored, control
    Column("pages", Text, nullable=False),  # JSON list of page ids
    Column("why", Text),
    Column("operator", String(100)),
    Column("t_ms", BigInteger, nullable=False),
    Column("raw_ms", BigInteger),
    Column("boot", String(64)),
    Column("m_ms", BigInteger, nullable=False),
    Column("leaf_idx", BigInteger, nullable=False),
)
Index("ix_presses_station", presses.c.station, presses.c.t_ms)

pages = Table(  # `pending` while objects holds no stored row of its sha256
    "pages",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("batch_id", String(100), nullable=False),
    Column("press", String(100), nullable=False),
    Column("agent", String(40), nullable=False),
    Column("station", String(100), nullable=False),
    Column("after", String(100)),  # the page it follows; NULL for the first
    Column("arrival", Integer, nullable=False),  # order of arrival within the batch, from 1: settles ties of `after`
    Column("sha256", String(64), index=True),
    Column("bytes", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("dpi", Float),
    Column("verdict", String(4), nullable=False),  # good, look, bad
    Column("checks", Text, nullable=False),  # JSON list of {name, value, limit, ok, words}
    Column("operator", String(120)),
    Column("replaces", String(100)),  # the page this one was retaken for
    Column("replaced_by", String(100)),
    Column("deleted", Boolean, nullable=False, server_default=false()),
    Column("reason", Text),
    Column("placeholder", String(10)),  # missing, oversize, other: stands for a page without an image
    Column("moved_from", String(100)),  # the batch it was in before
    Column("inserted", Boolean, nullable=False, server_default=false()),
    Column("rejected_by", String(120)),  # at acceptance
    Column("rejected_reason", Text),
    Column("t_ms", BigInteger, nullable=False),
    Column("raw_ms", BigInteger),
    Column("boot", String(64)),
    Column("m_ms", BigInteger, nullable=False),
    Column("leaf_idx", BigInteger, nullable=False),  # of the ledger entry that brought it last
    Column("epoch_id", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),  # of its record in the lane
)
Index("ix_pages_batch", pages.c.batch_id, pages.c.arrival)
Index("ix_pages_station", pages.c.station, pages.c.t_ms)

page_changes = Table(  # what a bench said of a page after its first record, where its place or its standing changed
    "page_changes",
    metadata,
    Column("epoch_id", Integer, primary_key=True),
    Column("seq", BigInteger, primary_key=True),  # of the record in the lane
    Column("page", String(100), nullable=False, index=True),
    Column("agent", String(40), nullable=False),
    Column("kind", String(8), nullable=False),  # deleted, restored, moved, placed (another predecessor), lowered
    Column("batch_id", String(100), nullable=False),
    Column("after", String(100)),
    Column("from_batch", String(100), nullable=False),
    Column("from_after", String(100)),
    Column("reason", Text),
    Column("t_ms", BigInteger, nullable=False),
    Column("raw_ms", BigInteger),
    Column("boot", String(64)),
    Column("m_ms", BigInteger, nullable=False),
    Column("leaf_idx", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

batches = Table(
    "batches",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("agent", String(40), nullable=False),
    Column("station", String(100), nullable=False),
    Column("state", String(10), nullable=False),  # open, closed, accepted, rejected, rework
    Column("declared", Integer),
    Column("counts", Text, nullable=False),  # JSON object as the station counted
    Column("volume", String(200)),
    Column("operator", String(120)),
    Column("opened_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),
    Column("decided_by", String(120)),
    Column("decided_ms", BigInteger),
    Column("decided_reason", Text),
    Column("arrivals", Integer, nullable=False),  # page records seen so far
    Column("reason", Text),  # why it was opened again
    Column("decisions", Text, nullable=False, server_default="[]"),  # JSON list of {state, by, t_ms, reason}, the oldest first
)
Index("ix_batches_opened", batches.c.opened_ms)

object_refs = Table(  # digests that agents have journalled: only these may be uploaded, and objects live while one refers to them
    "object_refs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("kind", String(5), primary_key=True),  # page, clip
    Column("ref_id", String(100), primary_key=True),
    Column("agent", String(40), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("t_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

Index("ix_object_refs_t", object_refs.c.t_ms)

objects = Table(  # a source, filled by uploads
    "objects",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("state", String(7), nullable=False),  # partial, stored
    Column("received", BigInteger, nullable=False, server_default="0"),  # bytes held so far
    Column("agent", String(40), nullable=False),  # who created the upload
    Column("path", Text, nullable=False),  # below DATA/objects
    Column("created_ms", BigInteger, nullable=False),
    Column("stored_ms", BigInteger),
)
Index("ix_objects_state", objects.c.state, objects.c.created_ms)

PROJECTIONS = (stations, presses, pages, page_changes, batches, object_refs)
