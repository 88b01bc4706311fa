"""People of the benches; sources, not projections: they hold names and hashes of PINs that no ledger may."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, String, Table, true

from central.store.metadata import metadata

bench_people = Table(
    "bench_people",
    metadata,
    Column("id", String(36), primary_key=True),  # what records of pages and batches carry
    Column("name", String(60), nullable=False, unique=True),  # as the bench's screen shows it
    Column("pin_hash", String(120)),  # scrypt; NULL = no PIN yet, so no sign-in
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("changed_by", String(60), nullable=False),
)

bench_people_at = Table(
    "bench_people_at",
    metadata,
    Column("person", String(36), ForeignKey("bench_people.id"), primary_key=True),
    Column("station", String(200), primary_key=True),  # {agent}/{bench}
    sqlite_with_rowid=False,
)
