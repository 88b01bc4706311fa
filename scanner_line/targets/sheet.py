"""Our own target sheet: corner marks of known distance, slanted edges, greys and a millimetre scale; how it is printed and measured."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from scanner_line.checks.images import Gray, as_gray
from scanner_line.errors import TargetError
from scanner_line.sim.fonts import font_of
from scanner_line.targets.colour import Doubles, lab_of, linear
from scanner_line.targets.edge import efficiency, sfr

WIDTH_MM, HEIGHT_MM = 200.0, 140.0
MARK_MM = 16.0
FIRST_MARK = 40  # of ArUco's 4x4 dictionary of 50: top left, top right, bottom right, bottom left
MARKS_MM = ((5.0, 5.0), (179.0, 5.0), (179.0, 119.0), (5.0, 119.0))  # their upper left corners
EDGE_CENTRES_MM = ((60.0, 45.0), (140.0, 45.0))
EDGE_SIDE_MM = 36.0
EDGE_TURN_DEG = 5.0
EDGE_LEVELS = (60, 200)  # grey of the squares and of the ground around them: 60 on 200 is a contrast of about 8 in light
GRAYS_MM = ((30.0, 92.0), (55.0, 92.0), (80.0, 92.0), (105.0, 92.0), (130.0, 92.0), (155.0, 92.0))
GRAY_SIDE_MM = 15.0
GRAYS = (40, 80, 120, 160, 200, 235)
SCALE_MM = (40.0, 122.0, 100)  # left, top, length
DETECT_PX = 2400  # long side in which the marks are looked for


@dataclass(frozen=True, slots=True)
class SheetFigures:
    """What the sheet tells: pixels per inch, sampling efficiency (the lower of both directions), RMS of L*, unevenness, and by
    which share two opposite sides differ."""

    ppi: float
    sfr10: float
    noise: float
    uniformity: float
    keystone: float


def draw_sheet(*, ppi: int = 600) -> Image.Image:
    """The sheet as a grey image to print at its own size."""
    unit = ppi / 25.4
    image = Image.new("L", (round(WIDTH_MM * unit), round(HEIGHT_MM * unit)), 255)
    draw = ImageDraw.Draw(image)
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    for number, (x, y) in enumerate(MARKS_MM):
        mark = cv2.aruco.generateImageMarker(dictionary, FIRST_MARK + number, round(MARK_MM * unit))
        image.paste(Image.fromarray(as_gray(mark)), (round(x * unit), round(y * unit)))
    for x, y in EDGE_CENTRES_MM:
        ground = EDGE_SIDE_MM * 0.8
        draw.rectangle(((x - ground) * unit, (y - ground) * unit, (x + ground) * unit, (y + ground) * unit), EDGE_LEVELS[1])
        reach, turn = EDGE_SIDE_MM / 2 * math.sqrt(2), math.radians(45 + EDGE_TURN_DEG)
        corners = [
            ((x + reach * math.cos(turn + k * math.pi / 2)) * unit, (y + reach * math.sin(turn + k * math.pi / 2)) * unit) for k in range(4)
        ]
        draw.polygon(corners, EDGE_LEVELS[0])
    for (x, y), level in zip(GRAYS_MM, GRAYS, strict=True):
        draw.rectangle((x * unit, y * unit, (x + GRAY_SIDE_MM) * unit, (y + GRAY_SIDE_MM) * unit), level)
    left, top, length = SCALE_MM
    for tick in range(length + 1):
        high = 6.0 if tick % 10 == 0 else 4.5 if tick % 5 == 0 else 3.0
        draw.rectangle(((left + tick - 0.1) * unit, top * unit, (left + tick + 0.1) * unit, (top + high) * unit), 0)
    draw.text(
        (100 * unit, 134 * unit), "Muniment target 200 x 140 mm: print at 100 % / 按 100% 打印", 0, font_of(round(3.2 * unit)), anchor="mm"
    )
    return image


def measure_sheet(gray: Gray) -> SheetFigures:
    """The figures of a photograph in which the whole sheet lies; TargetError where it does not."""
    to_picture = _find(gray)
    corners = _placed(to_picture, [(0, 0), (WIDTH_MM, 0), (WIDTH_MM, HEIGHT_MM), (0, HEIGHT_MM)])
    top, right, bottom, left = (float(np.hypot(*(corners[(at + 1) % 4] - corners[at]))) for at in range(4))
    keystone = 1 - min(min(top, bottom) / max(top, bottom), min(left, right) / max(left, right))
    middle = _placed(to_picture, [(95, 70), (105, 70), (100, 65), (100, 75)])
    scale = (np.hypot(*(middle[1] - middle[0])) + np.hypot(*(middle[3] - middle[2]))) / 20
    lowest = min(_edge(gray, to_picture, centre, upright=upright) for centre in EDGE_CENTRES_MM for upright in (True, False))
    lightness = [_patch(gray, to_picture, place) for place in GRAYS_MM]
    noise = max(float(np.std(values)) for values in lightness)
    return SheetFigures(25.4 * float(scale), lowest, noise, _unevenness(gray, to_picture), keystone)


def _find(gray: Gray) -> Doubles:
    """The projection of the sheet's millimetres into the picture."""
    shrink = min(1.0, DETECT_PX / max(gray.shape))
    view = gray if shrink == 1 else as_gray(cv2.resize(gray, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA))
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50), parameters)
    found, numbers, _ = detector.detectMarkers(view)
    known = {} if numbers is None else {int(number): corners.reshape(4, 2) for number, corners in zip(numbers.ravel(), found, strict=True)}
    if any(FIRST_MARK + number not in known for number in range(4)):
        seen = sum(FIRST_MARK + number in known for number in range(4))
        raise TargetError(f"the target sheet is not wholly in the picture ({seen} of its 4 corner marks were found)")
    here, there = [], []
    for number, (x, y) in enumerate(MARKS_MM):
        here += [(x, y), (x + MARK_MM, y), (x + MARK_MM, y + MARK_MM), (x, y + MARK_MM)]
        there += ((known[FIRST_MARK + number] + 0.5) / shrink - 0.5).tolist()
    projection, _ = cv2.findHomography(np.array(here, np.float64), np.array(there, np.float64))
    if projection is None:
        raise TargetError("the target sheet's corner marks do not lie as on the sheet")
    return np.asarray(projection, np.float64)


def _placed(to_picture: Doubles, points: list[tuple[float, float]]) -> Doubles:
    return np.asarray(cv2.perspectiveTransform(np.array([points], np.float64), to_picture)[0], np.float64)


def _cut(gray: Gray, box: Doubles) -> Gray:
    (left, top), (right, bottom) = np.floor(box.min(axis=0)).astype(int), np.ceil(box.max(axis=0)).astype(int)
    return gray[max(0, top) : bottom, max(0, left) : right]


def _edge(gray: Gray, to_picture: Doubles, centre: tuple[float, float], *, upright: bool) -> float:
    """Efficiency at the right edge of a square (or its lower one), from the picture as it is: nothing is resampled."""
    x, y = centre
    half, depth = EDGE_SIDE_MM * 0.28, 6.5
    away = EDGE_SIDE_MM / 2
    middle = (x + away, y) if upright else (x, y + away)
    wide, high = (depth, half) if upright else (half, depth)
    corners = [(middle[0] - wide, middle[1] - high), (middle[0] + wide, middle[1] - high),
               (middle[0] + wide, middle[1] + high), (middle[0] - wide, middle[1] + high)]  # fmt: skip
    patch = _cut(gray, _placed(to_picture, corners))
    return efficiency(*sfr(patch if upright else patch.T))


def _patch(gray: Gray, to_picture: Doubles, place: tuple[float, float]) -> Doubles:
    x, y = place
    inner = _cut(gray, _placed(to_picture, [(x + 4, y + 4), (x + GRAY_SIDE_MM - 4, y + GRAY_SIDE_MM - 4)]))
    if inner.size < 64:
        raise TargetError("the target sheet is too small in the picture")
    flat = inner.astype(np.float64)
    rows, columns = np.mgrid[0 : flat.shape[0], 0 : flat.shape[1]]
    plane = np.stack([rows.ravel(), columns.ravel(), np.ones(flat.size)], axis=1)
    fitted = plane @ np.linalg.lstsq(plane, flat.ravel(), rcond=None)[0]  # the lamps' fall-off is not noise
    level = flat.ravel() - fitted + flat.mean()
    return np.asarray(lab_of(np.repeat(level.reshape(-1, 1), 3, axis=1))[:, 0], np.float64)


def _unevenness(gray: Gray, to_picture: Doubles) -> float:
    """By which share the light on the bare paper varies over the sheet."""
    bare = [(x, y) for y in (8.0, 116.0) for x in (27.0, 100.0, 172.0)] + [(x, 60.0) for x in (12.0, 100.0, 188.0)]
    levels = []
    for x, y in bare:
        level = float(np.median(_cut(gray, _placed(to_picture, [(x - 2, y - 2), (x + 2, y + 2)]))))
        levels.append(float(linear(np.array([level]))[0]))
    return 1 - min(levels) / max(max(levels), 1e-6)
