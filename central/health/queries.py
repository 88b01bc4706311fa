"""What agents say of themselves, for those who look after them."""

from __future__ import annotations

import json
import re
from typing import Any

from sqlalchemy import Connection, select

from central.health.tables import agent_config, agent_documents, command_results, health

_BIND = re.compile(r"(?:\[[0-9a-fA-F:]{2,39}\]|[A-Za-z0-9.-]{1,253}):\d{1,5}")


def health_of(connection: Connection, agent: str) -> dict[str, Any]:
    """The newest report of an agent's core, {} before the first; `cameras` is what its recorder has said of them."""
    core: dict[str, Any] = {}
    cameras: dict[str, Any] = {}
    for text in connection.scalars(select(health.c.facts).where(health.c.agent == agent).order_by(health.c.t_ms)):
        facts = json.loads(text)
        if isinstance(facts.get("camera"), str):
            cameras[facts["camera"]] = {name: facts[name] for name in ("state", "why") if name in facts}
        elif not isinstance(facts.get("station"), str):
            core = facts
    return core | ({"cameras": cameras} if cameras else {})


def config_of(connection: Connection, agent: str) -> dict[str, Any]:
    """What is in force at an agent, {} before it has said so."""
    facts = connection.scalar(select(agent_config.c.facts).where(agent_config.c.agent == agent))
    found = json.loads(facts) if facts else {}
    return found if isinstance(found, dict) else {}


def documents_of(connection: Connection, agent: str) -> tuple[int | None, dict[str, Any], dict[str, Any]]:
    """(wall ms of the record, calibration by channel, profile by bench) as last in force at an agent; None and empty before it said so."""
    row = connection.execute(select(agent_documents).where(agent_documents.c.agent == agent)).first()
    return (row.t_ms, json.loads(row.calibration), json.loads(row.profile)) if row is not None else (None, {}, {})


def screen_of(connection: Connection, agent: str, bench: str) -> str | None:
    """The address of a bench's own screen, where its configuration names one; anything but host:port is not turned into a link."""
    benches = config_of(connection, agent).get("benches")
    told = benches.get(bench) if isinstance(benches, dict) else None
    bind = told.get("screen") if isinstance(told, dict) else None
    return f"http://{bind}/" if isinstance(bind, str) and _BIND.fullmatch(bind) else None


def agents_with_benches(connection: Connection) -> frozenset[str]:
    """The agents whose configuration names a bench."""
    rows = connection.execute(select(agent_config.c.agent, agent_config.c.facts))
    return frozenset(row.agent for row in rows if json.loads(row.facts).get("benches"))


def command_result(connection: Connection, ident: str) -> Any:
    """How a command ended, None before it has."""
    return connection.execute(select(command_results).where(command_results.c.id == ident)).first()
