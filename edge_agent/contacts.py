"""Doors and other contacts: each change becomes a durable event first, then asks for a clip, then meets the alarm rules."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from edge_agent.alarms import AlarmDesk
from edge_agent.async_journal import AsyncJournal, to_the_end
from edge_agent.errors import JournalFull
from edge_agent.memory import Errand
from wire.records import record

RECORDER = "recorder"
WAITING_MAX = 1000  # changes that wait for the disk; a contact that bounces faster is counted
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Edge:
    """A contact's new state with the time of its first edge."""

    name: str
    state: str
    t: int
    m: int


class ContactDesk:
    """Takes changes from the contacts' drivers in the event loop, and treats them in their order."""

    def __init__(
        self,
        kinds: Mapping[str, str],
        *,
        watched: frozenset[str],
        journal: AsyncJournal,
        desk: AlarmDesk,
        agent: str,
        room: str,
        on_errand: Callable[[Errand], Any],
        on_mains_failure: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """kinds: contact name -> kind; watched: contacts at which a camera looks; `on_errand` is awaited with each stored errand.

        `on_mains_failure()` is awaited once the failure stands in the journal: the time to bring everything else to the disk.
        """
        self._kinds = dict(kinds)
        self._watched = watched
        self._journal = journal
        self._desk = desk
        self._agent = agent
        self._room = room
        self._on_errand = on_errand
        self._on_mains_failure = on_mains_failure
        self._edges: asyncio.Queue[Edge] = asyncio.Queue(WAITING_MAX)
        self._listeners: list[Callable[[str, str], None]] = []
        self.states: dict[str, str] = {}
        self.changed_m: dict[str, int] = {}
        self.changes = 0
        self.dropped = 0

    def on_state(self, listener: Callable[[str, str], None]) -> None:
        """Call `listener(contact, state)` at each change, once it is journalled."""
        self._listeners.append(listener)

    def changed(self, name: str, state: str, t: int, m: int) -> None:
        """A contact has changed; called by its driver in the event loop."""
        try:
            self._edges.put_nowait(Edge(name, state, t, m))
        except asyncio.QueueFull:
            if not self.dropped:
                log.error("contact %s changes faster than the disk takes it: changes are dropped", name)
            self.dropped += 1

    async def run(self) -> None:
        """Treat changes until cancelled; what has already come is treated before the end."""
        try:
            while True:
                await to_the_end(self._one(await self._edges.get()))
        finally:
            while not self._edges.empty():
                await self._one(self._edges.get_nowait())

    async def _one(self, edge: Edge) -> None:
        subject = f"{self._agent}/{edge.name}"
        first = edge.name not in self.states
        self.states[edge.name] = edge.state
        self.changed_m[edge.name] = edge.m
        self.changes += 1
        made = {**record("contact", edge.t, edge.m, contact=subject, state=edge.state), "kind": self._kinds[edge.name], "room": self._room}
        log.info("%s is %s", edge.name, edge.state)
        due: list[Errand] = []

        def errands(epoch: str, seq: int) -> list[Errand]:
            if not first and edge.name in self._watched:
                opened = sorted(name for name, state in self.states.items() if state in ("open", "active"))
                args = {"contact": subject, "event": f"{self._agent}:{epoch}:{seq}", "t": edge.t, "state": edge.state, "contacts": opened}
                due.append(Errand(id=str(uuid4()), child=RECORDER, name="clip.pin", args=args))
            return due

        try:
            if self._journal.held("events") and not await self._journal.retry("events"):
                raise JournalFull("earlier events are still waiting for the disk")
            await self._journal.append("events", [made], errands=errands)
        except JournalFull:
            due.clear()  # nobody can write a clip now either
            await self._journal.keep("events", [made])
        for errand in due:
            await self._on_errand(errand)
        for listener in self._listeners:
            listener(edge.name, edge.state)
        await self._desk.contact(subject, edge.state, t=edge.t, m=edge.m)
        if self._on_mains_failure is not None and self._kinds[edge.name] == "mains" and edge.state == "active":
            await self._on_mains_failure()

    def rows(self, now_m: int) -> list[dict[str, Any]]:
        """One row a contact for the probe."""
        return [
            {
                "device": name,
                "what": kind,
                "value": self.states.get(name),
                "unit": "",
                "quality": "good" if name in self.states else "bad",
                "ok": name in self.states,
                "why": "" if name in self.states else "its driver has told no state",
                "age_ms": now_m - self.changed_m[name] if name in self.changed_m else None,
                "took_ms": None,
            }
            for name, kind in self._kinds.items()
        ]
