"""What acceptance found, by unit, operator, station, reason and month: rates with their uncertainty, lots, rounds."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, case, func, literal, select

from central.digitization.acceptance.projection import month_of
from central.digitization.acceptance.tables import acceptance_lots, page_reviews

By = Literal["unit", "operator", "station", "code", "month"]
GROUPS_MAX = 1000
Z95 = 1.959963984540054  # of the normal distribution, two-sided 95 %


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One line: `rate` = rejected of the pages drawn at random, in percent, with the bounds of its 95 % Wilson interval.

    Lots and rounds are null where they cannot be told by this group (an operator's pages lie in several lots, a reason in none).
    """

    name: str | None
    reviewed: int
    rejected: int
    sampled: int
    defects: int
    rate: float | None
    low: float | None
    high: float | None
    lots: int | None
    accepted: int | None
    refused: int | None
    overrides: int | None
    rounds: int | None


def wilson(defects: int, n: int, z: float = Z95) -> tuple[float, float]:
    """The bounds of the Wilson score interval for a share; (0, 1) for none looked at. Source: E. B. Wilson, JASA 22 (1927), 209-212."""
    if n <= 0:
        return 0.0, 1.0
    p, z2 = defects / n, z * z
    middle, half = (p + z2 / (2 * n)) / (1 + z2 / n), z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (0.0 if defects == 0 else max(0.0, middle - half)), (1.0 if defects == n else min(1.0, middle + half))


def _group(name: str | None, pages: Any, lot: Any, *, all_sampled: int | None = None) -> Group:
    sampled, defects = (pages.sampled, pages.defects) if pages is not None else (0, 0)
    of = sampled if all_sampled is None else all_sampled
    low, high = wilson(defects, of)
    return Group(
        name=name,
        reviewed=pages.reviewed if pages is not None else 0,
        rejected=pages.rejected if pages is not None else 0,
        sampled=of,
        defects=defects,
        rate=round(100 * defects / of, 3) if of else None,
        low=round(100 * low, 3) if of else None,
        high=round(100 * high, 3) if of else None,
        **{field: None if lot is None else getattr(lot, field) for field in ("lots", "accepted", "refused", "overrides", "rounds")},
    )


def _lots(connection: Connection, by: By, since: ColumnElement[bool]) -> dict[Any, Any]:
    if by not in ("unit", "station", "month"):
        return {}
    lots = acceptance_lots.c
    key = {"unit": lots.unit, "station": lots.station, "month": func.strftime("%Y-%m", lots.decided_ms / 1000, "unixepoch")}[by]
    one = literal(1)
    query = select(
        key.label("name"),
        func.count().label("lots"),
        func.sum(case((lots.state == "accepted", one), else_=0)).label("accepted"),
        func.sum(case((lots.state == "rejected", one), else_=0)).label("refused"),
        func.sum(case((lots.override, one), else_=0)).label("overrides"),
        func.sum(case((lots.rework.is_not(None), one), else_=0)).label("rounds"),
    ).where(lots.state.in_(("accepted", "rejected")), since)
    return {row.name: row for row in connection.execute(query.group_by(key).limit(GROUPS_MAX))}


def statistics(connection: Connection, *, by: By, from_ms: int, to_ms: int) -> list[Group]:
    """The groups by name; pages by the month in which they were looked at, lots by when they were decided."""
    reviews = page_reviews.c
    key = {"unit": reviews.unit, "operator": reviews.operator, "station": reviews.station, "code": reviews.code, "month": reviews.month}[by]
    sampled = case((reviews.sampled, 1), else_=0)
    bad = case((reviews.ok, 0), else_=1)
    within = (reviews.month >= month_of(from_ms)) & (reviews.month <= month_of(max(from_ms, to_ms - 1))) & (reviews.t_ms >= from_ms)
    within &= reviews.t_ms < to_ms
    counts = [func.count().label("reviewed"), func.sum(bad).label("rejected"), func.sum(sampled).label("sampled")]
    counts.append(func.sum(sampled * bad).label("defects"))
    query = select(key.label("name"), *counts).where(within)
    if by == "code":
        query = query.where(~reviews.ok)
    pages = {row.name: row for row in connection.execute(query.group_by(key).order_by(key).limit(GROUPS_MAX))}
    of = None
    if by == "code":  # each reason's share is of all that were drawn
        of = connection.scalar(select(func.coalesce(func.sum(sampled), 0)).where(within)) or 0
    lots = _lots(connection, by, (acceptance_lots.c.decided_ms >= from_ms) & (acceptance_lots.c.decided_ms < to_ms))
    names = sorted({*pages, *lots}, key=lambda name: (name is None, name or ""))
    return [_group(name, pages.get(name), lots.get(name), all_sampled=of) for name in names[:GROUPS_MAX]]
