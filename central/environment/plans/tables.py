"""Projections of the plans: a drawing each, and what stands where on it."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, String, Table

from central.store.metadata import metadata

plans = Table(
    "plans",
    metadata,
    Column("id", String(36), primary_key=True),  # a UUID
    Column("name", String(120), nullable=False),
    Column("building", String(120)),
    Column("floor", String(40)),
    Column("width", Integer, nullable=False),  # of the drawing, in pixels; without an image only their ratio counts
    Column("height", Integer, nullable=False),
    Column("image", String(64)),  # SHA-256 of the stored object; NULL: drawn without one
    Column("removed", Boolean, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)

plan_items = Table(  # where something stands
    "plan_items",
    metadata,
    Column("plan", String(36), primary_key=True),
    Column("item", String(220), primary_key=True),  # {kind}:{identity}; kinds: sensor, contact, camera, room
    Column("x", Float, nullable=False),  # share of the width, 0 left to 1 right
    Column("y", Float, nullable=False),  # share of the height, 0 top to 1 bottom
    Column("w", Float),  # of a room's rectangle, whose upper left corner is at (x, y)
    Column("h", Float),
    Column("placed_ms", BigInteger, nullable=False),
    Column("placed_by", String(120), nullable=False),
    sqlite_with_rowid=False,
)

PROJECTIONS = (plans, plan_items)
