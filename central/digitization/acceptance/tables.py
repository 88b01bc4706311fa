"""Projections of acceptance: plans and where they hold, lots with their samples, what reviewers said."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from central.store.metadata import metadata

acceptance_plans = Table(  # those that people made; the shipped ones are code
    "acceptance_plans",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("rules", Text, nullable=False),  # JSON, plans.Rules
    Column("retired", Boolean, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("changed_by", String(120), nullable=False),
)

acceptance_choices = Table(  # which plan holds for what is closed from now on: the most special one
    "acceptance_choices",
    metadata,
    Column("scope", String(12), primary_key=True),  # site, unit, consignment, batch
    Column("name", String(120), primary_key=True),  # empty for the site
    Column("plan", String(40), nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("changed_by", String(120), nullable=False),
    sqlite_with_rowid=False,
)

acceptance_lots = Table(  # a batch as it was closed: what was drawn from it, by which rules, and what was decided
    "acceptance_lots",
    metadata,
    Column("batch_id", String(100), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),  # from 1; a batch that was reopened and closed again has a further one
    Column("leaf_idx", BigInteger, nullable=False),  # of the leaf that closed it
    Column("leaf_hash", String(64), nullable=False),
    Column("closed_ms", BigInteger, nullable=False),
    Column("plan", String(40), nullable=False),
    Column("plan_name", String(120), nullable=False),
    Column("rules", Text, nullable=False),  # as they were when the sample was drawn
    Column("volume", String(200)),
    Column("unit", String(120)),
    Column("consignment", String(120)),
    Column("station", String(100), nullable=False),
    Column("severity", String(9), nullable=False),  # normal, tightened, reduced
    Column("size", Integer, nullable=False),  # pages that count
    Column("n", Integer, nullable=False),  # drawn at random
    Column("letter", String(1)),
    Column("ac", Integer),
    Column("re", Integer),
    Column("pages", Text, nullable=False),  # JSON list of [id, stratum] in order, as the sample was drawn from it
    Column("first", Boolean, nullable=False),  # its first submission
    Column("state", String(10), nullable=False),  # open, accepted, rejected, superseded
    Column("decided_by", String(120)),
    Column("decided_ms", BigInteger),
    Column("decided_leaf", BigInteger),
    Column("decided_reason", Text),
    Column("override", Boolean, nullable=False),
    Column("rework", Text),  # JSON list of {page, reason, code?} that go back to the bench; NULL where nothing does
    Column("looked", Integer, nullable=False),  # of the random sample, until it was decided
    Column("defects", Integer, nullable=False),  # of those, rejected
)
Index("ix_acceptance_lots_decided", acceptance_lots.c.unit, acceptance_lots.c.station, acceptance_lots.c.decided_leaf)
Index("ix_acceptance_lots_state", acceptance_lots.c.state, acceptance_lots.c.decided_ms)

acceptance_sample = Table(  # the pages of a lot that a person looks at
    "acceptance_sample",
    metadata,
    Column("batch_id", String(100), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("page_id", String(100), primary_key=True),
    Column("why", String(12), nullable=False),  # sample, changed, neighbour, earlier, placeholder
    sqlite_with_rowid=False,
)

page_reviews = Table(
    "page_reviews",
    metadata,
    Column("batch_id", String(100), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("page_id", String(100), primary_key=True),
    Column("ok", Boolean, nullable=False),
    Column("code", String(12)),
    Column("reason", Text),
    Column("by", String(120), nullable=False),
    Column("t_ms", BigInteger, nullable=False),
    Column("month", String(7), nullable=False),  # UTC, YYYY-MM
    Column("sampled", Boolean, nullable=False),  # drawn at random: only these estimate a rate
    Column("unit", String(120)),
    Column("station", String(100), nullable=False),
    Column("operator", String(120)),
    sqlite_with_rowid=False,
)
Index("ix_page_reviews_month", page_reviews.c.month)

PROJECTIONS = (acceptance_plans, acceptance_choices, acceptance_lots, acceptance_sample, page_reviews)
