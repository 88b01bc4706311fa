"""Projects alarms: agents' records and acts become events of the state table in states.py; what explains an alarm is filed with it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.sqlite import insert

from central.environment import relations, states
from central.environment.tables import alarm_notes, alarms
from central.environment.works.projection import room_has_works
from central.store.projecting import ActEntry, BatchEntry, Context, Record, as_json, derived_id, handle

SYSTEM = "system"
PRIORITIES = ("low", "medium", "high", "urgent")
ALARM_FIELDS = ("id", "rule", "subject", "priority", "state", "room", "active", "cause", "uncertain")
ACTIVE_MAX = 1000  # of one agent
WORKS, ALARM = "works:", "alarm:"  # what an alarm is suppressed by, before its id


def standing_of(row: Any) -> states.Standing:
    """How the alarm of a row stands."""
    return states.Standing(row.beneath, row.shelved_until_ms is not None, row.suppressed_by is not None)


class AlarmProjector:
    """Alarms by agents' records and by acts."""

    def __init__(self) -> None:
        """Nothing is changed yet."""
        self._changed: dict[str, None] = {}
        self._acts: dict[str, Callable[[Context, ActEntry], None]] = {
            "alarm.raise": self._raise,
            "alarm.return": self._return,
            "alarm.acknowledge": self._acknowledge,
            "alarm.shelve": self._shelve,
            "alarm.unshelve": self._unshelve,
            "alarm.escalate": self._escalate,
            "alarm.repeat": self._repeat,
            "alarm.suppress": self._suppress,
            "alarm.release": self._release,
            "alarm.note": self._note_only,
            "alarm.history": self._history,
        }

    def load(self, connection: Connection) -> None:
        """Forget what was gathered."""
        self._changed = {}

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Project a batch's alarms."""
        handle({"alarm": self._alarm}, context, entry)

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project what a person did with an alarm, or the centre's own alarms."""
        handler = self._acts.get(entry.kind)
        if handler is not None and entry.body:
            handler(context, entry)

    def flush(self, context: Context) -> None:
        """Tell browsers how the changed alarms stand now: one that came and went within a transaction is told once."""
        if context.live is not None:
            for ident in self._changed:
                row = context.connection.execute(select(alarms).where(alarms.c.id == ident)).one()
                data = {name: row._mapping[name] for name in ALARM_FIELDS} | {"since": row.since_ms, "acknowledged_by": row.acknowledged_by}
                context.tell("alarm", agent=row.agent, room=row.room, data=data)
        self._changed = {}

    def correct(self, context: Context, entry: BatchEntry, boot: str, w_ms: int, ok_m_ms: int) -> None:
        """Show the boot's earlier alarms at their true time."""
        early = (alarms.c.agent == entry.agent) & (alarms.c.boot == boot) & (alarms.c.m_ms < ok_m_ms) & alarms.c.raw_ms.is_(None)
        context.connection.execute(update(alarms).where(early).values(raw_ms=alarms.c.since_ms, since_ms=alarms.c.m_ms + w_ms))

    def _found(self, context: Context, ident: str) -> Any:
        return context.connection.execute(select(alarms).where(alarms.c.id == ident)).one_or_none()

    def _known(self, context: Context, ident: Any) -> Any:
        row = self._found(context, ident)
        if row is None:
            context.problems.append(f"alarm {ident!r} is not known")
        return row

    def _after(self, context: Context, row: Any, event: str, **values: Any) -> None:
        """Let an event happen to an alarm; `values` are what else changes."""
        new = states.after(standing_of(row), event)
        values |= {"state": new.shown, "beneath": new.beneath, "active": new.active}
        context.connection.execute(update(alarms).where(alarms.c.id == row.id).values(**values))
        self._changed[row.id] = None

    def _note(
        self,
        context: Context,
        alarm: str,
        *,
        leaf_idx: int,
        t_ms: int,
        what: str,
        actor: str,
        text: str | None = None,
        seq: int = 0,
        n: int = 0,
    ) -> None:
        facts = ("alarm-note", leaf_idx, seq, alarm) + ((what, n) if n else ())  # n tells apart what one entry brings about an alarm
        row = {"id": derived_id(*facts), "alarm_id": alarm, "t_ms": t_ms, "leaf_idx": leaf_idx}
        context.connection.execute(insert(alarm_notes).values(**row, what=what, actor=actor, text=text).on_conflict_do_nothing())

    def _noted(self, context: Context, entry: ActEntry, what: str) -> None:
        text = entry.body.get("text") or entry.body.get("reason")
        self._note(context, entry.body["alarm"], leaf_idx=entry.leaf_idx, t_ms=entry.t_ms, what=what, actor=entry.actor, text=text)

    def _alarm(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        ident, active = record["id"], record["state"] == "active"
        if not ident.startswith(f"{entry.agent}:"):
            raise ValueError(f"alarm id {ident!r} does not begin with the agent's name")
        stamp = context.clock.stamp(entry, seq, record["t"], record["m"])
        old, actor = self._found(context, ident), f"agent:{entry.agent}"
        uncertain = record.get("uncertain") is True
        grew = old is not None and active and old.active
        what = ("certain" if old.uncertain and not uncertain else "told") if grew else "raised" if active else "returned"
        same = (alarm_notes.c.alarm_id == ident) & (alarm_notes.c.what == what) & (alarm_notes.c.t_ms == stamp.t_ms)
        if active and not grew:
            self._few(context, entry.agent)
        if old is not None:
            if context.connection.scalar(select(alarm_notes.c.id).where(same & (alarm_notes.c.actor == actor))) is not None:
                return  # journalled again in a new epoch, and known
            if grew:  # the same alarm, told again as its excursion grew beyond the sensor's tolerance
                values = {"uncertain": uncertain, "value": record.get("value", old.value), "limit": record.get("limit", old.limit)}
                context.connection.execute(update(alarms).where(alarms.c.id == ident).values(**values))
                self._changed[ident] = None
            else:
                self._on_or_off(context, old, active=active, t_ms=stamp.t_ms)
        else:
            agent, room = entry.agent, context.room_in(entry.agent, record)
            kind = relations.kind_of(context.connection, agent=agent, rule=record["rule"], subject=record["subject"], own=False)
            row = {"id": ident, "agent": agent, "room": room, "rule": record["rule"], "subject": record["subject"], "kind": kind}
            row |= {"priority": record.get("priority", "medium"), "value": record.get("value"), "limit": record.get("limit")}
            beneath = "unacknowledged" if active else "returned"
            row |= {"state": beneath, "beneath": beneath, "active": active, "since_ms": stamp.t_ms}
            row |= {"returned_ms": None if active else stamp.t_ms, "words": as_json(record.get("words", {})), "uncertain": uncertain}
            row |= {"held": record.get("held") is True, "raw_ms": stamp.raw_ms, "boot": stamp.boot, "m_ms": record["m"]}
            context.connection.execute(insert(alarms).values(row))
            self._changed[ident] = None
        self._note(context, ident, leaf_idx=entry.leaf_idx, t_ms=stamp.t_ms, what=what, actor=actor, seq=seq)
        if what == "raised":
            self._covered(context, ident, leaf_idx=entry.leaf_idx, t_ms=stamp.t_ms, seq=seq)

    @staticmethod
    def _few(context: Context, agent: str) -> None:
        """ValueError where so many of an agent's alarms are active that one more tells nobody anything."""
        count = select(func.count()).select_from(alarms).where(alarms.c.active, alarms.c.agent == agent)
        if (context.connection.scalar(count) or 0) >= ACTIVE_MAX:
            raise ValueError(f"{ACTIVE_MAX} alarms of this agent are active already")

    def _on_or_off(self, context: Context, row: Any, *, active: bool, t_ms: int) -> None:
        values: dict[str, Any] = {"returned_ms": None if active else t_ms}
        if active and not row.active:  # a condition that comes back has to be acknowledged again
            values |= {"acknowledged_by": None, "acknowledged_ms": None, "escalated_ms": None, "repeated_ms": None}
        self._after(context, row, "raise" if active else "return", **values)

    def _covered(self, context: Context, ident: str, *, leaf_idx: int, t_ms: int, seq: int = 0) -> None:
        """File a newly raised alarm under the works or the cause that explains it, and under it what it explains."""
        row = self._found(context, ident)
        by, where = None, {"leaf_idx": leaf_idx, "t_ms": t_ms, "seq": seq}
        if row.suppressed_by is None and row.kind not in relations.LOUD:
            works = room_has_works(context.connection, row.room, t_ms) if row.kind in relations.HELD_BY_WORKS else None
            cause = None if works else relations.cause_of(context.connection, row._mapping, t_ms=t_ms)
            by = f"{WORKS}{works}" if works else f"{ALARM}{cause}" if cause else None
        if by is not None:
            self._under(context, row, by, **where)
        for other in relations.consequences_of(context.connection, row, t_ms=t_ms):
            self._under(context, self._found(context, other), f"{ALARM}{ident}", **where)

    def _under(self, context: Context, row: Any, by: str, **where: int) -> None:
        cause = by.removeprefix(ALARM) if by.startswith(ALARM) else row.cause
        self._after(context, row, "suppress", suppressed_by=by, cause=cause)
        self._note(context, row.id, what="suppressed", actor=SYSTEM, text=by, n=1, **where)

    def _raise(self, context: Context, entry: ActEntry) -> None:
        body = entry.body
        old, words = self._found(context, body["alarm"]), as_json(body["words"])
        if old is None:
            row = {name: body[name] for name in ("agent", "room", "rule", "subject", "priority")}
            row["kind"] = relations.kind_of(context.connection, agent=row["agent"], rule=row["rule"], subject=row["subject"], own=True)
            row |= {"id": body["alarm"], "state": "unacknowledged", "beneath": "unacknowledged", "active": True}
            context.connection.execute(insert(alarms).values(**row, since_ms=entry.t_ms, words=words))
            self._changed[body["alarm"]] = None
        else:
            self._after(context, old, "raise", returned_ms=None, acknowledged_by=None, acknowledged_ms=None, words=words)
        self._noted(context, entry, "raised")
        self._covered(context, body["alarm"], leaf_idx=entry.leaf_idx, t_ms=entry.t_ms)

    def _return(self, context: Context, entry: ActEntry) -> None:
        old = self._known(context, entry.body["alarm"])
        if old is not None:
            self._after(context, old, "return", returned_ms=entry.t_ms)
            self._noted(context, entry, "returned")

    def _acknowledge(self, context: Context, entry: ActEntry) -> None:
        old = self._known(context, entry.body["alarm"])
        if old is not None:
            self._after(context, old, "acknowledge", acknowledged_by=entry.actor, acknowledged_ms=entry.t_ms)
            self._noted(context, entry, "acknowledged")

    def _shelve(self, context: Context, entry: ActEntry) -> None:
        old = self._known(context, entry.body["alarm"])
        if old is not None:
            until, reason = int(entry.body["until_ms"]), entry.body.get("reason")
            self._after(context, old, "shelve", shelved_until_ms=until, shelved_by=entry.actor, shelved_reason=reason)
            self._noted(context, entry, "shelved")

    def _unshelve(self, context: Context, entry: ActEntry) -> None:
        old = self._known(context, entry.body["alarm"])
        if old is not None:
            self._after(context, old, "unshelve", shelved_until_ms=None, shelved_by=None, shelved_reason=None, uncovered_ms=entry.t_ms)
            self._noted(context, entry, "unshelved")

    def _escalate(self, context: Context, entry: ActEntry) -> None:
        """One step up: the act names the priority; acts of before steps were named lead to the top."""
        old, priority = self._known(context, entry.body["alarm"]), entry.body.get("priority", PRIORITIES[-1])
        if old is not None and priority in PRIORITIES:
            self._after(context, old, "escalate", escalated_ms=entry.t_ms, priority=priority, escalations=old.escalations + 1)
            self._noted(context, entry, "escalated")

    def _repeat(self, context: Context, entry: ActEntry) -> None:
        old = self._known(context, entry.body["alarm"])
        if old is not None:
            self._after(context, old, "repeat", repeated_ms=entry.t_ms, repeats=old.repeats + 1)

    def _suppress(self, context: Context, entry: ActEntry) -> None:
        old, by = self._known(context, entry.body["alarm"]), str(entry.body["by"])
        if old is not None and old.kind not in relations.LOUD and by.startswith((WORKS, ALARM)):
            self._under(context, old, by, leaf_idx=entry.leaf_idx, t_ms=entry.t_ms)

    def _release(self, context: Context, entry: ActEntry) -> None:
        old = self._known(context, entry.body["alarm"])
        if old is not None and old.suppressed_by is not None:
            self._after(context, old, "release", suppressed_by=None, uncovered_ms=entry.t_ms)
            self._noted(context, entry, "released")

    def _note_only(self, context: Context, entry: ActEntry) -> None:
        if self._known(context, entry.body["alarm"]) is not None:
            self._noted(context, entry, "note")
            self._changed[entry.body["alarm"]] = None

    def _history(self, context: Context, entry: ActEntry) -> None:
        """An excursion found in readings that came late: over before anybody could know, so that it is told to nobody."""
        body = entry.body
        row = {name: body[name] for name in ("agent", "room", "rule", "subject", "priority", "value", "limit")}
        row |= {"id": body["alarm"], "kind": "limit", "state": "normal", "beneath": "normal", "active": False, "found_later": True}
        row |= {"since_ms": int(body["from_ms"]), "returned_ms": int(body["to_ms"]), "words": as_json(body["words"])}
        again = {name: row[name] for name in ("since_ms", "returned_ms", "value", "words")}
        done = insert(alarms).values(row).on_conflict_do_update(index_elements=["id"], set_=again, where=alarms.c.found_later)
        context.connection.execute(done)
        self._noted(context, entry, "found")
