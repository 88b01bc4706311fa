"""What happened in a room during a span, to be drawn beside its courses: openings of doors, running relays, alarms."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, or_, select

from central.environment.tables import alarms, rooms
from central.security.queries import Opening, Running, openings_of, running_of

ALARMS_MAX = 500
OPENINGS_MAX = 2000


class AlarmSpan(msgspec.Struct, frozen=True):
    """When an alarm was active, in milliseconds; `to` is null while it is."""

    id: str
    rule: str
    subject: str
    priority: str
    state: str
    from_ms: int
    to_ms: int | None
    value: float | None
    limit: float | None
    words: dict[str, Any]


class Marks(msgspec.Struct, frozen=True):
    """Everything of the span, the newest where there is too much; `cut` says that there was."""

    doors: list[Opening]
    outputs: list[Running]
    alarms: list[AlarmSpan]
    cut: bool


def marks_of(connection: Connection, room: str, *, from_ms: int, to_ms: int) -> Marks | None:
    """What happened in the room between from_ms and to_ms; None if there is no such room."""
    if connection.scalar(select(rooms.c.id).where(rooms.c.id == room)) is None:
        return None
    over = or_(alarms.c.returned_ms >= from_ms, alarms.c.returned_ms.is_(None) & alarms.c.active)
    within = (alarms.c.room == room) & (alarms.c.since_ms < to_ms) & over
    rows = connection.execute(select(alarms).where(within).order_by(alarms.c.since_ms.desc()).limit(ALARMS_MAX)).all()
    doors = openings_of(connection, room, from_ms=from_ms, to_ms=to_ms, limit=OPENINGS_MAX)
    outputs = running_of(connection, room, from_ms=from_ms, to_ms=to_ms, limit=OPENINGS_MAX)
    spans = [
        AlarmSpan(
            id=row.id,
            rule=row.rule,
            subject=row.subject,
            priority=row.priority,
            state=row.state,
            from_ms=row.since_ms,
            to_ms=None if row.active else row.returned_ms,
            value=row.value,
            limit=row.limit,
            words=msgspec.json.decode(row.words, type=dict[str, Any]),
        )
        for row in rows
    ]
    cut = len(spans) >= ALARMS_MAX or max(len(doors), len(outputs)) >= OPENINGS_MAX
    return Marks(doors=doors, outputs=outputs, alarms=spans, cut=cut)
