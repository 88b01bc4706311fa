"""What may be read about rooms: their values, limits, lights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from central.environment.latest import latest
from central.environment.lights import Air, Limit, Standing, Value, light_of
from central.environment.limits.queries import OUTDOOR, RoomLimits, RoomSettings, limits_of_rooms, settings_of
from central.environment.metrics.formulas import dew_point
from central.environment.tables import QUALITY, alarms, channels, limits, rooms
from central.times import AHEAD_MS, now_ms, rfc3339, rfc3339_or_none

QUALITY_NAMES = {code: name for name, code in QUALITY.items()}
OPEN_STATES = ("unacknowledged", "acknowledged", "returned")
ALARMS_SHOWN = 50  # of a room
AT_ONCE = 500  # rooms in one question


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
    tolerance: float | None = None


class DewPoint(msgspec.Struct, frozen=True):
    """The dew point over water, in degrees Celsius, of the air that a sensor measures at present; `sensor`: {agent}.{sensor}."""

    sensor: str
    name: str
    v: float


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
    kind: str = ""
    escalations: int = 0
    repeats: int = 0
    suppressed_by: str | None = None  # works:ID, or alarm:ID of the cause
    cause: str | None = None  # the alarm that explains this one, also afterwards
    uncertain: bool = False  # within the sensor's tolerance of its limit
    held: bool = False  # the agent kept its outputs quiet because of planned works
    found_later: bool = False  # from readings that came late: history, never live


class RoomFacts(msgspec.Struct, frozen=True):
    """A room as this domain knows it; `why` and `names` in every language.

    `limits` are single channels' limits as its agents tell them, `climate` what the room shall hold.
    """

    id: str
    name: str
    light: str
    why: dict[str, str]
    readings: list[LastReading]
    limits: list[RoomLimit]
    alarms: list[Alarm]
    names: dict[str, str]
    climate: RoomLimits
    dew_points: list[DewPoint]
    outdoor: bool


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
        kind=row.kind,
        escalations=row.escalations,
        repeats=row.repeats,
        suppressed_by=row.suppressed_by,
        cause=row.cause,
        uncertain=row.uncertain,
        held=row.held,
        found_later=row.found_later,
    )


def _last_readings(connection: Connection, ids: Sequence[str], *, silence_ms: int) -> dict[str, list[LastReading]]:
    """The last value of each channel, by room."""
    now = now_ms()
    mine = connection.execute(select(channels).where(channels.c.room.in_(ids)).order_by(channels.c.channel)).all()
    last = latest(connection, [channel.id for channel in mine], before_ms=now + AHEAD_MS)
    found: dict[str, list[LastReading]] = {}
    for channel in mine:
        row = last.get(channel.id)
        if row is not None:
            value = LastReading(
                sensor=channel.channel,
                q=channel.q,
                u=channel.u,
                v=row.v,
                quality=QUALITY_NAMES.get(row.quality, "bad"),
                t=rfc3339(row.t_ms),
                name=channel.sensor,
                why=row.why,
                fresh=now - row.t_ms <= silence_ms,
                tolerance=channel.tolerance,
            )
            found.setdefault(channel.room, []).append(value)
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
    mine = connection.execute(select(channels).where(channels.c.room == room).order_by(channels.c.channel)).all()
    last = latest(connection, [channel.id for channel in mine], before_ms=t_ms, after_ms=t_ms - silence_ms)
    return [
        ValueAt(sensor=one.channel, q=one.q, u=one.u, v=row.v, quality=QUALITY_NAMES.get(row.quality, "bad"), t=rfc3339(row.t_ms))
        for one in mine
        if (row := last.get(one.id)) is not None
    ]


def room_ids(connection: Connection, *, after: str = "", limit: int = 10_000) -> list[str]:
    """Rooms whose ids come after this one, in order."""
    return list(connection.scalars(select(rooms.c.id).where(rooms.c.id > after).order_by(rooms.c.id).limit(limit)))


def room_exists(connection: Connection, room: str) -> bool:
    """Whether there is a room of this id."""
    return connection.scalar(select(rooms.c.id).where(rooms.c.id == room)) is not None


def airs_of(values: list[LastReading]) -> list[Air]:
    """The air that each sensor measures at present: its temperature and humidity where both are fresh and good."""
    good = {value.sensor: value for value in values if value.fresh and value.quality == "good" and value.v is not None}
    found = []
    for channel, warm in good.items():
        sensor = channel.rpartition(".")[0]
        damp = good.get(f"{sensor}.relative_humidity")
        if warm.q != "temperature" or damp is None or warm.v is None or damp.v is None:
            continue
        tolerances = {"tolerance_c": warm.tolerance or 0.0, "tolerance_pct": damp.tolerance or 0.0}
        found.append(Air(sensor=sensor, temp_c=warm.v, rh_pct=damp.v, **tolerances))
    return found


def room_facts(connection: Connection, room: str, *, silence_s: int) -> RoomFacts | None:
    """One room, None if there is no such room; values older than silence_s are not fresh."""
    return next(iter(rooms_facts(connection, [room], silence_s=silence_s)), None) if room_exists(connection, room) else None


def rooms_facts(connection: Connection, ids: Sequence[str], *, silence_s: int) -> list[RoomFacts]:
    """These rooms, in as few questions as one of them takes; they have to be there."""
    made = []
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        values, bounds = _last_readings(connection, some, silence_ms=silence_s * 1000), _bounds(connection, some)
        standing, asked, settings = _standing(connection, some), limits_of_rooms(connection, some), settings_of(connection, some)
        for room in some:
            setting = settings.get(room) or RoomSettings(room=room, outdoor=room == OUTDOOR)
            made.append(_facts(room, values.get(room, []), bounds.get(room, []), standing.get(room, []), asked[room], setting))
    return made


def _bounds(connection: Connection, ids: Sequence[str]) -> dict[str, list[RoomLimit]]:
    """The agents' own limits, by room."""
    query = select(limits, channels.c.room).join(channels, channels.c.channel == limits.c.channel).where(channels.c.room.in_(ids))
    found: dict[str, list[RoomLimit]] = {}
    for row in connection.execute(query.order_by(limits.c.rule, limits.c.agent)):
        bound = RoomLimit(rule=row.rule, channel=row.channel, above=row.above, below=row.below, priority=row.priority)
        found.setdefault(row.room, []).append(bound)
    return found


def _standing(connection: Connection, ids: Sequence[str]) -> dict[str, list[Alarm]]:
    """The alarms that are open or shelved, by room, at most ALARMS_SHOWN of each."""
    standing = alarms.c.room.in_(ids) & (alarms.c.state.in_(OPEN_STATES) | ((alarms.c.state == "shelved") & alarms.c.active))
    found: dict[str, list[Alarm]] = {}
    for row in connection.execute(select(alarms).where(standing).order_by(alarms.c.active.desc(), alarms.c.since_ms.desc())):
        mine = found.setdefault(row.room, [])
        if len(mine) < ALARMS_SHOWN:
            mine.append(alarm_of(row))
    return found


def _facts(
    room: str,
    values: list[LastReading],
    bounds: list[RoomLimit],
    open_alarms: list[Alarm],
    climate: RoomLimits,
    setting: RoomSettings,
) -> RoomFacts:
    airs = airs_of(values)
    climate = climate if not setting.outdoor else RoomLimits(room=room, origin="none", boxes=[])
    light, why = light_of(
        [Value(channel=one.sensor, v=one.v, quality=one.quality, fresh=one.fresh, tolerance=one.tolerance) for one in values],
        [Limit(channel=bound.channel, above=bound.above, below=bound.below) for bound in bounds],
        [
            Standing(
                rule=alarm.rule,
                subject=alarm.subject,
                priority=alarm.priority,
                active=alarm.active,
                shelved=alarm.state == "shelved",
                uncertain=alarm.uncertain,
            )
            for alarm in open_alarms
        ],
        airs=airs,
        boxes=climate.boxes if climate.origin == "room" else (),
    )
    shown = [alarm for alarm in open_alarms if alarm.state != "shelved"]
    dew = [
        DewPoint(air.sensor, air.sensor.partition(".")[2], round(v, 2))
        for air in airs
        if (v := dew_point(air.temp_c, air.rh_pct)) is not None
    ]
    return RoomFacts(
        id=room,
        name=setting.name("en"),
        light=light,
        why=why,
        readings=values,
        limits=bounds,
        alarms=shown,
        names={lang: setting.name(lang) for lang in ("en", "zh")},
        climate=climate,
        dew_points=dew,
        outdoor=setting.outdoor,
    )
