"""Raw values and hourly rollups of a channel: the only way other code reads them, however they are stored."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from central.environment.tables import readings, rollup_hour

Value = tuple[int, float | None, int]


def values(connection: Connection, channel_id: int, *, from_ms: int, to_ms: int) -> list[Value]:
    """(t_ms, v, quality code) of every reading within [from, to), in time order; v is None where quality says why."""
    which = (readings.c.channel_id == channel_id) & (readings.c.t_ms >= from_ms) & (readings.c.t_ms < to_ms)
    order = readings.c.t_ms, readings.c.epoch_id, readings.c.seq
    rows = connection.execute(select(readings.c.t_ms, readings.c.v, readings.c.quality).where(which).order_by(*order))
    return [(row[0], row[1], row[2]) for row in rows]


def last_value(connection: Connection, channel_id: int, *, before_ms: int) -> Value | None:
    """The last reading at or before this moment, None if there is none."""
    order = readings.c.t_ms.desc(), readings.c.epoch_id.desc(), readings.c.seq.desc()
    past = (readings.c.channel_id == channel_id) & (readings.c.t_ms <= before_ms)
    row = connection.execute(select(readings.c.t_ms, readings.c.v, readings.c.quality).where(past).order_by(*order).limit(1)).first()
    return None if row is None else (row[0], row[1], row[2])


def hours(connection: Connection, channel_id: int, *, from_ms: int, to_ms: int) -> list[Any]:
    """The rollup rows of the UTC hours that begin within [from, to), in order."""
    mine = (rollup_hour.c.channel_id == channel_id) & (rollup_hour.c.hour_ms >= from_ms) & (rollup_hour.c.hour_ms < to_ms)
    return list(connection.execute(select(rollup_hour).where(mine).order_by(rollup_hour.c.hour_ms)))
