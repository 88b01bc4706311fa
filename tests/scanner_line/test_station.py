"""One bench at work: presses, verdicts, retakes, pairs, batches, separators, trouble."""

import asyncio
import resource
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from scanner_line.batches import now
from scanner_line.errors import BatchError, ImageRefused, JudgeError
from scanner_line.orders import obey
from scanner_line.presses import RETAKE, Aim
from scanner_line.states import MARK, UNDO, Edge, Settings, State
from tests.scanner_line.bench import QUICK, Bench, check_books, jpeg, records
from wire.separators import Separator


def at_bench(
    folder: Path,
    work: Callable[[Bench], Awaitable[None]],
    *,
    sides: Sequence[str] = ("only",),
    settings: Settings = QUICK,
    refuse: Callable[[], str | None] = lambda: None,
) -> Counter[str]:
    """Do some work at a bench, let it end in peace, check its books; the outcomes of all presses."""

    async def day() -> None:
        bench = Bench(folder, sides=sides, settings=settings, refuse=refuse)
        try:
            await bench.station.start()
            await work(bench)
        finally:
            await bench.close()

    asyncio.run(day())
    return check_books(folder)


def test_a_press_becomes_a_page_with_its_file_and_both_records(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        assert await bench.station.press("pedal") == "captured"
        assert bench.light.state == "green"
        assert bench.light.sounds == ["chirp"]
        assert bench.station.state is State.IDLE

    assert at_bench(tmp_path, work) == {"captured": 1}
    press, page = records(tmp_path, "press")[0], records(tmp_path, "page")[0]
    assert press["pages"] == [page["page"]]
    assert page["press"] == press["press"]
    assert page["station"] == press["station"] == "bench-1/bench-1"
    assert page["verdict"] == "good"
    assert len(page["checks"]) == 12
    batch = records(tmp_path, "batch")[0]
    assert batch["state"] == "open"
    assert batch["batch"] == page["batch"]


def test_a_press_while_one_runs_is_refused_aloud_and_recorded(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        gate = asyncio.Event()

        async def slowly() -> str:
            await gate.wait()
            return "good"

        bench.judge.next_one.append(slowly)
        first = bench.station.press("pedal")
        second = bench.station.press("pedal")
        assert await second == "rejected"
        assert bench.light.sounds == ["refuse"]
        gate.set()
        assert await first == "captured"

    assert at_bench(tmp_path, work) == {"captured": 1, "rejected": 1}
    assert [one["why"] for one in records(tmp_path, "press") if one["outcome"] == "rejected"] == ["busy"]


def test_checks_that_overrun_give_look_and_may_lower_the_verdict_later(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        for late in ("good", "bad"):
            gate = asyncio.Event()

            async def slowly(gate: asyncio.Event = gate, late: str = late) -> str:
                await gate.wait()
                return late

            bench.judge.next_one.append(slowly)
            changed = bench.station.listen()
            assert await bench.station.press("pedal") == "captured"
            assert bench.light.state == "yellow"
            assert bench.station.last is not None
            assert bench.station.last.failing[0]["name"] == "time"
            gate.set()
            while late == "bad" and bench.light.state != "red":
                changed.clear()
                await asyncio.wait_for(changed.wait(), 5)

    assert at_bench(tmp_path, work) == {"captured": 2}
    assert [one["verdict"] for one in records(tmp_path, "page")] == ["look", "look", "bad"]


def test_a_retake_takes_the_place_of_the_last_page_and_keeps_the_old_image(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        assert await bench.station.press("key", RETAKE) == "ignored"
        await bench.station.press("pedal")
        bench.judge.next_one.append("bad")
        await bench.station.press("pedal")
        assert bench.light.state == "red"
        assert bench.station.facts.batch is not None
        assert bench.station.facts.batch.counts.bad == 1
        assert await bench.station.press("key", RETAKE) == "captured"
        counts = bench.station.facts.batch.counts
        assert (counts.captured, counts.replaced, counts.bad, counts.good) == (2, 1, 0, 2)
        assert bench.judge.asked[-1] == (bench.judge.asked[-1][0], bench.judge.asked[-2][0])

    assert at_bench(tmp_path, work) == {"captured": 3, "ignored": 1}
    first, bad, retaken = records(tmp_path, "page")
    assert retaken["replaces"] == bad["page"]
    assert retaken["reason"] == "bad"
    assert bad["after"] == retaken["after"] == first["page"]


def test_a_pair_is_two_pages_left_before_right_and_is_retaken_as_a_pair(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        await bench.station.press("pedal")
        await bench.station.press("pedal", RETAKE)

    assert at_bench(tmp_path, work, sides=("left", "right")) == {"captured": 2}
    pages = records(tmp_path, "page")
    assert [page["side"] for page in pages] == ["left", "right", "left", "right"]
    assert [page.get("replaces") for page in pages] == [None, None, pages[0]["page"], pages[1]["page"]]
    assert [page.get("after") for page in pages] == [None, pages[0]["page"], None, pages[2]["page"]]


def test_a_half_taken_pair_fails_and_is_kept_as_a_bad_page_until_it_is_retaken(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        bench.cameras["right"].next_one.append("the cable is out")
        assert await bench.station.press("pedal") == "failed"
        assert bench.light.state == "red"
        await bench.station.press("pedal", RETAKE)
        assert bench.station.facts.batch is not None
        assert bench.station.facts.batch.counts.captured == 2
        assert bench.station.facts.batch.counts.bad == 0

    assert at_bench(tmp_path, work, sides=("left", "right")) == {"failed": 1, "captured": 1}
    half, left, right = records(tmp_path, "page")
    assert (half["verdict"], left["replaces"], right.get("replaces")) == ("bad", half["page"], None)
    assert records(tmp_path, "press")[0]["why"] == "right camera: the cable is out"
    assert "pair" in [check["name"] for check in half["checks"]]


def test_a_half_retake_of_a_half_pair_never_leaves_two_left_pages(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        await bench.station.press("pedal")
        bench.cameras["right"].next_one.append("the cable is out")
        await bench.station.press("pedal", RETAKE)
        await bench.station.press("pedal", RETAKE)
        assert bench.station.facts.batch is not None
        pages = bench.presses.live_pages(bench.station.facts.batch.batch)
        assert [page.side for page in pages] == ["left", "right"]
        assert pages[0].seq < pages[1].seq

    assert at_bench(tmp_path, work, sides=("left", "right")) == {"captured": 2, "failed": 1}


def test_a_camera_that_fails_or_hangs_fails_the_press_and_the_next_one_works(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        bench.cameras["only"].next_one.extend(["no light", None])
        assert await bench.station.press("pedal") == "failed"
        assert (bench.light.state, bench.light.sounds) == ("red-blink", ["long"])
        assert await bench.station.press("pedal") == "failed"
        assert await bench.station.press("pedal") == "captured"

    assert at_bench(tmp_path, work) == {"failed": 2, "captured": 1}
    assert [one.get("why") for one in records(tmp_path, "press")] == ["only camera: no light", "only camera: no picture within 0.3 s", None]


def test_a_frame_from_before_the_press_is_not_taken(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        camera = bench.cameras["only"]
        taken = camera.capture

        async def stale(after_monotonic_ns: int, *, timeout_s: float = 1) -> object:
            frame = await taken(after_monotonic_ns, timeout_s=timeout_s)
            return type(frame)(frame.jpeg, after_monotonic_ns - 1, frame.width, frame.height)

        camera.capture = stale  # type: ignore[method-assign, assignment]
        assert await bench.station.press("pedal") == "failed"

    assert at_bench(tmp_path, work) == {"failed": 1}


@pytest.mark.parametrize(("error", "verdict"), [(JudgeError("died twice"), "look"), (ImageRefused("not a JPEG"), "bad")])
def test_checks_that_cannot_be_made_never_pass_a_page(tmp_path: Path, error: Exception, verdict: str) -> None:
    async def work(bench: Bench) -> None:
        bench.judge.next_one.append(error)
        assert await bench.station.press("pedal") == "captured"

    at_bench(tmp_path, work)
    assert records(tmp_path, "page")[0]["verdict"] == verdict


def test_a_full_disk_refuses_the_press_before_the_shot(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        assert await bench.station.press("pedal") == "rejected"
        assert bench.cameras["only"].shots == 0
        assert bench.station.disk_words == "the disk is full"

    assert at_bench(tmp_path, work, refuse=lambda: "the disk is full") == {"rejected": 1}
    assert records(tmp_path, "press")[0]["why"] == "the disk is full"


def test_a_disk_that_refuses_the_image_fails_the_press_which_is_recorded_later(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        bench.cameras["only"].next_one.append(jpeg("only", 1) + bytes(2_000_000))
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
        try:
            assert await bench.station.press("pedal") == "failed"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert bench.light.sounds == ["long"]
        assert bench.station.last is not None
        assert bench.station.last.code == "spool"
        assert await bench.station.press("pedal") == "captured"

    assert at_bench(tmp_path, work) == {"failed": 1, "captured": 1}
    assert [one.get("why") for one in records(tmp_path, "press")] == ["no picture was stored", None]


def test_presses_while_the_database_is_locked_are_recorded_when_it_is_not(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        other = sqlite3.connect(bench.spool.database, isolation_level=None)
        bench.spool.connection.execute("PRAGMA busy_timeout = 50")
        other.execute("BEGIN IMMEDIATE")
        assert await bench.station.press("pedal") == "failed"
        other.execute("ROLLBACK")
        other.close()
        assert await bench.station.press("pedal") == "captured"

    assert at_bench(tmp_path, work) == {"failed": 1, "captured": 1}


def test_a_held_pedal_opens_a_batch_and_closes_it_and_leaves_no_page(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        station = bench.station
        assert await station.down("pedal") == "control"
        assert station.facts.batch is not None
        assert station.facts.batch.counts.captured == 0
        station.up("pedal")
        task = station.down("pedal")
        station.up("pedal")
        assert await task == "captured"
        assert await station.down("pedal") == "control"
        assert station.facts.batch is None
        assert station.facts.closed is not None
        assert station.facts.closed.counts.captured == 1

    assert at_bench(tmp_path, work) == {"control": 2, "captured": 1}
    assert [one["state"] for one in records(tmp_path, "batch")] == ["open", "closed"]
    assert records(tmp_path, "batch")[-1]["counts"]["captured"] == 1


def test_a_pedal_held_and_let_go_while_the_checks_still_run_was_held(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        gate = asyncio.Event()

        async def slowly() -> str:
            await gate.wait()
            return "good"

        bench.judge.next_one.append(slowly)
        began = time.monotonic_ns()
        task = bench.station.down("pedal", edge=Edge(*now(), began))
        bench.station.up("pedal", at_ns=began + int(bench.station.settings.hold_s * 1e9))
        gate.set()
        assert await task == "control"

    assert at_bench(tmp_path, work) == {"control": 1}


def test_a_held_retake_pedal_is_no_control(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        await bench.station.press("pedal")
        assert await bench.station.down("retake-pedal", RETAKE) == "captured"

    at_bench(tmp_path, work)


def test_closing_with_another_count_than_declared_asks_first(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        station = bench.station
        await station.open_batch(declared=2, volume="V-7")
        await station.press("pedal")
        with pytest.raises(BatchError, match="2 pages declared, 1 captured"):
            await station.close_batch()
        assert station.question is not None
        assert station.question.reasons == ("count",)
        assert bench.light.state == "yellow-blink"
        await station.press("pedal")  # the missing page after all
        assert station.question is None
        await station.close_batch()
        await station.open_batch(declared=5)
        with pytest.raises(BatchError):
            await station.close_batch()
        await station.keep_open()
        assert station.question is None
        assert await obey(station, "batch.close", {}) == (False, "5 pages declared, 0 captured")
        assert await obey(station, "batch.close", {"confirm": True}) == (True, None)

    at_bench(tmp_path, work)
    closed = [one for one in records(tmp_path, "batch") if one["state"] == "closed"]
    assert [(one["declared"], one["counts"]["captured"], one.get("volume")) for one in closed] == [(2, 2, "V-7"), (5, 0, None)]


def test_a_held_pedal_confirms_what_the_first_one_asked(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        await bench.station.open_batch(declared=2)
        await bench.station.down("pedal")
        bench.station.up("pedal")
        assert bench.station.question is not None
        await bench.station.down("pedal")
        assert bench.station.facts.batch is None

    assert at_bench(tmp_path, work) == {"control": 2}


def test_a_bad_page_that_was_not_retaken_asks_before_closing(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        bench.judge.next_one.append("bad")
        await bench.station.press("pedal")
        with pytest.raises(BatchError, match="1 bad pages not retaken"):
            await bench.station.close_batch()

    at_bench(tmp_path, work)


def test_separator_sheets_open_and_close_batches_and_are_no_pages(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        station, judge = bench.station, bench.judge
        judge.next_one.append(("good", Separator(opens=True, volume="卷 12/3", declared=1).text))
        assert await station.press("pedal") == "control"
        assert station.facts.batch is not None
        assert (station.facts.batch.volume, station.facts.batch.declared) == ("卷 12/3", 1)
        await station.press("pedal")
        judge.next_one.append(("good", Separator(opens=True, volume="13", declared=4).text))
        assert await station.press("pedal") == "control"
        assert station.facts.batch.volume == "13"
        judge.next_one.append(("good", "MUNIMENT BATCH CLOSE"))
        assert await station.press("pedal") == "control"
        assert station.question is not None  # none of four
        await station.close_batch(confirmed=True)
        judge.next_one.append(("good", "any other code"))
        assert await station.press("pedal") == "captured"

    assert at_bench(tmp_path, work) == {"control": 3, "captured": 2}
    assert len(records(tmp_path, "page")) == 2
    closed = [one["counts"]["captured"] for one in records(tmp_path, "batch") if one["state"] == "closed"]
    assert closed == [1, 0]


def test_a_separator_over_an_incomplete_batch_waits_for_the_answer(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        station = bench.station
        await station.open_batch(declared=3, volume="1")
        await station.press("pedal")
        bench.judge.next_one.append(("good", Separator(opens=True, volume="2").text))
        await station.press("pedal")
        assert await station.press("pedal") == "rejected"
        await station.close_batch(confirmed=True)
        assert station.facts.batch is not None
        assert station.facts.batch.volume == "2"

    assert at_bench(tmp_path, work) == {"captured": 1, "control": 1, "rejected": 1}


def test_a_held_retake_of_a_holder_keeps_no_picture_and_takes_the_last_thing_back(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        await bench.station.press("pedal")
        await bench.station.press("pedal")
        await bench.station.down("pedal", RETAKE)
        assert bench.station.facts.batch is not None
        counts = bench.station.facts.batch.counts
        assert (counts.captured, counts.replaced, counts.deleted) == (1, 0, 1)

    assert at_bench(tmp_path, work) == {"captured": 2, "control": 1}
    assert len({page["page"] for page in records(tmp_path, "page")}) == 2


def test_undo_by_pedal_and_the_next_volume_are_controls(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        station = bench.station
        await station.open_batch(volume="1")
        await station.press("pedal")
        assert await station.press("foot.undo", UNDO) == "control"
        assert await station.press("foot.undo", UNDO) == "ignored"
        await station.press("pedal")
        assert await station.press("foot.next", MARK) == "control"
        assert station.facts.batch is not None
        assert station.facts.batch.volume is None
        assert station.facts.closed is not None
        assert station.facts.closed.counts.captured == 1

    assert at_bench(tmp_path, work) == {"captured": 2, "control": 2, "ignored": 1}


def test_a_pedal_does_what_was_aimed_at(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        station = bench.station
        for _ in range(3):
            await station.press("pedal")
        pages = [page["page"] for page in records(tmp_path, "page")]
        station.aim_at(Aim(RETAKE, page=pages[0]))
        await station.press("pedal")
        assert station.aim is None
        station.aim_at(Aim("insert", after=pages[1]))
        await station.press("pedal")
        await station.press("pedal")
        station.aim_at(None)
        await station.press("pedal")
        made = list(dict.fromkeys(page["page"] for page in records(tmp_path, "page")))[3:]
        assert station.facts.batch is not None
        live = [page.page for page in bench.presses.live_pages(station.facts.batch.batch)]
        assert live == [made[0], pages[1], made[1], made[2], pages[2], made[3]]

    assert at_bench(tmp_path, work) == {"captured": 7}


def test_a_side_that_was_deleted_stays_out_and_a_missing_one_is_completed(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        station = bench.station
        bench.cameras["left"].next_one.append("the cable is out")
        await station.press("pedal")
        await station.press("pedal")
        half, left, right = [page["page"] for page in records(tmp_path, "page")]
        assert await station.take_page(RETAKE, page=half) == "captured"
        await station.delete(left, reason="a hand")
        assert await station.take_page(RETAKE, page=right) == "captured"
        assert station.facts.batch is not None
        live = bench.presses.live_pages(station.facts.batch.batch)
        assert [page.side for page in live] == ["left", "right", "right"]
        assert await station.take_page(RETAKE, page=right) == "ignored"  # it was replaced

    assert at_bench(tmp_path, work, sides=("left", "right")) == {"failed": 1, "captured": 3, "ignored": 1}


def test_undo_takes_the_last_page_out_and_keeps_its_image(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        await bench.station.press("pedal")
        await bench.station.press("pedal")
        assert await bench.station.undo() == 1
        assert bench.station.facts.batch is not None
        assert (bench.station.facts.batch.counts.captured, bench.station.facts.batch.counts.deleted) == (1, 1)
        assert len(bench.judge.known) == 1
        assert await bench.station.undo() == 1
        with pytest.raises(BatchError):
            await bench.station.undo()

    at_bench(tmp_path, work)
    assert [one.get("deleted") for one in records(tmp_path, "page")] == [None, None, True, True]


def test_the_centre_can_open_close_capture_retake_and_gets_words_for_no(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        do = partial(obey, bench.station)
        assert await do("batch.close", {}) == (False, "no batch is open")
        assert await do("batch.open", {"declared": 2, "volume": "9"}) == (True, None)
        assert await do("batch.open", {}) == (False, "a batch is open already")
        assert await do("batch.open", {"declared": "2"}) == (False, "declared is a whole number and volume a text")
        assert await do("capture", {}) == (True, None)
        assert await do("retake", {}) == (True, None)
        assert await do("page.delete", {}) == (True, None)
        assert await do("identify", {}) == (True, None)
        assert bench.light.state == "identify"
        assert await do("fly", {}) == (False, "a bench does not know the command fly")

    at_bench(tmp_path, work)


def test_a_restart_carries_the_open_batch_on(tmp_path: Path) -> None:
    async def morning(bench: Bench) -> None:
        await bench.station.open_batch(declared=3, volume="V")
        await bench.station.press("pedal")
        await bench.station.press("pedal")

    async def afternoon(bench: Bench) -> None:
        batch = bench.station.facts.batch
        assert batch is not None
        assert (batch.volume, batch.declared, batch.counts.captured) == ("V", 3, 2)
        assert len(bench.judge.known) == 2
        await bench.station.press("pedal")
        await bench.station.close_batch()

    at_bench(tmp_path, morning)
    at_bench(tmp_path, afternoon)
    assert len({page["batch"] for page in records(tmp_path, "page")}) == 1
    assert records(tmp_path, "page")[2]["after"] == records(tmp_path, "page")[1]["page"]
