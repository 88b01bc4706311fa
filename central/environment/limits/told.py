"""The limits that agents told, and when: what judged a room while nobody had set anything here, and what judges readings that came late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from central.environment.limits.tables import agent_limits

RULES_MAX = 200  # of one agent
Rules = Mapping[str, Mapping[str, Any]]


def rules_in(facts: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    """The rules in a `config` record's facts, without what is no rule; None where it tells none."""
    given = facts.get("limits")
    if not isinstance(given, dict):
        return None
    if len(given) > RULES_MAX:
        raise ValueError(f"{len(given)} limits are more than the {RULES_MAX} that an agent may tell")
    return {name: rule for name, rule in given.items() if isinstance(rule, dict)}


def told_over(connection: Connection, agent: str, *, from_ms: int, to_ms: int) -> list[tuple[int, Rules]]:
    """[(from when, an agent's rules)] as they followed each other within a span, the first from its begin on; [] where none were told.

    What was in force before an agent told anything is not known: the first rules stand in for it.
    """
    mine = select(agent_limits.c.t_ms, agent_limits.c.rules).where(agent_limits.c.agent == agent)
    order = agent_limits.c.t_ms, agent_limits.c.leaf_idx, agent_limits.c.seq
    newest = [part.desc() for part in order]
    begin = connection.execute(mine.where(agent_limits.c.t_ms <= from_ms).order_by(*newest).limit(1)).first()
    rest = connection.execute(mine.where(agent_limits.c.t_ms > from_ms, agent_limits.c.t_ms < to_ms).order_by(*order)).all()
    if begin is None:
        begin = rest[0] if rest else connection.execute(mine.order_by(*order).limit(1)).first()
    if begin is None:
        return []
    return [(from_ms, msgspec.json.decode(begin.rules)), *((row.t_ms, msgspec.json.decode(row.rules)) for row in rest)]


def told_at(connection: Connection, agent: str, at_ms: int) -> Rules:
    """An agent's rules at a moment."""
    found = told_over(connection, agent, from_ms=at_ms, to_ms=at_ms)
    return found[0][1] if found else {}
