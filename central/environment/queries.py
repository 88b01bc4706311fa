"""What may be read about rooms: their values, limits, lights."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from central.environment.lights import Limit, Standing, Value, light_of
from central.environment.tables import QUALITY, alarms, channels, limits, readings, rooms
from central.times import AHEAD_MS, now_ms, rfc3339, rfc3339_or_none

QUALITY_NAMES = {code: name for name, code in QUALITY.items()}
OPEN_STATES = ("unacknowledged", "acknowledged", "returned")
ALARMS_SHOWN = 50  # of a room


class LastReading(msgspec.Struct, frozen=True):
    """The last value of a channel; v is null where the quality says why."""

    sensor: str
    q: str
    u: str
    v: float | None
    quality: str
    t: str
    name: str
    why: str | None
    fresh: bool


class RoomLimit(msgspec.Struct, frozen=True):
    """A limit in force at the room's agent."""

    rule: str
    channel: str
    above: float | None
    below: float | None
    priority: str | None


class Alarm(msgspec.Struct, frozen=True):
    """An alarm as it stands."""

    id: str
    rule: str
    subject: str
    priority: str
    state: str
    active: bool
    since: str
    acknowledged_by: str | None
    acknowledged: str | None
    room: str
    agent: str
    value: float | None
    limit: float | None
    words: dict[str, Any]
    returned: str | None
    shelved_until: str | None
    shelved_by: str | None
    shelved_reason: str | None
    escalated: str | None


class RoomFacts(msgspec.Struct, frozen=True):
    """A room as this domain knows it; `why` in every language."""

    id: str
    name: str
    light: str
    why: dict[str, str]
    readings: list[LastReading]
    limits: list[RoomLimit]
    alarms: list[Alarm]


def alarm_of(row: Any) -> Alarm:
    """An alarm's shape from its row."""
    return Alarm(
        id=row.id,
        rule=row.rule,
        subject=row.subject,
        priority=row.priority,
        state=row.state,
        active=row.active,
        since=rfc3339(row.since_ms),
        acknowledged_by=row.acknowledged_by,
        acknowledged=rfc3339_or_none(row.acknowledged_ms),
        room=row.room,
        agent=row.agent,
        value=row.value,
        limit=row.limit,
        words=json.loads(row.words),
        returned=rfc3339_or_none(row.returned_ms),
        shelved_until=rfc3339_or_none(row.shelved_until_ms),
        shelved_by=row.shelved_by,
        shelved_reason=row.shelved_reason,
        escalated=rfc3339_or_none(row.escalated_ms),
    )


def _last_readings(connection: Connection, room: str, *, silence_ms: int) -> list[LastReading]:
    now = now_ms()
    found = []
    for channel in connection.execute(select(channels).where(channels.c.room == room).order_by(channels.c.channel)).all():
        last = readings.c.t_ms.desc(), readings.c.epoch_id.desc(), readings.c.seq.desc()
        past = (readings.c.channel_id == channel.id) & (readings.c.t_ms <= now + AHEAD_MS)
        row = connection.execute(select(readings).where(past).order_by(*last).limit(1)).first()
        if row is not None:
            found.append(
                LastReading(
                    sensor=channel.channel,
                    q=channel.q,
                    u=channel.u,
                    v=row.v,
                    quality=QUALITY_NAMES.get(row.quality, "bad"),
                    t=rfc3339(row.t_ms),
                    name=channel.sensor,
                    why=row.why,
                    fresh=now - row.t_ms <= silence_ms,
                )
            )
    return found


class ValueAt(msgspec.Struct, frozen=True):
    """A channel's value at a moment: the last one before it."""

    sensor: str
    q: str
    u: str
    v: float | None
    quality: str
    t: str


def values_at(connection: Connection, room: str, *, t_ms: int, silence_ms: int) -> list[ValueAt]:
    """The last value of each channel of a room at a moment, not older than silence_ms."""
    made = []
    for channel in connection.execute(select(channels).where(channels.c.room == room).order_by(channels.c.channel)).all():
        when = (readings.c.channel_id == channel.id) & (readings.c.t_ms <= t_ms) & (readings.c.t_ms >= t_ms - silence_ms)
        last = readings.c.t_ms.desc(), readings.c.epoch_id.desc(), readings.c.seq.desc()
        row = connection.execute(select(readings).where(when).order_by(*last).limit(1)).first()
        if row is not None:
            quality = QUALITY_NAMES.get(row.quality, "bad")
            made.append(ValueAt(sensor=channel.channel, q=channel.q, u=channel.u, v=row.v, quality=quality, t=rfc3339(row.t_ms)))
    return made


def room_ids(connection: Connection, *, after: str = "", limit: int = 10_000) -> list[str]:
    """Rooms whose ids come after this one, in order."""
    return list(connection.scalars(select(rooms.c.id).where(rooms.c.id > after).order_by(rooms.c.id).limit(limit)))


def room_facts(connection: Connection, room: str, *, silence_s: int) -> RoomFacts | None:
    """One room, None if there is no such room; values older than silence_s are not fresh."""
    if connection.scalar(select(rooms.c.id).where(rooms.c.id == room)) is None:
        return None
    values = _last_readings(connection, room, silence_ms=silence_s * 1000)
    mine = select(channels.c.channel).where(channels.c.room == room)
    bounds = [
        RoomLimit(rule=row.rule, channel=row.channel, above=row.above, below=row.below, priority=row.priority)
        for row in connection.execute(select(limits).where(limits.c.channel.in_(mine)).order_by(limits.c.rule))
    ]
    standing = (alarms.c.room == room) & (alarms.c.state.in_(OPEN_STATES) | ((alarms.c.state == "shelved") & alarms.c.active))
    query = select(alarms).where(standing).order_by(alarms.c.active.desc(), alarms.c.since_ms.desc()).limit(ALARMS_SHOWN)
    open_alarms = [alarm_of(row) for row in connection.execute(query)]
    light, why = light_of(
        [Value(channel=value.sensor, v=value.v, quality=value.quality, fresh=value.fresh) for value in values],
        [Limit(channel=bound.channel, above=bound.above, below=bound.below) for bound in bounds],
        [
            Standing(rule=alarm.rule, subject=alarm.subject, priority=alarm.priority, active=alarm.active, shelved=alarm.state == "shelved")
            for alarm in open_alarms
        ],
    )
    shown = [alarm for alarm in open_alarms if alarm.state != "shelved"]
    return RoomFacts(id=room, name=room, light=light, why=why, readings=values, limits=bounds, alarms=shown)
