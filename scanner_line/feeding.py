"""A press that brings many sheets: each is stored, judged, told and recorded as it comes; separator sheets among them part the batches.

Nothing waits for the end of the run: a power cut costs the sheet on its way. A run longer than one press may name goes on under a
further press of the pedal `feeder`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from scanner_line.batches import now
from scanner_line.capture import Capture
from scanner_line.checks.results import Judgement
from scanner_line.desk import BatchDesk, discrepancy_words
from scanner_line.disk import Disk
from scanner_line.pages import INSERT, RETAKE
from scanner_line.presses import Aim, PressBook
from scanner_line.sources import Source, Taken
from scanner_line.states import Edge, Last, Run, Settings, State, failing_check

PAGES_MAX = 1000  # that one press names
FEEDER = "feeder"  # the pedal of the presses that carry a long run on


class Told(Protocol):
    """Whom a run tells of what happens: the station."""

    def to(self, state: State) -> None:
        """The state changed."""
        ...

    def seen(self, run: Run) -> None:
        """A sheet was judged and recorded."""
        ...

    def late(self, page: str, task: "asyncio.Task[tuple[Judgement, Mapping[str, Any]]]") -> None:
        """The checks of a page overran their time."""
        ...

    async def look_up(self) -> None:
        """The books changed."""
        ...


class Feeding:
    """Runs of sheets of one bench; the station calls it while it holds the turn."""

    def __init__(
        self,
        *,
        source: Source,
        capture: Capture,
        presses: PressBook,
        desk: BatchDesk,
        disk: Disk,
        settings: Settings,
        told: Told,
        refuse: Callable[[], str | None],
    ) -> None:
        """All collaborators are the station's own; `refuse` says why no further sheet may be taken."""
        self._source = source
        self._capture = capture
        self._presses = presses
        self._desk = desk
        self._disk = disk
        self._settings = settings
        self._told = told
        self._refuse = refuse

    async def run(self, run: Run) -> None:
        """Take sheets until the source ends; each is recorded, the press itself is not: how it ends is set."""
        kept, parted, troubles = 0, 0, list[str]()
        async with (
            aclosing(self._source.take(run.edge.monotonic_ns)) as given,  # type: ignore[type-var]
            aclosing(self._ahead(given, one=run.aim.wish == RETAKE)) as sheets,
        ):
            async for taken in sheets:
                if taken.failures:
                    troubles.append(taken.words or "")
                if taken.frames:
                    if await self._sheet(run, taken):
                        kept += 1
                    else:
                        parted += 1
                refused = self._refuse()
                if refused is not None:
                    troubles.append(refused)
                    self._source.stop()
                self._told.to(State.EXPOSING)
        await self._ended(run, kept=kept, parted=parted, troubles=troubles)

    async def _ahead(self, sheets: AsyncIterator[Taken], *, one: bool) -> AsyncGenerator[Taken]:
        """The sheets, each while the one behind it is waited for: its checks begin before its turn has come. `one` sheet is to come."""
        coming = asyncio.create_task(_next(sheets))
        try:
            while (taken := await coming) is not None:
                if one:
                    self._source.stop()
                self._capture.ahead(taken)
                coming = asyncio.create_task(_next(sheets))
                coming.add_done_callback(self._begin_checks)
                yield taken
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    def _begin_checks(self, coming: "asyncio.Task[Taken | None]") -> None:
        taken = None if coming.cancelled() or coming.exception() is not None else coming.result()
        if taken is not None:
            self._capture.ahead(taken)

    async def _sheet(self, run: Run, taken: Taken) -> bool:
        """Store, judge and record one sheet; False if it was no page."""
        batch = await self._desk.current() or await self._desk.open_for(run.press)
        await self._go_on(run)
        run.edge = Edge.now()
        run.pages, run.judged, run.late, run.separator = [], {}, {}, None
        self._told.to(State.STORING)
        await self._capture.store(run, taken, batch)
        run.sheet += 1
        self._told.to(State.JUDGING)
        await self._capture.judge(run, halved=taken.words, timeout_s=self._settings.verdict_s)
        run.add({side: [failing_check("feeder", *said)] for side, said in taken.remarks.items()})
        if run.separator is not None:
            for task in run.late.values():
                task.cancel()
            await self._disk(self._presses.drop, run.pages)
            await self._desk.part(run.separator, run.press)
            await self._told.look_up()
            return False
        if run.pages:
            await self._disk(self._presses.tell, run.press, run.judged)
            if run.aim.wish in (RETAKE, INSERT):
                run.aim = Aim(INSERT, after=run.pages[-1].page)
            self._told.seen(run)
            for page, task in run.late.items():
                self._told.late(page, task)
            await self._told.look_up()
        return bool(run.pages)

    async def _go_on(self, run: Run) -> None:
        """End a press that names as many pages as one may, and begin another for the sheets to come."""
        if await self._disk(self._presses.pages_of, run.press) + len(self._source.sides) <= PAGES_MAX:
            return
        await self._disk(self._presses.finish, run.press, "captured", why="the run goes on under a further press", judged={})
        t_ms, m_ms = now()
        run.press = await self._disk(self._presses.begin, pedal=FEEDER, wish=run.aim.wish, t_ms=t_ms, m_ms=m_ms)
        run.sheet = 1

    async def _ended(self, run: Run, *, kept: int, parted: int, troubles: list[str]) -> None:
        """Say how the press ends: captured if the source ended as it should and nothing failed on the way; its pages stay in any case."""
        end = self._source.ended
        words = end.words if end is not None else "the source did not say how it ended"
        run.pages, run.judged, run.late, run.separator = [], {}, {}, None
        run.why_zh = None if end is None else end.words_zh
        if end is None or not end.sound:
            code = "io-error" if end is None else end.code
            run.end("failed", code, "; ".join([*troubles, words]))
        elif troubles:
            run.end("failed", "half", "; ".join(troubles))
            run.why_zh = None
        elif kept == 0:
            run.end("control" if parted else "failed", end.code, "separator" if parted else words)
        else:
            batch = await self._desk.current()
            short = batch is not None and batch.declared is not None and batch.counts.captured < batch.declared
            run.end("captured", "short" if short and end.code == "empty" else end.code, None)
            if batch is not None and short and end.code == "empty":
                run.why = f"the feeder is empty: {discrepancy_words(batch)}"


async def _next(sheets: AsyncIterator[Taken]) -> Taken | None:
    return await anext(sheets, None)


def last_of(run: Run, before: Last | None) -> Last:
    """What the operator is to see at the end of a run: how it ended, over the last sheet."""
    pages, number = (before.pages, before.number) if before is not None else ((), None)
    verdict = before.verdict if before is not None and run.outcome == "captured" else None
    failing = before.failing if before is not None and run.outcome == "captured" else ()
    return Last(run.outcome, run.code, verdict, run.why, pages, failing, now()[0], number, run.why_zh)
