"""A storeroom with two days of climate behind it, as its agent would have sent them: a gap, openings, an alarm."""

from __future__ import annotations

import math
from typing import Any

from tests.browser.house import Agent, House, now_ms
from wire.records import record

MINUTE = 60_000
HOUR = 60 * MINUTE
STEP = 5 * MINUTE
LIMITS: dict[str, dict[str, Any]] = {
    "temperature-high": {"sensor": "climate", "quantity": "temperature", "above": 22.0, "below": 16.0, "priority": "high"},
    "humidity-high": {"sensor": "climate", "quantity": "relative_humidity", "above": 55.0, "below": 45.0, "priority": "medium"},
}


def history(agent: Agent, *, days: float = 2.0, warmth: float = 19.0, damp: float = 50.0, until: int | None = None) -> int:
    """Send so many days of climate, one value in five minutes, with a gap of two hours in the middle; when it began."""
    end = until or now_ms()
    start = end - int(days * 24 * HOUR)
    agent.send(
        "readings",
        record("clock", start, 1, boot="b", ok=True, source="test"),
        record("channel", start, 1, i=1, sensor="climate", q="temperature", u="Cel", room=agent.name),
        record("channel", start, 1, i=2, sensor="climate", q="relative_humidity", u="%", room=agent.name),
    )
    gap = range(start + int(days * 12 * HOUR), start + int(days * 12 * HOUR) + 2 * HOUR)
    records = []
    for t in range(start, end, STEP):
        if t in gap:
            continue
        wave = math.sin((t - start) / (24 * HOUR) * 2 * math.pi)
        records.append(record("reading", t, 1, i=1, v=round(warmth + 1.2 * wave + 0.2 * math.sin(t / 1e6), 2)))
        records.append(record("reading", t, 1, i=2, v=round(damp - 4 * wave + 0.5 * math.sin(t / 7e5), 2)))
    for at in range(0, len(records), 900):
        agent.send("readings", *records[at : at + 900])
    return start


def storeroom(house: House, name: str, *, agent: Agent | None = None, **climate: Any) -> Agent:
    """A room of this name that is well, with its history and two openings of its door."""
    agent = agent or house.enrol(name)
    agent.online()
    agent.send("events", record("config", now_ms(), 1, facts={"limits": LIMITS}))
    history(agent, **climate)
    for hours in (30, 3):
        agent.door("open", t=now_ms() - hours * HOUR)
        agent.door("closed", t=now_ms() - hours * HOUR + 4 * MINUTE)
    return agent
