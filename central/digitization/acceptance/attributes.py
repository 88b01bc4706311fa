"""Single sampling by attributes: code letters, sample sizes, acceptance and rejection numbers, and when inspection is switched.

Source: MIL-STD-105E (10 May 1989, approved for public release, distribution unlimited), tables I, II-A, II-B and II-C. ISO 2859-1 has
the same code letters, sample sizes and numbers for normal and tightened inspection; for reduced inspection its edition of 1999 has others,
without a gap between acceptance and rejection number. Who works by the ISO standard verifies these against their own copy.

Each table is a set of diagonals: the same numbers stand one letter further and one AQL lower. `k` counts along them from the acceptance
number nought: below is an arrow down, k = 1 is an arrow up (tightened: down), k = 2 an arrow down, beyond the last number an arrow up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["normal", "tightened", "reduced"]
Level = Literal["S-1", "S-2", "S-3", "S-4", "I", "II", "III"]

LETTERS = "ABCDEFGHJKLMNPQRS"  # S is only reached by an arrow of the tightened table
SIZES = (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000, 3150)
REDUCED_SIZES = (2, 2, 2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800)
AQLS = ("0.010", "0.015", "0.025", "0.040", "0.065", "0.10", "0.15", "0.25", "0.40", "0.65", "1.0", "1.5", "2.5", "4.0", "6.5", "10")
AQLS_ALL = (*AQLS, "15", "25", "40", "65", "100", "150", "250", "400", "650", "1000")  # above 10: defects per hundred units only
LOTS_TO = (8, 15, 25, 50, 90, 150, 280, 500, 1200, 3200, 10_000, 35_000, 150_000, 500_000)  # the last row has no end
CODE_LETTERS: dict[str, str] = {
    "S-1": "AAAABBBBCCCCDDD",
    "S-2": "AAABBBCCCDDDEEE",
    "S-3": "AABBCCDDEEFFGGH",
    "S-4": "AABCCDEEFGGHJJK",
    "I": "AABCCDEFGHJKLMN",
    "II": "ABCDEFGHJKLMNPQ",
    "III": "BCDEFGHJKLMNPQR",
}
_SMALL = LETTERS.index("E")  # letters up to this one go on to larger numbers
_ZERO = {"normal": 14, "tightened": 15, "reduced": 14}  # letter index + AQL index where the acceptance number is nought
_NUMBERS: dict[str, tuple[tuple[int, int], ...]] = {  # from k = 3 on
    "normal": ((1, 2), (2, 3), (3, 4), (5, 6), (7, 8), (10, 11), (14, 15), (21, 22), (30, 31), (44, 45)),
    "tightened": ((1, 2), (2, 3), (3, 4), (5, 6), (8, 9), (12, 13), (18, 19), (27, 28), (41, 42)),
    "reduced": ((0, 2), (1, 3), (1, 4), (2, 5), (3, 6), (5, 8), (7, 10), (10, 13), (14, 17), (21, 24)),
}
_LARGE_LAST = {"normal": 10, "tightened": 9, "reduced": 10}  # the last k of letters after E
# the two first letters of the reduced table have numbers of their own, by AQL from 15 and 25 on
_REDUCED_A = ((1, 2), (2, 3), (3, 4), (5, 6), (7, 8), (10, 11), (14, 15), (21, 22), (30, 31))  # from 25
_REDUCED_B = ((0, 2), (1, 3), (2, 4), (3, 5), (5, 6), (7, 8), (10, 11), (14, 15), (21, 22), (30, 31))  # from 15


@dataclass(frozen=True)
class Single:
    """A single sampling plan: n pages are drawn; accepted with at most `ac` rejected ones, rejected with `re` or more."""

    letter: str
    n: int
    ac: int
    re: int


def code_letter(lot: int, level: str) -> str:
    """The code letter of a lot of this many units; ValueError for less than one, or an unknown level."""
    if lot < 1 or level not in CODE_LETTERS:
        raise ValueError(f"no code letter for {lot} units at level {level!r}")
    return CODE_LETTERS[level][bisect_left(LOTS_TO, lot)]


def _cell(row: int, column: int, severity: str) -> tuple[int, int] | Literal["up", "down"]:
    """What stands in a cell: (ac, re), or the direction of its arrow."""
    if severity == "reduced" and row < 2:
        own, first = (_REDUCED_A, AQLS_ALL.index("25")) if row == 0 else (_REDUCED_B, AQLS_ALL.index("15"))
        if column >= first:
            return own[column - first]
    k = row + column - _ZERO[severity]
    if k < 0:
        return "down"
    if k == 0:
        return "down" if severity == "tightened" and row == 0 else (0, 1)
    if k < 3:
        return "up" if k == 1 and severity != "tightened" else "down"
    numbers = _NUMBERS[severity]
    last = len(numbers) + 2 if row <= _SMALL else _LARGE_LAST[severity]
    return numbers[k - 3] if k <= last else "up"


def single_plan(letter: str, aql: str, severity: Severity = "normal") -> Single:
    """The plan of a code letter (A to R) at an AQL, arrows followed; ValueError where there is no such letter, AQL or severity."""
    if letter not in LETTERS[:-1] or aql not in AQLS_ALL or severity not in _ZERO:
        raise ValueError(f"no plan for letter {letter!r}, AQL {aql!r}, {severity!r}")
    column = AQLS_ALL.index(aql)
    start = row = LETTERS.index(letter)
    sizes = REDUCED_SIZES if severity == "reduced" else SIZES
    rows = len(SIZES) if severity == "tightened" else len(REDUCED_SIZES)
    way = 0
    turned = False
    while True:
        cell = _cell(row, column, severity)
        if isinstance(cell, tuple):
            return Single(LETTERS[row], sizes[row], *cell)
        way = way or (1 if cell == "down" else -1)
        row += way
        if not 0 <= row < rows:  # an arrow at the table's edge points the other way
            if turned:
                raise ValueError(f"no plan for letter {letter!r} at {aql}")
            row, way, turned = start - way, -way, True


@dataclass(frozen=True)
class Past:
    """A lot that was decided: under which severity, how, whether it was its first submission, and what its sample showed."""

    severity: str
    accepted: bool
    first: bool
    defects: int
    between: bool  # reduced inspection: more than ac, fewer than re


RUN = 5  # MIL-STD-105E 4.7: two of five rejected, five accepted
REJECTED = 2
CALM = 10  # lots accepted with not one rejected page, before inspection may be reduced: stricter than either standard's limit


def next_severity(history: Sequence[Past], *, reduced: bool) -> Severity:
    """How the next lot is inspected, from the decided ones, the last at the end; `reduced` says whether that is allowed at all."""
    if not history:
        return "normal"
    last = history[-1]
    run: list[Past] = []
    for past in reversed(history):
        if past.severity != last.severity:
            break
        run.append(past)
    originals = [past for past in run if past.first]  # the newest first
    if last.severity == "tightened":
        return "normal" if len(originals) >= RUN and all(past.accepted for past in originals[:RUN]) else "tightened"
    if last.severity == "reduced":
        return "normal" if not reduced or not last.accepted or last.between else "reduced"
    if sum(not past.accepted for past in originals[:RUN]) >= REJECTED:
        return "tightened"
    if reduced and len(originals) >= CALM and all(past.accepted and not past.defects for past in originals[:CALM]):
        return "reduced"
    return "normal"
