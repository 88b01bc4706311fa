"""A station over a scanner: runs that end in every way, counted once; loads of one batch; separators in between; fronts and backs."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from central.digitization.process.sheets import VolumeSheet, sheets_pdf
from scanner_line.batches import Batch, Counts
from scanner_line.judging import PageJudge
from scanner_line.orders import obey
from scanner_line.profile import Profile
from scanner_line.scanners.ends import WORDS
from scanner_line.scanners.reconciling import reconcile, reconciliation_of
from scanner_line.scanners.sane import SaneSource
from scanner_line.sim.escl import SimScanner
from scanner_line.states import Settings
from tests.ready_fonts import ready_fonts
from tests.scanner_line.bench import Bench, check_books, records
from tests.scanner_line.sane import feeder, network, number_of, sheet

PATIENT = Settings(verdict_s=30.0, camera_s=30.0, hold_s=0.25, late_s=30.0)


@asynccontextmanager
async def at(tmp_path: Path, source: SaneSource, *, judge: PageJudge | None = None) -> AsyncIterator[Bench]:
    """A bench over a scanner; its pages are good, unless a judge is given."""
    bench = Bench(tmp_path / "spool", settings=PATIENT, source=lambda _: source, judge=judge)
    await bench.station.start()
    try:
        yield bench
    finally:
        await bench.close()


def numbers(bench: Bench, batch: str | None = None) -> list[int]:
    """The numbers of the open batch's (or a batch's) sheets, in the batch's order."""
    current = bench.batches.current()
    ident = batch or (current.batch if current else "")
    return [number_of(bench.spool.path_of(page.sha256 or "").read_bytes()) for page in bench.presses.live_pages(ident)]


@pytest.mark.parametrize("status", ["JAMMED", "COVER_OPEN", "DEVICE_BUSY", "ACCESS_DENIED", "IO_ERROR", "NO_MEM", "INVAL", "CANCELLED"])
async def test_a_trouble_of_the_scanner_is_a_failed_press_that_says_what_to_do(tmp_path: Path, status: str) -> None:
    async with at(tmp_path, feeder(tmp_path, more={"read-return-value": f"SANE_STATUS_{status}"})) as bench:
        assert await bench.station.press("pedal") == "failed"
        last = bench.station.last
        assert last is not None
        assert (last.why, last.why_zh) == WORDS[last.code]
    assert check_books(tmp_path / "spool") == {"failed": 1}


async def test_a_jam_keeps_the_pages_before_it_and_after_it_nothing_is_counted_twice(tmp_path: Path) -> None:
    with SimScanner() as scanner:
        scanner.load(sheet(number) for number in range(6))
        scanner.jam_after = 2
        async with at(tmp_path, network(scanner, tmp_path)) as bench:
            await bench.station.open_batch(declared=6)
            assert await bench.station.press("pedal") == "failed"
            count = reconciliation_of(bench.station)
            assert count is not None
            assert (count.fed, count.images, count.difference, count.settled) == (2, 2, -4, False)
            scanner.jam_after = None
            assert await bench.station.press("pedal") == "captured"
            assert numbers(bench) == list(range(6))
            count = reconciliation_of(bench.station)
            assert count is not None
            assert (count.declared, count.fed, count.images, count.good) == (6, 6, 6, 6)
            assert (count.difference, count.settled, count.words) == (0, True, ("", ""))
    assert check_books(tmp_path / "spool") == {"failed": 1, "captured": 1}


async def test_out_of_paper_before_the_declared_count_asks_to_go_on_and_further_loads_are_the_same_batch(tmp_path: Path) -> None:
    with SimScanner() as scanner:
        async with at(tmp_path, network(scanner, tmp_path)) as bench:
            await bench.station.open_batch(declared=4)
            scanner.load(sheet(number) for number in range(2))
            assert await bench.station.press("pedal") == "captured"
            assert bench.station.last is not None
            assert bench.station.last.code == "short"
            count = reconciliation_of(bench.station)
            assert count is not None
            assert "2 of 4 pages are missing: load more" in count.words[0]
            assert "还缺 2 页" in count.words[1]
            scanner.load(sheet(number) for number in range(2, 4))
            assert await bench.station.press("pedal") == "captured"
            assert bench.station.last.code == "empty"
            closed = await bench.station.close_batch()
            assert closed.counts.captured == 4
    check_books(tmp_path / "spool")


async def test_a_double_feed_stops_behind_the_bad_sheet_which_is_to_be_looked_at(tmp_path: Path) -> None:
    with SimScanner() as scanner:
        scanner.load([sheet(0), sheet(1, height=1600), sheet(2)])
        async with at(tmp_path, network(scanner, tmp_path, longest_mm=420.0)) as bench:
            assert await bench.station.press("pedal") == "failed"
            assert bench.station.last is not None
            assert bench.station.last.code == "double-feed"
            verdicts = [one["verdict"] for one in records(tmp_path / "spool", "page")]
            assert verdicts == ["good", "look"]
            checks = records(tmp_path / "spool", "page")[1]["checks"]
            assert any("two sheets at once?" in one["words"] and "重张" in one["words_zh"] for one in checks)
    check_books(tmp_path / "spool")


async def test_fronts_and_backs_of_two_runs_are_put_together_and_unequal_ones_are_not(tmp_path: Path) -> None:
    with SimScanner() as scanner:
        async with at(tmp_path, network(scanner, tmp_path, collate=True)) as bench:
            scanner.load(sheet(number) for number in (1, 3, 5, 7))
            assert await bench.station.press("pedal") == "captured"
            assert await obey(bench.station, "feeder.turn", {"side": "back"}) == (True, None)
            scanner.load(sheet(number, text=number != 6) for number in (8, 6, 4))
            assert await bench.station.press("pedal") == "captured"
            done, why = await obey(bench.station, "feeder.collate", {})
            assert not done
            assert "3 fronts without a back, 2 backs without a front: nothing was put together" in str(why)
            assert "未合并" in str(why)
            assert numbers(bench) == [1, 3, 5, 7, 8, 6, 4], "both runs lie as they came"
            done, why = await obey(bench.station, "batch.close", {})
            assert (done, "3 fronts have no back, 2 backs no front" in str(why)) == (False, True), why
            assert bench.station.question is not None
            assert "sides" in bench.station.question.reasons
            await bench.station.keep_open()
            scanner.load([sheet(2)])
            assert await bench.station.press("pedal") == "captured"
            names = {page["page"]: page["sha256"] for page in records(tmp_path / "spool", "page")}
            assert await obey(bench.station, "feeder.collate", {}) == (True, None)
            assert numbers(bench) == [1, 2, 3, 4, 5, 6, 7, 8]
            assert await obey(bench.station, "feeder.collate", {}) == (True, None)
            assert {page["page"]: page["sha256"] for page in records(tmp_path / "spool", "page")} == names, "no id and no file changed"
            sides = [page.side for page in bench.presses.live_pages(bench.batches.current().batch)]  # type: ignore[union-attr]
            assert sides == ["front", "back"] * 4
    check_books(tmp_path / "spool")


async def test_a_duplex_scanner_cannot_be_turned(tmp_path: Path) -> None:
    with SimScanner() as scanner:
        async with at(tmp_path, network(scanner, tmp_path)) as bench:
            done, why = await obey(bench.station, "feeder.turn", {"side": "back"})
            assert not done
            assert "set `collate`" in str(why)


@pytest.mark.parametrize(
    ("counts", "declared", "lost", "words"),
    [
        ({"captured": 3, "good": 3}, 3, 0, ""),
        ({"captured": 4, "good": 4}, 3, 0, "1 pages more than the 3 declared"),
        ({"captured": 3, "good": 2, "bad": 1}, 3, 1, "1 fed images could not be kept: scan those sheets again; 1 bad pages"),
        ({"captured": 3, "good": 2, "placeholders": 1, "replaced": 2}, None, 0, ""),
    ],
)
def test_what_stands_between_a_batch_and_its_declared_count(counts: dict[str, int], declared: int | None, lost: int, words: str) -> None:
    batch: Any = Batch.__new__(Batch)
    for name, value in {"counts": Counts(**counts), "declared": declared}.items():
        object.__setattr__(batch, name, value)
    count = reconcile(batch, lost=lost)
    assert words in count.words[0]
    assert count.fed == count.images + count.replaced + count.deleted + lost
    assert count.settled == (declared == count.images + count.placeholders and not words)


async def test_separator_sheets_open_and_close_volumes_in_the_middle_of_a_run_and_are_no_pages(tmp_path: Path) -> None:
    printed = sheets_pdf([VolumeSheet("2024-0001", 2), VolumeSheet("档案 7", 3)], fonts=ready_fonts(), closing=True)
    separators = []
    with pypdfium2.PdfDocument(printed) as document:
        for page in document:
            made = io.BytesIO()
            page.render(scale=100 / 72).to_pil().convert("RGB").save(made, "JPEG", quality=90)
            separators.append(made.getvalue())
    first, second, closing = separators
    with SimScanner() as scanner:
        scanner.load([first, sheet(0), sheet(1), second, sheet(2), sheet(3), closing])
        async with at(tmp_path, network(scanner, tmp_path), judge=PageJudge(Profile())) as bench:
            assert await bench.station.press("pedal") == "captured"
            assert bench.batches.current() is None
    last = {one["batch"]: one for one in records(tmp_path / "spool", "batch")}
    volumes = [(one["state"], one.get("volume"), one["declared"], one["counts"]["captured"]) for one in last.values()]
    assert volumes == [("closed", "2024-0001", 2, 2), ("closed", "档案 7", 3, 2)]
    assert len(records(tmp_path / "spool", "page")) >= 4
    check_books(tmp_path / "spool")
