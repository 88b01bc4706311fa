"""A bench with a feeder: one press, many sheets, each recorded as it comes; how runs end, and what a restart in the middle leaves."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from scanner_line import feeding
from scanner_line.errors import BatchError
from scanner_line.orders import obey
from scanner_line.presses import RETAKE
from scanner_line.states import Settings, State
from tests.scanner_line.bench import Bench, check_books, records
from tests.scanner_line.feed import JAM, TestFeeder
from wire.separators import Separator


def at_feeder(
    folder: Path, work: Callable[[Bench, TestFeeder], Awaitable[None]], *, sides: tuple[str, ...] = ("front", "back")
) -> Counter[str]:
    """Do some work at a bench with a feeder, check its books; the outcomes of all presses."""

    async def day() -> None:
        feeder = TestFeeder(sides)
        bench = Bench(folder, source=lambda _: feeder)
        try:
            await bench.station.start()
            await work(bench, feeder)
        finally:
            await bench.close()

    asyncio.run(day())
    return check_books(folder)


def test_every_sheet_is_two_pages_in_order_kept_as_the_scanner_gave_them(tmp_path: Path) -> None:
    async def work(bench: Bench, feeder: TestFeeder) -> None:
        feeder.load(3)
        await bench.station.open_batch(declared=6)
        assert await bench.station.press("pedal") == "captured"
        assert bench.station.last is not None
        assert bench.station.last.code == "empty"
        await bench.station.close_batch()

    assert at_feeder(tmp_path, work) == {"captured": 1}
    pages, press = records(tmp_path, "page"), records(tmp_path, "press")[0]
    assert [page["side"] for page in pages] == ["front", "back"] * 3
    assert press["pages"] == [page["page"] for page in pages]
    assert {page["dpi"] for page in pages} == {300.0}
    assert [path.suffix for path in (tmp_path / "objects").glob("*/*")] == [".png"] * 6


def test_out_of_paper_before_the_declared_count_is_said(tmp_path: Path) -> None:
    async def work(bench: Bench, feeder: TestFeeder) -> None:
        feeder.load(2)
        await bench.station.open_batch(declared=6)
        assert await bench.station.press("pedal") == "captured"
        assert bench.station.last is not None
        assert (bench.station.last.code, bench.station.last.why) == ("short", "the feeder is empty: 6 pages declared, 4 captured")
        assert await bench.station.press("pedal") == "failed"  # nothing lies in it

    assert at_feeder(tmp_path, work) == {"captured": 1, "failed": 1}
    assert records(tmp_path, "press")[1]["why"] == "the feeder is empty: load paper"


def test_a_jam_fails_the_press_and_keeps_the_sheets_before_it(tmp_path: Path) -> None:
    async def work(bench: Bench, feeder: TestFeeder) -> None:
        feeder.load(2)
        feeder.end = JAM
        assert await bench.station.press("pedal") == "failed"
        assert bench.station.last is not None
        assert bench.station.last.why_zh == "卡纸"
        assert bench.station.facts.batch is not None
        assert bench.station.facts.batch.counts.captured == 4

    assert at_feeder(tmp_path, work) == {"failed": 1}
    assert len(records(tmp_path, "press")[0]["pages"]) == 4


def test_sheets_are_recorded_while_the_run_goes_on_and_a_stop_ends_it(tmp_path: Path) -> None:
    async def work(bench: Bench, feeder: TestFeeder) -> None:
        feeder.load(50)
        feeder.gate = asyncio.Event()
        changed = bench.station.listen()
        run = bench.station.press("pedal")
        assert await bench.station.press("pedal") == "rejected"
        feeder.gate.set()
        while not records(tmp_path, "page"):
            await asyncio.wait_for(changed.wait(), 10)
            changed.clear()
        assert records(
            tmp_path,
            "press",
        ) == [one for one in records(tmp_path, "press") if one["outcome"] == "rejected"]
        with pytest.raises(BatchError, match="the feeder is running"):
            await bench.station.undo()
        bench.station.stop()
        assert await run == "captured"
        assert 0 < len(feeder.sheets) < 50

    assert at_feeder(tmp_path, work) == {"captured": 1, "rejected": 1}


def test_a_run_by_command_is_answered_with_its_first_sheet_while_it_goes_on(tmp_path: Path) -> None:
    async def work(bench: Bench, feeder: TestFeeder) -> None:
        feeder.load(500)
        assert await asyncio.wait_for(obey(bench.station, "capture", {}), 30) == (True, None)
        assert records(tmp_path, "page")
        assert bench.station.state is not State.IDLE, "the run goes on"
        assert await obey(bench.station, "capture", {}) == (False, "rejected")
        changed = bench.station.listen()
        assert await obey(bench.station, "feeder.stop", {}) == (True, None)
        while bench.station.state is not State.IDLE:
            await asyncio.wait_for(changed.wait(), 10)
            changed.clear()
        feeder.sheets.clear()
        assert await obey(bench.station, "capture", {}) == (False, "failed"), "an empty feeder is known at once"

    assert at_feeder(tmp_path, work) == {"captured": 1, "rejected": 1, "failed": 1}


def test_separator_sheets_part_a_run_into_volumes(tmp_path: Path) -> None:
    async def work(bench: Bench, feeder: TestFeeder) -> None:
        feeder.load(5)
        opens = [Separator(opens=True, volume=name, declared=2).text for name in ("1", "2")]
        bench.judge.next_one.extend([("good", opens[0]), "good", "good", "look", ("good", opens[1]), "good", "good", "good"])
        assert await bench.station.press("pedal") == "captured"
        assert bench.station.facts.batch is not None
        assert bench.station.facts.batch.volume == "2"

    assert at_feeder(tmp_path, work) == {"captured": 1}
    batches = {one["batch"]: (one.get("volume"), one["state"], one["counts"]["captured"]) for one in records(tmp_path, "batch")}
    assert [found for found in batches.values() if found[1] == "closed"] == [("1", "closed", 2)]
    assert len(records(tmp_path, "page")) == 6
    assert len({page["batch"] for page in records(tmp_path, "page")}) == 2


def test_what_the_feeder_doubts_is_to_be_looked_at(tmp_path: Path) -> None:
    async def work(bench: Bench, feeder: TestFeeder) -> None:
        feeder.load(1)
        feeder.remarks = {"front": ("two sheets may have gone through", "可能重张")}
        assert await bench.station.press("pedal") == "captured"

    at_feeder(tmp_path, work)
    assert [page["verdict"] for page in records(tmp_path, "page")] == ["look", "good"]


def test_a_sheet_is_taken_again_and_others_are_put_in_anywhere(tmp_path: Path) -> None:
    async def work(bench: Bench, feeder: TestFeeder) -> None:
        feeder.load(3)
        await bench.station.press("pedal")
        pages = [page["page"] for page in records(tmp_path, "page")]
        feeder.load(1, first=8)
        assert await bench.station.take_page(RETAKE, page=pages[2]) == "captured"
        feeder.load(2, first=9)
        assert await bench.station.take_page("insert", after=pages[1]) == "captured"
        assert bench.station.facts.batch is not None
        live = [page.page for page in bench.presses.live_pages(bench.station.facts.batch.batch)]
        made = [page["page"] for page in records(tmp_path, "page") if page["page"] not in pages]
        made = list(dict.fromkeys(made))
        assert live == [*pages[:2], *made[2:6], *made[:2], *pages[4:]]
        assert await bench.station.undo() == 2  # the last sheet
        assert await bench.station.undo() == 2
        assert await bench.station.undo() == 2  # the retake
        assert [page.page for page in bench.presses.live_pages(bench.station.facts.batch.batch)] == pages

    at_feeder(tmp_path, work)


def test_a_run_longer_than_one_press_may_name_goes_on_under_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "PAGES_MAX", 4)

    async def work(bench: Bench, feeder: TestFeeder) -> None:
        feeder.load(5)
        assert await bench.station.press("pedal") == "captured"

    assert at_feeder(tmp_path, work) == {"captured": 3}
    presses = records(tmp_path, "press")
    assert [len(one["pages"]) for one in presses] == [4, 4, 2]
    assert [one["pedal"] for one in presses] == ["pedal", "feeder", "feeder"]


def test_a_restart_in_the_middle_of_a_run_keeps_what_came(tmp_path: Path) -> None:
    async def cut_off() -> None:
        feeder = TestFeeder()
        feeder.load(4)
        bench = Bench(tmp_path, source=lambda _: feeder, settings=Settings(verdict_s=60.0, late_s=2.0))
        await bench.station.start()
        gate, reached = asyncio.Event(), asyncio.Event()

        async def never() -> str:
            reached.set()
            await gate.wait()
            return "good"

        bench.judge.next_one.extend(["good", "good", "good", never])
        task = bench.station.press("pedal")
        await asyncio.wait_for(reached.wait(), 60)
        bench.spool.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bench.station.close()

    asyncio.run(cut_off())
    assert len(records(tmp_path, "page")) == 2
    assert records(tmp_path, "press") == []

    async def afterwards(bench: Bench, feeder: TestFeeder) -> None:
        assert bench.station.facts.batch is not None
        assert bench.station.facts.batch.counts.captured == 4
        feeder.load(1, first=20)
        assert await bench.station.press("pedal") == "captured"

    assert at_feeder(tmp_path, afterwards) == {"failed": 1, "captured": 1}
    press = records(tmp_path, "press")[0]
    assert len(press["pages"]) == 4
    assert press["why"] == "the run ended with a restart; what came is kept"
