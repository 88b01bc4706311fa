"""What is checked on every page of a batch, in full: counts, order, images, fatal checks. Sampling cannot find a missing page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from central.digitization import queries as digitization
from central.digitization.tables import pages, presses

NAMED = 50  # pages that a finding names
CHUNK = 500

WORDS: dict[str, tuple[str, str]] = {
    "undeclared": (
        "Nobody declared how many pages there are: register the volume, or reject the batch so that the bench declares a count.",
        "没有申报页数：请登记案卷，或退回该批由工位申报页数。",
    ),
    "count": (
        "Declared {declared}, captured {captured}: count the paper; retake or insert what is missing, or delete what is too many.",
        "申报 {declared} 页，实采 {captured} 页：请清点原件，补拍缺页或删除多余页。",
    ),
    "told": (
        "The bench counted {told} pages, {captured} have come. Let it connect, it sends what is left.",
        "工位计 {told} 页，中心收到 {captured} 页：请让工位联网补传。",
    ),
    "pending": ("Images that have not arrived: {n}. Let the bench connect, it sends them.", "{n} 页图像未到：请让工位联网补传。"),
    "imageless": ("Pages without an image: {n}. Retake them.", "{n} 页没有图像：请重拍。"),
    "placeholder": (
        "Places held for a missing or oversize page: {n}. Capture them, or let an archivist look at each.",
        "{n} 处为缺页或超大页占位：请补拍，或由档案员逐一查看。",
    ),
    "fatal": ("Pages that fail a check which must pass: {n}. Retake them.", "{n} 页未通过必过检查：请重拍。"),
    "order": (
        "Pages that follow a page which is not here: {n}. Their order is not proven; move them at the bench.",
        "{n} 页的前一页不在本批：顺序无法证明，请在工位调整。",
    ),
    "unfiled": (
        "Pages that a press names and that have not come: {n}. Let the bench connect.",
        "踏板记录提到的 {n} 页未到：请让工位联网。",
    ),
}


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong with the batch as a whole: how many pages, the first of them, what to do."""

    code: str
    n: int
    pages: list[str]
    words: str
    words_zh: str


def _finding(code: str, idents: Sequence[str], **facts: Any) -> Finding:
    english, chinese = WORDS[code]
    values = {"n": len(idents), **facts}
    return Finding(code=code, n=len(idents), pages=list(idents[:NAMED]), words=english.format(**values), words_zh=chinese.format(**values))


def _chunks(idents: Sequence[str]) -> Iterable[Sequence[str]]:
    return (idents[at : at + CHUNK] for at in range(0, len(idents), CHUNK))


def _unfiled(connection: Connection, rows: Sequence[Row[Any]]) -> list[str]:
    """Pages that presses of this batch name and of which no record has come."""
    named: dict[str, None] = {}
    for part in _chunks(sorted({row.press for row in rows})):
        for text in connection.scalars(select(presses.c.pages).where(presses.c.id.in_(part))):
            named.update(dict.fromkeys(str(one) for one in json.loads(text)))
    known = {row.id for row in rows}
    asked = [one for one in named if one not in known]
    for part in _chunks(asked):
        known.update(connection.scalars(select(pages.c.id).where(pages.c.id.in_(part))))
    return [one for one in asked if one not in known]


def findings_of(
    connection: Connection, batch: digitization.Batch, counting: Sequence[Row[Any]], *, passed: frozenset[str], registered: bool
) -> list[Finding]:
    """What is wrong; `passed`: pages that a person has looked at and passed with a reason, `registered`: the volume's count is known."""
    found: list[Finding] = []
    rows = connection.execute(digitization.SELECT_PAGES.where(pages.c.batch_id == batch.id).limit(digitization.PAGES_MAX)).all()
    ids, stored = {row.id for row in rows}, {row.id for row in rows if row.stored}
    captured, told = len(counting), batch.counts.get("captured")
    if batch.declared is None and not registered:
        found.append(_finding("undeclared", []))
    elif batch.declared is not None and batch.declared != captured:
        found.append(_finding("count", [], declared=batch.declared, captured=captured))
    if isinstance(told, int) and told != captured:
        found.append(_finding("told", [], told=told, captured=captured))
    held = [row.id for row in counting if getattr(row, "placeholder", None) is not None]
    real = [row for row in counting if row.id not in set(held)]
    lists = {
        "pending": [row.id for row in real if row.sha256 is not None and row.id not in stored],
        "imageless": [row.id for row in real if row.sha256 is None],
        "placeholder": [ident for ident in held if ident not in passed],
        "fatal": [row.id for row in real if row.verdict == "bad" and row.id not in passed],
        "order": [row.id for row in counting if row.after is not None and row.after not in ids],
        "unfiled": _unfiled(connection, rows),
    }
    return found + [_finding(code, idents) for code, idents in lists.items() if idents]
