"""Projects rooms, by enrolment, and limits, by what agents say is in force."""

import math
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from central.environment.tables import agent_rooms, limits, rooms
from central.store.projecting import ActEntry, BatchEntry, Context, Handler, Record, handle
from wire.topics import valid_name

ROOMS_MAX = 50  # of one agent
PRIORITIES = ("low", "medium", "high", "urgent")
LIMITS_MAX = 200  # of one agent, which itself takes no more than 64
DELAY_S_MAX = 7 * 86_400.0


def _number(told: Any) -> float | None:
    """A finite number, None for none; ValueError for anything else."""
    if told is None:
        return None
    if isinstance(told, bool) or not isinstance(told, int | float) or not math.isfinite(told):
        raise ValueError(f"{str(told)[:40]!r} is not a number")
    return float(told)


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
        if len(given) > LIMITS_MAX:
            raise ValueError(f"{len(given)} limits are more than the {LIMITS_MAX} that an agent may tell")
        rows: list[dict[str, Any]] = []
        for rule, limit in given.items():
            if limit.get("kind", "value") != "value":
                continue
            row: dict[str, Any] = {name: _number(limit.get(name)) for name in ("above", "below", "deadband", "delay_s")}
            row["delay_s"] = None if row["delay_s"] is None else min(max(row["delay_s"], 0.0), DELAY_S_MAX)
            priority = limit.get("priority")
            channel = f"{entry.agent}.{limit['sensor']}.{limit['quantity']}"
            row |= {"agent": entry.agent, "rule": rule, "channel": channel, "priority": priority if priority in PRIORITIES else None}
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
