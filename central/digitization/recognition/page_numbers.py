"""Finds the page number among the lines of a page, and settles for a whole batch where its numbers stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from central.digitization.recognition.lines import Line
from wire.sequence import check, parse

MARGIN_ROWS = 3  # lines from the top or the bottom of what is written, among which a number is sought
MARGIN = 0.2  # of the height of what is written
LINE_CHARS_MAX = 60
NEIGHBOURS = 6  # pages before and after, between which a number from another place has to fit
NUMERALS = "0-9０-９〇零○一二三四五六七八九十百千"
_STATED = re.compile(rf"第\s*([{NUMERALS}]{{1,8}})\s*[页頁]")
_OF = re.compile(r"(?<![\d.\-/])(\d{1,5})\s*(?:/|／|of|von|共)\s*(?:共\s*)?\d{1,5}(?![\d.\-/])", re.IGNORECASE)
_NAMED = re.compile(r"(?:page|seite|pag\.?|p\.)\s*(\d{1,5})\b", re.IGNORECASE)
_ENDS = re.compile(r"^(\d{1,4})\s+\S|\S\s+(\d{1,4})$")
_MISREAD = str.maketrans({"l": "1", "I": "1", "|": "1", "O": "0", "o": "0", "Z": "2", "S": "5", "B": "8"})
YEARS = range(1840, 2101)  # what ends a line of text is rather one of these than a page's number
TOP, BOTTOM = "top", "bottom"
PLACES = (TOP, BOTTOM)
ODD = {"misread": 1.5, "back": 1.5, "double": 1.5, "gap": 0.4}  # of wire/sequence.py's findings: what each takes from a row's worth


@dataclass(frozen=True)
class Candidate:
    """What could be a page's number: wire/sequence.py's label, as read, where; `form`: 2 stated ("page 3"), 1 alone, 0 within a line."""

    label: Any
    read: str
    line: Line
    place: str
    form: int


def _label(text: str) -> tuple[Any, str, int] | None:
    """(label, as read, form) of a line that holds a page number."""
    text = text.strip()
    for pattern, form in ((_STATED, 2), (_OF, 2), (_NAMED, 2)):
        match = pattern.search(text)
        if match and (label := parse(match[1])) is not None:
            return label, match[0], form
    if (label := parse(text)) is not None:
        return label, text, 1
    if len(text) <= 4 and any(one.isdigit() for one in text) and (label := parse(text.translate(_MISREAD))) is not None:
        return label, text, 0
    match = _ENDS.search(text)
    if match and (label := parse(match[1] or match[2])) is not None and label.number not in YEARS:
        return label, match[1] or match[2], 0
    return None


def candidates(lines: Sequence[Line]) -> list[Candidate]:
    """The possible numbers of one page, the surest first of each place."""
    if not lines:
        return []
    top, bottom = min(line.y for line in lines), max(line.y + line.h for line in lines)
    reach = max((bottom - top) * MARGIN, 1)
    down = sorted(lines, key=lambda line: line.y + line.h / 2)
    found = []
    for place, near in ((TOP, down[:MARGIN_ROWS]), (BOTTOM, down[-MARGIN_ROWS:][::-1])):
        for row, line in enumerate(near):
            middle = line.y + line.h / 2
            inside = middle - top <= reach if place == TOP else bottom - middle <= reach
            told = _label(line.text) if (inside or len(lines) <= MARGIN_ROWS) and len(line.text) <= LINE_CHARS_MAX else None
            if told is not None and (told[2] or row == 0):  # within a line only in a running head or foot
                found.append(Candidate(told[0], told[1], line, place, told[2]))
    return sorted(found, key=lambda one: -one.form)


def _odd(labels: Sequence[Any]) -> float:
    """How much of a row of numbers does not fit; what is missing between rising numbers counts little, since pages may well be missing."""
    return sum(ODD.get(finding.kind, 0.0) for finding in check(labels))


def _labels(chosen: Sequence[Candidate | None]) -> list[Any]:
    return [one.label if one else None for one in chosen]


def _worth(chosen: Sequence[Candidate | None]) -> float:
    given = [one for one in chosen if one is not None]
    different = len({(one.label.kind, one.label.number) for one in given})  # a year stands on every page, a page's number does not
    return different - _odd(_labels(chosen)) + 0.2 * sum(one.form for one in given)


def settle(pages: Sequence[Sequence[Candidate]]) -> list[Candidate | None]:
    """The number of each page of a batch, in order: those at the place, and of the form, whose row fits together best.

    A page with nothing there may have it at the other place, where that fits between its neighbours.
    """
    rows = [
        [next((one for one in page if one.place == place and one.form >= form), None) for page in pages]
        for place in PLACES
        for form in (2, 1, 0)
    ]
    best = max(rows, key=_worth)
    if _worth(best) <= 0:
        return [None] * len(pages)
    for at, page in enumerate(pages):
        if best[at] is None:
            low, high = max(at - NEIGHBOURS, 0), at + NEIGHBOURS + 1
            plain = _odd(_labels(best[low:high]))
            fits = (one for one in page if _odd(_labels([*best[low:at], one, *best[at + 1 : high]])) <= plain)
            best[at] = next(fits, None)
    return best
