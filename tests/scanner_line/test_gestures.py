"""What feet mean: a mark, a double tap, a long press; presses before the session is ready; each press ends once, and is recorded."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scanner_line.session import Session, SessionSettings
from scanner_line.session_book import SessionBook
from tests.scanner_line.bench import NAME, Bench, RecordTable, check_books, records
from tests.scanner_line.session_parts import photograph

MARK, RETAKE = "foot.mark", "foot.retake"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    bench.station.holders |= {MARK, RETAKE}
    await bench.station.start()
    yield bench
    await bench.close()


def live(bench: Bench) -> int:
    batch = bench.station.facts.batch
    return 0 if batch is None else batch.counts.captured


async def test_a_tap_of_mark_goes_on_with_the_next_volume(bench: Bench, tmp_path: Path) -> None:
    assert await bench.station.press("pedal") == "captured"
    first = bench.station.facts.batch
    assert first is not None
    assert await bench.station.press(MARK, "mark") == "control"
    second = bench.station.facts.batch
    assert second is not None
    assert second.batch != first.batch
    assert bench.station.facts.closed is not None
    assert bench.station.facts.closed.batch == first.batch
    assert check_books(tmp_path) == {"captured": 1, "control": 1}


async def test_two_taps_of_mark_take_back_what_was_done_last(bench: Bench, tmp_path: Path) -> None:
    await bench.station.press("pedal")
    assert live(bench) == 1
    first = bench.station.press(MARK, "mark")
    assert await bench.station.press(MARK, "mark") == "control"
    assert await first == "control"
    assert live(bench) == 0
    assert bench.station.facts.batch is not None
    assert check_books(tmp_path) == {"captured": 1, "control": 2}
    assert [one.get("why") for one in records(tmp_path, "press")] == [None, "double-tap", "undo"]
    assert await bench.station.press("pedal") == "captured"


async def test_mark_held_opens_or_closes_the_batch(bench: Bench, tmp_path: Path) -> None:
    for expected in (True, False):
        assert await bench.station.down(MARK, "mark") == "control"
        bench.station.up(MARK)
        assert (bench.station.facts.batch is not None) is expected
    assert check_books(tmp_path) == {"control": 2}


async def test_retake_held_takes_back_what_was_done_last_and_keeps_no_picture(bench: Bench, tmp_path: Path) -> None:
    await bench.station.press("pedal")
    await bench.station.press("pedal")
    assert await bench.station.down(RETAKE, "retake") == "control"
    bench.station.up(RETAKE)
    assert live(bench) == 1
    pages = records(tmp_path, "page")
    assert [one.get("deleted") for one in pages] == [None, None, True]
    assert all(one.get("replaces") is None for one in pages)
    assert check_books(tmp_path) == {"captured": 2, "control": 1}


async def test_another_switch_while_a_tap_may_become_a_double_tap_is_refused_aloud(bench: Bench, tmp_path: Path) -> None:
    first = bench.station.press(MARK, "mark")
    assert await bench.station.press("pedal") == "rejected"
    assert bench.light.sounds[-1] == "refuse"
    assert await first == "control"
    assert check_books(tmp_path) == {"rejected": 1, "control": 1}


async def test_undo_with_nothing_to_undo_is_ignored(bench: Bench, tmp_path: Path) -> None:
    assert await bench.station.press("foot.undo", "undo") == "ignored"
    assert check_books(tmp_path) == {"ignored": 1}


async def test_no_page_is_taken_before_each_camera_has_seen_its_card(tmp_path: Path) -> None:
    bench = Bench(tmp_path, sides=("left", "right"))
    book = SessionBook(bench.spool, RecordTable(bench.spool.connection), station=NAME)
    bench.station.watch = session = Session(book, serials=lambda: {"left": "left-1", "right": "right-1"}, settings=SessionSettings("cards"))
    await bench.station.start()
    try:
        assert await bench.station.press("pedal") == "rejected"
        assert bench.station.last is not None
        assert bench.station.last.code == "session"
        left, right = photograph("MUNIMENT CARD LEFT"), photograph("MUNIMENT CARD RIGHT")
        for one, other in ((right, left), (left, right)):
            bench.cameras["left"].next_one.append(one)
            bench.cameras["right"].next_one.append(other)
            assert await bench.station.press("pedal") == "control"
        assert session.ready
        assert bench.station.facts.batch is None  # a proof opens none
        assert await bench.station.press("pedal") == "captured"
        assert live(bench) == 2
        press = records(tmp_path, "press")
        assert [one["outcome"] for one in press] == ["rejected", "control", "control", "captured"]
        assert "Swapped" in press[1]["why"]
        assert len(book.proofs(session.state["id"])) == 2
    finally:
        await bench.close()
    assert check_books(tmp_path) == {"rejected": 1, "control": 2, "captured": 1}


async def test_a_card_in_the_middle_of_a_session_is_no_page_and_begins_it_anew(bench: Bench, tmp_path: Path) -> None:
    book = SessionBook(bench.spool, RecordTable(bench.spool.connection), station=NAME)
    bench.station.watch = session = Session(book, serials=lambda: {"only": "only-1"}, settings=SessionSettings("off"))
    assert await bench.station.press("pedal") == "captured"
    before = session.state["id"]
    bench.cameras["only"].next_one.append(photograph("MUNIMENT CARD OVERHEAD"))
    bench.judge.next_one.append(("good", "MUNIMENT CARD OVERHEAD"))
    assert await bench.station.press("pedal") == "control"
    assert session.state["cards"] == {"only": "proven"}
    assert session.state["id"] != before
    assert live(bench) == 1
    assert await bench.station.press("pedal") == "captured"
    assert check_books(tmp_path) == {"captured": 2, "control": 1}
    assert [one.get("why") for one in records(tmp_path, "press")] == [None, "card", None]
