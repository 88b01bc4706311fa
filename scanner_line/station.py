"""A capture station: turns one press into filed, checked pages. idle -> exposing -> storing -> judging -> idle.

A press is noted before anything is exposed and ends exactly once, as captured, rejected, failed, ignored or control; what a crash leaves
without an end gets one at the next start. While a press runs, others are refused aloud; none is ever queued.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from scanner_line.batches import Batch, BatchBook, now
from scanner_line.capture import Capture
from scanner_line.desk import BatchDesk, discrepancy_words
from scanner_line.disk import Disk
from scanner_line.errors import BatchError, JudgeError, SpoolError
from scanner_line.feeding import Feeding
from scanner_line.gestures import Taps
from scanner_line.pace import WINDOW_MS, pages_per_h
from scanner_line.pagebook import PageBook
from scanner_line.pages import END
from scanner_line.pagework import SCREEN, PageWork
from scanner_line.presses import Aim, Page, PressBook
from scanner_line.pressing import Pressed
from scanner_line.roles import Judge, Watch
from scanner_line.signals import Signals
from scanner_line.sources import RunsApart, Source
from scanner_line.spool import Spool
from scanner_line.states import Edge, Facts, Foot, Last, Run, Settings, State

HOLDER = "pedal"  # this pedal's long press is a control
HOUSEKEEPING_S = 5.0
KEEP_ROWS_DAYS = 60  # of closed batches whose images have left the bench
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
OWED_MAX = 1000  # presses kept in memory while the disk refuses their rows
log = logging.getLogger(__name__)


class Station(Pressed):
    """One bench. All methods are for the event loop's own thread; pedals call `down` and `up` through `call_soon_threadsafe`."""

    def __init__(
        self,
        *,
        name: str,
        spool: Spool,
        batches: BatchBook,
        presses: PressBook,
        source: Source,
        judge: Judge,
        signals: Signals,
        settings: Settings | None = None,
        refuse: Callable[[], str | None] = lambda: None,
        watch: Watch | None = None,
    ) -> None:
        """`refuse` is asked before each shot: why nothing may be captured now (the disk is full), or None. `watch` proves the cameras
        before the first page and holds them against the session's baseline."""
        self.name = name
        self.spool = spool
        self.presses = presses
        self.source = source
        self.settings = settings or Settings()
        self.state = State.JUDGING  # until `start` has ended what a crash left
        self.last: Last | None = None
        self.facts = Facts()
        self.admit: Callable[[], tuple[str, str] | None] = lambda: None
        """Asked at each press: (code, words) where it may not count now, since nobody is signed in or somebody trains."""
        self.links: dict[str, bool | None] = {"core": None, "centre": None}
        self.disk_words: str | None = None
        self.watch = watch
        self.holders = {HOLDER}
        self.aim: Aim | None = None
        self._batches = batches
        self._judge = judge
        self._signals = signals
        self._refuse = refuse
        self._disk = Disk()
        self._capture = Capture(source=source, spool=spool, presses=presses, judge=judge, disk=self._disk, settings=self.settings)
        self._desk = BatchDesk(
            batches=batches,
            presses=presses,
            judge=judge,
            disk=self._disk,
            pages_expected=self.settings.pages_expected,
            tell=self._moment,
            apart=isinstance(source, RunsApart) and source.apart,
        )
        self._turn = asyncio.Lock()
        self._feeding = Feeding(
            source=source,
            capture=self._capture,
            presses=presses,
            desk=self._desk,
            disk=self._disk,
            settings=self.settings,
            told=self,
            refuse=refuse,
        )
        self.pages = PageWork(
            book=PageBook(spool, presses=presses, batches=batches),
            desk=self._desk,
            disk=self._disk,
            turn=self._turn,
            running=lambda: source.many and self.state is not State.IDLE,
            notice=self._notice,
            look_up=self.look_up,
        )
        self._pedals: dict[str, Foot] = {}
        self._taps = Taps()
        self._owed: deque[tuple[str, str, Edge, str, str]] = deque(maxlen=OWED_MAX)
        self._unsettled = True
        self._tasks: set[asyncio.Task[Any]] = set()
        self._listeners: set[asyncio.Event] = set()
        self._begun_ms = self._forgot_ms = now()[0]
        self._closed = False

    # life

    async def start(self) -> None:
        """Sweep the spool, start cameras and checks, end what a crash left; then the first press is taken."""
        await self._disk(self.spool.sweep)
        await self._forget()
        await asyncio.gather(self.source.start(), self._start_judge())
        async with self._turn:
            await self._desk.prime()
            await self._settle()
        await self.look_up()
        await self._resume()
        self.to(State.IDLE)

    async def _forget(self) -> None:
        """Drop the rows of batches that left the bench long ago; called at the start and once a day."""
        self._forgot_ms = now()[0]
        await self._disk(self.spool.forget, before_ms=self._forgot_ms - KEEP_ROWS_DAYS * DAY_MS)

    async def _resume(self) -> None:
        """Show the last page of the batch that is carried on."""
        batch = self.facts.batch
        pages = [] if batch is None else await self._disk(self.presses.last_pages, batch.batch)
        if pages:
            number = await self._disk(self.presses.number, pages[0])
            self.last = Last("control", "ready", pages=tuple(pages), number=number)

    async def _start_judge(self) -> None:
        try:
            await self._judge.start()
        except JudgeError as error:
            log.error("%s: %s; pages are judged `look` until it does", self.name, error)

    async def run(self) -> None:
        """Keep house until cancelled: cameras that failed are started again, what could not be written is written."""
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self.disk_words = self._refuse()
            if self.source.faults and self.state is State.IDLE:
                await self.source.start()
            try:
                async with self._turn:
                    await self._settle()
                    if not self._forgot_ms <= now()[0] < self._forgot_ms + DAY_MS:
                        await self._forget()
                await self.look_up()
            except SpoolError:
                continue  # the press that met it said so aloud
            self._tell()

    async def close(self) -> None:
        """Let the press on its way end, then stop checks and cameras; may be called twice. The spool stays open for its owner."""
        if self._closed:
            return
        self._closed = True
        running = [task for task in self._tasks if not task.done()]
        if running:
            await asyncio.wait(running, timeout=self.settings.verdict_s + self.settings.camera_s)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._capture.close()
        await asyncio.gather(self.source.close(), self._judge.close())
        self._disk.close()
        self._signals.dark()
        self._tell()

    # batches

    async def open_batch(self, *, declared: int | None = None, volume: str | None = None) -> Batch:
        """Open a batch; BatchError if one is open or a value is out of bounds."""
        async with self._turn:
            batch = await self._desk.open(declared=declared, volume=volume)
            await self.look_up()
            return batch

    async def declare(self, *, declared: int | None, volume: str | None = None) -> Batch:
        """State how many pages the open batch shall have; BatchError if none is open."""
        async with self._turn:
            batch = await self._desk.declare(declared=declared, volume=volume)
            await self.look_up()
            return batch

    async def close_batch(self, *, confirmed: bool = False) -> Batch:
        """Close the open batch. BatchError if none is open, or if it has discrepancies and nobody confirmed them: then the bench asks."""
        async with self._turn:
            batch = await self._desk.close(confirmed=confirmed)
            await self.look_up()
            if batch.state == "open":
                raise BatchError(discrepancy_words(batch, await self._disk(self._desk.loose, batch)))
            return batch

    async def keep_open(self) -> None:
        """Answer the question about closing with no."""
        async with self._turn:
            self._desk.question = None
            self._tell()

    # pages

    async def delete(self, page: str | Sequence[str], *, reason: str) -> list[Page]:
        """Take a page, or several, out of the open batch; images and reason are kept. BatchError where that cannot be."""
        return await self.pages.delete([page] if isinstance(page, str) else page, reason=reason)

    async def move(
        self, pages: Sequence[str], *, after: str | None = END, batch: str | None = None, volume: str | None = None, reason: str
    ) -> list[Page]:
        """Move pages after another (None: to the front, END: to the end) of their batch or the one named; BatchError if that cannot be."""
        return await self.pages.move(pages, after=after, batch=batch, volume=volume, reason=reason)

    async def place(self, kind: str, *, after: str | None = END, note: str | None = None, pedal: str = SCREEN) -> Page:
        """Let a placeholder (missing, oversize, other) stand for a page; BatchError where that cannot be."""
        return await self.pages.place(kind, after=after, note=note, pedal=pedal)

    async def undo(self) -> int:
        """Take back what was done last in the open batch; of how many pages. BatchError if there is nothing to take back."""
        return len(await self.pages.undo())

    async def reopen(self, batch: str, pages: Sequence[tuple[str, str]], *, reason: str) -> Batch:
        """Open a closed batch again with the pages to take again and why; BatchError if another is open or it is not here any more."""
        return await self.pages.reopen(batch, pages, reason=reason)

    # whoever watches

    def identify(self) -> None:
        """Blink the lamp: this is the one."""
        self._signals.identify()

    def set_link(self, name: str, up: bool | None) -> None:
        """Tell the screen how the `core` or the `centre` is reached: True, False, or None for unknown."""
        if self.links.get(name) is not up:
            self.links[name] = up
            self._tell()

    def listen(self, event: asyncio.Event | None = None) -> asyncio.Event:
        """An event (the given one, or a new one) that is set at each change; the listener clears it. Give it back with `unlisten`."""
        event = event or asyncio.Event()
        self._listeners.add(event)
        return event

    def unlisten(self, event: asyncio.Event) -> None:
        """Stop telling a listener."""
        self._listeners.discard(event)

    # inside

    async def _settle(self) -> None:
        """End presses that have no outcome: judged if their images are stored, else failed. Write those that could not be written."""
        while self._owed:
            outcome, why, edge, pedal, wish = self._owed[0]
            await self._disk(self.presses.turn_away, outcome, why, pedal=pedal, wish=wish, t_ms=edge.t_ms, m_ms=edge.m_ms)
            self._owed.popleft()
        if not self._unsettled:
            return
        for press, pages in await self._disk(self.presses.unfinished):
            new = [page for page in pages if not page.told]
            run = Run(press.press, Edge(press.t_ms, press.m_ms, time.monotonic_ns()), Aim(press.wish), pages=new)
            if new:
                await self._capture.judge(run, halved=press.why, timeout_s=self.settings.late_s)
                run.why = run.why or "judged after a restart"
            else:
                run.end("failed", "restart", "no picture was stored")
            if len(new) < len(pages):  # a run of many sheets: what came is kept
                if run.separator is not None:
                    await self._disk(self.presses.drop, new)
                    await self._desk.part(run.separator, press.press)
                judged = {} if run.separator is not None else run.judged
                await self._disk(
                    self.presses.finish, press.press, "failed", why="the run ended with a restart; what came is kept", judged=judged
                )
                continue
            await self._end(run, held=False)
        self._unsettled = False

    async def look_up(self) -> None:
        """Read the books anew and tell whoever listens."""
        self.facts = await self._disk(self._facts)
        self._tell()

    def _facts(self) -> Facts:
        hour_ms, batch = now()[0] // HOUR_MS * HOUR_MS, self._batches.current()
        return Facts(
            batch=batch,
            closed=self._batches.last_closed(),
            outcomes=self.presses.outcomes(since_ms=self._begun_ms),
            pace_per_h=pages_per_h(self.presses.captured_since(now()[0] - WINDOW_MS)),
            hour=len(self.presses.captured_since(hour_ms)),
            undoable=self.pages.book.undoable(),
            loose=(0, 0) if batch is None else self._desk.loose(batch),
            rework=tuple(self.pages.book.to_take_again(batch.batch)) if batch is not None and batch.reason is not None else (),
        )
