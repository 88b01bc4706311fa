"""Divides text into what can be searched: Chinese characters and words, folded so that spellings of one thing are one.

Folded: full width and half width, capitals, accents, ligatures (Unicode NFKC and case folding), traditional characters to simplified ones
(OpenCC's table, character by character, so that text and question are always folded alike).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from opencc import OpenCC

VERSION = 1  # of the words in the index: another one means that the index is made anew
CONNECTORS = "-/._–—‐‑·:#"  # within a number: 2013-0456, A/17
WORD_CHARS_MAX = 64
GROUP_PARTS_MAX = 6
_RANGES = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x3040, 0x30FF), (0xAC00, 0xD7AF), (0x20000, 0x3FFFF), (0x3005, 0x3007))


def is_han(one: str) -> bool:
    """Whether words are written with this character without spaces between them."""
    code = ord(one)
    return code >= 0x3005 and any(low <= code <= high for low, high in _RANGES)


@dataclass(frozen=True, slots=True)
class Unit:
    """A Chinese character or a word, folded; where it stands in the text; whether nothing but space is between it and the one before."""

    text: str
    han: bool
    start: int
    end: int
    follows: bool


class Folding:
    """Folds characters, each computed once."""

    def __init__(self) -> None:
        """Load the table of traditional characters."""
        self._simplified = OpenCC("t2s")
        self._known: dict[str, str] = {}

    def _fold(self, one: str) -> str:
        found = self._known.get(one)
        if found is None:
            plain = unicodedata.normalize("NFKC" if is_han(one) else "NFKD", one).casefold()
            plain = "".join(part for part in plain if part.isalnum())
            found = "".join(self._simplified.convert(part)[:1] if is_han(part) else part for part in plain)
            if len(self._known) < 100_000:
                self._known[one] = found
        return found

    def units(self, text: str) -> list[Unit]:
        """The units of a text in order."""
        made: list[Unit] = []
        word, start, parted = "", 0, True
        for at, one in enumerate(text):
            if unicodedata.combining(one) and word:
                continue
            folded = self._fold(one)
            if word and (not folded or is_han(folded[0]) or len(word) >= WORD_CHARS_MAX):
                made.append(Unit(word, False, start, at, not parted))
                word, parted = "", False
            if not folded:
                parted = parted or not one.isspace() or one == "\n"
                continue
            if is_han(folded[0]):
                made.append(Unit(folded, True, at, at + 1, not parted))
                parted = False
                continue
            if not word:
                start = at
            word += folded
        if word:
            made.append(Unit(word, False, start, len(text), not parted))
        return made


def tokens(units: Sequence[Unit]) -> list[str]:
    """One token a unit: a Chinese character with the one that follows it, the last of a run alone, words as they are."""
    made = [unit.text for unit in units]
    for at, (unit, following) in enumerate(pairwise(units)):
        if unit.han and following.han and following.follows:
            made[at] += following.text
    return made


def groups(units: Sequence[Unit], text: str) -> Iterator[list[Unit]]:
    """Runs of two or more words with one connector between each two, at least one of them with a digit: 2013-0456."""
    run: list[Unit] = []
    for unit in [*units, None]:
        goes_on = run and unit is not None and not unit.han and unit.start == run[-1].end + 1 and text[run[-1].end] in CONNECTORS
        if unit is not None and goes_on and len(run) < GROUP_PARTS_MAX:
            run.append(unit)
            continue
        if len(run) > 1 and any(part.isdigit() for word in run for part in word.text):
            yield run
        run = [] if unit is None or unit.han else [unit]


def joined(units: Sequence[Unit], text: str) -> list[str]:
    """Every such number without its connectors, and its parts of two and more: 2013-0456 as 20130456."""
    made = []
    for run in groups(units, text):
        for low in range(len(run) - 1):
            made += ["".join(word.text for word in run[low : high + 1]) for high in range(low + 1, len(run))]
    return made
