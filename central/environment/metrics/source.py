"""The values that metrics are computed from: good ones as numbers, all others as None."""

from sqlalchemy import Connection

from central.environment import values as stored
from central.environment.tables import QUALITY, SUM_SCALE

GOOD = QUALITY["good"]
EVER_MS = 2**62


def values(connection: Connection, channel_id: int, *, from_ms: int, to_ms: int) -> list[tuple[int, float | None]]:
    """(t_ms, value) in time order, within [from, to)."""
    found = stored.values(connection, channel_id, from_ms=from_ms, to_ms=to_ms)
    return [(t_ms, v if quality == GOOD else None) for t_ms, v, quality in found]


def latest(connection: Connection, channel_id: int) -> tuple[int, float | None] | None:
    """The newest (t_ms, value) of a channel."""
    found = stored.last_value(connection, channel_id, before_ms=EVER_MS)
    return None if found is None else (found[0], found[1] if found[2] == GOOD else None)


def hours(connection: Connection, channel_id: int, *, from_ms: int, to_ms: int) -> list[tuple[int, float]]:
    """(start of the hour, mean of its good values) of hours that have any, in order."""
    rows = stored.hours(connection, channel_id, from_ms=from_ms, to_ms=to_ms)
    return [(row.hour_ms, row.sum / SUM_SCALE / row.sum_n) for row in rows if row.sum_n]
