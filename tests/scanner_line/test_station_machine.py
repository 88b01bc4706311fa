"""Any sequence of presses, failures, batch operations and crashes leaves books that add up."""

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from scanner_line.errors import BatchError, ImageRefused, JudgeError
from scanner_line.orders import obey
from scanner_line.presses import RETAKE
from scanner_line.states import CAPTURE, Settings, State
from tests.scanner_line.bench import Bench, check_books, records

TIMES = Settings(verdict_s=0.4, camera_s=20.0, hold_s=0.3, late_s=5.0)
WISHES = st.sampled_from([CAPTURE, CAPTURE, RETAKE])
CHECKS = st.sampled_from(["good", "good", "look", "bad", "died", "refused", "late bad", "late good"])


class BenchMachine(RuleBasedStateMachine):
    """The station under test, and beside it the least that must be true of it: which sides of which spreads count."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self.loop = asyncio.new_event_loop()
        self.outcomes: Counter[str] = Counter()
        self.spreads: list[set[str]] = []
        self.full: str | None = None

    @initialize(pair=st.booleans())
    def begin(self, pair: bool) -> None:
        self.sides = ("left", "right") if pair else ("only",)
        self._open_bench()

    def _open_bench(self) -> None:
        self.bench = Bench(self.folder, sides=self.sides, settings=TIMES, refuse=lambda: self.full)
        self.loop.run_until_complete(self.bench.station.start())

    @rule(wish=WISHES, check=CHECKS, broken=st.sets(st.sampled_from(["left", "right", "only"]), max_size=1), twice=st.booleans())
    def press(self, wish: str, check: str, broken: set[str], twice: bool) -> None:
        """One press with a camera or the checks as they happen to be, perhaps with an impatient second one behind it."""
        broken = broken & set(self.sides)

        async def go() -> str:
            for side in broken:
                self.bench.cameras[side].next_one.append("broken")
            late = asyncio.Event()

            async def overrun() -> str:
                await late.wait()
                return check.removeprefix("late ")

            given: Any = {"died": JudgeError("died"), "refused": ImageRefused("no image")}.get(check, check)
            self.bench.judge.next_one.append(overrun if check.startswith("late ") else given)
            first = self.bench.station.press("pedal", wish)
            if twice:
                assert await self.bench.station.press("pedal", wish) == "rejected"
                self.outcomes["rejected"] += 1
            outcome = await first
            late.set()
            self.bench.judge.next_one.clear()
            for camera in self.bench.cameras.values():
                camera.next_one.clear()
            return outcome

        outcome = self.loop.run_until_complete(go())
        self.outcomes[outcome] += 1
        taken = set(self.sides) - broken
        if self.full:
            assert outcome == "rejected"
        elif wish == RETAKE and not self.spreads:
            assert outcome == "ignored"
        else:
            assert outcome == ("failed" if broken else "captured")
            if wish == RETAKE:
                self.spreads[-1] |= taken
            elif taken:
                self.spreads.append(taken)

    @rule()
    def hold(self) -> None:
        """The pedal held: opens or closes; a question is answered by the next one."""

        async def go() -> str:
            outcome = await self.bench.station.down("pedal")
            self.bench.station.up("pedal")
            return outcome

        self.outcomes[self.loop.run_until_complete(go())] += 1
        if self.bench.station.facts.batch is None:
            self.spreads = []

    @rule(declared=st.none() | st.integers(1, 3), confirm=st.booleans())
    def open_or_close(self, declared: int | None, confirm: bool) -> None:
        """By the centre's commands."""
        if self.bench.station.facts.batch is None:
            done = self.loop.run_until_complete(obey(self.bench.station, "batch.open", {"declared": declared}))
            assert done == (True, None)
        elif self.loop.run_until_complete(obey(self.bench.station, "batch.close", {"confirm": confirm}))[0]:
            self.spreads = []

    @rule()
    def undo(self) -> None:
        """The last spread out."""
        try:
            self.loop.run_until_complete(self.bench.station.undo())
            self.spreads.pop()
        except BatchError:
            assert self.spreads == []

    @rule()
    def fill_or_empty_the_disk(self) -> None:
        """The disk fills up, or there is room again."""
        self.full = None if self.full else "the disk is full"

    @rule(at=st.sampled_from([State.EXPOSING, State.JUDGING, State.IDLE]), wish=WISHES, pedal=st.sampled_from(["pedal", "key"]))
    def crash(self, at: State, wish: str, pedal: str) -> None:
        """The process ends in the middle of a press: nothing after that moment reaches the disk. Then a new one starts."""

        async def go() -> bool:
            gate = asyncio.Event()

            async def never() -> str:
                await gate.wait()
                return "good"

            station = self.bench.station
            if at is State.EXPOSING:
                for camera in self.bench.cameras.values():
                    camera.next_one.append(None)
            self.bench.judge.next_one.append(never)
            changed = station.listen()
            task = station.down(pedal, wish)
            while station.state is not at and not task.done():
                await changed.wait()
                changed.clear()
            counted = not task.done() and bool(self.bench.presses.unfinished())
            await asyncio.to_thread(self.bench.spool.close)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await station.close()
            return counted

        before = len(records(self.folder, "press"))
        stored_before = {row[0] for row in self.bench.spool.connection.execute("SELECT page FROM pages")}
        self.loop.run_until_complete(go())
        self.full = None
        self._open_bench()
        ended = records(self.folder, "press")[before:]
        assert len(ended) <= 1
        for one in ended:
            self.outcomes[one["outcome"]] += 1
            taken = {page["side"] for page in records(self.folder, "page") if page["page"] in one["pages"]}
            assert not stored_before & set(one["pages"])
            if taken and wish == RETAKE:
                self.spreads[-1] |= taken
            elif taken:
                self.spreads.append(taken)
        if self.bench.station.facts.batch is None:  # a held pedal closed it before the end
            self.spreads = []

    @invariant()
    def books_add_up(self) -> None:
        """Presses = sum of outcomes, pages = sum of `pages`, counts as the model has them, nothing twice, no file lost."""
        if not hasattr(self, "bench"):
            return
        assert check_books(self.folder) == self.outcomes
        batch = self.bench.batches.current()
        assert (batch.counts.captured if batch else 0) == sum(len(spread) for spread in self.spreads)
        if batch:
            live = self.bench.presses.live_pages(batch.batch)
            assert [page.seq for page in live] == sorted({page.seq for page in live})
            assert [page.after for page in live[1:]] == [page.page for page in live[:-1]] or any(page.replaces for page in live)
        states = Counter(one["state"] for one in records(self.folder, "batch"))
        assert 0 <= len({one["batch"] for one in records(self.folder, "batch")}) - states["closed"] <= 1

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.loop.run_until_complete(self.bench.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        shutil.rmtree(self.folder)


TestBenchMachine = BenchMachine.TestCase
TestBenchMachine.settings = settings(max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
