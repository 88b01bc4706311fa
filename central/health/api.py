"""`/api/v1/agents`: who is online, how far each lane has come, how the machines are; what a replaced one needs back."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint
from flask_login import current_user
from sqlalchemy import Connection

from central.health import queries
from central.ledger.queries import AgentFacts, Lane, agents_after
from central.store.engine import reading
from central.times import rfc3339, rfc3339_or_none
from central.web import paging
from central.web.fields import IDENT
from central.web.operation import Operation, operation
from central.web.problems import not_found
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


class Documents(msgspec.Struct, frozen=True):
    """What was last in force at an agent: `calibration` {channel: {offset, gain}}, `profile` {bench: thresholds}; `t` null: never told."""

    agent: str
    t: str | None
    calibration: dict[str, Any]
    profile: dict[str, Any]


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


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("agents", __name__, url_prefix="/api/v1")

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
            summary="Calibration and bench profiles last in force at the agent that asks: what it needs on a new disk.",
            result=Documents,
        )
    )
    def agent_documents(agent: str) -> Documents:
        if agent != current_user.name:
            raise not_found("An agent sees its own documents only.")
        with reading(engine()) as connection:
            t_ms, calibration, profile = queries.documents_of(connection, agent)
        return Documents(agent=agent, t=rfc3339_or_none(t_ms), calibration=calibration, profile=profile)

    return made
