"""Carries out the disk's level: gives up delivered copies, tells the children, thins readings, shuts lanes, each step announced before."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from edge_agent import clock
from edge_agent.async_journal import AsyncJournal
from edge_agent.errors import AgentError
from edge_agent.quota import DiskQuota, DiskState, Level
from wire.records import record
from wire.topics import LANES

log = logging.getLogger(__name__)
LOOK_S = 30.0
LOOK_CLOSE_S = 2.0  # while the disk is filling up
THIN_AT_ONCE = 1_000
THIN_ROUNDS_MAX = 100
COPIES_AT_ONCE = 20  # files
COPIES_ROUNDS_MAX = 50


class DiskGuard:
    """One task. `on_level(state)` is awaited at every change of level or of what is coming: alarms, and `disk.level` to the children."""

    def __init__(
        self,
        quota: DiskQuota,
        journal: AsyncJournal,
        *,
        on_level: Callable[[DiskState], Awaitable[None]],
        keep_house: Callable[[], None] = lambda: None,
    ) -> None:
        """`keep_house` frees what may go already (files and records whose keep time is over); called in a thread before each look."""
        self._quota, self._journal, self._on_level, self._keep_house = quota, journal, on_level, keep_house
        self._before: tuple[Level, Level | None] = (Level.OK, None)
        self.state: DiskState | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except AgentError as error:
                log.warning("the disk cannot be looked at: %s", error)
            near = self.state is not None and (self.state.level > Level.NOTICE or self.state.coming is not None)
            await asyncio.sleep(LOOK_CLOSE_S if near else LOOK_S)

    async def look(self) -> DiskState:
        """Measure once and do what the level asks for."""
        await asyncio.to_thread(self._keep_house)
        state = await asyncio.to_thread(self._quota.measure)
        if state.level >= Level.NOTICE or state.coming is not None:
            state = await self._give_up_copies(state)
        self.state = state
        if (state.level, state.coming) != self._before:
            self._before = state.level, state.coming
            coming = f", {state.coming.name} is near" if state.coming is not None else ""
            log.warning("disk: level %s%s, %d MiB free", state.level.name, coming, state.free_bytes // 2**20)
            self._journal.shut(LANES[1:] if state.level >= Level.EVENTS_ONLY else ())
            await self._on_level(state)
        if state.level >= Level.THIN_READINGS:
            await self._thin()
        for lane in LANES:
            if self._journal.held(lane):
                await self._journal.retry(lane)
        return state

    async def _give_up_copies(self, state: DiskState) -> DiskState:
        """Before anything is refused or alarmed: what the centre has goes before its time, the oldest files first, then records."""
        journal, folder = self._journal.journal, self._quota.folder
        for _ in range(COPIES_ROUNDS_MAX):
            gone = await asyncio.to_thread(
                journal.files.delete_kept, root=folder, keep_days=0, now_ms=clock.wall_ms(), limit=COPIES_AT_ONCE
            )
            if not gone:
                gone = await self._journal.call(journal.prune, 0, LANES[1:])
            if not gone:
                break
            state = await asyncio.to_thread(self._quota.measure)
            if state.level < Level.NOTICE and state.coming is None:
                break
        return state

    async def _thin(self) -> None:
        """Thin the oldest unsent readings until there is room; one `gap` record says which they were."""
        journal, done = self._journal.journal, []
        for _ in range(THIN_ROUNDS_MAX):
            thinned = await self._journal.call(journal.thin, THIN_AT_ONCE)
            if thinned is None:
                break
            done.append(thinned)
            state = await asyncio.to_thread(self._quota.measure)
            if state.level < Level.THIN_READINGS:
                break
        if done:
            t_ms, m_ms = clock.now()
            why = f"disk full: {sum(part.count for part in done)} readings of {clock.span(done[0].from_ms, done[-1].to_ms)} are digests now"
            log.warning("%s", why)
            gap = {"from": done[0].from_seq, "to": done[-1].to_seq, "why": why}
            await self._journal.keep("readings", [record("gap", t_ms, m_ms, **gap)])


def level_args(state: DiskState) -> dict[str, object]:
    """What `disk.level` tells the children: the level's number and name, and bytes free."""
    return {"level": int(state.level), "name": state.level.name, "free": state.free_bytes}
