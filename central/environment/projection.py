"""Projects rooms, limits and alarms; alarms follow ISA-18.2: a condition that comes and goes, and a person who knows of it or not."""

from typing import Any

from sqlalchemy import Connection, case, func, select, update
from sqlalchemy.dialects.sqlite import insert

from central.environment.tables import agent_rooms, alarm_notes, alarms, limits, rooms
from central.store.projecting import ActEntry, BatchEntry, Context, Handler, Record, as_json, derived_id, handle
from wire.topics import valid_name

ROOMS_MAX = 50  # of one agent
ALARM_FIELDS = ("id", "rule", "subject", "priority", "state", "room", "active")


def state_of(*, active: bool, acknowledged: bool, shelved: bool) -> str:
    """The ISA-18.2 state: shelved before all, then normal, returned (unacknowledged), acknowledged, unacknowledged."""
    if shelved:
        return "shelved"
    if active:
        return "acknowledged" if acknowledged else "unacknowledged"
    return "normal" if acknowledged else "returned"


class AlarmProjector:
    """Rooms by enrolment, limits by configuration, alarms by agents' records and by acts."""

    def __init__(self) -> None:
        """Empty; `load` fills it."""
        self._rooms: dict[str, str] = {}
        self._changed: dict[str, None] = {}
        self._handlers: dict[str, Handler] = {"alarm": self._alarm, "config": self._config, "channel": self._room, "contact": self._room}
        self._acts = {
            "agent.enrol": self._enrol,
            "alarm.raise": self._raise,
            "alarm.return": self._return,
            "alarm.acknowledge": self._acknowledge,
            "alarm.shelve": self._shelve,
            "alarm.unshelve": self._unshelve,
            "alarm.escalate": self._escalate,
            "alarm.note": self._note_only,
        }

    def load(self, connection: Connection) -> None:
        """Read the agents' rooms; forget what was gathered."""
        self._changed = {}
        self._rooms = {row.agent: row.room for row in connection.execute(select(agent_rooms))}

    def room_of(self, agent: str) -> str:
        """The room of an agent, as enrolled; its own name before."""
        return self._rooms.get(agent, agent)

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Project a batch's alarms and configuration."""
        handle(self._handlers, context, entry)

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

    def _known(self, context: Context, ident: Any) -> Any:
        row = context.connection.execute(select(alarms).where(alarms.c.id == ident)).one_or_none()
        if row is None:
            context.problems.append(f"alarm {ident!r} is not known")
        return row

    def _set(self, context: Context, ident: str, **values: Any) -> None:
        context.connection.execute(update(alarms).where(alarms.c.id == ident).values(**values))
        self._changed[ident] = None

    def _note(
        self, context: Context, alarm: str, *, leaf_idx: int, t_ms: int, what: str, actor: str, text: str | None = None, seq: int = 0
    ) -> None:
        row = {"id": derived_id("alarm-note", leaf_idx, seq, alarm), "alarm_id": alarm, "t_ms": t_ms, "leaf_idx": leaf_idx}
        context.connection.execute(insert(alarm_notes).values(**row, what=what, actor=actor, text=text).on_conflict_do_nothing())

    def _noted(self, context: Context, entry: ActEntry, what: str) -> None:
        text = entry.body.get("text") or entry.body.get("reason")
        self._note(context, entry.body["alarm"], leaf_idx=entry.leaf_idx, t_ms=entry.t_ms, what=what, actor=entry.actor, text=text)

    def _room(self, context: Context, entry: BatchEntry, _seq: int, record: Record) -> None:
        room, run = record.get("room"), context.connection.execute
        if room is None or room == context.room_of(entry.agent) or context.connection.scalar(select(rooms.c.id).where(rooms.c.id == room)):
            return
        if not valid_name(room):
            raise ValueError(f"room {room[:100]!r} is not a name")
        if run(select(func.count()).select_from(rooms).where(rooms.c.agent == entry.agent)).scalar_one() >= ROOMS_MAX:
            raise ValueError(f"room {room!r} is one more than the {ROOMS_MAX} that an agent may name")
        run(insert(rooms).values(id=room, agent=entry.agent).on_conflict_do_nothing())

    def _config(self, context: Context, entry: BatchEntry, _seq: int, record: Record) -> None:
        """Limits stand in `facts.limits`: {rule: {sensor, quantity, above?, below?, deadband?, delay_s?, priority?}}."""
        given = record["facts"].get("limits")
        if not isinstance(given, dict):
            return
        rows: list[dict[str, Any]] = []
        for rule, limit in given.items():
            row: dict[str, Any] = {
                name: None if limit.get(name) is None else float(limit[name]) for name in ("above", "below", "deadband", "delay_s")
            }
            priority = limit.get("priority")
            channel = f"{entry.agent}.{limit['sensor']}.{limit['quantity']}"
            row |= {"agent": entry.agent, "rule": rule, "channel": channel, "priority": priority if isinstance(priority, str) else None}
            rows.append(row)
        context.connection.execute(limits.delete().where(limits.c.agent == entry.agent))
        for row in rows:
            context.connection.execute(insert(limits).values(row))

    def _alarm(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        ident, active = record["id"], record["state"] == "active"
        if not ident.startswith(f"{entry.agent}:"):
            raise ValueError(f"alarm id {ident!r} does not begin with the agent's name")
        stamp = context.clock.stamp(entry, seq, record["t"], record["m"])
        old = context.connection.execute(select(alarms).where(alarms.c.id == ident)).one_or_none()
        what, actor = ("raised" if active else "returned"), f"agent:{entry.agent}"
        again = (alarm_notes.c.alarm_id == ident) & (alarm_notes.c.what == what) & (alarm_notes.c.t_ms == stamp.t_ms)
        if (
            old is not None
            and context.connection.scalar(select(alarm_notes.c.id).where(again & (alarm_notes.c.actor == actor))) is not None
        ):
            return  # journalled again in a new epoch, and known
        if old is None:
            row = {
                "id": ident,
                "agent": entry.agent,
                "room": context.room_in(entry.agent, record),
                "rule": record["rule"],
                "subject": record["subject"],
                "priority": record.get("priority", "medium"),
                "state": state_of(active=active, acknowledged=False, shelved=False),
                "active": active,
                "since_ms": stamp.t_ms,
                "returned_ms": None if active else stamp.t_ms,
                "value": record.get("value"),
                "limit": record.get("limit"),
                "words": as_json(record.get("words", {})),
                "raw_ms": stamp.raw_ms,
                "boot": stamp.boot,
                "m_ms": record["m"],
            }
            context.connection.execute(insert(alarms).values(row))
            self._changed[ident] = None
        else:
            again = active and not old.active  # a condition that comes back has to be acknowledged again
            acknowledged = old.acknowledged_ms is not None and not again
            values = {
                "active": active,
                "state": state_of(active=active, acknowledged=acknowledged, shelved=old.shelved_until_ms is not None),
                "returned_ms": None if active else stamp.t_ms,
            }
            if again:
                values |= {"acknowledged_by": None, "acknowledged_ms": None}
            self._set(context, ident, **values)
        self._note(context, ident, leaf_idx=entry.leaf_idx, t_ms=stamp.t_ms, what=what, actor=actor, seq=seq)

    def _enrol(self, context: Context, entry: ActEntry) -> None:
        agent, room = entry.body["agent"], entry.body["room"]
        row = insert(agent_rooms).values(agent=agent, room=room)
        context.connection.execute(row.on_conflict_do_update(index_elements=["agent"], set_={"room": room}))
        context.connection.execute(insert(rooms).values(id=room, agent=agent).on_conflict_do_nothing())
        self._rooms[agent] = room

    def _raise(self, context: Context, entry: ActEntry) -> None:
        body = entry.body
        row = {name: body[name] for name in ("agent", "room", "rule", "subject", "priority")}
        row |= {"id": body["alarm"], "state": "unacknowledged", "active": True, "since_ms": entry.t_ms, "words": as_json(body["words"])}
        again = {"active": True, "returned_ms": None, "acknowledged_by": None, "acknowledged_ms": None, "words": row["words"]}
        again["state"] = case((alarms.c.shelved_until_ms.is_not(None), "shelved"), else_="unacknowledged")
        context.connection.execute(insert(alarms).values(row).on_conflict_do_update(index_elements=["id"], set_=again))
        self._changed[body["alarm"]] = None
        self._noted(context, entry, "raised")

    def _return(self, context: Context, entry: ActEntry) -> None:
        old = self._known(context, entry.body["alarm"])
        if old is not None:
            state = state_of(active=False, acknowledged=old.acknowledged_ms is not None, shelved=old.shelved_until_ms is not None)
            self._set(context, old.id, active=False, returned_ms=entry.t_ms, state=state)
            self._noted(context, entry, "returned")

    def _acknowledge(self, context: Context, entry: ActEntry) -> None:
        old = self._known(context, entry.body["alarm"])
        if old is not None:
            state = state_of(active=old.active, acknowledged=True, shelved=old.shelved_until_ms is not None)
            self._set(context, old.id, acknowledged_by=entry.actor, acknowledged_ms=entry.t_ms, state=state)
            self._noted(context, entry, "acknowledged")

    def _shelve(self, context: Context, entry: ActEntry) -> None:
        old = self._known(context, entry.body["alarm"])
        if old is not None:
            until, reason = int(entry.body["until_ms"]), entry.body.get("reason")
            self._set(context, old.id, shelved_until_ms=until, shelved_by=entry.actor, shelved_reason=reason, state="shelved")
            self._noted(context, entry, "shelved")

    def _unshelve(self, context: Context, entry: ActEntry) -> None:
        old = self._known(context, entry.body["alarm"])
        if old is not None:
            state = state_of(active=old.active, acknowledged=old.acknowledged_ms is not None, shelved=False)
            self._set(context, old.id, shelved_until_ms=None, shelved_by=None, shelved_reason=None, state=state)
            self._noted(context, entry, "unshelved")

    def _escalate(self, context: Context, entry: ActEntry) -> None:
        old = self._known(context, entry.body["alarm"])
        if old is not None:
            self._set(context, old.id, escalated_ms=entry.t_ms, priority="urgent")
            self._noted(context, entry, "escalated")

    def _note_only(self, context: Context, entry: ActEntry) -> None:
        if self._known(context, entry.body["alarm"]) is not None:
            self._noted(context, entry, "note")
            self._changed[entry.body["alarm"]] = None
