"""Scanners through the real SANE: every end its test device can produce, options that do not fit, hangs, and a network scanner."""

import asyncio
import io
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from scanner_line.checks.images import open_page
from scanner_line.scanners.ends import STATUSES, WORDS, code_from
from scanner_line.scanners.options import BackendOption, Wanted, arguments, read_options, source_arguments
from scanner_line.scanners.process import devices
from scanner_line.sim.escl import SimScanner
from tests.scanner_line.sane import DPI, feeder, network, number_of, sheet, taken, test_device

ENDS = {
    "JAMMED": "jam",
    "NO_DOCS": "empty",
    "COVER_OPEN": "cover-open",
    "DEVICE_BUSY": "busy",
    "ACCESS_DENIED": "access-denied",
    "IO_ERROR": "io-error",
    "NO_MEM": "no-memory",
    "INVAL": "invalid",
    "CANCELLED": "cancelled",
    "UNSUPPORTED": "unsupported",
}


def runs_over(folder: Path) -> list[int]:
    """The runs of scanimage that write below a folder."""
    every = psutil.process_iter(["cmdline"])
    return [one.pid for one in every if any(f"--batch={folder}" in word for word in one.info["cmdline"] or ())]


async def test_a_load_of_ten_is_ten_sheets_and_out_of_paper_and_so_is_the_next(tmp_path: Path) -> None:
    source = feeder(tmp_path, more={"test-picture": "Color pattern"})
    await source.start()
    assert not source.faults
    for _ in range(2):
        sheets = await taken(source)
        assert len(sheets) == 10
        assert source.ended is not None
        assert (source.ended.code, source.ended.sound) == ("empty", True)
    assert source.fed == 20
    frame = sheets[-1].frames["page"]
    page = open_page(frame.jpeg)
    assert (page.width, page.height, page.mode) == (frame.width, frame.height, "colour") == (590, 787, "colour")
    with Image.open(io.BytesIO(frame.jpeg)) as image:
        assert image.format == "PNG"
        assert image.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
    assert not list((tmp_path / "scan").iterdir()), "nothing is left on the way"
    await source.close()


@pytest.mark.parametrize(("status", "code"), ENDS.items())
async def test_every_status_of_a_scanner_is_told_apart_and_says_what_to_do(tmp_path: Path, status: str, code: str) -> None:
    source = feeder(tmp_path, more={"read-return-value": f"SANE_STATUS_{status}"})
    assert await taken(source) == []
    assert source.ended is not None
    assert source.ended.code == code
    assert source.ended.words == WORDS[code][0]
    assert source.ended.words_zh == WORDS[code][1]
    assert source.fed == 0


async def test_an_image_that_is_cut_short_is_no_page_and_ends_the_run(tmp_path: Path) -> None:
    source = feeder(tmp_path, more={"read-return-value": "SANE_STATUS_EOF"})
    (only,) = await taken(source)
    assert not only.frames
    assert only.words == "page: the scanned image is cut short"
    assert source.ended is not None
    assert source.ended.code == "io-error"


async def test_what_the_scanner_does_not_have_is_named_with_the_nearest_it_has(tmp_path: Path) -> None:
    for options, words in (
        ({"more": {"test-pictures": "Grid"}}, "did you mean test-picture?"),
        ({"more": {"test-picture": "Gird"}}, "one of Solid black, Solid white, Color pattern, Grid, not Gird; did you mean Grid?"),
        ({"more": {"three-pass": "yes"}, "mode": "grey"}, "cannot be set with this source and mode"),
        ({"source": "flatbad"}, "did you mean flatbed?"),
        ({"source": "duplex"}, "has no duplex; its sources are Flatbed, Automatic Document Feeder"),
        ({"mode": "lineart"}, "one of colour, grey, Gray, Color, not lineart"),
        ({"resolution": 9600}, "resolution is 1 to 1200 dpi, not 9600"),
        ({"page_size": "A4"}, "x is 0 to 200 mm, not 210"),
        ({"page_size": "A44"}, "did you mean A4?"),
        ({"brightness": 10.0}, "has no option brightness"),
    ):
        source = feeder(tmp_path, **options)
        await source.start()
        assert words in source.faults["test:0"], source.faults
        assert await taken(source) == []
        assert source.ended is not None
        assert not source.ended.sound
        assert words in source.ended.words
    source = feeder(tmp_path)
    source.device = "nosuch:0"
    await source.start()
    assert "nosuch:0" in source.faults["nosuch:0"]


async def test_a_stop_comes_after_the_sheets_on_their_way_and_a_load_has_its_size(tmp_path: Path) -> None:
    source = feeder(tmp_path)
    seen = 0
    async for _ in source.take(time.monotonic_ns()):
        seen += 1
        if seen == 2:
            source.stop()
    assert source.ended is not None
    assert source.ended.code == "stopped"
    assert 2 <= seen <= 5
    source = feeder(tmp_path, sheets=4)
    assert len(await taken(source)) == 4
    assert source.ended is not None
    assert (source.ended.code, source.ended.sound) == ("count", True)


async def test_a_scanner_that_hangs_is_let_go_and_opened_anew(tmp_path: Path) -> None:
    slow = {"read-delay": "yes", "read-delay-duration": "200000", "read-limit": "yes", "read-limit-size": "1"}
    source = feeder(tmp_path, more=slow, sheet_s=0.3)
    began = time.monotonic()
    assert await taken(source) == []
    assert source.ended is not None
    assert source.ended.code == "no-answer"
    assert time.monotonic() - began < 30
    again = feeder(tmp_path)
    assert len(await taken(again)) == 10


async def test_a_driver_that_is_killed_costs_the_run_and_no_page_before_it(tmp_path: Path) -> None:
    source = feeder(tmp_path)
    seen = 0
    async for _ in source.take(time.monotonic_ns()):
        seen += 1
        if seen == 1:
            for pid in runs_over(tmp_path):
                os.kill(pid, signal.SIGKILL)
    assert source.ended is not None
    assert source.ended.code == "crashed"
    assert len(await taken(source)) == 10


async def test_a_flatbed_gives_one_page_a_press_in_grey(tmp_path: Path) -> None:
    source = feeder(tmp_path, source="flatbed", mode="grey", more={"test-picture": "Grid"})
    for _ in range(2):
        (only,) = await taken(source)
        assert open_page(only.frames["page"].jpeg).mode == "gray"
        assert source.ended is not None
        assert source.ended.code == "one"
    assert not source.many


async def test_a_taker_that_goes_away_leaves_no_scanner_running(tmp_path: Path) -> None:
    source = feeder(tmp_path)
    sheets = source.take(time.monotonic_ns())
    await anext(sheets)
    await sheets.aclose()  # type: ignore[attr-defined]  # an asynchronous generator has it
    assert not runs_over(tmp_path)


async def test_twelve_pages_come_from_a_network_scanner_as_they_lay_in_it(tmp_path: Path) -> None:
    with SimScanner() as scanner:
        source = network(scanner, tmp_path)
        assert [device for device, _ in await devices(config=str(tmp_path / "airscan.d"))] == [scanner.device]
        scanner.load(sheet(number) for number in range(12))
        sheets = await taken(source)
        assert [number_of(one.frames["page"].jpeg) for one in sheets] == list(range(12))
        assert source.ended is not None
        assert source.ended.code == "empty"
        assert await taken(source) == []


async def test_a_jam_keeps_the_sheets_before_it_and_going_on_brings_the_rest_once(tmp_path: Path) -> None:
    with SimScanner() as scanner:
        source = network(scanner, tmp_path)
        scanner.load(sheet(number) for number in range(6))
        scanner.jam_after = 2
        before = [number_of(one.frames["page"].jpeg) for one in await taken(source)]
        assert source.ended is not None
        assert source.ended.code == "jam"
        scanner.jam_after = None
        after = [number_of(one.frames["page"].jpeg) for one in await taken(source)]
        assert (before, after) == ([0, 1], [2, 3, 4, 5])


async def test_a_duplex_feeder_gives_fronts_and_backs_and_says_when_a_back_is_missing(tmp_path: Path) -> None:
    with SimScanner() as scanner:
        source = network(scanner, tmp_path, source="duplex")
        scanner.load(sheet(number) for number in range(5))
        sheets = await taken(source)
        assert [{side: number_of(frame.jpeg) for side, frame in one.frames.items()} for one in sheets] == [
            {"front": 0, "back": 1},
            {"front": 2, "back": 3},
            {"front": 4},
        ]
        assert sheets[2].words == "back: the scanner gave no image of this side"


async def test_a_sheet_too_long_for_its_batch_stops_the_feeder_behind_it(tmp_path: Path) -> None:
    with SimScanner() as scanner:
        source = network(scanner, tmp_path, longest_mm=420.0)
        scanner.load([sheet(0), sheet(1), sheet(2, height=1600), *(sheet(number) for number in range(3, 9))])
        sheets = await taken(source)
        assert [number_of(one.frames["page"].jpeg) for one in sheets] == [0, 1, 2]
        assert [bool(one.remarks) for one in sheets] == [False, False, True]
        assert "two sheets at once?" in sheets[2].remarks["page"][0]
        assert source.ended is not None
        assert (source.ended.code, source.ended.sound) == ("double-feed", False)


def test_options_are_read_as_backends_print_them() -> None:
    text = """
All options specific to device `fujitsu:fi-7160:123':
  Standard:
    --source ADF Front|ADF Back|ADF Duplex [ADF Front]
        Selects the scan source (such as a document-feeder).
    --mode Lineart|Gray|Color [Lineart]
    --resolution 50..600dpi (in steps of 1) [600]
  Geometry:
    --page-width 0..221.121mm (in steps of 0.0211639) [215.872]
    --page-height 0..876.695mm (in steps of 0.0211639) [279.364]
    -l 0..215.872mm (in steps of 0.0211639) [0]
    -x 0..215.872mm (in steps of 0.0211639) [215.872]
    -y 0..279.364mm (in steps of 0.0211639) [279.364]
  Advanced:
    --df-action Default|Continue|Stop [Default] [advanced]
    --double-feed[=(yes|no)] [yes] [hardware]
    --depth 1|8|16bit [8]
    --brightness auto|-127..127 (in steps of 1) [inactive]
"""
    options = read_options(text)
    assert options["source"].choices == ("ADF Front", "ADF Back", "ADF Duplex")
    assert options["resolution"] == BackendOption("resolution", (), 50, 600, "dpi", True, "600")
    assert options["depth"].choices == ("1", "8", "16")
    assert options["double-feed"].value == "yes"
    assert not options["brightness"].active
    assert source_arguments(options, "feeder") == ["--source=ADF Front"]
    assert source_arguments(options, "duplex") == ["--source=ADF Duplex"]
    made = arguments(options, Wanted(source="duplex"))
    assert made[:2] == ["--mode=Color", "--resolution=300"]
    assert made[2:] == ["--page-width=210", "--page-height=297", "-l0", "-x210", "-y297"]
    assert options["df-action"].argument("Stop") == "--df-action=Stop"


def test_feeders_whose_duplex_is_an_option_of_its_own_are_asked_by_it() -> None:
    options = read_options("    --source Flatbed|Automatic Document Feeder [Flatbed]\n    --adf-mode Simplex|Duplex [inactive]\n")
    assert source_arguments(options, "duplex") == ["--source=Automatic Document Feeder", "--adf-mode=Duplex"]
    assert source_arguments({}, "flatbed") == []


def test_every_status_has_words_in_both_languages() -> None:
    for code in {*STATUSES.values(), "one", "count", "stopped", "double-feed", "no-answer", "crashed"}:
        english, chinese = WORDS[code]
        assert english
        assert any("\u4e00" <= char <= "\u9fff" for char in chinese)
    assert code_from("scanimage: open of device x:1 failed: Device busy", returned=1) == "busy"
    assert code_from("", returned=-6) == "crashed"
    assert code_from("something else", returned=1) == "io-error"


async def test_without_scanimage_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source = feeder(tmp_path)
    await source.start()
    assert "apt-get install sane-utils" in source.faults["test:0"]


def test_the_test_devices_folder_is_what_sane_reads(tmp_path: Path) -> None:
    found = asyncio.run(devices(config=test_device(tmp_path)))
    assert [device for device, _ in found] == ["test:0", "test:1"]
