"""`/api/v1/agents`: who is online, how far each lane has come, how the machines are, what is asked of them, what a replaced one needs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint
from flask_login import current_user
from sqlalchemy import Connection

from central.digitization.people.queries import operators_of_agent
from central.health import queries
from central.ledger import commands
from central.ledger.queries import AgentFacts, Lane, agents_after, room_of
from central.store.engine import reading, writing
from central.times import rfc3339, rfc3339_or_none
from central.web import paging
from central.web.fields import IDENT
from central.web.operation import Operation, operation
from central.web.problems import bad_field, not_found
from central.web.state import engine

MB = 1024 * 1024


class Camera(msgspec.Struct, frozen=True):
    """A custody camera as its recorder last told it: `state` recording, down or paused (disk short), and why."""

    id: str
    state: str
    why: str | None
    t: str


class Agent(msgspec.Struct, frozen=True):
    """An agent: `lanes` as committed here, `health` as its core last reported, `disk_free` in bytes."""

    name: str
    room: str
    online: bool
    last_seen: str | None
    version: str | None
    lanes: list[Lane]
    disk_free: int | None
    health: dict[str, Any]
    cameras: list[Camera]


class Agents(msgspec.Struct, frozen=True):
    """A page of agents, by name."""

    items: list[Agent]
    next: str | None


Plain = str | int | float | bool | None


class AgentCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent is asked to do; e.g. calibration.set with {"channel": "room-101.climate.temperature", "offset": -0.3}.

    Limits, works and the calendar are not among it: they are set for a room, or for all, where the act keeps who and why
    (`POST /rooms/{room}/limits`, `POST /rooms/{room}/works`, `PUT /calendar`), and the centre sees that agents keep them. One given here
    would be undone at the next turn.
    """

    name: Literal["output.set", "identify", "config.get", "calibration.set", "profile.set"]
    args: dict[Annotated[str, msgspec.Meta(max_length=40)], Plain | dict[str, Plain | list[str]]] = {}
    expires_s: commands.Lifetime = commands.LIFETIME_S


class Command(msgspec.Struct, frozen=True):
    """How a command stands: waiting, sent, done, failed or expired."""

    id: str
    name: str
    agent: str
    state: str
    why: str | None


class Documents(msgspec.Struct, frozen=True):
    """What was last in force at an agent.

    `calibration` {channel: {offset, gain, …}}, `profile` {bench: thresholds}, `limits` {rule: limit} (null: those of its own file),
    `works`, `calendar` (null: none was set), `operators` {bench: who may sign in there}; `t` null: never told.
    """

    agent: str
    t: str | None
    calibration: dict[str, Any]
    profile: dict[str, Any]
    limits: dict[str, Any] | None
    works: list[Any]
    calendar: dict[str, Any] | None
    operators: dict[str, list[dict[str, str]]]


def agent_of(connection: Connection, facts: AgentFacts) -> Agent:
    """An agent's shape from what the ledger and its own reports say."""
    health = queries.health_of(connection, facts.name)
    free_mb, version = health.get("disk_free_mb"), facts.status.get("version") or health.get("version")
    return Agent(
        name=facts.name,
        room=facts.room,
        online=facts.online,
        last_seen=facts.last_seen,
        version=version if isinstance(version, str) else None,
        lanes=facts.lanes,
        disk_free=int(free_mb * MB) if isinstance(free_mb, int | float) else None,
        health=health,
        cameras=[Camera(camera, state, why, rfc3339(t_ms)) for camera, t_ms, state, why in queries.cameras_of(connection, facts.name)],
    )


def _command_routes(made: Blueprint) -> None:
    @made.post(f"/agents/<{IDENT}:agent>/commands")
    @operation(
        Operation(
            right="agents.command",
            summary="Ask an agent to do something; its result comes on `live`.",
            body=AgentCommand,
            result=commands.Given,
            status=202,
        )
    )
    def agent_command(agent: str, body: AgentCommand) -> commands.Given:
        if len(msgspec.json.encode(body.args)) > commands.ARGS_BYTES_MAX:
            raise bad_field("args", f"at most {commands.ARGS_BYTES_MAX} bytes")
        if body.name in commands.OWN_WAY:
            raise bad_field("name", f"{body.name} has a route of its own")
        with writing(engine()) as connection:
            if room_of(connection, agent) is None:
                raise not_found("There is no such agent.")
            who = current_user.name
            ident = commands.give(connection, agent=agent, name=body.name, args=body.args, actor=who, lifetime_s=body.expires_s)
        return commands.Given(id=ident)

    @made.get(f"/commands/<{IDENT}:command>")
    @operation(Operation(right="agents.read", summary="How a command stands.", result=Command))
    def command_show(command: str) -> Command:
        with reading(engine()) as connection:
            given = commands.given(connection, command)
            result = queries.command_result(connection, command)
        if given is None:
            raise not_found("There is no such command.")
        if result is not None:
            state, why = ("done" if result.ok else "failed"), result.why
        else:
            state, why = commands.state_of(given), None
        return Command(id=given.id, name=given.name, agent=given.agent, state=state, why=why)


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("agents", __name__, url_prefix="/api/v1")
    _command_routes(made)

    @made.get("/agents")
    @operation(Operation(right="agents.read", summary="The controllers in rooms and at benches.", query=paging.Paged, result=Agents))
    def agents_list(query: paging.Paged) -> Agents:
        key = paging.decode(query.cursor, str)
        with reading(engine()) as connection:
            rows = agents_after(connection, after=str(key[0]) if key else "", limit=query.limit + 1)
            facts, after = paging.cut(rows, query.limit, lambda row: (row.name,))
            return Agents(items=[agent_of(connection, one) for one in facts], next=after)

    @made.get(f"/agents/<{IDENT}:agent>/documents")
    @operation(
        Operation(
            right="documents.restore",
            summary="Calibration, limits, works, calendar and profiles last set at the agent that asks: what it needs on a new disk.",
            result=Documents,
        )
    )
    def agent_documents(agent: str) -> Documents:
        if agent != current_user.name:
            raise not_found("An agent sees its own documents only.")
        with reading(engine()) as connection:
            t_ms, documents = queries.documents_of(connection, agent)
            operators = operators_of_agent(connection, agent)
        return Documents(agent=agent, t=rfc3339_or_none(t_ms), operators=operators, **documents)

    return made
