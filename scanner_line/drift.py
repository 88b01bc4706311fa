"""Whether cameras stay as they were when the session began: exposure, gain, colour gains and focus of each frame, and a grey patch.

A baseline is what the first frame of the session told; every later frame is held against it, never against a fixed value.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanner_line.cameras.base import Frame
from scanner_line.cameras.bounds import size_of
from scanner_line.errors import CameraError

LAB_LIMIT = 3.0  # Delta E (1976) from the baseline: ISO 19264-1 allows 3 for white balance at its level A
SIDE_MIN_PX = 4  # of a patch in the picture decoded at an eighth

# what of a frame's metadata is held, how far it may move (share of its baseline value), and its name in words
HELD: Mapping[str, tuple[float, str, str]] = {
    "ExposureTime": (0.02, "exposure time", "曝光时间"),  # libcamera rounds it to whole sensor lines
    "AnalogueGain": (0.02, "gain", "增益"),
    "ISO": (0.0, "ISO", "感光度"),
    "ColourGains": (0.01, "white balance", "白平衡"),
    "ColourTemperature": (0.05, "white balance", "白平衡"),
    "LensPosition": (0.01, "focus", "对焦"),
    "FNumber": (0.0, "aperture", "光圈"),
}


@dataclass(frozen=True, slots=True)
class Patch:
    """A grey or white reference beside the page: a region of the frame as shares of its width and height."""

    x: float
    y: float
    w: float
    h: float

    @classmethod
    def from_table(cls, table: Mapping[str, Any] | None) -> "Patch | None":
        """The patch of a camera's table; None where it names none."""
        if not table or table.get("w") is None or table.get("h") is None:
            return None
        return cls(float(table.get("x") or 0.0), float(table.get("y") or 0.0), float(table["w"]), float(table["h"]))


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that moved: its name as in HELD (or `patch`, `size`), how far, how far it may, in words."""

    name: str
    value: float
    limit: float
    words: str
    words_zh: str

    def check(self) -> dict[str, Any]:
        """As a check that failed, for a page's record."""
        return {"name": "drift", "value": self.value, "limit": self.limit, "ok": False, "words": self.words, "words_zh": self.words_zh}


def look(frame: Frame, patch: Patch | None) -> dict[str, Any]:
    """What of a frame is held against the baseline: its size, its held metadata and, with a patch, the patch's median L*a*b*."""
    seen: dict[str, Any] = {"size": [frame.width, frame.height]}
    for name in HELD:
        value = numbers(frame.metadata.get(name))
        if value:
            seen[name] = value
    if patch is not None:
        lab = lab_of(frame.jpeg, patch)
        if lab is not None:
            seen["patch"] = lab
    return seen


def drifts(baseline: Mapping[str, Any], seen: Mapping[str, Any], *, side: str, lab_limit: float = LAB_LIMIT) -> list[Drift]:
    """What of a frame has moved away from the baseline; a value that only one of the two carries is not compared."""
    found = []
    if seen.get("size") != baseline.get("size"):
        was, now = (" x ".join(map(str, each.get("size") or ("?",))) for each in (baseline, seen))
        found.append(Drift("size", 1.0, 0.0, f"{side}: the picture is {now} pixels, not {was}", f"{side}：图像尺寸由 {was} 变为 {now}"))
    for name, (share, words, words_zh) in HELD.items():
        was_s, now_s = baseline.get(name), seen.get(name)
        if not was_s or not now_s or len(was_s) != len(now_s):
            continue
        moved = max(abs(now - was) / max(abs(was), 1e-9) for was, now in zip(was_s, now_s, strict=True))
        if moved > share + 1e-9:
            shown = f"{_shown(was_s)} -> {_shown(now_s)}"
            found.append(
                Drift(
                    name,
                    round(moved, 4),
                    share,
                    f"{side}: {words} moved since the session began ({shown})",
                    f"{side}：{words_zh}与本次开工时不同（{shown}）",
                )
            )
    if baseline.get("patch") and seen.get("patch"):
        delta = math.dist(seen["patch"], baseline["patch"])
        if delta > lab_limit:
            found.append(
                Drift(
                    "patch",
                    round(delta, 2),
                    lab_limit,
                    f"{side}: light or colour moved since the session began (reference patch Delta E {delta:.1f}, limit {lab_limit:g})",
                    f"{side}：光线或颜色与本次开工时不同（参考色块 ΔE {delta:.1f}，限值 {lab_limit:g}）",
                )
            )
    return found


def lab_of(image: bytes, patch: Patch) -> list[float] | None:
    """The median CIE L*a*b* of a region of an image, taken as sRGB; None where it cannot be read or the region is too small to tell."""
    import cv2  # 41 MiB: only where a patch is named
    import numpy as np

    try:
        width, height = size_of(image)
    except CameraError:
        return None
    fine = min(patch.w * width, patch.h * height) < 8 * SIDE_MIN_PX
    picture = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR if fine else cv2.IMREAD_REDUCED_COLOR_8)
    if picture is None:
        return None
    rows, columns = picture.shape[:2]
    x0, y0 = int(patch.x * columns), int(patch.y * rows)
    cut = picture[y0 : y0 + max(1, round(patch.h * rows)), x0 : x0 + max(1, round(patch.w * columns))]
    if min(cut.shape[:2], default=0) < SIDE_MIN_PX:
        return None
    median = np.median(cut.reshape(-1, 3), axis=0).astype(np.float32) / 255.0
    lab = cv2.cvtColor(median.reshape(1, 1, 3), cv2.COLOR_BGR2LAB)[0, 0]
    return [round(float(value), 2) for value in lab]


def numbers(value: object) -> list[float]:
    """A number, or several, of a frame's metadata as a list; empty for anything else."""
    several = value if isinstance(value, list | tuple) else [value]
    found = [float(one) for one in several if isinstance(one, int | float) and not isinstance(one, bool)]
    return found if len(found) == len(several) else []


def _shown(values: list[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
