"""The last value of each channel, in one question however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from central.environment.chunks import window_of
from central.environment.tables import channels, readings
from central.environment.windows import chunk_before

AT_ONCE = 500  # ids in one statement


class Last(NamedTuple):
    """A channel's last reading."""

    channel_id: int
    t_ms: int
    v: float | None
    quality: int
    why: str | None


def latest(connection: Connection, ids: Sequence[int], *, before_ms: int, after_ms: int = 0) -> dict[int, Last]:
    """channel id -> its last row (t_ms, v, quality, why) within [after_ms, before_ms]; channels without one are left out."""
    found: dict[int, Any] = {}
    for start in range(0, len(ids), AT_ONCE):
        for row in connection.execute(_last(ids[start : start + AT_ONCE], before_ms=before_ms, after_ms=after_ms)):
            found[row.channel_id] = Last(*row)
    for ident in ids:
        if ident not in found or window_of(found[ident].t_ms) < window_of(before_ms):  # a chunk may hold a later one
            low = found[ident].t_ms + 1 if ident in found else after_ms
            older = chunk_before(connection, ident, before_ms=before_ms, after_ms=low)
            if older is not None:
                found[ident] = Last(ident, older[0], older[3], older[4], older[5])
    return found


def _last(ids: Sequence[int], *, before_ms: int, after_ms: int) -> Select[Any]:
    """The key of a channel's last row is found by its index alone, so that one statement touches a row a channel."""
    inner = readings.alias()
    mine = (inner.c.channel_id == channels.c.id) & (inner.c.t_ms <= before_ms) & (inner.c.t_ms >= after_ms)
    order = inner.c.t_ms.desc(), inner.c.epoch_id.desc(), inner.c.seq.desc()

    def key(name: str) -> Any:
        return select(inner.c[name]).where(mine).order_by(*order).limit(1).correlate(channels).scalar_subquery()

    same = (readings.c.channel_id == channels.c.id) & (readings.c.t_ms == key("t_ms"))
    same &= (readings.c.epoch_id == key("epoch_id")) & (readings.c.seq == key("seq"))
    columns = readings.c.channel_id, readings.c.t_ms, readings.c.v, readings.c.quality, readings.c.why
    return select(*columns).select_from(channels.join(readings, same)).where(channels.c.id.in_(list(ids)))
