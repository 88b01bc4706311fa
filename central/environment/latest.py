"""The last value of each channel, in one question however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from central.environment.tables import channels, readings

AT_ONCE = 500  # ids in one statement


def latest(connection: Connection, ids: Sequence[int], *, before_ms: int, after_ms: int = 0) -> dict[int, Any]:
    """channel id -> its last row (t_ms, v, quality, why) within [after_ms, before_ms]; channels without one are left out."""
    found: dict[int, Any] = {}
    for start in range(0, len(ids), AT_ONCE):
        for row in connection.execute(_last(ids[start : start + AT_ONCE], before_ms=before_ms, after_ms=after_ms)):
            found[row.channel_id] = row
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
