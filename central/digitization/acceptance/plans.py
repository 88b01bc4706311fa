"""Sampling plans as profiles: what is looked at, when a batch may be accepted, who may; the shipped ones and copies of them."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import msgspec

from central.digitization.acceptance.attributes import AQLS, Level, Severity, code_letter, single_plan

AS_NOW = "as-now"
Code = Literal["blurred", "exposure", "skewed", "cropped", "covered", "colour", "duplicate", "match", "missing", "order", "other"]
CODES: tuple[Code, ...] = (
    "blurred",
    "exposure",
    "skewed",
    "cropped",
    "covered",
    "colour",
    "duplicate",
    "match",
    "missing",
    "order",
    "other",
)
MATCH: tuple[Code, ...] = ("match", "missing", "order", "duplicate")  # the image is not what the index says it is


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a plan asks. Unless `enforce`, it only shows."""

    sampling: Literal["none", "percent", "iso2859", "all"] = "none"
    percent: Annotated[float, msgspec.Meta(ge=0.1, le=100, description="of a batch's pages; sampling percent")] = 5.0
    level: Level = "II"
    aql: Annotated[str, msgspec.Meta(description="one of the usual AQLs, 0.010 to 10, as text")] = "1.0"
    switching: Annotated[bool, msgspec.Meta(description="tightened and back by the unit's or station's history")] = False
    reduced: Annotated[bool, msgspec.Meta(description="reduced inspection after ten faultless batches")] = False
    min_ok_pct: Annotated[float, msgspec.Meta(ge=0, le=100, description="of the sample that must pass; not for iso2859")] | None = None
    strict_codes: list[Code] = []  # one sampled page rejected with such a code rejects the batch
    machine: Annotated[bool, msgspec.Meta(description="counts, order, images and fatal checks must be in order in full")] = False
    doubtful: Annotated[bool, msgspec.Meta(description="every page that a check doubts is looked at, too")] = False
    enforce: bool = False
    override: Annotated[bool, msgspec.Meta(description="an archivist may accept against the plan, with a reason")] = False
    four_eyes: Annotated[bool, msgspec.Meta(description="who captured may not accept")] = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan by name; `source` says where its figures come from."""

    id: str
    name: str
    name_zh: str | None
    shipped: bool
    source: str | None
    source_zh: str | None
    rules: Rules
    changed: str | None = None
    changed_by: str | None = None


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How many pages of a lot are looked at, and up to how many rejected ones it is accepted (null: the plan counts otherwise)."""

    n: int
    letter: str | None = None
    ac: int | None = None
    re: int | None = None


SHIPPED: tuple[Plan, ...] = (
    Plan(id=AS_NOW, name="As now", name_zh="保持现状", shipped=True, source=None, source_zh=None, rules=Rules()),
    Plan(
        id="dat31",
        name="DA/T 31-2017",
        name_zh="DA/T 31-2017",
        shipped=True,
        source="DA/T 31-2017, by secondary sources: verify against your copy.",
        source_zh="DA/T 31-2017，数值取自二手资料：请对照原文核实。",
        rules=Rules(
            sampling="percent",
            percent=5.0,
            min_ok_pct=95.0,
            strict_codes=list(MATCH),
            machine=True,
            doubtful=False,
            enforce=True,
            four_eyes=True,
        ),
    ),
    Plan(
        id="iso2859-ii-1.0",
        name="ISO 2859-1 level II, AQL 1.0",
        name_zh="ISO 2859-1 水平 II，AQL 1.0",
        shipped=True,
        source="Tables of MIL-STD-105E, equal to ISO 2859-1 for normal and tightened inspection: verify against your copy.",
        source_zh="表值取自 MIL-STD-105E，正常与加严检验同 ISO 2859-1：请对照原文核实。",
        rules=Rules(sampling="iso2859", level="II", aql="1.0", switching=True, machine=True, enforce=True, override=True, four_eyes=True),
    ),
    Plan(
        id="every-page",
        name="Every page",
        name_zh="逐页检查",
        shipped=True,
        source=None,
        source_zh=None,
        rules=Rules(sampling="all", min_ok_pct=100.0, machine=True, enforce=True, override=True),
    ),
)
SHIPPED_BY_ID = {plan.id: plan for plan in SHIPPED}


def checked(rules: Rules) -> Rules:
    """The rules, ValueError in words where they cannot be kept together."""
    if rules.aql not in AQLS:
        raise ValueError(f"aql: one of {', '.join(AQLS)}")
    if rules.enforce and rules.sampling == "percent" and rules.min_ok_pct is None:
        raise ValueError("min_ok_pct: an enforced share needs the least share that must pass")
    return rules


def rules_of(text: str | bytes) -> Rules:
    """Rules as a table keeps them; ValueError if they are none."""
    try:
        return checked(msgspec.json.decode(text, type=Rules))
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def rules_in(body: Any) -> Rules:
    """The rules in an act's body; ValueError if they are none."""
    try:
        return checked(msgspec.convert(body, Rules))
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def size_of(rules: Rules, lot: int, severity: Severity = "normal") -> Size:
    """How many of a lot's pages are drawn; the whole lot where the plan asks for as many or more."""
    if lot < 1 or rules.sampling == "none":
        return Size(n=0)
    if rules.sampling == "all":
        return Size(n=lot)
    if rules.sampling == "percent":
        return Size(n=min(lot, math.ceil(round(lot * rules.percent / 100, 6))))
    single = single_plan(code_letter(lot, rules.level), rules.aql, severity)
    return Size(n=min(lot, single.n), letter=single.letter, ac=single.ac, re=single.re)
