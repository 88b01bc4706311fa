"""Projections of the measuring instruments: their calibrations, and which one stood behind a channel from when on."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from central.store.metadata import metadata

calibrations = Table(
    "calibrations",
    metadata,
    Column("leaf_idx", BigInteger, primary_key=True, autoincrement=False),  # of the act
    Column("channel", String(160), nullable=False),
    Column("serial", String(200)),  # of the instrument that was calibrated; NULL where it tells none
    Column("offset", Float, nullable=False),  # corrected = raw * gain + offset
    Column("gain", Float, nullable=False),
    Column("points", Text, nullable=False),  # JSON: [[raw, reference], …], [] where offset and gain were given
    Column("date", String(10), nullable=False),  # ISO 8601, of the calibration itself
    Column("due", String(10)),  # when the next one is
    Column("person", String(120), nullable=False),
    Column("certificate", String(200)),
    Column("note", Text),
    Column("t_ms", BigInteger, nullable=False),  # when it was entered
    Column("actor", String(120), nullable=False),
)
Index("ix_calibrations_channel", calibrations.c.channel, calibrations.c.leaf_idx)

instruments = Table(  # which instrument a channel's values come from, and since when; a swap adds a row
    "instruments",
    metadata,
    Column("channel", String(160), primary_key=True),
    Column("n", Integer, primary_key=True),  # counts from 1
    Column("serial", String(200)),
    Column("from_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

PROJECTIONS = (calibrations, instruments)
