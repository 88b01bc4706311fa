"""Limits, profiles and rooms' settings from the acts of those who set them; what agents told of their own from their records."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from central.environment.limits.asked import Asked
from central.environment.limits.media import Profile
from central.environment.limits.tables import agent_limits, limit_profiles, room_limits, room_settings
from central.environment.limits.told import rules_in
from central.store.projecting import ActEntry, BatchEntry, Context, Record, handle
from wire.topics import valid_name


def _room(entry: ActEntry) -> str:
    room = entry.body["room"]
    if not isinstance(room, str) or not valid_name(room):
        raise ValueError(f"{str(room)[:60]!r} is not the name of a room")
    return room


class LimitsProjector:
    """What people set; a row an act, so that every change stays with who and when."""

    def __init__(self) -> None:
        """Empty; `load` fills it."""
        self._told: dict[str, str] = {}  # what each agent told last, as its row has it

    def load(self, connection: Connection) -> None:
        """Read what agents told last."""
        rows = connection.execute(select(agent_limits).order_by(agent_limits.c.leaf_idx, agent_limits.c.seq))
        self._told = {row.agent: row.rules for row in rows}

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Keep each change of what an agent tells of its limits."""
        handle({"config": self._config}, context, entry)

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project an act; an erased body changes nothing."""
        done = {"limits.profile": self._profile, "room.limits": self._limits, "room.set": self._settings}.get(entry.kind)
        if done is not None and entry.body:
            done(context.connection, entry)
            if context.live is not None and entry.kind != "limits.profile":
                context.tell("agent", agent=None, room=str(entry.body["room"]), data={"room": entry.body["room"], "set": entry.kind})

    def _config(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        rules = rules_in(record["facts"])
        if rules is None:
            return
        text = msgspec.json.encode(rules, order="sorted").decode()
        if self._told.get(entry.agent) == text:
            return
        self._told[entry.agent] = text
        t_ms = context.clock.stamp(entry, seq, record["t"], record["m"]).t_ms
        row = {"leaf_idx": entry.leaf_idx, "seq": seq, "agent": entry.agent, "t_ms": t_ms, "rules": text}
        context.connection.execute(insert(agent_limits).values(row))

    def _profile(self, connection: Connection, entry: ActEntry) -> None:
        profile = msgspec.convert(entry.body["profile"], Profile)
        row = {"leaf_idx": entry.leaf_idx, "profile": profile.id, "facts": msgspec.json.encode(profile).decode()}
        row |= {"retired": bool(entry.body.get("retired", False)), "t_ms": entry.t_ms, "actor": entry.actor}
        connection.execute(insert(limit_profiles).values(row))

    def _limits(self, connection: Connection, entry: ActEntry) -> None:
        room = _room(entry)
        asked = msgspec.convert({name: value for name, value in entry.body.items() if name not in ("room", "actor")}, Asked)
        row = {"leaf_idx": entry.leaf_idx, "room": room, "facts": msgspec.json.encode(asked).decode()}
        connection.execute(insert(room_limits).values(row | {"t_ms": entry.t_ms, "actor": entry.actor}))

    def _settings(self, connection: Connection, entry: ActEntry) -> None:
        body, room = entry.body, _room(entry)
        before = connection.scalar(select(room_settings.c.changes).where(room_settings.c.room == room)) or 0
        texts = {
            name: str(body[name])[:most] if body.get(name) else None for name, most in (("name_en", 120), ("name_zh", 120), ("note", 2000))
        }
        row = {"room": room, **texts, "outdoor": bool(body.get("outdoor", False)), "changes": before + 1}
        row |= {"t_ms": entry.t_ms, "actor": entry.actor}
        connection.execute(insert(room_settings).values(row).on_conflict_do_update(index_elements=["room"], set_=row))
