"""Images a minute stored and judged from a feeder: SANE's test device at its largest, and distinct pages from a network scanner."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from scanner_line.judging import PageJudge
from scanner_line.profile import Profile
from scanner_line.scanners.sane import SaneSource
from scanner_line.sim.escl import SimScanner
from scanner_line.sim.pages import Volume, render_page
from scanner_line.sim.photograph import encode
from scanner_line.states import Settings
from tests.scanner_line.bench import Bench
from tests.scanner_line.sane import feeder, network

LOADS, SHEETS = 6, 10  # the test device is out of paper after ten sheets
DISTINCT = 48
A4_PX = 3508  # at 300 dpi
IMAGES_PER_MIN = 240.0  # what is required of the test device
SETTINGS = Settings(verdict_s=30.0, camera_s=30.0)


def _rss_mb() -> float:
    """Of this process and all it started, without scanimage, which lives for a load."""
    own = psutil.Process()
    every = [own, *(one for one in own.children(recursive=True) if one.name() != "scanimage")]
    return sum(one.memory_info().rss for one in every) / 2**20


async def _run(folder: Path, source: SaneSource, *, presses: int, load: Any = None) -> dict[str, float]:
    bench = Bench(folder / "spool", settings=SETTINGS, source=lambda _: source, judge=PageJudge(Profile(), workers=2))
    station = bench.station
    await station.start()
    try:
        await station.press("pedal")  # the first load warms the checks up
        warm_mb, before, began = _rss_mb(), station.facts, time.monotonic()
        assert before.batch is not None
        for _ in range(presses):
            if load is not None:
                load()
            assert await station.press("pedal") == "captured", station.last
        took_s = time.monotonic() - began
        assert station.facts.batch is not None
        counts = station.facts.batch.counts
        images = counts.captured - before.batch.counts.captured
        assert counts.good + counts.look + counts.bad == counts.captured, "every image was judged"
        return {"images": images, "took_s": took_s, "per_min": 60 * images / took_s, "grown_mb": _rss_mb() - warm_mb}
    finally:
        await bench.close()


def _same(folder: Path) -> dict[str, float]:
    options = {"resolution": 300, "page_size": "200x200", "more": {"test-picture": "Color pattern"}}
    return asyncio.run(_run(folder, feeder(folder, **options), presses=LOADS))


def _distinct(folder: Path) -> dict[str, float]:
    volume = Volume(seed=3, language="both")
    images = [encode(render_page(volume, number, height_px=A4_PX)) for number in range(DISTINCT)]
    with SimScanner() as scanner:
        scanner.load(images[:SHEETS])
        source = network(scanner, folder, resolution=300)
        return asyncio.run(_run(folder, source, presses=1, load=lambda: scanner.load(images[SHEETS:])))


def figures() -> list[dict[str, Any]]:
    """The two figures."""
    made = []
    for name, measure, words in (
        ("feeder.images_per_min", _same, "240 a minute required, SANE's test device, 200 x 200 mm in colour at 300 dpi"),
        ("feeder.distinct_images_per_min", _distinct, "the same, distinct pages of A4 through eSCL"),
    ):
        with tempfile.TemporaryDirectory(prefix="muniment-bench-") as folder:
            got = measure(Path(folder))
        print(f"{name}: {got['images']:.0f} images in {got['took_s']:.1f} s; memory grew by {got['grown_mb']:.1f} MiB")
        value = round(got["per_min"], 1)
        ratio = round(value / IMAGES_PER_MIN, 3)
        made.append({"name": name, "value": value, "unit": "/min", "spread": [value, value], "against": words, "ratio": ratio})
    return made
