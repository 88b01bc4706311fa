"""Sends a room's limits to its agents and sees that they keep them: again where an agent tells others, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from central.environment.limits.asked import Asked
from central.environment.limits.queries import asked_of
from central.environment.limits.rules import Rules, is_in_force, to_agent
from central.environment.limits.tables import room_limits
from central.environment.tables import channels
from central.health.queries import command_result, config_of, config_told_ms
from central.ledger import commands
from central.times import now_ms, rfc3339_or_none

NAME = "limits.set"
LIFETIME_S = 600  # an agent that is away longer gets them again when it is back
RETRY_S = 900  # of a command that was not answered, or refused
ASKED_AGENTS_MAX = 1000
SYSTEM = "system"


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """How a room's limits stand at one of its agents.

    `state`: kept (the agent tells them), sent, refused, expired, waiting (not sent yet), own (none were set: the agent keeps its file's).
    """

    agent: str
    state: str
    why: str | None
    asked_by: str | None
    asked: str | None
    told: str | None  # when the agent last told what it keeps
    source: str | None  # file or centre, as it says
    rules: int
    sensors: list[str]


def _sensors(connection: Connection, agent: str) -> dict[str, tuple[str, frozenset[str]]]:
    found: dict[str, tuple[str, set[str]]] = {}
    query = select(channels.c.sensor, channels.c.room, channels.c.q).where(channels.c.agent == agent)
    for row in connection.execute(query):
        found.setdefault(row.sensor, (row.room, set()))[1].add(row.q)
    return {name: (room, frozenset(measured)) for name, (room, measured) in found.items()}


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    limits = facts.get("limits")
    return dict(limits) if isinstance(limits, dict) else {}


def _asked_at(connection: Connection, sensors: Mapping[str, tuple[str, frozenset[str]]]) -> dict[str, Asked]:
    found: dict[str, Asked] = {}
    for room in sorted({room for room, _ in sensors.values()}):
        change = asked_of(connection, room)
        if change is not None:
            found[room] = change.asked
    return found


def wanted_at(connection: Connection, agent: str) -> Rules | None:
    """The rules that an agent should keep; None where nothing was set for its rooms, or all of it was taken back."""
    sensors = _sensors(connection, agent)
    asked = _asked_at(connection, sensors)
    live = {room: what for room, what in asked.items() if what != Asked(media=[])}
    return to_agent(live, sensors, _told(config_of(connection, agent))) if live else None


def send(connection: Connection, agent: str, *, actor: str) -> str:
    """Ask an agent to keep what is wanted now, its own file's limits where nothing is; the command's id."""
    return commands.give(
        connection, agent=agent, name=NAME, args={"limits": wanted_at(connection, agent)}, actor=actor, lifetime_s=LIFETIME_S
    )


def agents_of(connection: Connection, room: str) -> list[str]:
    """The agents that have sensors in a room."""
    return list(connection.scalars(select(channels.c.agent).where(channels.c.room == room).distinct().order_by(channels.c.agent)))


def _keeps(connection: Connection, agent: str, wanted: Rules | None, facts: Mapping[str, Any]) -> bool:
    if wanted is None:
        return facts.get("limits_source") != "centre"
    return is_in_force(wanted, _told(facts))


def state_at(connection: Connection, room: str, agent: str) -> InForce:
    """How a room's limits stand at an agent."""
    facts, wanted, change = config_of(connection, agent), wanted_at(connection, agent), asked_of(connection, room)
    sensors = sorted(name for name, (where, _) in _sensors(connection, agent).items() if where == room)
    last = commands.last_given(connection, agent=agent, name=NAME)
    state, why = ("own" if wanted is None else "kept"), None
    if not _keeps(connection, agent, wanted, facts):
        state, why = "waiting", None
        if last is not None:
            result = command_result(connection, last.id)
            if result is not None and not result.ok:
                state, why = "refused", result.why
            elif result is None:
                state = commands.state_of(last)
    about = {"asked_by": change.actor, "asked": change.t} if change is not None else {"asked_by": None, "asked": None}
    told_ms = config_told_ms(connection, agent)
    source = facts.get("limits_source")
    return InForce(
        agent=agent,
        state=state,
        why=why,
        told=rfc3339_or_none(told_ms),
        source=source if isinstance(source, str) else ("file" if facts else None),
        rules=len(_told(facts)),
        sensors=sensors,
        **about,
    )


def resend(connection: Connection, at_ms: int | None = None) -> int:
    """Send limits again to every agent that tells others than were asked for, one command at a time; how many were sent.

    For the rules by clock, and idempotent: an agent that keeps them, is being asked, or was asked within RETRY_S gets nothing.
    """
    now = now_ms() if at_ms is None else at_ms
    rooms = select(room_limits.c.room).distinct()
    query = select(channels.c.agent).where(channels.c.room.in_(rooms)).distinct().order_by(channels.c.agent).limit(ASKED_AGENTS_MAX)
    sent = 0
    for agent in connection.scalars(query).all():
        facts = config_of(connection, agent)
        if not facts or _keeps(connection, agent, wanted_at(connection, agent), facts):
            continue
        last = commands.last_given(connection, agent=agent, name=NAME)
        if last is not None and now < max(last.expires_ms, last.created_ms + RETRY_S * 1000):
            continue
        send(connection, agent, actor=SYSTEM)
        sent += 1
    return sent
