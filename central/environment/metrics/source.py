"""The values that metrics are computed from: good ones as numbers, all others as None."""

from sqlalchemy import Connection, select

from central.environment.tables import readings


def values(connection: Connection, channel_id: int, *, from_ms: int, to_ms: int) -> list[tuple[int, float | None]]:
    """(t_ms, value) in time order."""
    which = (readings.c.channel_id == channel_id) & (readings.c.t_ms >= from_ms) & (readings.c.t_ms < to_ms)
    order = readings.c.t_ms, readings.c.epoch_id, readings.c.seq
    rows = connection.execute(select(readings.c.t_ms, readings.c.v, readings.c.quality).where(which).order_by(*order))
    return [(t_ms, v if quality == 0 else None) for t_ms, v, quality in rows]


def latest(connection: Connection, channel_id: int) -> tuple[int, float | None] | None:
    """The newest (t_ms, value) of a channel."""
    order = readings.c.t_ms.desc(), readings.c.epoch_id.desc(), readings.c.seq.desc()
    row = connection.execute(select(readings).where(readings.c.channel_id == channel_id).order_by(*order).limit(1)).first()
    return None if row is None else (row.t_ms, row.v if row.quality == 0 else None)
