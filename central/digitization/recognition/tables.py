"""Tables of recognition: texts, their index and the work to be done are sources, computed anew from images; acts give the projections."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from central.store.metadata import metadata

texts = Table(  # a source: what was read on an image
    "texts",
    metadata,
    Column("id", Integer, primary_key=True),  # the row of the index
    Column("sha256", String(64), nullable=False, unique=True),
    Column("engine", String(40), nullable=False),
    Column("version", String(80), nullable=False),  # of engine and models
    Column("width", Integer, nullable=False),  # of the image, in pixels: what the boxes are given in
    Column("height", Integer, nullable=False),
    Column("language", String(5), nullable=False),  # zh, en, mixed, none
    Column("lines", LargeBinary, nullable=False),  # zlib of a JSON list of [x, y, w, h, confidence, text], in reading order
    Column("characters", Integer, nullable=False),
    Column("took_ms", Integer, nullable=False),
    Column("done_ms", BigInteger, nullable=False),
    Column("tokens", Integer, nullable=False),  # the version of the words in the index
)
Index("ix_texts_done", texts.c.done_ms)

text_jobs = Table(  # a source: images whose text is to be read, or could not be
    "text_jobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("batch_id", String(100), nullable=False),  # of the page that brought it first
    Column("state", String(7), nullable=False),  # waiting, leased (by the one worker), failed
    Column("turn", Integer, nullable=False),  # lower goes first: 0 what somebody waits for, 1 all else
    Column("order_ms", BigInteger, nullable=False),  # when the batch was opened: the oldest goes first
    Column("arrival", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("words", Text),  # why the last try failed
    Column("words_zh", Text),
)
Index("ix_text_jobs_next", text_jobs.c.state, text_jobs.c.turn, text_jobs.c.order_ms, text_jobs.c.batch_id, text_jobs.c.arrival)
Index("ix_text_jobs_batch", text_jobs.c.batch_id, text_jobs.c.state)

recognition_state = Table(  # a source: what the worker says of itself
    "recognition_state",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("value", Text, nullable=False),  # JSON
)

page_numbers = Table(  # a source: the number read on each page of a batch, and what the sequence says of it
    "page_numbers",
    metadata,
    Column("page", String(100), primary_key=True),
    Column("batch_id", String(100), nullable=False),
    Column("seq", Integer, nullable=False),  # the page's place when it was judged
    Column("read", String(40)),  # as it stands on the page; NULL where none was found
    Column("label", String(20)),  # the number that was understood: 12, xiv, 12a
    Column("x", Integer),  # where, in image pixels
    Column("y", Integer),
    Column("w", Integer),
    Column("h", Integer),
    Column("kind", String(10)),  # of wire/sequence.py's findings: gap, double, back, misread, plates, restart; NULL: nothing odd
    Column("first", Integer),  # of the numbers that are missing before this page
    Column("last", Integer),
    Column("words", Text),
    Column("words_zh", Text),
)
Index("ix_page_numbers_batch", page_numbers.c.batch_id, page_numbers.c.seq)

batch_numbers = Table(  # a source: what was judged of a batch's numbers
    "batch_numbers",
    metadata,
    Column("batch_id", String(100), primary_key=True),
    Column("upto", BigInteger, nullable=False),  # the ledger entry up to which it was judged
    Column("judged_ms", BigInteger, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("numbered", Integer, nullable=False),
    Column("trusted", Boolean, nullable=False),  # too much is odd for the reading to be right: nothing is said of single pages
)

batch_changes = Table(  # a projection: the last entry that changed a batch's pages or state
    "batch_changes",
    metadata,
    Column("batch_id", String(100), primary_key=True),
    Column("leaf_idx", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

sequence_checks = Table(  # a projection of page.sequence
    "sequence_checks",
    metadata,
    Column("page", String(100), primary_key=True),
    Column("ok", Boolean, nullable=False),
    Column("read", String(40)),
    Column("words", Text),
    Column("words_zh", Text),
    Column("t_ms", BigInteger, nullable=False),
)

descriptions = Table(  # a projection of volume.describe
    "descriptions",
    metadata,
    Column("batch_id", String(100), primary_key=True),
    Column("volume", String(200)),
    Column("state", String(9), nullable=False),  # confirmed, edited, dismissed
    Column("title", String(400)),
    Column("number", String(200)),
    Column("suggested", Text, nullable=False),  # JSON, as it was shown to the person
    Column("by", String(120), nullable=False),
    Column("t_ms", BigInteger, nullable=False),
)
Index("ix_descriptions_volume", descriptions.c.volume)

PROJECTIONS = (batch_changes, sequence_checks, descriptions)
