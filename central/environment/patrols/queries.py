"""What may be read about patrols: rounds, checkpoints, what was checked, and which walk is due."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, select

from central.environment.patrols.tables import patrol_checks, patrol_points, patrol_rounds
from central.environment.works.queries import is_off
from central.times import rfc3339

CHECKS_MAX = 500
DAYS_BACK = 15  # a walk that was due so long ago is looked for no further
MINUTE_MS = 60_000
DAY_MS = 86_400_000


class Point(msgspec.Struct, frozen=True):
    """A checkpoint of a round."""

    code: str
    room: str
    name: str
    look_at: str


class Round(msgspec.Struct, frozen=True):
    """A round with its checkpoints in order."""

    id: str
    name: str
    times: list[str]
    zone: str
    grace_min: int
    off_days: bool
    changed_by: str
    checkpoints: list[Point]


class Check(msgspec.Struct, frozen=True):
    """What was seen at a checkpoint; `late` when the centre heard of it long after it was made, `scanned` when the code there was read."""

    id: str
    round: str
    code: str
    name: str
    room: str
    ok: bool
    note: str | None
    actor: str
    t: str
    t_ms: int
    late: bool
    scanned: bool


@dataclass(frozen=True)
class Walk:
    """One walk of a round: what is checked in [from_ms, to_ms) counts for the time at which it is due."""

    due_ms: int
    from_ms: int
    to_ms: int


def _round(connection: Connection, row: Any) -> Round:
    points = connection.execute(select(patrol_points).where(patrol_points.c.round == row.id).order_by(patrol_points.c.place)).all()
    return Round(
        id=row.id,
        name=row.name,
        times=json.loads(row.times),
        zone=row.zone,
        grace_min=row.grace_min,
        off_days=row.off_days,
        changed_by=row.changed_by,
        checkpoints=[Point(code=point.code, room=point.room, name=point.name, look_at=point.look_at) for point in points],
    )


def rounds(connection: Connection) -> list[Round]:
    """Every round that is walked, by name."""
    query = select(patrol_rounds).where(~patrol_rounds.c.removed).order_by(patrol_rounds.c.name, patrol_rounds.c.id)
    return [_round(connection, row) for row in connection.execute(query).all()]


def round_named(connection: Connection, ident: str) -> Round | None:
    """One of them, None if there is no such one or it is walked no more."""
    row = connection.execute(select(patrol_rounds).where(patrol_rounds.c.id == ident, ~patrol_rounds.c.removed)).first()
    return None if row is None else _round(connection, row)


def point_named(connection: Connection, code: str) -> tuple[str, Point] | None:
    """(round, checkpoint) of a code, None if there is no such one."""
    row = connection.execute(select(patrol_points).where(patrol_points.c.code == code)).first()
    return None if row is None else (row.round, Point(code=row.code, room=row.room, name=row.name, look_at=row.look_at))


def checks_between(
    connection: Connection, *, from_ms: int, to_ms: int, room: str | None = None, round_id: str | None = None
) -> list[Check]:
    """What was checked in [from_ms, to_ms), the latest first."""
    query = select(patrol_checks, patrol_points.c.name).outerjoin(patrol_points, patrol_points.c.code == patrol_checks.c.code)
    query = query.where(patrol_checks.c.t_ms >= from_ms, patrol_checks.c.t_ms < to_ms)
    if room is not None:
        query = query.where(patrol_checks.c.room == room)
    if round_id is not None:
        query = query.where(patrol_checks.c.round == round_id)
    rows = connection.execute(query.order_by(patrol_checks.c.t_ms.desc(), patrol_checks.c.id).limit(CHECKS_MAX))
    return [
        Check(
            id=row.id,
            round=row.round,
            code=row.code,
            name=row.name or row.code,
            room=row.room,
            ok=row.ok,
            note=row.note,
            actor=row.actor,
            t=rfc3339(row.t_ms),
            t_ms=row.t_ms,
            late=row.late,
            scanned=row.scanned,
        )
        for row in rows
    ]


def _dues(connection: Connection, one: Round, *, now_ms: int, days: range) -> list[int]:
    """When the round was or is due on these days before (and after) today, in order."""
    zone = ZoneInfo(one.zone)
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    dues = []
    for back in days:
        day = today - timedelta(days=back)
        if one.off_days or not is_off(connection, day):
            dues += [round(datetime.combine(day, time.fromisoformat(at), zone).timestamp() * 1000) for at in one.times]
    return sorted(dues)


def _walks(dues: list[int], grace_ms: int) -> list[Walk]:
    """A walk may begin as soon as the one before could no longer be walked."""
    ends = [due + grace_ms for due in dues]
    begins = [max([due - DAY_MS, *ends[max(at - 1, 0) : at]]) for at, due in enumerate(dues)]
    return [Walk(due, begins[at], ends[at]) for at, due in enumerate(dues)]


def last_walk(connection: Connection, one: Round, *, now_ms: int) -> Walk | None:
    """The last walk whose time, and the grace after it, are past."""
    dues = _dues(connection, one, now_ms=now_ms, days=range(DAYS_BACK, -1, -1))
    past = [walk for walk in _walks(dues, one.grace_min * MINUTE_MS) if walk.to_ms <= now_ms]
    return past[-1] if past else None


def next_walk(connection: Connection, one: Round, *, now_ms: int) -> Walk | None:
    """The walk that is to be walked now or next."""
    dues = _dues(connection, one, now_ms=now_ms, days=range(1, -DAYS_BACK - 1, -1))
    coming = [walk for walk in _walks(dues, one.grace_min * MINUTE_MS) if walk.to_ms > now_ms]
    return coming[0] if coming else None


def missed(connection: Connection, one: Round, walk: Walk) -> list[Point]:
    """The checkpoints of a round that nobody checked in a walk."""
    made = checks_between(connection, from_ms=walk.from_ms, to_ms=walk.to_ms, round_id=one.id)
    seen = {check.code for check in made}
    return [point for point in one.checkpoints if point.code not in seen]


def round_began_ms(connection: Connection, ident: str) -> int:
    """Since when the round is as it is; what was due before is not asked for."""
    return int(connection.scalar(select(patrol_rounds.c.from_ms).where(patrol_rounds.c.id == ident)) or 0)
