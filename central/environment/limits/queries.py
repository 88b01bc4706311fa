"""What may be read about rooms' limits and settings: in force now or then, where they come from, who set them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select

from central.environment.limits.asked import BOXES_ASKED_MAX, Asked
from central.environment.limits.boxes import Box, TooMany, combine
from central.environment.limits.media import Profile, shipped
from central.environment.limits.tables import agent_limits, limit_profiles, room_limits, room_settings
from central.environment.limits.told import told_at
from central.environment.tables import channels, limits
from central.health.queries import limits_told
from central.times import rfc3339

OUTDOOR = "outdoor"  # the room of a sensor that says so itself
HISTORY_MAX = 200
PAIR = ("temperature", "relative_humidity")


class Source(msgspec.Struct, frozen=True):
    """Where a limit comes from: a profile, its standard and how far its figures were confirmed."""

    id: str
    medium: dict[str, str]
    standard: str
    confirmation: str


class RoomLimits(msgspec.Struct, frozen=True, kw_only=True):
    """A room's limits: any one of `boxes` is allowed. `origin`: room = set here, agent = its agent's own file, none = none known."""

    room: str
    origin: str
    boxes: list[Box]
    set_point_c: float | None = None
    set_point_pct: float | None = None
    swing_c: float | None = None
    swing_pct: float | None = None
    rate_c_h: float | None = None
    rate_pct_h: float | None = None
    dew_point_max_c: float | None = None
    condensation_margin_k: float | None = None
    sources: list[Source] = []
    set_by: str | None = None
    set: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What was set for a room, by whom and when."""

    t: str
    actor: str
    asked: Asked


class RoomSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A room's names and whether its sensors are the outdoor reference."""

    room: str
    name_en: str | None = None
    name_zh: str | None = None
    outdoor: bool = False
    note: str | None = None

    def name(self, lang: str) -> str:
        """The room's name in this language, in the other one, or its id."""
        first, second = (self.name_zh, self.name_en) if lang == "zh" else (self.name_en, self.name_zh)
        return first or second or self.room


class ProfileChange(msgspec.Struct, frozen=True, kw_only=True):
    """An edited copy as somebody left it."""

    profile: Profile
    retired: bool
    t: str
    actor: str


def asked_of(connection: Connection, room: str, *, at_ms: int | None = None) -> Change | None:
    """What was last set for a room, by a moment or until now; None before anything was."""
    query = select(room_limits).where(room_limits.c.room == room)
    if at_ms is not None:
        query = query.where(room_limits.c.t_ms <= at_ms)
    row = connection.execute(query.order_by(room_limits.c.t_ms.desc(), room_limits.c.leaf_idx.desc()).limit(1)).first()
    return None if row is None else _change(row)


def _change(row: Any) -> Change:
    return Change(t=rfc3339(row.t_ms), actor=row.actor, asked=msgspec.json.decode(row.facts, type=Asked))


def history_of(connection: Connection, room: str) -> list[Change]:
    """Every change of a room's limits, newest first."""
    query = select(room_limits).where(room_limits.c.room == room).order_by(room_limits.c.leaf_idx.desc()).limit(HISTORY_MAX)
    return [_change(row) for row in connection.execute(query)]


def of_change(room: str, change: Change) -> RoomLimits:
    """A change as the limits that it makes."""
    asked = change.asked
    names = ("set_point_c", "set_point_pct", "swing_c", "swing_pct", "rate_c_h", "rate_pct_h", "dew_point_max_c", "condensation_margin_k")
    sources = [Source(one.id, {"en": one.medium("en"), "zh": one.medium("zh")}, one.standard, one.confirmation) for one in asked.profiles]
    numbers = {name: getattr(asked, name) for name in names}
    return RoomLimits(room=room, origin="room", boxes=asked.boxes, sources=sources, set_by=change.actor, set=change.t, **numbers)


def limits_of_room(connection: Connection, room: str, *, at_ms: int | None = None) -> RoomLimits:
    """A room's limits now, or as they were in force at a moment; the agent's own where nothing was set here.

    Before an agent told any, its first ones stand in for those of then.
    """
    change = asked_of(connection, room, at_ms=at_ms)
    if change is not None and (change.asked.profiles or change.asked != Asked(media=[])):
        return of_change(room, change)
    if at_ms is not None:
        return _of_agents_then(connection, room, at_ms)
    return _of_agents(room, connection.execute(_TOLD.where(channels.c.room == room)), _pairs_of_agents(connection, [room]).get(room))


def limits_over(connection: Connection, room: str, *, from_ms: int, to_ms: int) -> list[tuple[int, RoomLimits]]:
    """[(from when, limits)] of a room as they followed each other within a span, the first from its begin on."""
    changed = select(room_limits.c.t_ms).where(room_limits.c.room == room)
    told = select(agent_limits.c.t_ms).where(agent_limits.c.agent.in_(select(channels.c.agent).where(channels.c.room == room)))
    moments = {t_ms for query in (changed, told) for t_ms in connection.scalars(query) if from_ms < t_ms < to_ms}
    made = [(from_ms, limits_of_room(connection, room, at_ms=from_ms))]
    for t_ms in sorted(moments):
        found = limits_of_room(connection, room, at_ms=t_ms)
        if found != made[-1][1]:
            made.append((t_ms, found))
    return made


def limits_of_rooms(connection: Connection, ids: Sequence[str]) -> dict[str, RoomLimits]:
    """The limits of several rooms now, by room."""
    query = select(room_limits).where(room_limits.c.room.in_(ids)).order_by(room_limits.c.t_ms, room_limits.c.leaf_idx)
    newest = {row.room: row for row in connection.execute(query)}  # of each room the last one stays
    changes = {room: _change(row) for room, row in newest.items()}
    told: dict[str, list[Any]] = {}
    for row in connection.execute(_TOLD.where(channels.c.room.in_(ids))):
        told.setdefault(row.room, []).append(row)
    pairs = _pairs_of_agents(connection, ids)
    made = {}
    for room in ids:
        change = changes.get(room)
        asked = change is not None and (change.asked.profiles or change.asked != Asked(media=[]))
        made[room] = of_change(room, change) if change is not None and asked else _of_agents(room, told.get(room, []), pairs.get(room))
    return made


_TOLD = select(limits, channels.c.q, channels.c.room).join(channels, channels.c.channel == limits.c.channel).where(channels.c.q.in_(PAIR))


def _of_agents(room: str, told: Iterable[Any], pairs: list[Box] | None) -> RoomLimits:
    """The tightest of the limits that the room's agents tell, as one box; pairs where they judge by those."""
    ends: dict[str, list[float]] = {"t_min": [], "t_max": [], "rh_min": [], "rh_max": []}
    for row in told:
        side = "t" if row.q == "temperature" else "rh"
        if row.below is not None:
            ends[f"{side}_min"].append(row.below)
        if row.above is not None:
            ends[f"{side}_max"].append(row.above)
    if pairs:
        return RoomLimits(room=room, origin="agent", boxes=pairs)
    if not any(ends.values()):
        return RoomLimits(room=room, origin="none", boxes=[])
    made = {name: (max if name.endswith("min") else min)(values) if values else None for name, values in ends.items()}
    return RoomLimits(room=room, origin="agent", boxes=[Box(**made)])


def _of_agents_then(connection: Connection, room: str, at_ms: int) -> RoomLimits:
    """What the room's agents told at a moment, as limits."""
    mine = connection.execute(select(channels.c.agent, channels.c.sensor, channels.c.q).where(channels.c.room == room)).all()
    rules = {agent: told_at(connection, agent, at_ms) for agent in sorted({row.agent for row in mine})}
    told = []
    for row in mine:
        about = (row.sensor, row.q, "value")
        judging = [one for one in rules[row.agent].values() if (one.get("sensor"), one.get("quantity"), one.get("kind", "value")) == about]
        told += [_Told(row.q, number(rule.get("below")), number(rule.get("above"))) for rule in judging if row.q in PAIR]
    return _of_agents(room, told, _pairs_of_agents(connection, [room], rules).get(room))


class _Told(NamedTuple):
    q: str
    below: float | None
    above: float | None


def number(value: Any) -> float | None:
    """A number that an agent told, None for anything else."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def _pairs_of_agents(connection: Connection, ids: Sequence[str], rules: Mapping[str, Any] | None = None) -> dict[str, list[Box]]:
    """room -> the alternatives that its agents judge their sensors there by; all rules of that kind hold at once.

    `rules` by agent: left out, those that they told last.
    """
    where = select(channels.c.room, channels.c.agent, channels.c.sensor).where(channels.c.room.in_(ids), channels.c.q == "temperature")
    rows = connection.execute(where.distinct().order_by(channels.c.room, channels.c.agent, channels.c.sensor)).all()
    told = limits_told(connection, sorted({row.agent for row in rows})) if rules is None else rules
    found: dict[str, list[list[Box]]] = {}
    for row in rows:
        for rule in told.get(row.agent, {}).values():
            if isinstance(rule, dict) and rule.get("kind") == "pairs" and rule.get("sensor") == row.sensor:
                try:
                    boxes = msgspec.convert(rule.get("boxes"), Annotated[list[Box], msgspec.Meta(max_length=BOXES_ASKED_MAX)])
                except msgspec.ValidationError:
                    continue  # of an agent that speaks otherwise
                if boxes not in found.setdefault(row.room, []):
                    found[row.room].append(boxes)
    return {room: _together(media) for room, media in found.items()}


def _together(media: list[list[Box]]) -> list[Box]:
    try:
        return combine(media)
    except TooMany:  # no rules that a room is kept by
        return []


def settings_of(connection: Connection, rooms: Iterable[str] | None = None) -> dict[str, RoomSettings]:
    """The settings of these rooms, or of all that have some; a room without any has none of them."""
    query = select(room_settings)
    if rooms is not None:
        query = query.where(room_settings.c.room.in_(list(rooms)))
    return {
        row.room: RoomSettings(room=row.room, name_en=row.name_en, name_zh=row.name_zh, outdoor=row.outdoor, note=row.note)
        for row in connection.execute(query)
    }


def room_setting(connection: Connection, room: str) -> RoomSettings:
    """A room's settings, the usual ones where none were made."""
    return settings_of(connection, [room]).get(room) or RoomSettings(room=room, outdoor=room == OUTDOOR)


def outdoor_channels(connection: Connection) -> list[str]:
    """The channels that measure the air outside: of rooms that were said to be outdoors, and of sensors that say so themselves."""
    outside = select(room_settings.c.room).where(room_settings.c.outdoor.is_(True))
    inside = select(room_settings.c.room).where(room_settings.c.outdoor.is_(False))
    named = (channels.c.room == OUTDOOR) & channels.c.room.not_in(inside)
    return list(connection.scalars(select(channels.c.channel).where(channels.c.room.in_(outside) | named).order_by(channels.c.channel)))


def profiles(connection: Connection, *, retired: bool = False) -> dict[str, Profile]:
    """The product's profiles, and the copies edited here after them; retired copies only where asked for."""
    found = dict(shipped())
    for change in _newest(connection):
        if retired or not change.retired:
            found[change.profile.id] = change.profile
    return found


def _newest(connection: Connection) -> list[ProfileChange]:
    last = select(func.max(limit_profiles.c.leaf_idx)).group_by(limit_profiles.c.profile)
    query = select(limit_profiles).where(limit_profiles.c.leaf_idx.in_(last)).order_by(limit_profiles.c.profile)
    return [_profile_change(row) for row in connection.execute(query)]


def _profile_change(row: Any) -> ProfileChange:
    profile = msgspec.json.decode(row.facts, type=Profile)
    return ProfileChange(profile=profile, retired=row.retired, t=rfc3339(row.t_ms), actor=row.actor)


def profile_history(connection: Connection, profile: str) -> list[ProfileChange]:
    """How an edited copy came to be what it is, newest first."""
    query = select(limit_profiles).where(limit_profiles.c.profile == profile).order_by(limit_profiles.c.leaf_idx.desc())
    return [_profile_change(row) for row in connection.execute(query.limit(HISTORY_MAX))]
