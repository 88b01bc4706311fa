"""The journal as the core's asyncio tasks use it: one writer thread, and a bounded memory for what a full disk will not take."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from edge_agent import clock
from edge_agent.errors import JournalDamaged, JournalFull
from edge_agent.file_queue import FileRef
from edge_agent.journal import Errands, Journal, Record, RecordSource
from wire.codec import encode_record
from wire.records import check, record
from wire.topics import LANES

log = logging.getLogger(__name__)
HELD_MAX = 5_000  # records a lane in memory while the disk is full; about 1 MB
T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """The result of work that must not be cut in two: a cancellation takes effect once the work has ended.

    A write goes on in its thread whatever becomes of the task that waits for it; what has to be noted after it may not be left out.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()):
            log.warning("a write that was still under way at the end failed: %s", error)
        raise


class AsyncJournal:
    """Runs every call of the journal in one thread, in order. Close it after all who use it."""

    def __init__(self, journal: Journal, *, held_max: int = HELD_MAX) -> None:
        self.journal = journal
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._held: dict[str, deque[RecordSource]] = {lane: deque() for lane in LANES}
        self._dropped: dict[str, list[int]] = {}
        self._notes: dict[str, dict[str, str]] = {lane: {} for lane in LANES}
        self._held_max = held_max
        self._locks = {lane: asyncio.Lock() for lane in LANES}
        self._stuck: set[str] = set()
        self._closed_lanes: frozenset[str] = frozenset()
        self.damage: JournalDamaged | None = None
        self._on_damage: Callable[[], None] = lambda: None

    def on_damage(self, listener: Callable[[], None]) -> None:
        """Call `listener()` once when the journal's file is found to be damaged: only a new start sets it aside and goes on."""
        self._on_damage = listener

    async def call(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        """Run a function in the writer thread and give what it gives."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, lambda: function(*args, **options))
        except JournalDamaged as error:
            if self.damage is None:
                self.damage = error
                self._on_damage()
            raise

    async def append(
        self,
        lane: str,
        records: Iterable[RecordSource],
        *,
        files: Sequence[FileRef] = (),
        source: tuple[str, int] | None = None,
        errands: Errands = (),
        notes: Callable[[], Mapping[str, str]] | None = None,
    ) -> list[int]:
        """`Journal.append`: the records are on the disk when this returns. JournalFull while the lane is shut to save space for events."""
        if lane in self._closed_lanes:
            raise JournalFull(f"the rest of the disk is kept for events: nothing more for the lane {lane}")
        return await self.call(self.journal.append, lane, list(records), files=files, source=source, errands=errands, notes=notes)

    async def keep(self, lane: str, records: Iterable[RecordSource], *, notes: Mapping[str, str] | None = None) -> bool:
        """Append records, or hold them in memory when the disk takes no more, before those that follow; whether all are on the disk.

        Memory is bounded: the oldest are dropped for the newest, and a `gap` record says how many and from when to when. `notes` (see
        `Memory.note`) are kept in the transaction that stores the records. WireError for a record that breaks the contract: nothing is
        held of this call.
        """
        given = list(records)
        for made in given:
            if isinstance(made, dict):
                encode_record(check(made, lane))
        self._held[lane].extend(given)
        self._notes[lane].update(notes or {})
        return await self.retry(lane)

    async def retry(self, lane: str) -> bool:
        """Try to append what is held for a lane; whether nothing is left. Call it now and then while `held` is not 0."""
        return await to_the_end(self._retry(lane))

    async def _retry(self, lane: str) -> bool:
        held = self._held[lane]
        async with self._locks[lane]:
            while len(held) > self._held_max:
                self._drop(lane, held.popleft())
            batch, notes = list(held), dict(self._notes[lane])
            if not batch:
                return True
            try:
                await self.append(lane, [*self._gap(lane), *batch], notes=lambda: notes)
            except JournalFull as error:
                if lane not in self._stuck:
                    self._stuck.add(lane)
                    log.warning("records of lane %s wait in memory: %s", lane, error)
                return False
            for _ in batch:
                held.popleft()
            for name, text in notes.items():
                if self._notes[lane].get(name) == text:
                    del self._notes[lane][name]
            self._dropped.pop(lane, None)
            if lane in self._stuck:
                self._stuck.discard(lane)
                log.info("the journal takes records of lane %s again", lane)
            return not held

    def _drop(self, lane: str, dropped: RecordSource) -> None:
        t_ms = dropped["t"] if isinstance(dropped, dict) else None
        known = self._dropped.setdefault(lane, [0, 0, 0])
        known[0] += 1
        if t_ms is not None:
            known[1] = known[1] or t_ms
            known[2] = t_ms

    def _gap(self, lane: str) -> list[RecordSource]:
        if lane not in self._dropped:
            return []
        count, from_ms, to_ms = self._dropped[lane]
        t_ms, m_ms = clock.now()
        why = f"disk full: {count} records of {clock.span(from_ms, to_ms)} dropped from memory"
        return [lambda _epoch, seq: Record(record("gap", t_ms, m_ms, **{"from": seq, "to": seq, "why": why}))]

    def held(self, lane: str) -> int:
        """How many records of a lane wait in memory."""
        return len(self._held[lane])

    def shut(self, lanes: Iterable[str]) -> None:
        """From now on these lanes take nothing (the disk's reserve is for events); the others do."""
        self._closed_lanes = frozenset(lanes)

    async def close(self) -> None:
        """Finish what is queued and close the journal; may be called again."""
        await asyncio.get_running_loop().run_in_executor(None, self._writer.shutdown)
        self.journal.close()
