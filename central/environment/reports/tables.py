"""Projections of the reports that were filed, and of when they are due."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table

from central.store.metadata import metadata

reports = Table(
    "reports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("room", String(40), nullable=False),
    Column("month", String(7), nullable=False),  # YYYY-MM in the site's time zone
    Column("lang", String(2), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("tree_size", BigInteger, nullable=False),  # of the ledger when it was made; 0 before the first checkpoint
    Column("made_ms", BigInteger, nullable=False),
    Column("made_by", String(120), nullable=False),
)
Index("ix_reports_room", reports.c.room, reports.c.month)

report_schedules = Table(
    "report_schedules",
    metadata,
    Column("room", String(40), primary_key=True),
    Column("on", Boolean, nullable=False),
    Column("day", Integer, nullable=False),  # of the following month, from which the report is due
    Column("lang", String(2), nullable=False),  # zh, en, or "*" for one of each
    Column("from_month", String(7), nullable=False),  # the first month it covers
    Column("set_ms", BigInteger, nullable=False),
    Column("set_by", String(120), nullable=False),
    sqlite_with_rowid=False,
)

PROJECTIONS = (reports, report_schedules)
