"""A whole bench on simulated wires: real pins, real JPEGs, real checks in their own process."""

import time
from pathlib import Path

import psutil

from scanner_line.sim.operator import Shift
from scanner_line.sim.pages import render_separator
from tests.scanner_line.bench import check_books, records
from tests.scanner_line.real_bench import PEDAL, RETAKE_PEDAL, running_bench


def test_pedal_to_lamp_with_real_checks_a_blurred_page_is_retaken_by_the_second_pedal(tmp_path: Path) -> None:
    with running_bench(tmp_path, defects=["", "bright"]) as running:
        running.tap()
        assert running.lit() == ["green"]
        running.turn()
        running.tap()
        assert running.lit() == ["red"]
        assert [check["name"] for check in running.bench.station.last.failing] == ["exposure"]
        running.tap(RETAKE_PEDAL)
        assert running.lit() == ["green"]
    assert check_books(tmp_path) == {"captured": 3}
    good, bad, retake = records(tmp_path, "page")
    assert retake["replaces"] == bad["page"]
    assert {check["name"] for check in good["checks"]} >= {"sharpness", "duplicate", "code"}
    assert [press["pedal"] for press in records(tmp_path, "press")] == ["pedal", "pedal", "retake-pedal"]


def test_a_page_photographed_twice_is_told_also_after_a_restart(tmp_path: Path) -> None:
    with running_bench(tmp_path) as running:
        running.tap()
        assert running.lit() == ["green"]
    with running_bench(tmp_path) as running:
        running.tap()
        assert running.lit() == ["yellow"]
        assert [check["name"] for check in running.bench.station.last.failing] == ["duplicate"]
        running.tap(RETAKE_PEDAL)  # of the second: the first is still its double
        assert running.lit() == ["yellow"]
    check_books(tmp_path)


def test_the_pedal_held_opens_a_batch_and_a_bouncing_contact_presses_once(tmp_path: Path) -> None:
    with running_bench(tmp_path, hold_s=0.4) as running:
        pin = running.pins.pin(PEDAL)
        pin.drive_low()
        running.until(lambda bench: bench.station.facts.batch is not None and bench.station.facts.outcomes["control"] == 1)
        pin.drive_high()
        time.sleep(0.1)  # longer than the contact needs to settle
        for _ in range(4):
            pin.drive_low()
            pin.drive_high()
        running.tap()
        running.until(lambda bench: bench.station.facts.outcomes["captured"] >= 1)
        assert running.bench.station.facts.batch.counts.captured == 1
    outcomes = check_books(tmp_path)
    assert outcomes["control"] == 1
    assert outcomes["captured"] == 1


def test_a_printed_separator_sheet_opens_the_batch_it_names(tmp_path: Path) -> None:
    import cv2

    pages = tmp_path / "pages"
    pages.mkdir()
    cv2.imwrite(str(pages / "1.jpg"), render_separator("MUNIMENT BATCH OPEN VOLUME=V-12 PAGES=8"))
    with running_bench(tmp_path / "spool", camera={"pages": str(pages)}) as running:
        running.tap()
        batch = running.bench.station.facts.batch
        assert (batch.volume, batch.declared, batch.counts.captured) == ("V-12", 8, 0)
    assert check_books(tmp_path / "spool") == {"control": 1}


def test_checks_whose_process_is_killed_cost_no_press(tmp_path: Path) -> None:
    with running_bench(tmp_path) as running:
        running.tap()
        children = [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]
        assert len(children) == 1
        children[0].kill()
        running.turn()
        running.tap()
        running.turn()
        running.tap()
        assert running.lit() == ["green"]
    assert check_books(tmp_path) == {"captured": 3}


def test_a_camera_whose_cable_is_pulled_fails_aloud_and_comes_back(tmp_path: Path) -> None:
    with running_bench(tmp_path) as running:
        camera = next(iter(running.bench.station.source.cameras.values()))
        camera.unplug()
        running.tap()
        assert running.bench.station.last.outcome == "failed"
        camera.plug()
        running.tap()
        running.until(lambda bench: not bench.station.source.faults)
        running.tap()
        assert running.lit() == ["green"]
    outcomes = check_books(tmp_path)
    assert outcomes["captured"] >= 1
    assert outcomes["failed"] >= 1


def test_the_simulated_operator_fills_and_closes_a_batch_and_retakes_what_is_bad(tmp_path: Path) -> None:
    with running_bench(tmp_path, defects=["", "bright", "", ""], operator=Shift(pages=4, page_s=0.6, pause_s=60), hold_s=0.6) as running:
        running.until(lambda bench: bench.station.facts.closed is not None)
        counts = running.bench.station.facts.closed.counts
        assert counts.captured == 4
        assert counts.replaced >= 1
        assert counts.bad == 0
    check_books(tmp_path)
    assert [one["state"] for one in records(tmp_path, "batch")] == ["open", "closed"]
