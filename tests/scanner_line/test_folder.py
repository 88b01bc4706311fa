"""A watched folder: whole files become pages once, whatever their writer or a restart does; everything else is refused with words."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from scanner_line.errors import ImageRefused
from scanner_line.scanners.folder import FolderSource
from scanner_line.scanners.registry import folder_from
from scanner_line.scanners.watching import FolderWatch, natural
from scanner_line.scanners.whole import check_whole
from scanner_line.sources import SourceOptions
from scanner_line.states import State
from tests.scanner_line.bench import QUICK, Bench, check_books, jpeg, records

QUICKLY = {"settle_s": 0.1, "give_up_s": 1.0}


@asynccontextmanager
async def watched(tmp_path: Path, **options: object) -> AsyncIterator[tuple[Bench, Path]]:
    """A bench whose source is a folder, at work."""
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    table = {"path": str(folder), **QUICKLY, **options}
    bench = Bench(tmp_path / "spool", source=lambda spool: folder_from(SourceOptions(options=table, settings=QUICK, spool=spool)))
    await bench.station.start()
    assert isinstance(bench.station.source, FolderSource)
    working = asyncio.create_task(bench.station.source.work(bench.station))
    try:
        yield bench, folder
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await bench.close()


async def until(bench: Bench, true: Callable[[], bool], timeout_s: float = 30) -> None:
    """Wait until something is true; looked at at every change of the station."""
    changed = bench.station.listen()
    async with asyncio.timeout(timeout_s):
        while not true():
            try:
                await asyncio.wait_for(changed.wait(), 0.2)
            except TimeoutError:
                pass
            changed.clear()
    bench.station.unlisten(changed)


async def rest(bench: Bench, tmp_path: Path, count: int) -> None:
    """Wait until so many presses have ended and none runs."""
    await until(bench, lambda: len(presses(tmp_path)) == count and bench.station.state is State.IDLE)


def presses(tmp_path: Path) -> list[tuple[str, str]]:
    return [(one["pedal"], one["outcome"]) for one in records(tmp_path / "spool", "press")]


def pages(tmp_path: Path) -> list[str]:
    """The digests of the pages, in the order in which they came."""
    return [one["sha256"] for one in records(tmp_path / "spool", "page")]


def wrote(path: Path, data: bytes) -> Path:
    """Write as careful software does: under another name first."""
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(data)
    partial.rename(path)
    return path


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tiff(path: Path) -> bytes:
    Image.new("RGB", (80, 100), "white").save(path, "TIFF", dpi=(300, 300))
    return path.read_bytes()


async def test_each_whole_file_is_one_press_and_one_page_and_a_restart_takes_none_again(tmp_path: Path) -> None:
    async with watched(tmp_path) as (bench, folder):
        for number in range(3):
            wrote(folder / f"{number}.jpg", jpeg("a", number))
        (folder / "Thumbs.db").write_bytes(b"no image")
        (folder / "sub").mkdir()
        wrote(folder / "sub" / "9.jpg", jpeg("a", 9))
        (folder / "link.jpg").symlink_to(folder / "sub" / "9.jpg")
        await rest(bench, tmp_path, 3)
    async with watched(tmp_path) as (bench, folder):
        wrote(folder / "3.jpg", jpeg("a", 3))  # and one came while nobody looked
        await rest(bench, tmp_path, 4)
    assert presses(tmp_path) == [("folder", "captured")] * 4
    assert {path.name for path in folder.iterdir()} == {"0.jpg", "1.jpg", "2.jpg", "3.jpg", "Thumbs.db", "sub", "link.jpg"}, "all stay"
    check_books(tmp_path / "spool")


async def test_what_lies_there_at_the_very_first_start_is_no_page(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(2000):
        (folder / f"old{number}.jpg").write_bytes(b"x")
    async with watched(tmp_path) as (bench, _):
        wrote(folder / "new.png", jpeg("a", 1))
        await rest(bench, tmp_path, 1)
    assert presses(tmp_path) == [("folder", "captured")]


async def test_a_file_is_taken_when_it_is_whole_and_refused_with_words_when_it_never_is(tmp_path: Path) -> None:
    whole = jpeg("a", 1)
    async with watched(tmp_path, give_up_s=2.0) as (bench, folder):
        with (folder / "slow.jpg").open("wb") as file:
            for part in (whole[:300], whole[300:]):
                file.write(part)
                file.flush()
                await asyncio.sleep(0.4)
        (folder / "never.jpg").write_bytes(whole[:-200])
        (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 64)
        (folder / "empty.tif").touch()
        await until(bench, lambda: len(list((folder / "refused").glob("*.txt"))) == 3 and len(presses(tmp_path)) == 4)
    assert sorted(presses(tmp_path)) == [("folder", "captured")] + [("folder", "failed")] * 3
    assert len(pages(tmp_path)) == 1
    refused = folder / "refused"
    assert {path.name for path in refused.iterdir()} == {
        name + end for name in ("never.jpg", "bomb.png", "empty.tif") for end in ("", ".txt")
    }
    words = (refused / "never.jpg.txt").read_text(encoding="utf-8")
    assert "no whole page image" in words
    assert "不完整" in words
    assert any("never.jpg: " in (one.get("why") or "") for one in records(tmp_path / "spool", "press"))
    check_books(tmp_path / "spool")


async def test_a_name_used_again_with_other_pixels_is_another_page_with_the_same_it_is_not(tmp_path: Path) -> None:
    async with watched(tmp_path) as (bench, folder):
        for number in (1, 2):
            wrote(folder / "scan.jpg", jpeg("a", number))
            await rest(bench, tmp_path, number)
        wrote(folder / "scan.jpg", jpeg("a", 2))
        os.utime(folder / "scan.jpg", (1, 1))
        wrote(folder / "other.jpg", jpeg("a", 3))
        await rest(bench, tmp_path, 3)
    assert len(presses(tmp_path)) == 3


async def test_by_name_no_file_overtakes_an_earlier_one_that_is_still_being_written(tmp_path: Path) -> None:
    images = {number: jpeg("a", number) for number in (9, 10, 11)}
    async with watched(tmp_path, order="name", give_up_s=60.0) as (bench, folder):
        (folder / "p9.jpg").write_bytes(images[9][:100])
        wrote(folder / "p11.jpg", images[11])
        wrote(folder / "p10.jpg", images[10])
        await asyncio.sleep(1)
        assert not pages(tmp_path)
        wrote(folder / "p9.jpg", images[9])
        await rest(bench, tmp_path, 3)
        order = [page.sha256 for page in bench.presses.live_pages(bench.station.facts.batch.batch)]  # type: ignore[union-attr]
    assert order == [sha256_of(images[number]) for number in (9, 10, 11)]
    assert sorted(["p10.jpg", "p9.jpg", "P1.jpg"], key=natural) == ["P1.jpg", "p9.jpg", "p10.jpg"]


async def test_taken_files_move_away_only_when_their_page_is_safe_and_overwrite_nothing(tmp_path: Path) -> None:
    async with watched(tmp_path, after="move") as (bench, folder):
        for number in (1, 2):
            wrote(folder / "scan.tif", tiff(tmp_path / "t") if number == 1 else jpeg("a", 2))
            await until(bench, lambda n=number: len(list((folder / "done").glob("*"))) == n)  # type: ignore[misc]
        assert {path.name for path in (folder / "done").iterdir()} == {"scan.tif", "scan-1.tif"}
        page = records(tmp_path / "spool", "page")[0]
        assert (page["width"], page["height"], page["dpi"]) == (80, 100, 300)
    assert not list(folder.glob("*.tif"))


async def test_a_kill_between_page_and_ledger_doubles_nothing_and_one_before_loses_nothing(tmp_path: Path) -> None:
    async with watched(tmp_path) as (bench, folder):
        wrote(folder / "1.jpg", jpeg("a", 1))
        await rest(bench, tmp_path, 1)
        # as if the power had gone between the page's row and the file's, and before the next file's press
        with bench.spool.transaction() as connection:
            connection.execute("UPDATE folder_files SET state = 'taking', pages_before = 0 WHERE name = '1.jpg'")
            row = "SELECT folder, '2.jpg', 1, 1, 'f', 'taking', 1, 0 FROM folder_files WHERE name = '1.jpg'"
            connection.execute(f"INSERT INTO folder_files {row}")
    async with watched(tmp_path) as (bench, folder):
        wrote(folder / "2.jpg", jpeg("a", 2))
        await rest(bench, tmp_path, 2)
    assert presses(tmp_path) == [("folder", "captured")] * 2
    check_books(tmp_path / "spool")


async def test_a_person_who_presses_waits_for_the_next_file_and_a_retake_takes_it(tmp_path: Path) -> None:
    async with watched(tmp_path) as (bench, folder):
        wrote(folder / "1.jpg", jpeg("a", 1))
        await rest(bench, tmp_path, 1)
        again = bench.station.press("screen", "retake")
        wrote(folder / "2.jpg", jpeg("a", 2))
        assert await again == "captured"
        batch = bench.station.facts.batch
        assert batch is not None
        assert (batch.counts.captured, batch.counts.replaced) == (1, 1)
    assert presses(tmp_path) == [("folder", "captured"), ("screen", "captured")]
    check_books(tmp_path / "spool")


async def test_a_file_waits_while_the_station_refuses_it_and_comes_in_when_it_may(tmp_path: Path) -> None:
    async with watched(tmp_path) as (bench, folder):
        bench.station.admit = lambda: ("sign-in", "nobody is signed in")
        wrote(folder / "1.jpg", jpeg("a", 1))
        await rest(bench, tmp_path, 1)
        bench.station.admit = lambda: None
        await rest(bench, tmp_path, 2)
    assert presses(tmp_path) == [("folder", "rejected"), ("folder", "captured")]


async def test_a_folder_that_is_gone_is_a_fault_until_it_is_back(tmp_path: Path) -> None:
    async with watched(tmp_path) as (bench, folder):
        shutil.rmtree(folder)
        await until(bench, lambda: bool(bench.station.source.faults))
        folder.mkdir()
        await bench.station.source.start()
        assert not bench.station.source.faults
        wrote(folder / "1.jpg", jpeg("a", 1))
        await rest(bench, tmp_path, 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_anywhere_is_told_from_a_whole_one(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "whole"
    if not path.exists():
        Image.effect_noise((120, 160), 60).convert("RGB").save(path, kind, dpi=(200, 200))
    whole = path.read_bytes()
    assert check_whole(whole, max_megapixels=1) == (120, 160, pytest.approx(200, abs=0.1))
    cut = data.draw(st.integers(0, len(whole) - 3))
    with pytest.raises(ImageRefused):
        check_whole(whole[:cut], max_megapixels=1)
    with pytest.raises(ImageRefused, match="megapixels allowed"):
        check_whole(whole, max_megapixels=0.01)


async def test_what_is_left_of_a_folders_watch_can_be_looked_at_without_a_bench(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path, pattern="scan*", settle_s=0, give_up_s=1, by_name=False, max_megapixels=1)
    (tmp_path / "scan1.jpg").write_bytes(jpeg("a", 1))
    (tmp_path / "else.jpg").write_bytes(jpeg("a", 2))
    assert [one.name for one in watch.files()] == ["scan1.jpg"]


def test_a_resolution_that_is_no_number_is_none(tmp_path: Path) -> None:
    file = tmp_path / "page.tif"
    Image.new("L", (320, 240), 9).save(file, "TIFF", dpi=(300, 300))
    data = bytearray(file.read_bytes())
    at = data.index(b"\x1a\x01\x05\x00")  # XResolution, of type RATIONAL
    data[at + 2 : at + 8] = b"\x02\x00\x08\x00\x00\x00"  # eight bytes of text
    assert check_whole(bytes(data), max_megapixels=1) == (320, 240, None)
