"""What agents say of themselves, for those who look after them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from central.health.tables import CORE, agent_config, agent_documents, command_results, health

REPORT_MAX_S = 86_400
SETTINGS: Mapping[str, Any] = {"limits": None, "works": [], "calendar": None}
_BIND = re.compile(r"(?:\[[0-9a-fA-F:]{2,39}\]|[A-Za-z0-9.-]{1,253}):\d{1,5}")


def health_of(connection: Connection, agent: str) -> dict[str, Any]:
    """The newest report of an agent's core, {} before the first."""
    own = (health.c.agent == agent) & (health.c.part == CORE)
    text = connection.scalar(select(health.c.facts).where(own).order_by(health.c.t_ms.desc()).limit(1))
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def cameras_of(connection: Connection, agent: str) -> list[tuple[str, int, str, str | None]]:
    """(camera, wall ms, state, why) of each camera as the agent's recorder last told it, by name."""
    rows = connection.execute(select(health).where((health.c.agent == agent) & (health.c.part != CORE)).order_by(health.c.t_ms))
    told: dict[str, tuple[str, int, str, str | None]] = {}
    for row in rows:
        facts = json.loads(row.facts)
        if facts.get("camera") == row.part:
            why = facts.get("why")
            told[row.part] = (row.part, row.t_ms, str(facts.get("state")), why if isinstance(why, str) and why else None)
    return [told[name] for name in sorted(told)]


def config_of(connection: Connection, agent: str) -> dict[str, Any]:
    """What is in force at an agent, {} before it has said so."""
    facts = connection.scalar(select(agent_config.c.facts).where(agent_config.c.agent == agent))
    found = json.loads(facts) if facts else {}
    return found if isinstance(found, dict) else {}


def limits_told(connection: Connection, agents: Sequence[str]) -> dict[str, dict[str, Any]]:
    """agent -> the limits that it told last, by rule; agents that told none are left out."""
    rows = connection.execute(select(agent_config.c.agent, agent_config.c.facts).where(agent_config.c.agent.in_(list(agents))))
    told = {row.agent: json.loads(row.facts).get("limits") for row in rows}
    return {agent: limits for agent, limits in told.items() if isinstance(limits, dict)}


def report_s_of(facts: Mapping[str, Any], sensor: str) -> float | None:
    """How often a sensor is journalled when nothing happens, by its agent's configuration: its own, else the agent's; None if untold."""
    sensors = facts.get("sensors")
    own = sensors.get(sensor) if isinstance(sensors, dict) else None
    for told in (own.get("report_s") if isinstance(own, dict) else None, facts.get("report_s")):
        if isinstance(told, int | float) and not isinstance(told, bool) and 1 <= told <= REPORT_MAX_S:
            return float(told)
    return None


def config_told_ms(connection: Connection, agent: str) -> int | None:
    """When an agent last told what is in force, in wall milliseconds; None before it has."""
    return connection.scalar(select(agent_config.c.t_ms).where(agent_config.c.agent == agent))


def documents_of(connection: Connection, agent: str) -> tuple[int | None, dict[str, Any]]:
    """(wall ms of the record, what was last set at an agent); None and empty before it said so.

    The documents: calibration by channel, profile by bench, limits by rule (None: its own file's), works, calendar (None: none was set).
    """
    row = connection.execute(select(agent_documents).where(agent_documents.c.agent == agent)).first()
    if row is None:
        return None, {"calibration": {}, "profile": {}, **SETTINGS}
    settings = json.loads(row.settings) if row.settings else {}
    told = {name: value for name, value in settings.items() if name in SETTINGS and value is not None}
    return row.t_ms, {"calibration": json.loads(row.calibration), "profile": json.loads(row.profile), **SETTINGS, **told}


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
