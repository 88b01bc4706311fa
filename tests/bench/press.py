"""From the pedal's edge to the shutter and to the lamp: a whole bench on simulated pins, a 12-megapixel JPEG, the real checks."""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from tests.scanner_line.real_bench import PEDAL, RunningBench, running_bench

PRESSES = 15
MEGAPIXELS = 12
RENDER_S = 2.5  # the simulated camera draws its next picture meanwhile; a real one has nothing to do then
VERDICT_MS = 300.0  # what an operator is promised
FRAME_MS = 1000 / 30  # a camera at 30 frames a second exposes one in this time
GIVE_UP_S = 30.0


def figures() -> list[dict[str, Any]]:
    """`press.shutter` (edge to the beginning of the exposure) and `press.verdict` (edge to the steady lamp), in milliseconds."""
    shutter_ms, verdict_ms = [], []
    with (
        tempfile.TemporaryDirectory(prefix="bench-press-") as folder,
        running_bench(Path(folder), camera={"megapixels": MEGAPIXELS}, hold_s=60.0) as bench,
    ):
        for number in range(PRESSES + 1):
            time.sleep(RENDER_S)
            edge_ns, lamp_ns = press(bench)
            bench.until(lambda bench: bench.station.state == "idle" and bench.station.last is not None)
            page = bench.bench.station.last.pages[0] if bench.bench.station.last else None
            if number and page is not None:  # the first one warms up what a day's work has warm
                with Image.open(bench.bench.spool.path_of(page.sha256)) as image:
                    exposed_ns = int(image.info["comment"].split()[-1])
                shutter_ms.append((exposed_ns - edge_ns) / 1e6)
                verdict_ms.append((lamp_ns - edge_ns) / 1e6)
            bench.turn()
    return [
        figure("press.shutter", shutter_ms, FRAME_MS, "one frame of a camera at 30/s"),
        figure("press.verdict", verdict_ms, VERDICT_MS, f"{VERDICT_MS:g} ms promised, {MEGAPIXELS} megapixels"),
    ]


def press(bench: RunningBench) -> tuple[int, int]:
    """One tap; (when the pedal's pin fell, when green, yellow or red stood alone and steady), monotonic ns."""
    pedal = bench.pins.pin(PEDAL)
    taken = bench.bench.station.last
    edge_ns = time.monotonic_ns()
    pedal.drive_low()
    while bench.bench.station.last is taken or not bench.lit():
        if time.monotonic_ns() - edge_ns > GIVE_UP_S * 1e9:
            raise TimeoutError("no verdict on the lamp")
        time.sleep(0.0005)
    lamp_ns = time.monotonic_ns()
    pedal.drive_high()
    return edge_ns, lamp_ns


def figure(name: str, values: list[float], limit: float, against: str) -> dict[str, Any]:
    """One figure in milliseconds: median, spread, its share of a limit."""
    middle = median(values)
    return {
        "name": name,
        "value": round(middle, 2),
        "unit": "ms",
        "spread": [round(min(values), 2), round(max(values), 2)],
        "against": against,
        "ratio": round(middle / limit, 3),
    }
