"""SANE for tests: its own test device, or the simulated network scanner behind the real sane-airscan driver."""

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from scanner_line.scanners.options import Wanted
from scanner_line.scanners.sane import SaneSource
from scanner_line.sim.escl import SimScanner
from scanner_line.sources import Taken

DEVICE = "test:0"
DPI = 100


def test_device(folder: Path) -> str:
    """A folder of SANE's configuration that knows the test device alone."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dll.conf").write_text("test\n")
    return str(folder)


test_device.__test__ = False  # type: ignore[attr-defined]


def feeder(folder: Path, *, more: dict[str, str] | None = None, **options: Any) -> SaneSource:
    """A source over the feeder of the test device: ten sheets a load."""
    given = {"source": "feeder", "resolution": DPI, "page_size": "150x200", "more": more or {}}
    wanted = Wanted(**{**given, **{name: options.pop(name) for name in list(options) if name in Wanted.__slots__}})
    return SaneSource(DEVICE, wanted=wanted, folder=folder / "scan", config=test_device(folder / "sane.d"), **options)


def network(scanner: SimScanner, folder: Path, **options: Any) -> SaneSource:
    """A source over the simulated network scanner: A4 at 100 dpi."""
    scanner.write_config(folder / "airscan.d")
    given = {"source": "feeder", "resolution": DPI, "page_size": "A4"}
    wanted = Wanted(**{**given, **{name: options.pop(name) for name in list(options) if name in Wanted.__slots__}})
    return SaneSource(scanner.device, wanted=wanted, folder=folder / "scan", config=str(folder / "airscan.d"), **options)


def sheet(number: int, *, height: int = 1169, text: bool = True, seed: int = 1) -> bytes:
    """A JPEG of A4 at 100 dpi that shows its number as a row of black squares along the top (8 bits), and lines of its own."""
    image = Image.new("L", (827, height), 238)
    draw = ImageDraw.Draw(image)
    for bit in range(8):
        draw.rectangle((40 + bit * 40, 40, 65 + bit * 40, 65), outline=0, fill=0 if number >> bit & 1 else 255)
    lines = np.random.default_rng(seed * 1000 + number)
    for y in range(120, height - 80 if text else 0, 22):
        for x in range(70, 740, 14):
            if lines.random() < 0.8:
                draw.rectangle((x, y, x + 9, y + int(lines.integers(4, 12))), fill=int(lines.integers(20, 60)))
    made = io.BytesIO()
    image.convert("RGB").save(made, "JPEG", quality=92, dpi=(DPI, DPI))
    return made.getvalue()


def number_of(image: bytes) -> int:
    """The number that a scanned sheet shows."""
    with Image.open(io.BytesIO(image)) as opened:
        gray = np.asarray(opened.convert("L"))
    return sum(1 << bit for bit in range(8) if gray[52, 52 + bit * 40] < 128)


async def taken(source: SaneSource) -> list[Taken]:
    """All sheets of one take; the scanner's own files of them are removed, as a station does that has judged them."""
    made = []
    async for one in source.take(time.monotonic_ns()):
        made.append(one)
        for frame in one.frames.values():
            if frame.scan is not None:
                frame.scan.unlink()
    return made
