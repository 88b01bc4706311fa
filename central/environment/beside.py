"""What the other sensors showed around a moment: of the same room, and outdoors."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, or_, select

from central.environment.limits.queries import outdoor_channels
from central.environment.tables import channels
from central.environment.values import last_value

OLD_MS = 30 * 60_000  # a value from longer before a moment is none of that moment
CHANNELS_MAX = 40


class Beside(msgspec.Struct, frozen=True):
    """A channel's good values at the moments asked for, None where there was none; `own` is the channel itself."""

    sensor: str
    name: str
    room: str
    u: str
    values: list[float | None]
    own: bool
    outdoor: bool


def quantity_of(connection: Connection, subject: str) -> str | None:
    """The quantity of a channel that an alarm is about, None where it is about something else."""
    found = connection.scalar(select(channels.c.q).where(channels.c.channel == subject))
    return None if found is None else str(found)


def beside(connection: Connection, *, room: str, quantity: str, subject: str, at_ms: list[int]) -> list[Beside]:
    """The channels of this quantity in the room and outdoors, the one that is asked about first, the outdoor ones last."""
    outside = outdoor_channels(connection)
    which = (channels.c.q == quantity) & or_(channels.c.room == room, channels.c.channel.in_(outside))
    made = []
    for row in connection.execute(select(channels).where(which).order_by(channels.c.channel).limit(CHANNELS_MAX)).all():
        found = []
        for moment in at_ms:
            last = last_value(connection, row.id, before_ms=moment)
            found.append(last[1] if last is not None and last[2] == 0 and last[0] > moment - OLD_MS else None)
        facts = {"sensor": row.channel, "name": row.sensor, "room": row.room, "u": row.u, "values": found}
        made.append(Beside(**facts, own=row.channel == subject, outdoor=row.channel in outside))
    return sorted(made, key=lambda one: (not one.own, one.outdoor, one.sensor))
