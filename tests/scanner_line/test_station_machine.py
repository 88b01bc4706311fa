"""Any sequence of presses, page operations, failures, batch operations and crashes leaves books that add up, in the order of a model."""

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from scanner_line.errors import ImageRefused, JudgeError
from scanner_line.orders import obey
from scanner_line.pages import END, INSERT
from scanner_line.presses import RETAKE
from scanner_line.states import CAPTURE, UNDO, Settings, State
from tests.scanner_line.bench import Bench, check_books, records

TIMES = Settings(verdict_s=0.4, camera_s=20.0, hold_s=0.3, late_s=5.0)
WISHES = st.sampled_from([CAPTURE, CAPTURE, RETAKE, INSERT])
CHECKS = st.sampled_from(["good", "good", "look", "bad", "died", "refused", "late bad", "late good"])
WHERE = st.integers(0, 9)  # which page: that many modulo how many there are; the last value stands for none


class BenchMachine(RuleBasedStateMachine):
    """The station under test, and beside it a model: the counting pages of each batch in order, and how they stood before each change."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self.loop = asyncio.new_event_loop()
        self.outcomes: Counter[str] = Counter()
        self.order: dict[str, list[str]] = {}
        self.before: list[dict[str, list[str]]] = []  # what undo goes back to, while the batch is open
        self.about: dict[str, tuple[str, str]] = {}  # spread and side of a page
        self.captured: list[str] = []  # all pages by time
        self.full: str | None = None

    @initialize(pair=st.booleans())
    def begin(self, pair: bool) -> None:
        self.sides = ("left", "right") if pair else ("only",)
        self._open_bench()

    def _open_bench(self) -> None:
        self.bench = Bench(self.folder, sides=self.sides, settings=TIMES, refuse=lambda: self.full)
        self._do(self.bench.station.start())

    def _do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def _pages(self) -> list[str]:
        batch = self.bench.station.facts.batch
        return [] if batch is None else self.order.setdefault(batch.batch, [])

    def _pick(self, at: int) -> str | None:
        pages = self._pages()
        return pages[at % len(pages)] if pages and at < 9 else None

    def _changing(self) -> None:
        self.before.append({batch: list(pages) for batch, pages in self.order.items()})

    def _model_press(self, press: dict[str, Any], wish: str, page: str | None, after: str | None) -> None:
        """Take over what a press left."""
        made = [one for one in records(self.folder, "page") if one["page"] in press["pages"]]
        made = list({one["page"]: one for one in made}.values())
        if not made:
            return
        line = self.order.setdefault(made[0]["batch"], [])
        self._changing()
        target = page or next((one for one in reversed(self.captured) if one in line), None)
        for one in made:
            ident, old = one["page"], one.get("replaces")
            spread = self.about[target][0] if wish == RETAKE and target is not None else press["press"]
            if wish == RETAKE and target is not None and one["side"] and self.about[target][1] == "":
                spread = press["press"]  # the placeholder's place is taken by a page of its own
            self.about[ident] = (spread, one["side"])
            if old is not None:
                line[line.index(old)] = ident
            elif wish == RETAKE and target is not None and self.about[target][1]:
                same = [other for other in line if self.about[other][0] == spread]
                line.insert(line.index(same[0]) if one["side"] == "left" else line.index(same[-1]) + 1, ident)
            elif wish == RETAKE:
                line.insert(line.index(made[0]["page"]) + 1, ident)
            elif wish == INSERT and after != END:
                line.insert(0 if after is None else line.index(after) + 1, ident)
                after = ident
            else:
                line.append(ident)
            self.captured.append(ident)

    @rule(wish=WISHES, at=WHERE, check=CHECKS, broken=st.sets(st.sampled_from(["left", "right", "only"]), max_size=1), twice=st.booleans())
    def press(self, wish: str, at: int, check: str, broken: set[str], twice: bool) -> None:
        """One press with a camera or the checks as they happen to be, perhaps with an impatient second one behind it."""
        broken = broken & set(self.sides)
        page, after = (self._pick(at) if wish == RETAKE else None), self._pick(at)

        async def go() -> str:
            for side in broken:
                self.bench.cameras[side].next_one.append("broken")
            late = asyncio.Event()

            async def overrun() -> str:
                await late.wait()
                return check.removeprefix("late ")

            given: Any = {"died": JudgeError("died"), "refused": ImageRefused("no image")}.get(check, check)
            self.bench.judge.next_one.append(overrun if check.startswith("late ") else given)
            first = self.bench.station.press("pedal", wish, page=page, after=after)
            if twice:
                assert await self.bench.station.press("pedal", wish) == "rejected"
                self.outcomes["rejected"] += 1
            outcome = await first
            late.set()
            self.bench.judge.next_one.clear()
            for camera in self.bench.cameras.values():
                camera.next_one.clear()
            return outcome

        can_retake = page is not None or any(one in self._pages() for one in self.captured)
        outcome = self._do(go())
        self.outcomes[outcome] += 1
        if self.full:
            assert outcome == "rejected"
        elif wish == RETAKE and not can_retake:
            assert outcome == "ignored"
        else:
            assert outcome == ("failed" if broken else "captured")
        if outcome in ("captured", "failed"):
            press = [one for one in records(self.folder, "press") if one["outcome"] == outcome][-1]
            self._model_press(press, wish, page, after)

    @rule()
    def hold(self) -> None:
        """The pedal held: opens or closes; a question is answered by the next one."""

        async def go() -> str:
            outcome = await self.bench.station.down("pedal")
            self.bench.station.up("pedal")
            return outcome

        self.outcomes[self._do(go())] += 1
        self._closed()

    async def _pressed(self, wish: str) -> str:
        return await self.bench.station.press("key", wish)

    def _closed(self) -> None:
        if self.bench.station.facts.batch is None:
            self.before = []

    @rule(declared=st.none() | st.integers(1, 3), confirm=st.booleans())
    def open_or_close(self, declared: int | None, confirm: bool) -> None:
        """By the centre's commands."""
        if self.bench.station.facts.batch is None:
            assert self._do(obey(self.bench.station, "batch.open", {"declared": declared})) == (True, None)
        else:
            self._do(obey(self.bench.station, "batch.close", {"confirm": confirm}))
            self._closed()

    @rule(at=WHERE)
    def rework(self, at: int) -> None:
        """A closed batch comes back with a page to take again."""
        closed = self.bench.station.facts.closed
        if closed is None:
            return
        pages = self.order.get(closed.batch, [])
        wanted = [{"page": pages[at % len(pages)], "reason": "blurred"}] if pages else []
        done = self._do(obey(self.bench.station, "batch.rework", {"batch": closed.batch, "pages": wanted, "reason": "not good"}))
        facts = self.bench.station.facts
        if done[0]:
            assert [page.page for page, _ in facts.rework] == [one["page"] for one in wanted]
            assert facts.batch is not None
            assert facts.batch.discrepancies[-1:] == (("rework",) if wanted else ()) or not wanted
        else:
            assert facts.batch is not None

    @rule(by_pedal=st.booleans())
    def undo(self, by_pedal: bool) -> None:
        """What was done last, taken back."""
        if by_pedal:
            outcome = self._do(self._pressed(UNDO))
            self.outcomes[outcome] += 1
            done = outcome == "control"
        else:
            done = self._do(obey(self.bench.station, "page.undo", {}))[0]
        assert done == bool(self.before)
        if done:
            self.order = self.before.pop()

    @rule(at=WHERE)
    def delete(self, at: int) -> None:
        """Any page out."""
        page = self._pick(at)
        if page is not None:
            self._changing()
            assert self._do(obey(self.bench.station, "page.delete", {"page": page, "reason": "a hand"})) == (True, None)
            self._pages().remove(page)

    @rule(at=st.lists(WHERE, min_size=1, max_size=3), to=WHERE)
    def move(self, at: list[int], to: int) -> None:
        """Pages to another place of their batch."""
        pages = {page for page in map(self._pick, at) if page is not None}
        after = self._pick(to)
        if not pages or after in pages:
            return
        self._changing()
        moved = self._do(self.bench.station.move(sorted(pages), after=after, reason="order"))
        line = self._pages()
        assert [page.page for page in moved] == [page for page in line if page in pages]
        rest = [page for page in line if page not in pages]
        at_place = 0 if after is None else rest.index(after) + 1
        line[:] = rest[:at_place] + [page.page for page in moved] + rest[at_place:]

    @rule(at=WHERE, back=st.booleans())
    def move_over(self, at: int, back: bool) -> None:
        """A page shot into the wrong volume: from the open batch into the closed one, or the other way."""
        open_one, closed = self.bench.station.facts.batch, self.bench.station.facts.closed
        if open_one is None or closed is None:
            return
        source, target = (closed.batch, open_one.batch) if back else (open_one.batch, closed.batch)
        pages = self.order.get(source, [])
        if not pages:
            return
        page = pages[at % len(pages)]
        self._changing()
        self._do(self.bench.station.move([page], batch=target, reason="another volume"))
        pages.remove(page)
        self.order.setdefault(target, []).append(page)
        told = [one for one in records(self.folder, "page") if one["page"] == page][-1]
        assert (told["batch"], told["moved_from"], told["reason"]) == (target, source, "another volume")

    @rule(at=WHERE, kind=st.sampled_from(["missing", "oversize", "other"]))
    def place(self, at: int, kind: str) -> None:
        """A placeholder for a page that cannot be taken."""
        after = self._pick(at)
        if self.bench.station.facts.batch is None:
            assert not self._do(obey(self.bench.station, "page.place", {"kind": kind}))[0]
            return
        self._changing()
        page = self._do(self.bench.station.place(kind, after=after, note="see the list"))
        line = self._pages()
        line.insert(0 if after is None else line.index(after) + 1, page.page)
        self.about[page.page] = (page.press, "")
        self.outcomes["control"] += 1

    @rule()
    def fill_or_empty_the_disk(self) -> None:
        """The disk fills up, or there is room again."""
        self.full = None if self.full else "the disk is full"

    @rule(
        at=st.sampled_from([State.EXPOSING, State.JUDGING, State.IDLE]), wish=WISHES, where=WHERE, pedal=st.sampled_from(["pedal", "key"])
    )
    def crash(self, at: State, wish: str, where: int, pedal: str) -> None:
        """The process ends in the middle of a press: nothing after that moment reaches the disk. Then a new one starts."""
        page, after = (self._pick(where) if wish == RETAKE else None), self._pick(where)

        async def go() -> None:
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
            task = station.down(pedal, wish, page=page, after=after)
            while station.state is not at and not task.done():
                await changed.wait()
                changed.clear()
            await asyncio.to_thread(self.bench.spool.close)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await station.close()

        before = len(records(self.folder, "press"))
        self._do(go())
        self.full = None
        self._open_bench()
        ended = records(self.folder, "press")[before:]
        assert len(ended) <= 1
        for one in ended:
            self.outcomes[one["outcome"]] += 1
            self._model_press(one, wish, page, after)
        self._closed()  # a held pedal closed it before the end

    @invariant()
    def books_add_up(self) -> None:
        """Presses = sum of outcomes, pages = sum of `pages`, order and counts as the model has them, nothing twice, no file lost."""
        if not hasattr(self, "bench"):
            return
        assert check_books(self.folder) == self.outcomes
        for batch, pages in self.order.items():
            live = self.bench.presses.live_pages(batch)
            assert [page.page for page in live] == pages
            assert [page.after for page in live] == [None, *pages][: len(pages)]
            sides = [(page.spread, page.side) for page in live if page.side]
            assert len(sides) == len(set(sides)), "a side of a spread stands twice"
            counts = self.bench.batches.get(batch).counts
            assert (counts.captured, counts.placeholders) == (len(pages), sum(page.placeholder is not None for page in live))
        states = Counter(one["state"] for one in records(self.folder, "batch"))
        assert states["open"] + states["closed"] == states.total()

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self._do(self.bench.close())
        self._do(self.loop.shutdown_default_executor())
        self.loop.close()
        shutil.rmtree(self.folder)


TestBenchMachine = BenchMachine.TestCase
TestBenchMachine.settings = settings(max_examples=15, stateful_step_count=16, deadline=None, suppress_health_check=[HealthCheck.too_slow])
