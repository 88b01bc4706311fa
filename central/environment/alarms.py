"""What may be read about alarms, and what was said and done about each."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select, tuple_

from central.environment.queries import OPEN_STATES, Alarm, alarm_of
from central.environment.tables import alarm_notes, alarms
from central.times import rfc3339

SHOW = {"open": OPEN_STATES, "shelved": ("shelved",)}
NOTES_MAX = 500


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


def alarms_before(
    connection: Connection, *, before: tuple[int, str] | None, limit: int, show: str = "all", room: str | None = None
) -> list[tuple[int, Alarm]]:
    """(since_ms, alarm), the newest first, after the cursor; show: open, shelved or all."""
    query = select(alarms).order_by(alarms.c.since_ms.desc(), alarms.c.id.desc()).limit(limit)
    if show in SHOW:
        query = query.where(alarms.c.state.in_(SHOW[show]))
    if room is not None:
        query = query.where(alarms.c.room == room)
    if before is not None:
        query = query.where(tuple_(alarms.c.since_ms, alarms.c.id) < before)
    return [(row.since_ms, alarm_of(row)) for row in connection.execute(query)]


def alarm_named(connection: Connection, ident: str) -> Alarm | None:
    """One alarm, None if there is no such one."""
    row = connection.execute(select(alarms).where(alarms.c.id == ident)).first()
    return None if row is None else alarm_of(row)


def notes_of(connection: Connection, ident: str) -> list[Note]:
    """What was said and done about an alarm, in order."""
    query = select(alarm_notes).where(alarm_notes.c.alarm_id == ident).order_by(alarm_notes.c.leaf_idx, alarm_notes.c.t_ms).limit(NOTES_MAX)
    return [Note(t=rfc3339(row.t_ms), what=row.what, actor=row.actor, text=row.text) for row in connection.execute(query)]
