"""The core's child processes: how each is started, what they are told, and the alarms about those that fail."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from edge_agent.alarms import AlarmDesk, condition_rule
from edge_agent.config import Config
from edge_agent.contacts import RECORDER
from edge_agent.disk_alarms import tell_level, told_to_children
from edge_agent.handoff import HandoffServer
from edge_agent.quota import DiskState
from edge_agent.rule import Rule
from edge_agent.supervisor import Child, Supervisor
from edge_agent.words import words_for

WATCH_S = 5.0
FAILING = 3  # a child that failed so often within FAILING_S raises an alarm
FAILING_S = 600.0
CAMERA_S = 20.0  # a camera that is back sooner, after a dropped packet say, is no alarm
STATION = "station:"
log = logging.getLogger(__name__)


def children_of(config: Config) -> dict[str, Child]:
    """The child processes that a configuration asks for, by name."""
    options = ["--config", str(config.path), "--core", str(os.getpid())]
    commands = {f"{STATION}{bench}": ["edge_agent.station", "--bench", bench, *options] for bench in config.benches}
    if config.cameras:
        commands[RECORDER] = ["edge_agent.recorder", *options]
    return {name: Child(name, [sys.executable, "-m", *command]) for name, command in commands.items()}


def _down(what: str) -> str:
    return f"{what.replace(':', '-')}-down"


def down_rules(config: Config) -> list[Rule]:
    """Alarm rules about children that keep failing, and about cameras that the recorder has lost."""
    made = []
    for what in (*children_of(config), *(f"camera:{name}" for name in config.cameras)):
        kind, _, name = what.rpartition(":")
        camera = kind == "camera"
        words = words_for("camera", what=name) if camera else words_for("child", what=what)
        delay_s = CAMERA_S if camera else 0.0
        made.append(condition_rule(_down(what), f"{config.name}/{name}", priority="high", words=words, delay_s=delay_s))
    return made


class Family:
    """Tells the children how disk and link stand, and the alarm desk how the children do."""

    def __init__(self, handoff: HandoffServer, desk: AlarmDesk, supervisor: Supervisor, *, online: Callable[[], bool]) -> None:
        """`online()` says whether the broker is connected. Nothing is told before the handoff starts."""
        self._handoff = handoff
        self._desk = desk
        self._supervisor = supervisor
        self._online = online
        self._disk: DiskState | None = None
        self.cameras: dict[str, str] = {}
        handoff.on_join(self._joined)
        handoff.on_record(self._record)

    async def disk_level(self, state: DiskState) -> None:
        """The disk's level has changed: alarms, and word to the children."""
        self._disk = state
        await tell_level(self._desk, state)
        await self._handoff.broadcast("disk.level", told_to_children(state))

    async def watch(self, children: dict[str, Child]) -> None:
        """Alarm about children that keep failing until they have run for a while; tell benches whether the centre can be reached."""
        while True:
            for name in children:
                failing = self._supervisor.failures(name, within_s=FAILING_S) >= FAILING
                await self._desk.condition(_down(name), failing)
            await self._tell_link()
            await asyncio.sleep(WATCH_S)

    async def _joined(self, child: str) -> None:
        log.debug("%s has joined", child)
        if self._disk is not None:
            await self._handoff.broadcast("disk.level", told_to_children(self._disk))
        await self._tell_link()

    async def _tell_link(self) -> None:
        if any(child.startswith(STATION) for child in self._handoff.children):
            await self._handoff.broadcast("link.state", {"centre": self._online()})

    async def _record(self, child: str, made: dict[str, Any]) -> None:
        """The recorder says in a health record that it has lost a camera, or has it again."""
        facts = made.get("facts")
        if child == RECORDER and made["k"] == "health" and isinstance(facts, dict) and "camera" in facts:
            name = str(facts["camera"]).rpartition("/")[2]
            self.cameras[name] = str(facts.get("state"))
            await self._desk.condition(_down(f"camera:{name}"), facts.get("state") == "down")
