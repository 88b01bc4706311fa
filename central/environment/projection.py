"""Projects rooms, by enrolment, and limits, by what agents say is in force."""

from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from central.environment.tables import agent_rooms, limits, rooms
from central.store.projecting import ActEntry, BatchEntry, Context, Handler, Record, handle
from wire.topics import valid_name

ROOMS_MAX = 50  # of one agent


class RoomProjector:
    """Rooms by enrolment and by what records name, limits by configuration."""

    def __init__(self) -> None:
        """Empty; `load` fills it."""
        self._rooms: dict[str, str] = {}
        self._handlers: dict[str, Handler] = {"config": self._config, "channel": self._room, "contact": self._room}

    def load(self, connection: Connection) -> None:
        """Read the agents' rooms."""
        self._rooms = {row.agent: row.room for row in connection.execute(select(agent_rooms))}

    def room_of(self, agent: str) -> str:
        """The room of an agent, as enrolled; its own name before."""
        return self._rooms.get(agent, agent)

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Project a batch's rooms and configuration."""
        handle(self._handlers, context, entry)

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project an enrolment."""
        if entry.kind == "agent.enrol" and entry.body:
            self._enrol(context, entry)

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

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
        """Limits stand in `facts.limits`: {rule: {kind?, sensor, quantity, above?, below?, deadband?, delay_s?, priority?}}.

        Those of another kind than `value` have no one limit of one quantity and stand in the agent's facts alone.
        """
        given = record["facts"].get("limits")
        if not isinstance(given, dict):
            return
        rows: list[dict[str, Any]] = []
        for rule, limit in given.items():
            if limit.get("kind", "value") != "value":
                continue
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

    def _enrol(self, context: Context, entry: ActEntry) -> None:
        agent, room = entry.body["agent"], entry.body["room"]
        row = insert(agent_rooms).values(agent=agent, room=room)
        context.connection.execute(row.on_conflict_do_update(index_elements=["agent"], set_={"room": room}))
        context.connection.execute(insert(rooms).values(id=room, agent=agent).on_conflict_do_nothing())
        self._rooms[agent] = room
