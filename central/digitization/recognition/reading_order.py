"""Puts the lines of an image into the order in which people read them: columns one after the other, upright Chinese from the right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from central.digitization.recognition.lines import Line

COLUMN_LINES_MIN = 3
COLUMN_GAP = -0.25  # of a line's height, at least, between two columns: the engine's boxes are larger than the letters, and may touch
TEXT_WIDTH = 5.0  # width to height of the lines of a column of text; shorter ones are the cells of a table, which is read by rows
UPRIGHT = 2.0  # height to width of a line that is written from top to bottom
SAME_ROW = 0.4  # of a line's height


def _upright(lines: Sequence[Line]) -> bool:
    long = [line for line in lines if len(line.text) > 1]
    return bool(long) and 2 * sum(line.h > UPRIGHT * line.w for line in long) > len(long)


def _columns(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines by column, from the left; one column where no clear gap divides them."""
    gap = COLUMN_GAP * median(line.h for line in lines)
    made: list[list[Line]] = []
    right = float("-inf")
    for line in sorted(lines, key=lambda line: line.x):
        if line.x > right + gap:
            made.append([])
        made[-1].append(line)
        right = max(right, line.x + line.w)
    text = len(made) > 1 and all(len(column) >= COLUMN_LINES_MIN and _long(column) for column in made)
    return made if text else [list(lines)]


def _long(lines: Sequence[Line]) -> bool:
    return median(line.w for line in lines) > TEXT_WIDTH * median(line.h for line in lines)


def _rows(lines: Sequence[Line]) -> list[Line]:
    """From top to bottom, what stands beside each other from the left."""
    made: list[Line] = []
    row: list[Line] = []
    for line in sorted(lines, key=lambda line: line.y + line.h / 2):
        if row and abs((line.y + line.h / 2) - (row[-1].y + row[-1].h / 2)) > SAME_ROW * min(line.h, row[-1].h):
            made += sorted(row, key=lambda one: one.x)
            row = []
        row.append(line)
    return made + sorted(row, key=lambda one: one.x)


def in_order(lines: Sequence[Line], *, depth: int = 0) -> list[Line]:
    """The same lines, ordered."""
    if len(lines) < 2:
        return list(lines)
    if _upright(lines):
        return sorted(lines, key=lambda line: (-(line.x + line.w / 2), line.y))
    if len(lines) < 2 * COLUMN_LINES_MIN or depth > 4:
        return _rows(lines)
    columns = _columns(lines)
    if len(columns) > 1:
        return [line for column in columns for line in in_order(column, depth=depth + 1)]
    down = sorted(lines, key=lambda line: line.y)
    for cut, (above, below) in enumerate(pairwise(down), 1):  # a heading, then columns
        if below.y < max(line.y + line.h for line in down[:cut]) - SAME_ROW * above.h:
            continue
        if len(down) - cut >= 2 * COLUMN_LINES_MIN and len(_columns(down[cut:])) > 1:
            return _rows(down[:cut]) + in_order(down[cut:], depth=depth + 1)
    return _rows(lines)
