"""From the pedal's edge to the shutter and to the lamp: a whole bench on simulated pins, one and two 12-megapixel cameras, the real checks.

Also the share of the time in each step. Memory is not grown: a bench holds one press at a time.
"""

import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from PIL import Image

from tests.scanner_line.real_bench import PEDAL, RunningBench, running_bench

PRESSES = 20
MEGAPIXELS = 12
SIDES = {"one camera": ("page",), "two cameras": ("left", "right")}
RENDER_S = 2.5  # a simulated camera draws its next picture meanwhile; a real one has nothing to do then
VERDICT_MS = 300.0  # what an operator is promised
FRAME_MS = 1000 / 30  # a camera at 30 frames a second exposes one in this time
GIVE_UP_S = 30.0
LOOK_S = 0.0005


def figures() -> list[dict[str, Any]]:
    """`press.shutter` (edge to the beginning of the exposure), `press.verdict` (edge to the steady lamp), in milliseconds, by how many
    cameras; and of the steps exposing, storing, judging the share of an average press."""
    made = []
    for words, sides in SIDES.items():
        shutter_ms, verdict_ms, steps_ms = _presses(sides)
        suffix = "" if len(sides) == 1 else ".two"
        made += [
            figure(f"press.shutter{suffix}", shutter_ms, FRAME_MS, f"one frame of a camera at 30/s, {words}"),
            figure(f"press.verdict{suffix}", verdict_ms, VERDICT_MS, f"{VERDICT_MS:g} ms promised, {words} of {MEGAPIXELS} megapixels"),
        ]
        made += _shares(steps_ms, verdict_ms, suffix, words)
    return made


def _presses(sides: tuple[str, ...]) -> tuple[list[float], list[float], dict[str, list[float]]]:
    """(to the shutter, to the verdict, by step) of each press but the first, which warms up what a day's work has warm."""
    shutter_ms: list[float] = []
    verdict_ms: list[float] = []
    steps_ms: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="bench-press-") as folder,
        running_bench(Path(folder), sides=sides, camera={"megapixels": MEGAPIXELS}, hold_s=60.0) as bench,
    ):
        for number in range(PRESSES + 1):
            time.sleep(RENDER_S * len(sides))
            edge_ns, lamp_ns, steps = press(bench)
            bench.until(lambda bench: bench.station.state == "idle" and bench.station.last is not None)
            pages = bench.bench.station.last.pages if bench.bench.station.last else ()
            if number and pages:
                exposed = []
                for page in pages:
                    with Image.open(bench.bench.spool.path_of(page.sha256)) as image:
                        exposed.append(int(image.info["comment"].split()[-1]))
                shutter_ms.append((max(exposed) - edge_ns) / 1e6)
                verdict_ms.append((lamp_ns - edge_ns) / 1e6)
                for step, spent in steps.items():
                    steps_ms.setdefault(step, []).append(spent)
            bench.turn()
    return shutter_ms, verdict_ms, steps_ms


def press(bench: RunningBench) -> tuple[int, int, dict[str, float]]:
    """One tap: when the pedal's pin fell, when green, yellow or red stood alone and steady (monotonic ns), milliseconds in each state."""
    pedal, station = bench.pins.pin(PEDAL), bench.bench.station
    taken = station.last
    edge_ns = before_ns = time.monotonic_ns()
    spent: dict[str, float] = {}
    pedal.drive_low()
    while station.last is taken or not bench.lit():
        if time.monotonic_ns() - edge_ns > GIVE_UP_S * 1e9:
            raise TimeoutError("no verdict on the lamp")
        state = str(station.state)
        time.sleep(LOOK_S)
        now_ns = time.monotonic_ns()
        spent[state] = spent.get(state, 0.0) + (now_ns - before_ns) / 1e6
        before_ns = now_ns
    lamp_ns = time.monotonic_ns()
    pedal.drive_high()
    return edge_ns, lamp_ns, spent


def figure(name: str, values: list[float], limit: float, against: str) -> dict[str, Any]:
    """One figure in milliseconds: median, 95th percentile, spread, the median's share of a limit."""
    middle = median(values)
    return {
        "name": name,
        "value": round(middle, 2),
        "p95": round(quantiles(values, n=20)[-1], 2),
        "unit": "ms",
        "spread": [round(min(values), 2), round(max(values), 2)],
        "against": against,
        "ratio": round(middle / limit, 3),
    }


def _shares(steps_ms: dict[str, list[float]], verdict_ms: list[float], suffix: str, words: str) -> list[dict[str, Any]]:
    whole = sum(verdict_ms)
    return [
        {
            "name": f"press.{step}{suffix}",
            "value": round(100 * sum(values) / whole, 1),
            "unit": "%",
            "spread": [round(min(values), 1), round(max(values), 1)],
            "against": f"the whole press, {words} (spread in ms)",
            "ratio": round(sum(values) / whole, 3),
        }
        for step, values in steps_ms.items()
        if step != "idle"
    ]
