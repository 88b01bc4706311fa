"""Raw values and hourly rollups of a channel: the only way other code reads them, however they are stored."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from central.environment.latest import latest
from central.environment.tables import rollup_hour
from central.environment.windows import rows_between

Value = tuple[int, float | None, int]


def values(connection: Connection, channel_id: int, *, from_ms: int, to_ms: int) -> list[Value]:
    """(t_ms, v, quality code) of every reading within [from, to), in time order; v is None where quality says why."""
    return [(row[0], row[3], row[4]) for row in rows_between(connection, channel_id, from_ms=from_ms, to_ms=to_ms)]


def last_value(connection: Connection, channel_id: int, *, before_ms: int) -> Value | None:
    """The last reading at or before this moment, None if there is none."""
    row = latest(connection, [channel_id], before_ms=before_ms).get(channel_id)
    return None if row is None else (row.t_ms, row.v, row.quality)


def hours(connection: Connection, channel_id: int, *, from_ms: int, to_ms: int) -> list[Any]:
    """The rollup rows of the UTC hours that begin within [from, to), in order."""
    mine = (rollup_hour.c.channel_id == channel_id) & (rollup_hour.c.hour_ms >= from_ms) & (rollup_hour.c.hour_ms < to_ms)
    return list(connection.execute(select(rollup_hour).where(mine).order_by(rollup_hour.c.hour_ms)))
