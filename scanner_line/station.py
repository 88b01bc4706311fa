"""A capture station: turns one press into filed, checked pages. idle -> exposing -> storing -> judging -> idle.

A press is noted before anything is exposed and ends exactly once, as captured, rejected, failed, ignored or control; what a crash leaves
without an end gets one at the next start. While a press runs, others are refused aloud; none is ever queued.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from scanner_line.batches import Batch, BatchBook, now
from scanner_line.capture import Capture
from scanner_line.checks.results import Judgement
from scanner_line.desk import BatchDesk, discrepancy_words
from scanner_line.disk import Disk
from scanner_line.errors import BatchError, JudgeError, SpoolError
from scanner_line.pace import WINDOW_MS, pages_per_h
from scanner_line.presses import RETAKE, PressBook
from scanner_line.roles import Judge
from scanner_line.shutter import Shutter
from scanner_line.signals import Signals
from scanner_line.spool import Spool
from scanner_line.states import CAPTURE, Edge, Facts, Foot, Last, Question, Run, Settings, State

HOLDER = "pedal"  # only this pedal's long press is a control
HOUSEKEEPING_S = 5.0
KEEP_ROWS_DAYS = 60  # of closed batches whose images have left the bench
HOUR_MS = 3_600_000
OWED_MAX = 1000  # presses kept in memory while the disk refuses their rows
log = logging.getLogger(__name__)


class Station:
    """One bench. All methods are for the event loop's own thread; pedals call `down` and `up` through `call_soon_threadsafe`."""

    def __init__(
        self,
        *,
        name: str,
        spool: Spool,
        batches: BatchBook,
        presses: PressBook,
        shutter: Shutter,
        judge: Judge,
        signals: Signals,
        settings: Settings | None = None,
        refuse: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`refuse` is asked before each shot: why nothing may be captured now (the disk is full), or None."""
        self.name = name
        self.spool = spool
        self.presses = presses
        self.shutter = shutter
        self.settings = settings or Settings()
        self.state = State.JUDGING  # until `start` has ended what a crash left
        self.last: Last | None = None
        self.facts = Facts()
        self.admit: Callable[[], tuple[str, str] | None] = lambda: None
        """Asked at each press: (code, words) where it may not count now, since nobody is signed in or somebody trains."""
        self.links: dict[str, bool | None] = {"core": None, "centre": None}
        self.disk_words: str | None = None
        self._batches = batches
        self._judge = judge
        self._signals = signals
        self._refuse = refuse
        self._disk = Disk()
        self._capture = Capture(shutter=shutter, spool=spool, presses=presses, judge=judge, disk=self._disk, settings=self.settings)
        self._desk = BatchDesk(
            batches=batches,
            presses=presses,
            judge=judge,
            disk=self._disk,
            pages_expected=self.settings.pages_expected,
            tell=self._moment,
        )
        self._turn = asyncio.Lock()
        self._pedals: dict[str, Foot] = {}
        self._owed: deque[tuple[str, str, Edge, str, str]] = deque(maxlen=OWED_MAX)
        self._unsettled = True
        self._tasks: set[asyncio.Task[Any]] = set()
        self._listeners: set[asyncio.Event] = set()
        self._begun_ms = now()[0]
        self._closed = False

    @property
    def question(self) -> Question | None:
        """What the bench asks before it closes the batch."""
        return self._desk.question

    # life

    async def start(self) -> None:
        """Sweep the spool, start cameras and checks, end what a crash left; then the first press is taken."""
        await self._disk(self.spool.sweep)
        await self._disk(self.spool.forget, before_ms=now()[0] - KEEP_ROWS_DAYS * 86_400_000)
        await asyncio.gather(self.shutter.start(), self._start_judge())
        async with self._turn:
            await self._desk.prime()
            await self._settle()
        await self._look_up()
        await self._resume()
        self._to(State.IDLE)

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
            if self.shutter.faults and self.state is State.IDLE:
                await self.shutter.start()
            try:
                async with self._turn:
                    await self._settle()
                await self._look_up()
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
        await asyncio.gather(self.shutter.close(), self._judge.close())
        self._disk.close()
        self._signals.dark()
        self._tell()

    # presses

    def down(self, pedal: str, wish: str = CAPTURE, *, edge: Edge | None = None) -> "asyncio.Task[str]":
        """A pedal, button or key went down; `wish` is capture or retake. The task gives the outcome. Held for `hold_s`, the pedal's
        press becomes a control: the batch is opened or closed, and its picture is not kept."""
        edge = edge or Edge.now()
        self.up(pedal)
        foot = self._pedals[pedal] = Foot(edge)
        if self.state is not State.IDLE or self._turn.locked() or self._closed:
            return self._spawn(self._turn_away("rejected", "busy", edge, pedal, wish))
        self._to(State.EXPOSING)
        self._signals.working()
        return self._spawn(self._press(edge, pedal, wish, foot))

    def up(self, pedal: str, *, at_ns: int | None = None) -> None:
        """The pedal, button or key came up again, now or at a moment of `time.monotonic_ns()`."""
        if pedal in self._pedals:
            self._pedals[pedal].lift(time.monotonic_ns() if at_ns is None else at_ns)

    def press(self, pedal: str, wish: str = CAPTURE) -> "asyncio.Task[str]":
        """A press without length, as a screen or the centre gives it; the task gives the outcome."""
        task = self.down(pedal, wish)
        self.up(pedal)
        return task

    async def _turn_away(self, outcome: str, why: str, edge: Edge, pedal: str, wish: str) -> str:
        self._signals.refused(outcome)
        self._aside(Last(outcome, why, t_ms=edge.t_ms))
        try:
            await self._disk(self.presses.turn_away, outcome, why, pedal=pedal, wish=wish, t_ms=edge.t_ms, m_ms=edge.m_ms)
        except SpoolError:
            self._owed.append((outcome, why, edge, pedal, wish))
        return outcome

    async def _press(self, edge: Edge, pedal: str, wish: str, foot: Foot) -> str:
        async with self._turn:
            try:
                await self._settle()
                press = await self._disk(self.presses.begin, pedal=pedal, wish=wish, t_ms=edge.t_ms, m_ms=edge.m_ms)
            except SpoolError as error:
                self._owed.append(("failed", "the disk refused to note the press", edge, pedal, wish))
                self._trouble(error)
                return "failed"
            run = Run(press, edge, wish)
            try:
                await self._take(run)
                await self._end(run, held=pedal == HOLDER and await foot.held(self.settings.hold_s))
                await self._look_up()
            except (SpoolError, BatchError) as error:
                self._trouble(error)  # the press keeps its row without an outcome, which `_settle` ends
                run.outcome = "failed"
            finally:
                self._to(State.IDLE)
            return run.outcome

    async def _take(self, run: Run) -> None:
        """Expose, store and judge, and tell the operator; how the run ends is set, nothing of that is recorded yet."""
        self.disk_words = self._refuse()
        batch = await self._desk.current()
        if self.disk_words is not None:
            run.end("rejected", "disk", self.disk_words)
        elif (refusal := self.admit()) is not None:
            run.end("rejected", *refusal)
        elif self.question is not None and self.question.then is not None:
            run.end("rejected", "question", "a question about the batch waits for its answer")
        elif run.wish == RETAKE and (batch is None or not await self._disk(self.presses.last_pages, batch.batch)):
            run.end("ignored", "nothing-to-retake", "there is no page to retake")
        if run.outcome:
            self._signals.refused(run.outcome)
            self._aside(Last(run.outcome, run.code, why=run.why, t_ms=run.edge.t_ms))
            return
        shots = await self._capture.expose(run)
        if not shots.frames:
            self._signals.failed()
            self._aside(Last("failed", run.code, why=run.why, t_ms=run.edge.t_ms))
            return
        self._to(State.STORING)
        if batch is None:
            batch = await self._desk.open_for(run.press)
        await self._capture.store(run, shots, batch)
        self._to(State.JUDGING)
        await self._capture.judge(run, halved=shots.words, timeout_s=self.settings.verdict_s)
        if run.separator is None:
            self._signals.verdict(run.verdict)
            self._notice(run.seen())

    async def _end(self, run: Run, *, held: bool) -> None:
        """Give the press its end in the books, and do what a held pedal or a separator sheet asks."""
        if not held and run.separator is None:
            await self._disk(self.presses.finish, run.press, run.outcome, why=run.why, judged=run.judged)
            if run.pages:
                self._desk.question = None  # who goes on capturing does not want to close
            for page, task in run.late.items():
                self._spawn(self._late(page, task))
            return
        for task in run.late.values():
            task.cancel()
        run.outcome = "control"
        await self._disk(self.presses.discard, run.press, "control", "held" if held else "separator")
        await self._desk.prime()
        if held or run.separator is None:
            await self._desk.held(run.press)
        else:
            await self._desk.obey(run.separator, run.press)

    async def _late(self, page: str, task: "asyncio.Task[tuple[Judgement, Mapping[str, Any]]]") -> str:
        """Checks that ended after their time may lower a verdict, never raise it."""
        lowered = await self._capture.late(page, task)
        if lowered is None or lowered.verdict is None:
            return "kept"
        if self.last is not None and page in {one.page for one in self.last.pages}:
            self._signals.verdict(lowered.verdict)
            failing = tuple({**check, "side": lowered.side} for check in lowered.checks if not check["ok"])
            pages = tuple(lowered if one.page == page else one for one in self.last.pages)
            self._notice(replace(self.last, code="lowered", verdict=lowered.verdict, failing=failing, pages=pages))
        await self._look_up()
        return lowered.verdict

    # batches

    async def open_batch(self, *, declared: int | None = None, volume: str | None = None) -> Batch:
        """Open a batch; BatchError if one is open or a value is out of bounds."""
        async with self._turn:
            batch = await self._desk.open(declared=declared, volume=volume)
            await self._look_up()
            return batch

    async def declare(self, *, declared: int | None, volume: str | None = None) -> Batch:
        """State how many pages the open batch shall have; BatchError if none is open."""
        async with self._turn:
            batch = await self._desk.declare(declared=declared, volume=volume)
            await self._look_up()
            return batch

    async def close_batch(self, *, confirmed: bool = False) -> Batch:
        """Close the open batch. BatchError if none is open, or if it has discrepancies and nobody confirmed them: then the bench asks."""
        async with self._turn:
            batch = await self._desk.close(confirmed=confirmed)
            await self._look_up()
            if batch.state == "open":
                raise BatchError(discrepancy_words(batch))
            return batch

    async def keep_open(self) -> None:
        """Answer the question about closing with no."""
        async with self._turn:
            self._desk.question = None
            self._tell()

    async def undo(self) -> int:
        """Take the last spread out of the open batch; returns how many pages. BatchError if there is nothing to take out."""
        async with self._turn:
            gone = await self._desk.undo()
            self._notice(Last("control", "undone", t_ms=now()[0]))
            await self._look_up()
            return gone

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
            run = Run(press.press, Edge(press.t_ms, press.m_ms, time.monotonic_ns()), press.wish, pages=pages)
            if pages:
                await self._capture.judge(run, halved=press.why, timeout_s=self.settings.late_s)
                run.why = run.why or "judged after a restart"
            else:
                run.end("failed", "restart", "no picture was stored")
            await self._end(run, held=False)
        self._unsettled = False

    async def _look_up(self) -> None:
        self.facts = await self._disk(self._facts)
        self._tell()

    def _facts(self) -> Facts:
        hour_ms = now()[0] // HOUR_MS * HOUR_MS
        return Facts(
            batch=self._batches.current(),
            closed=self._batches.last_closed(),
            outcomes=self.presses.outcomes(since_ms=self._begun_ms),
            pace_per_h=pages_per_h(self.presses.captured_since(now()[0] - WINDOW_MS)),
            hour=len(self.presses.captured_since(hour_ms)),
        )

    def _trouble(self, error: Exception) -> None:
        self._unsettled = True
        self._signals.failed()
        self._aside(Last("failed", "spool", why=str(error), t_ms=now()[0]))
        self._to(State.IDLE)

    def _moment(self, moment: str) -> None:
        self._signals.batch(moment)
        last = Last("control", moment, t_ms=now()[0])
        if moment == "confirm":
            self._aside(last)
        else:
            self._notice(last)

    def _aside(self, last: Last) -> None:
        """Show what happened while the last page stays on the screen."""
        self._notice(replace(last, pages=self.last.pages, number=self.last.number) if self.last is not None else last)

    def _notice(self, last: Last) -> None:
        self.last = last
        self._tell()

    def _to(self, state: State) -> None:
        self.state = state
        self._tell()

    def _tell(self) -> None:
        for event in self._listeners:
            event.set()

    def _spawn(self, work: Coroutine[Any, Any, str]) -> "asyncio.Task[str]":
        task = asyncio.get_running_loop().create_task(work, name=f"{self.name}: press")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
