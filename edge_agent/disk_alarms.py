"""One alarm for each step that a filling disk takes, raised while the step is still coming."""

from typing import Any

from edge_agent.alarms import AlarmDesk, condition_rule
from edge_agent.disk_guard import level_args
from edge_agent.quota import DiskState, Level
from edge_agent.rule import Rule
from edge_agent.words import words_for

PRIORITIES = {
    Level.NOTICE: "medium",
    Level.NO_VIDEO: "high",
    Level.NO_CAPTURE: "high",
    Level.THIN_READINGS: "high",
    Level.EVENTS_ONLY: "urgent",
}


def _name(level: Level) -> str:
    return f"disk-{level.name.lower().replace('_', '-')}"


def disk_rules(agent: str) -> list[Rule]:
    """A rule for each step."""
    return [
        condition_rule(_name(level), f"{agent}/disk", priority=what, words=words_for(_name(level))) for level, what in PRIORITIES.items()
    ]


async def tell_level(desk: AlarmDesk, state: DiskState) -> None:
    """Raise the alarms of the steps that are taken or coming, end the others."""
    for level in PRIORITIES:
        await desk.condition(_name(level), state.level >= level or state.coming == level)


def told_to_children(state: DiskState) -> dict[str, Any]:
    """The arguments of `disk.level`: level, name, free, and what a child must stop."""
    stopped = {"no_video": Level.NO_VIDEO, "no_capture": Level.NO_CAPTURE, "events_only": Level.EVENTS_ONLY}
    return {**level_args(state), **{what: state.level >= level for what, level in stopped.items()}}
