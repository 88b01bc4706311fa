"""What a person typed, as a question to the index and as what is marked in a text; nothing typed reaches the index's own language raw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from central.digitization.recognition.units import Folding, Unit, groups, tokens

CHUNKS_MAX = 12
QUOTES = '"“”„«»「」『』＂'
_PARTS = re.compile(f"[{QUOTES}]([^{QUOTES}]*)[{QUOTES}]|([^\\s　{QUOTES}]+)")
_STARS = "*＊"
PREFIX_MIN = 2  # characters before a star: one would be the beginning of half the words
DIGITS_MIN = 3  # a number without its connectors has at least so many characters


@dataclass(frozen=True)
class Chunk:
    """Units that must stand one after the other; `prefix`: the last word may go on; `number`: all without connectors, if it is one."""

    units: tuple[Unit, ...]
    prefix: bool
    number: str | None


@dataclass(frozen=True)
class Span:
    """A found place of the text: from, to, and of which chunk it is."""

    start: int
    end: int
    chunk: int


def chunks_of(question: str, folding: Folding) -> list[Chunk]:
    """The parts of a question: between quotation marks as one, else parted by spaces; each has to be found."""
    made: list[Chunk] = []
    for match in _PARTS.finditer(question):
        part = match[1] if match[1] is not None else match[2]
        units = tuple(folding.units(part))
        if not units or len(made) == CHUNKS_MAX:
            continue
        prefix = match[1] is None and part[-1] in _STARS and not units[-1].han and len(units[-1].text) >= PREFIX_MIN
        run = next((run for run in groups(units, part) if len(run) == len(units)), None)
        whole = "".join(unit.text for unit in run) if run else units[0].text if len(units) == 1 and not units[0].han else None
        number = whole if whole and len(whole) >= DIGITS_MIN and any(one.isdigit() for one in whole) and not prefix else None
        made.append(Chunk(units, prefix, number))
    return made


def _phrase(words: Sequence[str], *, prefix: bool) -> str:
    """A phrase in the index's language; words are made of letters and digits alone."""
    if not all(word.isalnum() for word in words):
        raise ValueError(f"{words!r} are no words of the index")
    return '"' + " ".join(words) + '"' + (" *" if prefix else "")


def _of_chunk(chunk: Chunk) -> str:
    words, last = tokens(chunk.units), chunk.units[-1]
    asked = []
    if last.han:  # the pair before it holds it; or it stands alone, and the beginnings of all pairs with it would be too many
        alone = len(chunk.units) == 1 or not (chunk.units[-2].han and last.follows)
        words = words[:-1]
        asked += [f"singles : {_phrase([last.text], prefix=False)}"] if alone else []
    if words:
        asked.append(f"body : {_phrase(words, prefix=chunk.prefix)}")
    whole = f"({' AND '.join(asked)})"
    return f"({whole} OR {{body numbers}} : {_phrase([chunk.number], prefix=False)})" if chunk.number else whole


def expression(chunks: Sequence[Chunk]) -> str:
    """What the index is asked: every chunk, as a phrase. Where a chunk ends in one character after a word, more is found than was asked."""
    return " AND ".join(_of_chunk(chunk) for chunk in chunks)


def relaxed(chunks: Sequence[Chunk]) -> list[Chunk]:
    """The same with long runs of Chinese taken apart into pairs, for where nothing has the whole run; the same list if there are none."""
    made: list[Chunk] = []
    for chunk in chunks:
        if len(chunk.units) >= 4 and all(unit.han for unit in chunk.units):
            pairs = zip(chunk.units[::2], chunk.units[1::2], strict=False)
            made += [Chunk(pair, prefix=False, number=None) for pair in pairs]
            if len(chunk.units) % 2:
                made.append(Chunk(chunk.units[-2:], prefix=False, number=None))
        else:
            made.append(chunk)
    return made


def _matches(unit: Unit, wanted: Unit, *, first: bool, starts: bool) -> bool:
    same = unit.text.startswith(wanted.text) if starts else unit.text == wanted.text
    return same and (first or not (unit.han and wanted.han and wanted.follows) or unit.follows)


def find(chunks: Sequence[Chunk], units: Sequence[Unit], text: str) -> list[Span]:
    """Where the chunks stand in a text, in its order; what the index finds is found here too."""
    found = []
    runs = list(groups(units, text)) if any(chunk.number for chunk in chunks) else []
    for which, chunk in enumerate(chunks):
        size = len(chunk.units)
        for at in range(len(units) - size + 1):
            if units[at].text[:1] != chunk.units[0].text[:1]:
                continue
            if all(
                _matches(units[at + n], wanted, first=n == 0, starts=chunk.prefix and n == size - 1) for n, wanted in enumerate(chunk.units)
            ):
                found.append(Span(units[at].start, units[at + size - 1].end, which))
        if chunk.number:
            found += [Span(unit.start, unit.end, which) for unit in units if size > 1 and unit.text == chunk.number]
            for run in runs:
                for low in range(len(run)):
                    for high in range(low + 1, len(run)):
                        if "".join(unit.text for unit in run[low : high + 1]) == chunk.number:
                            found.append(Span(run[low].start, run[high].end, which))
    return sorted(set(found), key=lambda span: (span.start, span.end))
