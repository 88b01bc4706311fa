"""A card of 24 colour patches in the picture: how far the camera's colours, greys and tones are from the published ones."""

from dataclasses import dataclass

import cv2
import numpy as np

from scanner_line.checks.images import Floats, Gray, as_gray
from scanner_line.errors import TargetError
from scanner_line.targets.colour import GRAYS, PATCHES, delta_e_2000, lab_of

INNER = 0.6  # of a patch's side that is looked at
FIND_PX = (1600, 1000, 700)  # long sides in which the card is looked for, one after the other


@dataclass(frozen=True, slots=True)
class ChartFigures:
    """Mean CIEDE2000 of all patches, largest Delta E(a*b*) and Delta L* of the greys, largest RMS of L* within a grey."""

    delta_e_mean: float
    white_balance: float
    tone: float
    noise: float


def measure_chart(bgr: Gray) -> ChartFigures:
    """The figures of the one card in a picture; TargetError where none is found."""
    if not hasattr(cv2, "mcc"):
        raise TargetError("colour cards need OpenCV 5 or later on this machine")
    for side in FIND_PX:
        shrink = min(1.0, side / max(bgr.shape[:2]))
        view = bgr if shrink == 1 else as_gray(cv2.resize(bgr, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA))
        detector = cv2.mcc.CCheckerDetector.create()
        try:
            found = detector.process(view, 1)
        except cv2.error:
            continue
        checker = detector.getBestColorChecker() if found else None
        if checker is not None:
            return _figures(_patches(view, np.asarray(checker.getColorCharts(), np.float32)))
    raise TargetError("no colour card of 24 patches was found in the picture")


def _figures(patches: list[Gray]) -> ChartFigures:
    colours = np.array([np.median(patch, axis=0)[::-1] for patch in patches])
    lab = lab_of(colours)
    apart = lab[GRAYS] - PATCHES[GRAYS]
    noise = max(float(np.std(lab_of(patch[:, ::-1])[:, 0])) for patch in patches[GRAYS])
    return ChartFigures(
        float(delta_e_2000(lab, PATCHES).mean()), float(np.hypot(apart[:, 1], apart[:, 2]).max()), float(np.abs(apart[:, 0]).max()), noise
    )


def _patches(view: Gray, corners: Floats) -> list[Gray]:
    """The pixels (n, 3) of the middle of each patch, in the chart's order."""
    patches = []
    for quad in corners.reshape(-1, 4, 2):
        middle = quad.mean(axis=0)
        inner = (middle + (quad - middle) * INNER).round().astype(np.int32)
        left, top, wide, high = cv2.boundingRect(inner)
        mask = np.zeros((max(1, high), max(1, wide)), np.uint8)
        cv2.fillConvexPoly(mask, inner - (left, top), 255)
        piece = view[max(0, top) : top + high, max(0, left) : left + wide]
        pixels = piece[mask[: piece.shape[0], : piece.shape[1]] > 0]
        if pixels.shape[0] < 16:
            raise TargetError("the colour card is too small in the picture")
        patches.append(pixels)
    if len(patches) != len(PATCHES):
        raise TargetError("the colour card does not have 24 patches")
    return patches
