"""The profiles of the product: which climate each medium wants, by which standard, and how far each figure was confirmed."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from central.environment.limits.boxes import Box

FILE = Path(__file__).with_name("climate_limits.csv")
BOXES_MAX = 8  # alternatives of one profile
CONFIRMATIONS: dict[str, dict[str, str]] = {  # how far a figure was confirmed, worst last
    "official": {"en": "found on an official page", "zh": "见于官方网页"},
    "secondary": {"en": "found in a secondary source", "zh": "见于二手来源"},
    "code": {"en": "found in a program's source code", "zh": "见于程序源码"},
    "blog": {"en": "found on a commercial page", "zh": "见于商业网页"},
    "own": {"en": "set here", "zh": "本单位自定"},
    "unverified": {"en": "unverified", "zh": "未核实"},
    "disagree": {"en": "the sources disagree", "zh": "来源不一致"},
}
VERIFY = {"en": "verify against your copy", "zh": "请与标准原文核对"}

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Words = Annotated[str, msgspec.Meta(max_length=1000)]
Celsius = Annotated[float, msgspec.Meta(ge=-60, le=85)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Swing = Annotated[float, msgspec.Meta(gt=0, le=50)]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What a medium wants: any one of `boxes`, within `swing` of the set point over 24 h, changing no faster than `rate` an hour."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,59}$")]
    medium_en: Name
    medium_zh: Name
    use_en: Annotated[str, msgspec.Meta(max_length=120)] = ""
    use_zh: Annotated[str, msgspec.Meta(max_length=120)] = ""
    standard: Annotated[str, msgspec.Meta(max_length=120)] = ""
    boxes: Annotated[list[Box], msgspec.Meta(min_length=1, max_length=BOXES_MAX)]
    swing_c: Swing | None = None
    swing_pct: Swing | None = None
    rate_c_h: Swing | None = None
    rate_pct_h: Swing | None = None
    confirmation: Literal["official", "secondary", "code", "blog", "own", "unverified", "disagree"] = "own"
    sources: list[str] = []
    note_en: Words = ""
    note_zh: Words = ""
    copied_from: str | None = None

    def medium(self, lang: str) -> str:
        """Medium and use, in this language."""
        name, use = (self.medium_zh, self.use_zh) if lang == "zh" else (self.medium_en, self.use_en)
        opening, closing = ("（", "）") if lang == "zh" else (" (", ")")
        return f"{name}{opening}{use}{closing}" if use else name


def _number(text: str) -> float | None:
    return float(text) if text else None


@cache
def shipped() -> dict[str, Profile]:
    """Every profile of the product by id, in the file's order; rows of one id are alternatives."""
    found: dict[str, Profile] = {}
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            box = Box(*(_number(row[side]) for side in ("t_min_c", "t_max_c", "rh_min_pct", "rh_max_pct")))
            known = found.get(row["id"])
            if known is not None:
                found[row["id"]] = msgspec.structs.replace(known, boxes=[*known.boxes, box])
                continue
            texts = {name: row[name] for name in ("id", "medium_en", "medium_zh", "use_en", "use_zh", "standard", "note_en", "note_zh")}
            numbers = {name: _number(row[name]) for name in ("swing_c", "swing_pct", "rate_c_h", "rate_pct_h")}
            sources = [one.strip() for one in row["source"].split(" ; ") if one.strip()]
            facts = {**texts, **numbers, "confirmation": row["confirmation"], "sources": sources, "boxes": [box]}
            found[row["id"]] = msgspec.convert(facts, Profile)
    return found
