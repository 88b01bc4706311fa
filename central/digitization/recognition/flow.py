"""Lets lines run on into each other as they are read: a word that a line's end divides is found whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from central.digitization.recognition.lines import Line
from central.digitization.recognition.units import is_han

GAP = 1.2  # of a line's height, between two lines of one paragraph
REACH = 1.5  # of a line's height: a line that ends so much before the next one's end was not divided, it is a heading or a paragraph's end
SHARED = 0.3  # of the narrower one's width, that two such lines stand above each other


@dataclass(frozen=True, slots=True)
class Flow:
    """The lines as one text; `starts` and `ends` are where each line stands in it."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def _below(one: Line, other: Line) -> bool:
    """Whether the other line goes on with this one."""
    height = max(min(one.h, other.h), 1)
    shared = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    gap = other.y - (one.y + one.h)
    return -height < gap < GAP * height and shared >= SHARED * min(one.w, other.w) and max(one.h, other.h) < 1.6 * height


def flow(lines: Sequence[Line]) -> Flow:
    """One text of the lines: a newline parts them, except where a Chinese line runs on or a hyphen divides a word."""
    text = ""
    starts: list[int] = []
    ends: list[int] = []
    before: Line | None = None
    for line in lines:
        if before is not None and before.text and line.text and _below(before, line):
            if is_han(before.text[-1]) and is_han(line.text[0]) and before.x + before.w > line.x + line.w - REACH * line.h:
                pass
            elif before.text[-1] in "-‐¬" and len(before.text) > 1 and before.text[-2].isalpha() and line.text[0].islower():
                text = text[:-1]
                ends[-1] -= 1
            else:
                text += "\n"
        elif before is not None:
            text += "\n"
        starts.append(len(text))
        text += line.text
        ends.append(len(text))
        before = line
    return Flow(text, tuple(starts), tuple(ends))
