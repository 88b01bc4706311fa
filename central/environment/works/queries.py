"""What may be read about planned works and the calendar."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from central.environment.works.tables import calendar_changes, calendar_days, calendar_weekend, works
from central.times import rfc3339, rfc3339_or_none

WEEKEND = (5, 6)  # Saturday and Sunday, until a calendar was confirmed
WORKS_MAX = 200
TOLD_DAYS = (-31, 400)  # of the calendar, agents are told the days around today


class Works(msgspec.Struct, frozen=True):
    """Planned works; `over` is when they end or ended, `state` is planned, on, over or cancelled."""

    id: str
    room: str
    kind: str
    state: str
    from_: str = msgspec.field(name="from")
    to: str
    over: str
    reason: str
    planned_by: str
    planned: str
    ended_by: str | None
    cancelled_by: str | None
    cancelled: str | None
    from_ms: int
    to_ms: int
    over_ms: int


class Calendar(msgspec.Struct, frozen=True):
    """The weekend's weekdays (0 = Monday), and the days that are not as their weekday says: day -> off or work."""

    weekend: list[int]
    days: dict[str, str]
    changed: str | None = None
    changed_by: str | None = None


def _shown(row: Any, now_ms: int) -> Works:
    state = "cancelled" if row.cancelled_ms is not None else "planned" if now_ms < row.from_ms else "on" if now_ms < row.over_ms else "over"
    return Works(
        id=row.id,
        room=row.room,
        kind=row.kind,
        state=state,
        from_=rfc3339(row.from_ms),
        to=rfc3339(row.to_ms),
        over=rfc3339(row.over_ms),
        reason=row.reason,
        planned_by=row.planned_by,
        planned=rfc3339(row.planned_ms),
        ended_by=row.ended_by,
        cancelled_by=row.cancelled_by,
        cancelled=rfc3339_or_none(row.cancelled_ms),
        from_ms=row.from_ms,
        to_ms=row.to_ms,
        over_ms=row.over_ms,
    )


def works_of_room(connection: Connection, room: str, *, from_ms: int, to_ms: int, now_ms: int | None = None) -> list[Works]:
    """Works of a room that were not cancelled and touch [from_ms, to_ms), the earliest first; `state` as at now_ms (default to_ms)."""
    touch = (works.c.room == room) & (works.c.over_ms > from_ms) & (works.c.from_ms < to_ms) & works.c.cancelled_ms.is_(None)
    rows = connection.execute(select(works).where(touch).order_by(works.c.from_ms, works.c.id).limit(WORKS_MAX))
    return [_shown(row, to_ms if now_ms is None else now_ms) for row in rows]


def works_on(connection: Connection, *, now_ms: int) -> list[Works]:
    """Works that are going on in any room."""
    on = (works.c.from_ms <= now_ms) & (works.c.over_ms > now_ms) & works.c.cancelled_ms.is_(None)
    rows = connection.execute(select(works).where(on).order_by(works.c.over_ms, works.c.id).limit(WORKS_MAX))
    return [_shown(row, now_ms) for row in rows]


def works_listed(connection: Connection, room: str, *, now_ms: int, limit: int = WORKS_MAX) -> list[Works]:
    """Every works of a room, cancelled ones among them, the latest first."""
    rows = connection.execute(select(works).where(works.c.room == room).order_by(works.c.from_ms.desc(), works.c.id).limit(limit))
    return [_shown(row, now_ms) for row in rows]


def works_named(connection: Connection, ident: str, *, now_ms: int) -> Works | None:
    """One of them, None if there is no such one."""
    row = connection.execute(select(works).where(works.c.id == ident)).first()
    return None if row is None else _shown(row, now_ms)


def calendar(connection: Connection) -> Calendar:
    """The calendar in force: Saturdays and Sundays are off until somebody confirmed another."""
    last = connection.execute(select(calendar_changes).order_by(calendar_changes.c.leaf_idx.desc()).limit(1)).first()
    if last is None:
        return Calendar(weekend=list(WEEKEND), days={})
    weekend = list(connection.scalars(select(calendar_weekend.c.weekday).order_by(calendar_weekend.c.weekday)))
    days = {row.day: row.kind for row in connection.execute(select(calendar_days).order_by(calendar_days.c.day))}
    return Calendar(weekend=weekend, days=days, changed=rfc3339(last.t_ms), changed_by=last.actor)


def is_off(connection: Connection, day: date) -> bool:
    """Whether nobody is expected to work that day: a holiday, or a weekend's day that is no make-up workday."""
    given = connection.scalar(select(calendar_days.c.kind).where(calendar_days.c.day == day.isoformat()))
    if given is not None:
        return bool(given == "off")
    if connection.scalar(select(calendar_changes.c.leaf_idx).limit(1)) is None:
        return day.weekday() in WEEKEND
    found = connection.scalar(select(calendar_weekend.c.weekday).where(calendar_weekend.c.weekday == day.weekday()))
    return found is not None


def told_calendar(connection: Connection, today: date) -> dict[str, Any] | None:
    """What agents are told of the calendar, as the command `calendar.set` takes it; None until one was confirmed."""
    found = calendar(connection)
    if found.changed is None:
        return None
    first, last = ((today + timedelta(days=days)).isoformat() for days in TOLD_DAYS)
    return {"weekend": found.weekend, "days": {day: kind for day, kind in found.days.items() if first <= day <= last}}
