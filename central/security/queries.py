"""What may be read about doors, cards, motion, clips and reviews."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, tuple_

from central.objects import stored_bytes
from central.security.tables import clip_events, clips, reviews, security_events
from central.times import AHEAD_MS, now_ms, rfc3339, rfc3339_or_none

CLIPS_MAX = 20  # of one event
CONTACTS_MAX = 100  # of one room
OPEN_MAX_MS = 24 * 3_600_000  # an opening that began this long before a span is looked for in it
MISSING_AFTER_MS = 15 * 60_000  # an event without a clip for so long has none
QUEUE = {"waiting": ("open", "claimed"), "escalated": ("escalated",), "closed": ("closed",)}


class Contact(msgspec.Struct, frozen=True):
    """A contact as it was last reported."""

    id: str
    kind: str
    state: str
    t: str


class SecurityEvent(msgspec.Struct, frozen=True):
    """A door, card or motion event; `door` is the contact or reader, `person` the opaque id of a card."""

    id: str
    kind: str
    door: str
    person: str | None
    t: str
    state: str
    room: str
    agent: str
    review: str | None


class Clip(msgspec.Struct, frozen=True):
    """A clip; `url` plays once `stored`; `holes` are the spans in it that are missing."""

    id: str
    url: str
    from_: str = msgspec.field(name="from")
    to: str
    sha256: str | None
    bytes: int
    camera: str
    stored: bool
    holes: list[Any]
    from_ms: int
    to_ms: int


class Review(msgspec.Struct, frozen=True):
    """A review of one event, with its clips."""

    id: str
    event: str
    state: str
    owner: str | None
    verdict: str | None
    clips: list[Clip]
    clip_state: str
    reason: str | None
    door: str
    person: str | None
    room: str
    t: str
    t_ms: int
    changed: str | None
    changed_by: str | None
    also_open: list[str]


def contacts_of(connection: Connection, room: str) -> list[Contact]:
    """The last state of every contact of a room."""
    return contacts_by_room(connection, room).get(room, [])


def contacts_by_room(connection: Connection, room: str | None = None) -> dict[str, list[Contact]]:
    """The last state of every contact, by room; of one room or of all."""
    past = security_events.c.t_ms <= now_ms() + AHEAD_MS
    by_door = select(security_events.c.door, func.max(security_events.c.t_ms).label("t_ms")).where(past).group_by(security_events.c.door)
    newest = by_door.subquery()
    mine = security_events.c.kind != "card"
    if room is not None:
        mine &= security_events.c.room == room
    last = (security_events.c.door == newest.c.door) & (security_events.c.t_ms == newest.c.t_ms)
    rows = connection.execute(select(security_events).join(newest, last).where(mine).order_by(security_events.c.door, security_events.c.id))
    found: dict[str, dict[str, Contact]] = {}
    for row in rows:
        found.setdefault(row.room, {})[row.door] = Contact(id=row.door, kind=row.kind, state=row.state, t=rfc3339(row.t_ms))
    return {place: list(contacts.values())[:CONTACTS_MAX] for place, contacts in found.items()}


class Opening(msgspec.Struct, frozen=True):
    """When a door stood open, in milliseconds; `to_ms` is null while it does."""

    door: str
    from_ms: int
    to_ms: int | None


def openings_of(connection: Connection, room: str, *, from_ms: int, to_ms: int, limit: int) -> list[Opening]:
    """The openings of a room's doors that reach into a span, the newest `limit` of them, in order; not who came."""
    rows = _spans(connection, room, kind="door", state="open", from_ms=from_ms, to_ms=to_ms, limit=limit)
    return [Opening(door=name, from_ms=began_ms, to_ms=ended_ms) for name, began_ms, ended_ms in rows]


class Running(msgspec.Struct, frozen=True):
    """When a relay of an agent (a dehumidifier, a fan) was on, in milliseconds; `to_ms` is null while it is."""

    output: str
    from_ms: int
    to_ms: int | None


def running_of(connection: Connection, room: str, *, from_ms: int, to_ms: int, limit: int) -> list[Running]:
    """When a room's relays were on, as `openings_of` does for doors."""
    rows = _spans(connection, room, kind="output", state="active", from_ms=from_ms, to_ms=to_ms, limit=limit)
    return [Running(output=name, from_ms=began_ms, to_ms=ended_ms) for name, began_ms, ended_ms in rows]


def _spans(
    connection: Connection, room: str, *, kind: str, state: str, from_ms: int, to_ms: int, limit: int
) -> list[tuple[str, int, int | None]]:
    mine = (security_events.c.room == room) & (security_events.c.kind == kind)
    ending = security_events.alias("ending")
    ends = ending.c
    ended = (
        select(func.min(ends.t_ms))
        .where(ends.door == security_events.c.door, ends.t_ms > security_events.c.t_ms, ends.state != state)
        .scalar_subquery()
    )
    began = mine & (security_events.c.state == state) & (security_events.c.t_ms < to_ms)
    began &= security_events.c.t_ms >= from_ms - OPEN_MAX_MS
    query = select(security_events.c.door, security_events.c.t_ms, ended.label("ended")).where(began)
    rows = connection.execute(query.order_by(security_events.c.t_ms.desc()).limit(limit)).all()
    return [(row.door, row.t_ms, row.ended) for row in rows if row.ended is None or row.ended > from_ms][::-1]


def cameras_of(connection: Connection, rooms_agents: Sequence[str]) -> list[str]:
    """The cameras of these agents that have recorded a clip, in order."""
    mine = clips.c.agent.in_(rooms_agents)
    return list(connection.scalars(select(clips.c.camera).where(mine).distinct().order_by(clips.c.camera)))


def events_before(
    connection: Connection, *, before: tuple[int, str] | None, limit: int, room: str | None = None, kind: str | None = None
) -> list[tuple[int, SecurityEvent]]:
    """(t_ms, event), newest first, after the cursor."""
    query = (
        select(security_events, reviews.c.id.label("review"))
        .outerjoin(reviews, reviews.c.event_id == security_events.c.id)
        .order_by(security_events.c.t_ms.desc(), security_events.c.id.desc())
        .limit(limit)
    )
    if room is not None:
        query = query.where(security_events.c.room == room)
    if kind is not None:
        query = query.where(security_events.c.kind == kind)
    if before is not None:
        query = query.where(tuple_(security_events.c.t_ms, security_events.c.id) < before)
    return [
        (
            row.t_ms,
            SecurityEvent(
                id=row.id,
                kind=row.kind,
                door=row.door,
                person=row.person,
                t=rfc3339(row.t_ms),
                state=row.state,
                room=row.room,
                agent=row.agent,
                review=row.review,
            ),
        )
        for row in connection.execute(query)
    ]


def clip_of(connection: Connection, row: Any) -> Clip:
    """A clip's shape from its row."""
    stored = row.sha256 is not None and stored_bytes(connection, row.sha256) is not None
    return Clip(
        id=row.id,
        url=f"/api/v1/security/clips/{row.id}/video",
        from_=rfc3339(row.from_ms),
        to=rfc3339(row.to_ms),
        sha256=row.sha256,
        bytes=row.bytes,
        camera=row.camera,
        stored=stored,
        holes=json.loads(row.holes),
        from_ms=row.from_ms,
        to_ms=row.to_ms,
    )


def clip_named(connection: Connection, ident: str) -> Clip | None:
    """One clip, None if there is no such one."""
    row = connection.execute(select(clips).where(clips.c.id == ident)).first()
    return None if row is None else clip_of(connection, row)


def clips_of(connection: Connection, event: str) -> list[Clip]:
    """The clips that show an event, the earliest first."""
    shown = select(clips).join(clip_events, clip_events.c.clip_id == clips.c.id).where(clip_events.c.event_id == event)
    return [clip_of(connection, row) for row in connection.execute(shown.order_by(clips.c.from_ms, clips.c.id).limit(CLIPS_MAX))]


def clips_at(connection: Connection, room_agents: list[str], t_ms: int) -> list[Clip]:
    """Clips of these agents that show a moment."""
    query = select(clips).where(clips.c.agent.in_(room_agents), clips.c.from_ms <= t_ms, clips.c.to_ms >= t_ms)
    return [clip_of(connection, row) for row in connection.execute(query.order_by(clips.c.from_ms).limit(CLIPS_MAX))]


def also_open(connection: Connection, *, room: str, door: str, t_ms: int) -> list[str]:
    """Other doors of the room that stood open at that moment."""
    earlier = (security_events.c.room == room) & (security_events.c.kind == "door") & (security_events.c.door != door)
    newest = (
        select(
            security_events.c.door,
            security_events.c.state,
            func.row_number().over(partition_by=security_events.c.door, order_by=security_events.c.t_ms.desc()).label("n"),
        )
        .where(earlier, security_events.c.t_ms <= t_ms)
        .subquery()
    )
    return list(connection.scalars(select(newest.c.door).where(newest.c.n == 1, newest.c.state == "open").order_by(newest.c.door)))


def _review(connection: Connection, row: Any, *, whole: bool) -> Review:
    shown = clips_of(connection, row.event_id)
    if any(clip.stored for clip in shown):
        clip_state = "stored"
    else:
        clip_state = "pending" if shown or now_ms() - row.t_ms < MISSING_AFTER_MS else "missing"
    return Review(
        id=row.id,
        event=row.event_id,
        state=row.state,
        owner=row.owner,
        verdict=row.verdict,
        clips=shown,
        clip_state=clip_state,
        reason=row.reason,
        door=row.door or "",
        person=row.person,
        room=row.room,
        t=rfc3339(row.t_ms),
        t_ms=row.t_ms,
        changed=rfc3339_or_none(row.changed_ms),
        changed_by=row.changed_by,
        also_open=also_open(connection, room=row.room, door=row.door or "", t_ms=row.t_ms) if whole else [],
    )


_REVIEWS = select(reviews, security_events.c.door, security_events.c.person).outerjoin(
    security_events, security_events.c.id == reviews.c.event_id
)


def reviews_before(connection: Connection, *, before: tuple[int, str] | None, limit: int, show: str = "all") -> list[tuple[int, Review]]:
    """(t_ms, review), newest first, after the cursor; show: waiting, escalated, closed or all."""
    query = _REVIEWS.order_by(reviews.c.t_ms.desc(), reviews.c.id.desc()).limit(limit)
    if show in QUEUE:
        query = query.where(reviews.c.state.in_(QUEUE[show]))
    if before is not None:
        query = query.where(tuple_(reviews.c.t_ms, reviews.c.id) < before)
    return [(row.t_ms, _review(connection, row, whole=False)) for row in connection.execute(query).all()]


def review_named(connection: Connection, ident: str) -> Review | None:
    """One review with its clips and what else was open, None if there is no such one."""
    row = connection.execute(_REVIEWS.where(reviews.c.id == ident)).first()
    return None if row is None else _review(connection, row, whole=True)
