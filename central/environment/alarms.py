"""What may be read about alarms, and what was said and done about each."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Connection, case, func, or_, select, tuple_

from central.environment.queries import OPEN_STATES, Alarm, alarm_of
from central.environment.tables import alarm_notes, alarms
from central.times import rfc3339

SHOW = {"open": OPEN_STATES, "shelved": ("shelved",), "suppressed": ("suppressed",), "history": ("normal",)}
NOTES_MAX = 500
LISTED_MAX = 500
RELATED_MAX = 100
LOUDEST = {"urgent": 0, "high": 1, "medium": 2, "low": 3}


class Note(msgspec.Struct, frozen=True):
    """What was said or done about an alarm."""

    t: str
    what: str
    actor: str
    text: str | None


class AlarmHistory(msgspec.Struct, frozen=True):
    """An alarm with its notes, in order."""

    alarm: Alarm
    notes: list[Note]


def _like(text: str) -> ColumnElement[bool]:
    """Whether a rule, a subject, a room or the words of an alarm hold this text."""
    found = [column.icontains(text, autoescape=True) for column in (alarms.c.rule, alarms.c.subject, alarms.c.room, alarms.c.words)]
    return or_(*found)


def _which(show: str, room: str | None, priority: str | None, text: str | None) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [alarms.c.state.in_(SHOW[show])] if show in SHOW else []
    if room is not None:
        wanted.append(alarms.c.room == room)
    if priority is not None:
        wanted.append(alarms.c.priority == priority)
    if text:
        wanted.append(_like(text))
    return wanted


def alarms_before(
    connection: Connection,
    *,
    before: tuple[int, str] | None,
    limit: int,
    show: str = "all",
    room: str | None = None,
    priority: str | None = None,
    text: str | None = None,
) -> list[tuple[int, Alarm]]:
    """(since_ms, alarm), the newest first, after the cursor; show: open, shelved, suppressed, history or all."""
    query = select(alarms).order_by(alarms.c.since_ms.desc(), alarms.c.id.desc()).limit(limit)
    query = query.where(*_which(show, room, priority, text))
    if before is not None:
        query = query.where(tuple_(alarms.c.since_ms, alarms.c.id) < before)
    return [(row.since_ms, alarm_of(row)) for row in connection.execute(query)]


def alarms_listed(
    connection: Connection, *, show: str, room: str | None = None, priority: str | None = None, text: str | None = None
) -> list[Alarm]:
    """The loudest first, among these the newest; at most LISTED_MAX."""
    loudness = case(LOUDEST, value=alarms.c.priority, else_=len(LOUDEST))
    query = select(alarms).where(*_which(show, room, priority, text)).order_by(loudness, alarms.c.since_ms.desc(), alarms.c.id)
    return [alarm_of(row) for row in connection.execute(query.limit(LISTED_MAX))]


def counts(connection: Connection, *, room: str | None = None) -> dict[str, int]:
    """How many alarms each view but "all" shows."""
    query = select(alarms.c.state, func.count()).group_by(alarms.c.state)
    if room is not None:
        query = query.where(alarms.c.room == room)
    found = {row[0]: int(row[1]) for row in connection.execute(query)}
    return {show: sum(found.get(state, 0) for state in states) for show, states in SHOW.items()}


def alarm_named(connection: Connection, ident: str) -> Alarm | None:
    """One alarm, None if there is no such one."""
    row = connection.execute(select(alarms).where(alarms.c.id == ident)).first()
    return None if row is None else alarm_of(row)


def since_ms(connection: Connection, ident: str) -> tuple[int, int | None]:
    """(since when, until when or None) of an alarm that exists."""
    row = connection.execute(select(alarms.c.since_ms, alarms.c.returned_ms).where(alarms.c.id == ident)).one()
    return int(row.since_ms), row.returned_ms


def consequences(connection: Connection, ident: str) -> list[Alarm]:
    """The alarms that are filed under one, the earliest first."""
    query = select(alarms).where(alarms.c.cause == ident).order_by(alarms.c.since_ms, alarms.c.id).limit(RELATED_MAX)
    return [alarm_of(row) for row in connection.execute(query)]


def held_back(connection: Connection, works: str) -> int:
    """How many alarms planned works hold back now."""
    return int(connection.scalar(select(func.count()).select_from(alarms).where(alarms.c.suppressed_by == f"works:{works}")) or 0)


def notes_of(connection: Connection, ident: str) -> list[Note]:
    """What was said and done about an alarm, in order."""
    query = select(alarm_notes).where(alarm_notes.c.alarm_id == ident).order_by(alarm_notes.c.leaf_idx, alarm_notes.c.t_ms).limit(NOTES_MAX)
    return [Note(t=rfc3339(row.t_ms), what=row.what, actor=row.actor, text=row.text) for row in connection.execute(query)]
