"""Projection of the packages that were asked for and made."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from central.store.metadata import metadata

packages = Table(
    "packages",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("batch_id", String(100), nullable=False),
    Column("kind", String(8), nullable=False),  # bagit, mets, iiif, pdf, eep
    Column("recipients", Text, nullable=False),  # JSON list of age recipients; empty = not encrypted
    Column("state", String(6), nullable=False),  # asked, made, failed
    Column("asked_ms", BigInteger, nullable=False),
    Column("asked_by", String(120), nullable=False),
    Column("done_ms", BigInteger),
    Column("sha256", String(64)),
    Column("bytes", BigInteger),
    Column("files", Integer),  # in the package
    Column("tree_size", BigInteger),  # of the ledger when it was made; 0 before the first checkpoint
    Column("words", Text),  # why it failed
    Column("words_zh", Text),
)
Index("ix_packages_batch", packages.c.batch_id, packages.c.asked_ms)
Index("ix_packages_state", packages.c.state, packages.c.asked_ms)

PROJECTIONS = (packages,)
