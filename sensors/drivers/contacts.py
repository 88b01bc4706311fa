"""Contacts on GPIO pins (door, motion, leak, smoke, exit request), debounced here: an opening counts from its first edge."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sensors.readings import now
from sensors.transports.gpio import EdgeInput, Pins

WORDS = {"door": ("closed", "open")}
OTHER_WORDS = ("inactive", "active")
TICK_S = 0.001


class Debouncer:
    """Turns edges into changes of state; pure, times in seconds on one clock.

    Becoming active is told at its first edge, at once. Edges that follow within the settling time of the one before fold into it.
    Becoming inactive is told when the pin has been quiet for that time, with the time of the edge that led there.
    """

    def __init__(self, settle_s: float, *, active: bool) -> None:
        """settle_s: the settling time; active: the state at the start."""
        self._settle_s = settle_s
        self._edge_at: float | None = None
        self.level = active
        self.active = active

    @property
    def due_s(self) -> float | None:
        """When `settle` will have something to decide, None while nothing is open."""
        return None if self._edge_at is None else self._edge_at + self._settle_s

    def edge(self, active: bool, at_s: float) -> list[tuple[bool, float]]:
        """Take an edge; the changes (state, its time) that are now certain."""
        changes = self.settle(at_s)
        self.level = active
        self._edge_at = at_s
        if active and not self.active:
            self.active = True
            changes.append((True, at_s))
        return changes

    def settle(self, now_s: float) -> list[tuple[bool, float]]:
        """Nothing new until now_s: the changes that are now certain."""
        if self._edge_at is None or now_s - self._edge_at < self._settle_s:
            return []
        at_s, self._edge_at = self._edge_at, None
        if self.level == self.active:
            return []
        self.active = self.level
        return [(self.active, at_s)]


class GpioContact:
    """One contact; tells `on_change(state, t_ms, m_ms)` in the event loop: first the present state, then each change.

    state: open/closed for a door, active/inactive for the others; t_ms and m_ms: wall time and CLOCK_BOOTTIME of the edge.
    """

    def __init__(self, name: str, options: Mapping[str, Any], *, pins: Pins, on_change: Callable[[str, int, int], None]) -> None:
        """options: pin, kind, active, pull, settle_ms. To be made inside a running event loop."""
        self.name = name
        self.kind = str(options["kind"])
        self._words = WORDS.get(self.kind, OTHER_WORDS)
        self._on_change = on_change
        self._settle_s = options["settle_ms"] / 1000
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._edges: list[tuple[bool, float]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._input = EdgeInput(options["pin"], pins=pins, active=options["active"], pull=options["pull"], on_edge=self._edge)
        self._debouncer = Debouncer(self._settle_s, active=self._input.active)
        self._first = self._loop.call_soon(self._tell, self._debouncer.active, self._input.now_s())

    @property
    def state(self) -> str:
        """The debounced state, as it is told."""
        return self._words[self._debouncer.active]

    def _edge(self, active: bool, at_s: float) -> None:
        """In the thread of the pin's edges: hand over, in order."""
        with self._lock:
            self._edges.append((active, at_s))
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        with self._lock:
            edges, self._edges = self._edges, []
        for active, at_s in edges:
            self._tell_all(self._debouncer.edge(active, at_s))
        if edges and not self._closed:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(self._settle_s, self._settle)

    def _settle(self) -> None:
        now_s = self._input.now_s()
        if self._input.active != self._debouncer.level:
            self._edge(self._input.active, now_s)  # an edge that the kernel's queue had no room for
            return
        self._tell_all(self._debouncer.settle(now_s))
        if self._debouncer.due_s is not None:
            self._timer = self._loop.call_later(self._debouncer.due_s - now_s + TICK_S, self._settle)

    def _tell_all(self, changes: list[tuple[bool, float]]) -> None:
        for active, at_s in changes:
            self._tell(active, at_s)

    def _tell(self, active: bool, at_s: float) -> None:
        if not self._closed:
            at = now().earlier(self._input.age_s(at_s) * 1000)
            self._on_change(self._words[active], at.t_ms, at.m_ms)

    def close(self) -> None:
        """Let go of the pin; nothing is told from now on. Idempotent."""
        self._closed = True
        for handle in (self._timer, self._first):
            if handle is not None:
                handle.cancel()
        self._input.close()
