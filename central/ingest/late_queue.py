"""Late readings wait here until somebody has time for them: a little at every commit, agent by agent, so that nobody's wait for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from central.environment.chunks import window_of
from central.environment.late import Late, file_late, late_of
from central.store.projecting import Reading

BUDGET_S = 0.25  # of one commit; one channel's day is looked into in any case
WAITING_MAX = 20_000  # days of channels of one agent; what is more is not looked into
_CHANNEL = "SELECT channel_id FROM channel_indexes WHERE epoch_id = ? AND i = ? ORDER BY from_seq DESC LIMIT 1"
Key = tuple[int, int, int]  # epoch id, i, start of the day


class LateQueue:
    """Which days of which channels late readings came for. In memory: after a restart, what was not looked into yet is not."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._waiting: dict[str, dict[Key, Late]] = {}  # agents in the order of their turns
        self._taken: list[tuple[str, Key, Late]] = []

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    def add(self, agent: str, epoch_id: int, readings: Sequence[tuple[int, Reading]], now_ms: int) -> None:
        """The readings of a batch; those that are not late are passed over."""
        for _seq, one in readings:
            late = late_of((one.t,), now_ms)
            if late is not None:
                self._put(agent, (epoch_id, one.i, window_of(one.t)), late)

    def _put(self, agent: str, key: Key, late: Late) -> None:
        mine = self._waiting.setdefault(agent, {})
        if key in mine or len(mine) < WAITING_MAX:
            mine[key] = late.and_also(mine.get(key))

    def work(self, connection: Connection, *, now_ms: int, after: Callable[[], None]) -> None:
        """Look into what waits for as long as there is time; `after` lets the acts of one look take effect."""
        until = time.monotonic() + BUDGET_S
        while self._waiting:
            agent = next(iter(self._waiting))
            mine = self._waiting.pop(agent)
            key = next(iter(mine))
            late = mine.pop(key)
            if mine:
                self._waiting[agent] = mine  # its next turn comes after the others'
            self._taken.append((agent, key, late))
            channel = connection.exec_driver_sql(_CHANNEL, key[:2]).scalar()
            if channel is not None and file_late(connection, agent, int(channel), late, now_ms=now_ms):
                after()  # what one look found, the next one may go on with
            if time.monotonic() >= until:
                return

    def done(self) -> None:
        """What was looked into is committed."""
        self._taken.clear()

    def back(self) -> None:
        """It was not: it waits again."""
        for agent, key, late in self._taken:
            self._put(agent, key, late)
        self._taken.clear()
