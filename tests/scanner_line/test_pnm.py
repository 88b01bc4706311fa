"""What SANE gives as PNM: the same pixels as PNG and for the checks, whatever their depth; and checks that begin ahead of their turn."""

import io
import os
import signal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import pytest
from PIL import Image

from scanner_line.checks import measure
from scanner_line.errors import ImageRefused
from scanner_line.judging import PageJudge
from scanner_line.profile import Profile
from scanner_line.scanners.pnm import as_png, as_tiff, read_header
from tests.scanner_line.sane import sheet

RANDOM = np.random.default_rng(4)


def pnm(path: Path, kind: str, pixels: npt.NDArray[np.integer], highest: int) -> Path:
    """A file as `scanimage` writes it."""
    height, width = pixels.shape[:2]
    head = f"{kind}\n# SANE data follows\n{width} {height}\n{highest}\n"
    path.write_bytes(head.encode() + pixels.tobytes())
    return path


def scan(path: Path, number: int = 1) -> Path:
    """A scanned page of text."""
    with Image.open(io.BytesIO(sheet(number))) as image:
        return pnm(path, "P6", np.asarray(image.convert("RGB")), 255)


def test_grey_and_colour_of_eight_and_sixteen_bits_keep_every_pixel(tmp_path: Path) -> None:
    for kind, shape, deep in (("P5", (70, 91), 8), ("P6", (70, 91, 3), 8), ("P5", (70, 91), 16)):
        pixels = RANDOM.integers(0, 1 << deep, shape, dtype=np.uint32).astype(">u2" if deep == 16 else np.uint8)
        png, width, height = as_png(pnm(tmp_path / "a.pnm", kind, pixels, (1 << deep) - 1), dpi=300)
        with Image.open(io.BytesIO(png)) as image:
            image.load()
            assert image.size == (width, height) == (91, 70)
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
            assert np.array_equal(np.asarray(image), pixels)


def test_black_and_white_is_grey_whatever_its_first_bytes_look_like(tmp_path: Path) -> None:
    lines = np.frombuffer(b"255 34567 8" * 70, np.uint8).reshape(70, 11)
    path = tmp_path / "a.pnm"
    path.write_bytes(b"P4\n# SANE data follows\n88 70\n" + lines.tobytes())
    with Image.open(io.BytesIO(as_png(path, dpi=300)[0])) as image:
        assert np.array_equal(np.asarray(image) == 0, np.unpackbits(lines, axis=1) > 0)


@pytest.mark.parametrize(
    "data", [b"", b"P6\n10 10\n255\n" + bytes(299), b"P6\n10 10\n77\n" + bytes(300), b"P6\n0 9\n255\n", b"P7\n1 1\n255\n0"]
)
def test_what_is_no_whole_scan_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.pnm"
    path.write_bytes(data)
    for read in (read_header, as_tiff, lambda one: as_png(one, dpi=300)):
        with pytest.raises(ImageRefused):
            read(path)


def test_the_checks_measure_the_same_of_a_scan_as_of_its_png(tmp_path: Path) -> None:
    for mode, kind in (("RGB", "P6"), ("L", "P5")):
        with Image.open(io.BytesIO(sheet(3))) as image:
            path = pnm(tmp_path / "a.pnm", kind, np.asarray(image.convert(mode)), 255)
        assert measure(as_tiff(path), Profile()) == measure(as_png(path, dpi=100)[0], Profile())


async def test_sheets_are_judged_from_their_scans_and_from_the_stored_image_where_a_worker_died_or_the_scan_is_gone(tmp_path: Path) -> None:
    judge = PageJudge(Profile(), workers=2)
    await judge.start()
    judge.prime("batch", [])
    facts = []
    try:
        for number in range(1, 5):
            path = scan(tmp_path / f"{number}.pnm", number)
            stored = tmp_path / f"{number}.png"
            stored.write_bytes(as_png(path, dpi=100)[0])
            if number == 2:
                for child in psutil.Process().children(recursive=True):
                    if "spawn_main" in " ".join(child.cmdline()):
                        os.kill(child.pid, signal.SIGKILL)
            if number == 3:
                path.unlink()
            if number == 4:
                judge.ahead(path)
            judgement, measured = await judge.judge(stored, page=str(number), replaces=None, scan=path)
            assert judgement.verdict in ("good", "look", "bad")
            facts.append(measured)
            expected = measure(stored.read_bytes(), Profile()).as_json()
            assert measured == expected
    finally:
        await judge.close()
    assert len({str(one["bits"]) for one in facts}) == 4
