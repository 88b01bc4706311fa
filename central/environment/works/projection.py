"""Planned works and the calendar from the acts of those who plan them."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from central.environment.works.tables import calendar_changes, calendar_days, calendar_weekend, works
from central.store.projecting import ActEntry, BatchEntry, Context
from wire.topics import valid_name

KINDS = ("fumigation", "cleaning", "repair", "other")
DAY_MS = 86_400_000
SPAN_MAX_MS = 14 * DAY_MS
DAY_KINDS = ("off", "work")
DAYS_MAX = 4000
REASON_MAX = 2000


class WorksProjector:
    """Works and the calendar; agents send nothing about them."""

    def load(self, connection: Connection) -> None:
        """Nothing is kept in memory."""

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Agents send nothing about works."""

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project an act; those of an erased body change nothing."""
        done = {"works.plan": self._plan, "works.end": self._end, "works.cancel": self._cancel, "calendar.set": self._calendar}
        handler = done.get(entry.kind)
        if handler is not None and entry.body:
            handler(context, entry)

    def _plan(self, context: Context, entry: ActEntry) -> None:
        body = entry.body
        from_ms, to_ms = int(body["from_ms"]), int(body["to_ms"])
        if body["kind"] not in KINDS or not valid_name(body["room"]) or not 0 < to_ms - from_ms <= SPAN_MAX_MS:
            raise ValueError("works have a room, a kind, and a span of at most 14 days")
        row: dict[str, Any] = {
            "id": str(body["works"])[:36],
            "room": body["room"],
            "kind": body["kind"],
            "from_ms": from_ms,
            "to_ms": to_ms,
        }
        row |= {"over_ms": to_ms, "reason": str(body["reason"])[:REASON_MAX], "planned_ms": entry.t_ms, "planned_by": entry.actor}
        context.connection.execute(insert(works).values(row).on_conflict_do_nothing())
        self._tell(context, row["room"], row["id"])

    def _end(self, context: Context, entry: ActEntry) -> None:
        """They end before their time; works that have not begun or are over stay as they are."""
        going = (works.c.id == str(entry.body["works"])) & works.c.cancelled_ms.is_(None)
        going &= (works.c.from_ms <= entry.t_ms) & (works.c.over_ms > entry.t_ms)
        values = {"over_ms": entry.t_ms, "ended_ms": entry.t_ms, "ended_by": entry.actor}
        self._changed(context, update(works).where(going).values(**values))

    def _cancel(self, context: Context, entry: ActEntry) -> None:
        """They do not take place; what has begun can only be ended."""
        waiting = (works.c.id == str(entry.body["works"])) & works.c.cancelled_ms.is_(None) & (works.c.from_ms > entry.t_ms)
        values = {"over_ms": works.c.from_ms, "cancelled_ms": entry.t_ms, "cancelled_by": entry.actor}
        self._changed(context, update(works).where(waiting).values(**values))

    def _changed(self, context: Context, statement: Any) -> None:
        for row in context.connection.execute(statement.returning(works.c.room, works.c.id)).all():
            self._tell(context, row.room, row.id)

    @staticmethod
    def _tell(context: Context, room: str, ident: str) -> None:
        context.tell("works", agent=None, room=room, data={"works": ident, "room": room})

    def _calendar(self, context: Context, entry: ActEntry) -> None:
        """The whole calendar anew; one wrong day refuses all of it."""
        weekend, days = sorted({int(day) for day in entry.body["weekend"]}), dict(entry.body["days"])
        if any(not 0 <= day <= 6 for day in weekend) or len(days) > DAYS_MAX or any(kind not in DAY_KINDS for kind in days.values()):
            raise ValueError("a calendar has weekdays from 0 to 6, and days that are off or work")
        rows = [{"day": date.fromisoformat(day).isoformat(), "kind": kind} for day, kind in sorted(days.items())]
        run = context.connection.execute
        run(delete(calendar_days))
        run(delete(calendar_weekend))
        if rows:
            run(insert(calendar_days), rows)
        if weekend:
            run(insert(calendar_weekend), [{"weekday": day} for day in weekend])
        run(insert(calendar_changes).values(leaf_idx=entry.leaf_idx, t_ms=entry.t_ms, actor=entry.actor))
        context.tell("works", agent=None, room=None, data={"calendar": len(rows), "room": None})


def room_has_works(connection: Connection, room: str, t_ms: int) -> str | None:
    """The id of works that are on in the room at a moment, as the ledger has them so far."""
    on = (works.c.room == room) & (works.c.from_ms <= t_ms) & (works.c.over_ms > t_ms) & works.c.cancelled_ms.is_(None)
    found = connection.scalar(select(works.c.id).where(on).order_by(works.c.from_ms, works.c.id).limit(1))
    return None if found is None else str(found)
