"""The way of a press through a station: taken, refused or turned to a command, exposed, stored, judged, ended.

The half of `Station` that answers feet and hands; its life, batches and books are in `scanner_line.station`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from scanner_line.batches import Batch, now
from scanner_line.capture import Capture
from scanner_line.checks.results import Judgement
from scanner_line.desk import BatchDesk
from scanner_line.disk import Disk
from scanner_line.errors import BatchError, SpoolError
from scanner_line.feeding import Feeding, last_of
from scanner_line.gestures import HELD, TAP, Taps
from scanner_line.pages import END, INSERT
from scanner_line.pagework import SCREEN, PageWork
from scanner_line.presses import RETAKE, Aim, Page, PressBook
from scanner_line.roles import Proof, Watch
from scanner_line.signals import Signals
from scanner_line.sources import Source, Taken
from scanner_line.states import CAPTURE, MARK, UNDO, Edge, Facts, Foot, Last, Question, Run, Settings, State


class Pressed:
    """What a station does with a press. All methods are for the event loop's own thread; whoever makes one fills the attributes in."""

    name: str
    presses: PressBook
    source: Source
    settings: Settings
    pages: PageWork
    watch: Watch | None
    aim: Aim | None
    holders: set[str]
    state: State
    last: Last | None
    facts: Facts
    disk_words: str | None
    admit: Callable[[], tuple[str, str] | None]
    _capture: Capture
    _feeding: Feeding
    _desk: BatchDesk
    _disk: Disk
    _signals: Signals
    _refuse: Callable[[], str | None]
    _turn: asyncio.Lock
    _pedals: dict[str, Foot]
    _owed: deque[tuple[str, str, Edge, str, str]]
    _tasks: set[asyncio.Task[Any]]
    _listeners: set[asyncio.Event]
    _unsettled: bool
    _closed: bool
    _taps: Taps

    @property
    def question(self) -> Question | None:
        """What the bench asks before it closes the batch."""
        return self._desk.question

    async def _settle(self) -> None:
        """End what a crash or a full disk left without an end."""
        raise NotImplementedError

    async def look_up(self) -> None:
        """Read the books anew and tell whoever listens."""
        raise NotImplementedError

    # presses

    def down(
        self, pedal: str, wish: str = CAPTURE, *, edge: Edge | None = None, page: str | None = None, after: str | None = END
    ) -> "asyncio.Task[str]":
        """A pedal, button or key went down; `wish` is capture, retake (of `page`, else of what was captured last), insert (after a page's
        id, None for the front), mark (the next volume) or undo. The task gives the outcome. A holder's press of `hold_s` becomes a control:
        the batch is opened or closed (a retake's: the last thing is undone), its picture is not kept; two taps of mark undo. A plain
        capture follows `aim` where one is set."""
        edge = edge or Edge.now()
        self.up(pedal)
        foot = self._pedals[pedal] = Foot(edge)
        if wish == MARK and self._taps.second(pedal, edge):
            return self._spawn(self._second_tap(edge, pedal, wish))
        if self.state is not State.IDLE or self._turn.locked() or self._closed:
            return self._spawn(self._turn_away("rejected", "busy", edge, pedal, wish))
        if wish == MARK and pedal in self.holders:
            self._taps.first(pedal, edge)
        self.to(State.EXPOSING)
        self._signals.working()
        aim = self.aim if self.aim is not None and wish == CAPTURE else Aim(wish, page, after)
        return self._spawn(self._press(edge, pedal, aim, foot))

    def up(self, pedal: str, *, at_ns: int | None = None) -> None:
        """The pedal, button or key came up again, now or at a moment of `time.monotonic_ns()`."""
        if pedal in self._pedals:
            self._pedals[pedal].lift(time.monotonic_ns() if at_ns is None else at_ns)

    def press(self, pedal: str, wish: str = CAPTURE, *, page: str | None = None, after: str | None = END) -> "asyncio.Task[str]":
        """A press without length, as a screen or the centre gives it; the task gives the outcome."""
        task = self.down(pedal, wish, page=page, after=after)
        self.up(pedal)
        return task

    def take_page(self, wish: str, *, pedal: str = SCREEN, page: str | None = None, after: str | None = END) -> "asyncio.Task[str]":
        """A press that captures, retakes any page or inserts after any; as `press`."""
        return self.press(pedal, wish, page=page, after=after)

    def aim_at(self, aim: Aim | None) -> None:
        """What the next capture by pedal shall be: a retake of a page (once), an insert after one (until None is set), None for a plain."""
        self.aim = aim
        self._tell()

    def stop(self) -> None:
        """Stop the feeder after the sheet on its way; nothing where none runs."""
        self.source.stop()

    async def _turn_away(self, outcome: str, why: str, edge: Edge, pedal: str, wish: str) -> str:
        self._signals.refused(outcome)
        self._aside(Last(outcome, why, t_ms=edge.t_ms))
        try:
            await self._disk(self.presses.turn_away, outcome, why, pedal=pedal, wish=wish, t_ms=edge.t_ms, m_ms=edge.m_ms)
        except SpoolError:
            self._owed.append((outcome, why, edge, pedal, wish))
        return outcome

    async def _second_tap(self, edge: Edge, pedal: str, wish: str) -> str:
        """Note the second press of a double tap; what the two ask for is done by the first."""
        try:
            await self._disk(self.presses.turn_away, "control", "double-tap", pedal=pedal, wish=wish, t_ms=edge.t_ms, m_ms=edge.m_ms)
        except SpoolError:
            self._owed.append(("control", "double-tap", edge, pedal, wish))
        return "control"

    async def _press(self, edge: Edge, pedal: str, aim: Aim, foot: Foot) -> str:
        async with self._turn:
            try:
                await self._settle()
                press = await self._disk(self.presses.begin, pedal=pedal, wish=aim.wish, t_ms=edge.t_ms, m_ms=edge.m_ms)
            except SpoolError as error:
                self._owed.append(("failed", "the disk refused to note the press", edge, pedal, aim.wish))
                self._trouble(error)
                self._taps.forget()
                return "failed"
            run = Run(press, edge, aim)
            holds = pedal in self.holders
            try:
                if aim.wish in (MARK, UNDO):
                    taps = aim.wish == MARK and holds
                    await self._command(run, await self._taps.meant(edge, foot, hold_s=self.settings.hold_s) if taps else TAP)
                elif self.source.many:
                    await self._feed(run, held=holds and await foot.held(self.settings.hold_s))
                else:
                    await self._take(run)
                    await self._end(run, held=holds and await foot.held(self.settings.hold_s))
                await self.look_up()
            except (SpoolError, BatchError) as error:
                self._trouble(error)  # the press keeps its row without an outcome, which `_settle` ends
                run.outcome = "failed"
            finally:
                self.to(State.IDLE)
            return run.outcome

    async def _command(self, run: Run, meant: str) -> None:
        """A press that takes no picture: the next volume (held: the batch is opened or closed), or what was done last is taken back."""
        refusal = self.admit()
        try:
            if refusal is not None:
                run.end("rejected", *refusal)
            elif run.aim.wish == MARK and meant == HELD:
                await self._desk.held(run.press)
                run.end("control", "held", "held")
            elif run.aim.wish == MARK and meant == TAP:
                await self._desk.mark()
                run.end("control", MARK, MARK)
            else:
                await self.pages.undo_now()
                run.end("control", UNDO, UNDO)
        except BatchError as error:
            run.end("ignored", "nothing-to-undo", str(error))
        if run.outcome != "control":
            self._refused(run)
        await self._disk(self.presses.finish, run.press, run.outcome, why=run.why, judged={})

    async def _may_take(self, run: Run) -> tuple[bool, Batch | None]:
        """Whether anything may be exposed, and the open batch; else the run has its end and the operator heard why."""
        self.disk_words = self._refuse()
        batch = await self._desk.current()
        if self.disk_words is not None:
            run.end("rejected", "disk", self.disk_words)
        elif (refusal := self.admit()) is not None:
            run.end("rejected", *refusal)
        elif self.question is not None and self.question.then is not None:
            run.end("rejected", "question", "a question about the batch waits for its answer")
        elif run.aim.wish == RETAKE and run.aim.page is None and not await self._last_pages(batch):
            run.end("ignored", "nothing-to-retake", "there is no page to retake")
        elif (named := run.aim.page if run.aim.wish == RETAKE else run.aim.after) not in (None, END):
            page = await self._disk(self.presses.page, str(named))
            if page is None or not page.live or batch is None or page.batch != batch.batch:
                run.end("ignored", "no-such-page", "the page does not count in the open batch")
        if run.outcome:
            self._refused(run)
        return not run.outcome, batch

    async def _last_pages(self, batch: Batch | None) -> list[Page]:
        return [] if batch is None else await self._disk(self.presses.last_pages, batch.batch)

    def _refused(self, run: Run) -> None:
        self._signals.refused(run.outcome)
        self._aside(Last(run.outcome, run.code, why=run.why, t_ms=run.edge.t_ms))

    async def _take(self, run: Run) -> None:
        """Expose, store and judge, and tell the operator; how the run ends is set, nothing of that is recorded yet."""
        may, batch = await self._may_take(run)
        if not may:
            return
        taken = Taken({}, {"source": "nothing was taken"})
        async with aclosing(self.source.take(run.edge.monotonic_ns)) as shots:  # type: ignore[type-var]
            async for one in shots:
                taken = one
        if not taken.frames:
            self._failed(run, "camera", taken.words)
            return
        if self.watch is not None and not self.watch.ready:
            self._proved(run, await self.watch.prove(taken.frames))
            return
        self.to(State.STORING)
        if batch is None:
            batch = await self._desk.open_for(run.press)
        await self._capture.store(run, taken, batch)
        if not run.pages:
            self._failed(run, "half", taken.words or "no side of this spread was delivered that counts")
            return
        self.to(State.JUDGING)
        await self._capture.judge(run, halved=taken.words, timeout_s=self.settings.verdict_s)
        run.card = run.card and self.watch is not None
        if run.card and self.watch is not None:
            self._proved(run, await self.watch.prove_again(taken.frames))
        elif run.separator is None:
            if self.watch is not None:
                run.add(await self.watch.watch(taken.frames))
            self.seen(run)

    def _proved(self, run: Run, proof: Proof) -> None:
        """Cards or a target were photographed, or should have been: the press ends, the operator hears how."""
        run.end(proof.outcome, proof.code, proof.words)
        run.why_zh = proof.words_zh
        if proof.outcome == "control":
            self._signals.verdict("good" if proof.code.endswith("proven") else "look")
            self._aside(Last("control", proof.code, why=proof.words, t_ms=run.edge.t_ms, why_zh=proof.words_zh))
        else:
            self._refused(run)

    def _failed(self, run: Run, code: str, why: str | None) -> None:
        run.end("failed", code, why)
        self._signals.failed()
        self._aside(Last("failed", code, why=why, t_ms=run.edge.t_ms))

    async def _feed(self, run: Run, *, held: bool) -> None:
        """A press at a source of many sheets; held, it takes none."""
        if held:
            await self._end(run, held=True)
            return
        may, _ = await self._may_take(run)
        if may:
            await self._feeding.run(run)
            if run.outcome == "failed":
                self._signals.failed()
            self._notice(last_of(run, self.last))
        await self._disk(self.presses.finish, run.press, run.outcome, why=run.why, judged={})

    async def _end(self, run: Run, *, held: bool) -> None:
        """Give the press its end in the books, and do what a held pedal or a separator sheet asks."""
        if not held and run.separator is None and not run.card:
            await self._disk(self.presses.finish, run.press, run.outcome, why=run.why, judged=run.judged)
            if run.pages:
                self._desk.question = None  # who goes on capturing does not want to close
                await self._aimed(run)
            for page, task in run.late.items():
                self.late(page, task)
            return
        for task in run.late.values():
            task.cancel()
        run.outcome = "control"
        await self._disk(self.presses.discard, run.press, "control", "held" if held else "separator" if run.separator else "card")
        await self._desk.prime()
        if run.card and not held and run.separator is None:
            return
        if held and run.aim.wish == RETAKE:
            await self._held_retake(run)
        elif held or run.separator is None:
            await self._desk.held(run.press)
        else:
            await self._desk.obey(run.separator, run.press)

    async def _held_retake(self, run: Run) -> None:
        """The retake switch was held: its own picture is gone, and what was done before it is taken back."""
        try:
            await self.pages.undo_now()
        except BatchError as error:
            self._aside(Last("control", "nothing-to-undo", why=str(error), t_ms=run.edge.t_ms))

    async def _aimed(self, run: Run) -> None:
        """After a press that was not a plain capture: the judge learns the order, and what was aimed at is done or goes on."""
        if run.aim.wish != CAPTURE:
            await self._desk.prime()
        if self.aim is not None and run.aim is self.aim:
            self.aim = Aim(INSERT, after=run.pages[-1].page) if self.aim.wish == INSERT else None

    def late(self, page: str, task: "asyncio.Task[tuple[Judgement, Mapping[str, Any]]]") -> None:
        """Checks overran their time: wait for them on the side."""
        self._spawn(self._late(page, task))

    def seen(self, run: Run) -> None:
        """Show and sound the verdict on what was just judged."""
        self._signals.verdict(run.verdict)
        self._notice(run.seen())

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
        await self.look_up()
        return lowered.verdict

    # whoever is told

    def _trouble(self, error: Exception) -> None:
        self._unsettled = True
        self._signals.failed()
        self._aside(Last("failed", "spool", why=str(error), t_ms=now()[0]))
        self.to(State.IDLE)

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

    def to(self, state: State) -> None:
        """The state changed."""
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
