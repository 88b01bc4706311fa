"""Tells agents what they have to keep: the planned works of their room, and the calendar; again until they have answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from central.environment.alarm_projection import SYSTEM
from central.environment.works.queries import told_calendar, works_of_room
from central.environment.works.tables import commands_kept, works
from central.health.queries import config_of, config_told_ms
from central.health.tables import command_results
from central.ledger import commands
from central.ledger.tables import agents
from wire.codec import dumps

AHEAD_MS = 30 * 86_400_000  # works that begin later are told later
LIFETIME_S = 3600
PATIENCE_MS = 5 * 60_000  # an agent that does not keep what it was told is not told at every turn
WORDS_MAX = 200
TOLD_MAX = 16  # as many as an agent keeps


class Keeper:
    """Compares what each agent was told with what is planned; only agents that are there are told."""

    def run(self, connection: Connection, now_ms: int) -> int:
        """Give the commands that are due; how many."""
        planned = connection.scalar(select(works.c.id).limit(1)) is not None
        calendar = told_calendar(connection, datetime.fromtimestamp(now_ms / 1000, UTC).date())
        if not planned and calendar is None:
            return 0
        count = 0
        for agent in connection.execute(select(agents.c.name, agents.c.room).where(agents.c.online)).all():
            if planned:
                count += self._keep(connection, agent.name, "works.set", {"works": self._works(connection, agent.room, now_ms)}, now_ms)
            if calendar is not None:
                count += self._keep(connection, agent.name, "calendar.set", calendar, now_ms)
        return count

    @staticmethod
    def _works(connection: Connection, room: str, now_ms: int) -> list[dict[str, Any]]:
        coming = works_of_room(connection, room, from_ms=now_ms, to_ms=now_ms + AHEAD_MS)[:TOLD_MAX]
        return [{"id": one.id, "from": one.from_ms, "to": one.over_ms, "words": one.reason[:WORDS_MAX]} for one in coming]

    def _keep(self, connection: Connection, agent: str, name: str, args: dict[str, Any], now_ms: int) -> bool:
        told = connection.execute(select(commands_kept).where(commands_kept.c.agent == agent, commands_kept.c.name == name)).first()
        text = dumps(args)
        if told is None and name == "works.set" and not args["works"]:
            return False
        if told is not None and told.args == text and not self._again(connection, told, args, now_ms):
            return False
        ident = commands.give(connection, agent=agent, name=name, args=args, actor=SYSTEM, lifetime_s=LIFETIME_S)
        row = {"args": text, "command": ident, "given_ms": now_ms}
        done = insert(commands_kept).values(agent=agent, name=name, **row)
        connection.execute(done.on_conflict_do_update(index_elements=["agent", "name"], set_=row))
        return True

    @staticmethod
    def _again(connection: Connection, told: Any, args: dict[str, Any], now_ms: int) -> bool:
        """Whether it has to be said again: not answered in time, or the agent's configuration shows that it has lost it since."""
        result = connection.scalar(
            select(command_results.c.ok).where(command_results.c.id == told.command, command_results.c.agent == told.agent)
        )
        if result is None:
            return bool(told.given_ms + LIFETIME_S * 1000 <= now_ms)
        said_ms = config_told_ms(connection, told.agent)
        if said_ms is None or said_ms <= told.given_ms or told.given_ms + PATIENCE_MS > now_ms:
            return False
        facts = config_of(connection, told.agent)
        if told.name == "calendar.set":
            return "calendar" in facts and facts["calendar"] is None
        kept = facts.get("works")
        have = {str(one.get("id")) for one in kept if isinstance(one, dict)} if isinstance(kept, list) else None
        return have is not None and any(one["id"] not in have for one in args["works"] if one["to"] > now_ms)
