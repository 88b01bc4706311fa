"""Suggests a title and numbers for a volume from its first pages, for a person to confirm, change or dismiss."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from central.digitization.recognition.lines import Line
from central.digitization.recognition.units import is_han

PAGES = 3  # looked at
TITLE_HEIGHT = 1.25  # to the ordinary line's
TITLE_CHARS = (2, 60)
TITLES_MAX = 3
NUMBERS_MAX = 5
_VALUE = r"[A-Za-z]{0,6}[-_/]?\d[\dA-Za-z]*(?:[-_/.—–][\dA-Za-z]+){0,5}"
_NAMED = re.compile(
    r"(合同编号|合同号|协议编号|客户编号|客户号|用户编号|户号|户\s*号|案号|档号|卷号|工单号|申请编号|受理编号|编号|文号"
    r"|Contract\s+No|Customer\s+No|Case\s+No|File\s+No|Account\s+No|Ref(?:erence)?\s*(?:No)?|No)\s*[.:：]?\s*"
    rf"({_VALUE})",
    re.IGNORECASE,
)
_COURT = re.compile(r"[（(〔\[]\s*(?:19|20)\d{2}\s*[）)〕\]]\s*[一-鿿]{0,8}第?\s*\d+\s*号")
_KINDS = (  # word in a number's name -> kind; the first that fits
    *((word, "contract") for word in ("合同", "协议", "contract")),
    *((word, "customer") for word in ("客户", "户", "customer", "account")),
    *((word, "case") for word in ("案", "工单", "受理", "申请", "case")),
)


class Number(msgspec.Struct, frozen=True):
    """A number that was found: contract, customer, case or other; how it was named, on which page (from 1)."""

    kind: str
    value: str
    named: str
    page: int


class Title(msgspec.Struct, frozen=True):
    """A title that was found, on which page (from 1)."""

    text: str
    page: int


class Suggestion(msgspec.Struct, frozen=True):
    """What the first pages suggest, the likeliest first."""

    titles: list[Title]
    numbers: list[Number]


def _kind(named: str) -> str:
    return next((kind for word, kind in _KINDS if word in named.lower()), "other")


def _tidy(text: str) -> str:
    """A title without the spaces that part its Chinese characters."""
    made = ""
    for at, one in enumerate(text.strip()):
        spaced = one.isspace() and made and is_han(made[-1]) and text.strip()[at:].strip()[:1] and is_han(text.strip()[at:].strip()[0])
        made += "" if spaced else one
    return made


def _titles(lines: Sequence[Line], page: int) -> list[tuple[float, Title]]:
    """Lines that are clearly larger than the rest, lines of one size that follow each other as one."""
    wordy = [line for line in lines if line.text.strip()]
    if not wordy:
        return []
    heights = sorted(min(line.h, line.w) for line in wordy)
    plain = heights[len(heights) // 2]
    found: list[tuple[float, Title]] = []
    before: Line | None = None
    for line in wordy:
        text = _tidy(line.text)
        letters = sum(one.isalpha() for one in text)
        large = line.h >= TITLE_HEIGHT * plain or len(wordy) <= 3
        if not large or not TITLE_CHARS[0] <= len(text) <= TITLE_CHARS[1] or 2 * letters < len(text) or line.confidence < 0.6:
            before = None
            continue
        if before is not None and found and abs(line.h - before.h) < 0.25 * line.h and 0 <= line.y - before.y < 2.5 * line.h:
            joint = "" if is_han(found[-1][1].text[-1]) and is_han(text[0]) else " "
            rest = found[-1]
            found[-1] = (rest[0], Title(rest[1].text + joint + text, page))
        else:
            found.append((line.h / plain, Title(text, page)))
        before = line
    return [(size * (1.0 - 0.2 * (page - 1)), title) for size, title in found]


def suggest(pages: Sequence[Sequence[Line]]) -> Suggestion:
    """Titles and numbers from the lines of a volume's first pages, in order."""
    titles: list[tuple[float, Title]] = []
    numbers: list[Number] = []
    for page, lines in enumerate(pages[:PAGES], 1):
        titles += _titles(lines, page)
        for line in lines:
            text = line.text
            numbers += [Number(_kind(match[1]), match[2], match[1], page) for match in _NAMED.finditer(text) if _counts(match[2])]
            numbers += [Number("case", match[0], "", page) for match in _COURT.finditer(text)]
    titles.sort(key=lambda one: -one[0])
    seen: dict[str, Number] = {}
    for number in sorted(numbers, key=lambda one: (one.kind == "other", one.page)):
        seen.setdefault(number.value, number)
    names = {title.text: title for _, title in titles}
    return Suggestion(list(names.values())[:TITLES_MAX], list(seen.values())[:NUMBERS_MAX])


def _counts(value: str) -> bool:
    return sum(one.isdigit() for one in value) >= 3
