"""Lights of volumes: green, yellow or red by the hours that one has stood at its step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, or_, select

from central.digitization.process.machine import BY_NAME, DONE, HOUR_MS, STEPS
from central.digitization.process.tables import step_limits, volumes


@dataclass(frozen=True)
class Limits:
    """From how many hours on a step's light is yellow and red."""

    yellow_h: dict[str, int]
    red_h: dict[str, int]

    def late(self, now_ms: int) -> ColumnElement[bool]:
        """The condition for a volume whose light is red."""
        return self._beyond(self.red_h, now_ms)

    def soon(self, now_ms: int) -> ColumnElement[bool]:
        """The condition for a volume whose light is yellow or red."""
        return self._beyond(self.yellow_h, now_ms)

    def light(self, now_ms: int) -> ColumnElement[str]:
        """The light as a column."""
        return case((volumes.c.step == DONE, "green"), (self.late(now_ms), "red"), (self.soon(now_ms), "yellow"), else_="green")

    @staticmethod
    def _beyond(hours: dict[str, int], now_ms: int) -> ColumnElement[bool]:
        each = [and_(volumes.c.step == step, volumes.c.since_ms <= now_ms - count * HOUR_MS) for step, count in hours.items()]
        return or_(*each)


def limits_of(connection: Connection) -> Limits:
    """The limits in force: as a supervisor set them, ours where none did."""
    given = {row.step: row for row in connection.execute(select(step_limits)) if row.step in BY_NAME}
    return Limits(
        {step.name: given[step.name].yellow_h if step.name in given else step.yellow_h for step in STEPS},
        {step.name: given[step.name].red_h if step.name in given else step.red_h for step in STEPS},
    )


def light_of(row: Row[Any], limits: Limits, now_ms: int) -> str:
    """The light of a volume's row."""
    if row.step == DONE:
        return "green"
    hours = (now_ms - row.since_ms) / HOUR_MS
    return "red" if hours >= limits.red_h[row.step] else "yellow" if hours >= limits.yellow_h[row.step] else "green"
