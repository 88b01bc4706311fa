"""What a page about many rooms asks at once: all channels, their hours, their beginnings, in few queries however many rooms there are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, func, select

from central.environment.limits.queries import outdoor_channels
from central.environment.series import Channel
from central.environment.tables import SUM_SCALE, channels, rollup_hour
from central.environment.values import hours

HOUR_MS = 3_600_000
AT_ONCE = 500  # ids in one statement
Hour = tuple[int, float | None, float | None, float | None, int, int]


class SiteChannel(msgspec.Struct, frozen=True):
    """A channel of the site, and whether it measures the air outside."""

    sensor: str
    room: str
    name: str
    q: str
    u: str
    outdoor: bool


class Hours(msgspec.Struct, frozen=True):
    """`hours`: [hour_ms, min, mean, max, good values, other ones] of each UTC hour that has any."""

    sensor: str
    q: str
    u: str
    hours: list[Hour]


def site_channels(connection: Connection) -> list[SiteChannel]:
    """Every channel, by room and name."""
    outside = set(outdoor_channels(connection))
    rows = connection.execute(select(channels).order_by(channels.c.room, channels.c.sensor, channels.c.q))
    return [
        SiteChannel(sensor=row.channel, room=row.room, name=row.sensor, q=row.q, u=row.u, outdoor=row.channel in outside) for row in rows
    ]


def first_ms(connection: Connection, room: str) -> int | None:
    """The hour of a room's first reading, None if there is none yet."""
    mine = select(channels.c.id).where(channels.c.room == room)
    found = connection.scalar(select(func.min(rollup_hour.c.hour_ms)).where(rollup_hour.c.channel_id.in_(mine)))
    return None if found is None else int(found)


def _mean(total: int, count: int) -> float | None:
    return total / SUM_SCALE / count if count else None


def hours_of(connection: Connection, channel: Channel, *, from_ms: int, to_ms: int) -> Hours:
    """The hours of a channel that touch [from_ms, to_ms), in order."""
    rows = hours(connection, channel.id, from_ms=from_ms - from_ms % HOUR_MS, to_ms=to_ms)
    found: list[Hour] = [(row.hour_ms, row.min, _mean(row.sum, row.sum_n), row.max, row.n, row.other) for row in rows]
    return Hours(sensor=channel.name, q=channel.q, u=channel.u, hours=found)


def courses_since(connection: Connection, names: Sequence[str], *, from_ms: int) -> dict[str, list[list[float | int | None]]]:
    """Hourly `[t_ms, min, mean, max, count]` of many channels since a moment, by channel; for small charts."""
    made: dict[str, list[list[float | int | None]]] = {name: [] for name in names}
    for at in range(0, len(names), AT_ONCE):
        wanted = channels.c.channel.in_(names[at : at + AT_ONCE])
        query = select(channels.c.channel, rollup_hour).join(rollup_hour, rollup_hour.c.channel_id == channels.c.id)
        query = query.where(wanted, rollup_hour.c.hour_ms >= from_ms, rollup_hour.c.sum_n > 0)
        for row in connection.execute(query.order_by(rollup_hour.c.channel_id, rollup_hour.c.hour_ms)):
            made[row.channel].append([row.hour_ms, row.min, _mean(row.sum, row.sum_n), row.max, row.n])
    return made
