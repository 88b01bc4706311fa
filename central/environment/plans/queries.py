"""What may be read about plans."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from central.environment.plans.tables import plan_items, plans
from central.times import rfc3339


class Plan(msgspec.Struct, frozen=True):
    """A drawing of a floor; `image` says whether it has a picture under it, `items` how many things are placed."""

    id: str
    name: str
    building: str | None
    floor: str | None
    width: int
    height: int
    image: bool
    items: int
    changed: str


class Placed(msgspec.Struct, frozen=True):
    """Where something stands: shares of width and height; rooms have a size, too."""

    item: str
    x: float
    y: float
    w: float | None
    h: float | None


class PlanWithItems(msgspec.Struct, frozen=True):
    """A plan and all that stands on it."""

    plan: Plan
    places: list[Placed]


_COUNT = select(func.count()).where(plan_items.c.plan == plans.c.id).scalar_subquery()
_PLANS = select(plans, _COUNT.label("placed")).where(plans.c.removed.is_(False))


def _plan(row: Any) -> Plan:
    return Plan(
        id=row.id,
        name=row.name,
        building=row.building,
        floor=row.floor,
        width=row.width,
        height=row.height,
        image=row.image is not None,
        items=row.placed,
        changed=rfc3339(row.changed_ms),
    )


def plans_after(connection: Connection, *, after: str = "", limit: int = 1000) -> list[Plan]:
    """Plans whose ids come after this one, in order of their ids."""
    return [_plan(row) for row in connection.execute(_PLANS.where(plans.c.id > after).order_by(plans.c.id).limit(limit))]


def plan_named(connection: Connection, ident: str) -> Plan | None:
    """One plan, None where there is none or it was removed."""
    row = connection.execute(_PLANS.where(plans.c.id == ident)).first()
    return None if row is None else _plan(row)


def image_of(connection: Connection, ident: str) -> str | None:
    """The SHA-256 of a plan's image, None where it has none."""
    return connection.scalar(select(plans.c.image).where(plans.c.id == ident, plans.c.removed.is_(False)))


def places_of(connection: Connection, plan: str) -> list[Placed]:
    """What stands on a plan, rooms first, in order of the items."""
    rows = connection.execute(select(plan_items).where(plan_items.c.plan == plan).order_by(plan_items.c.w.is_(None), plan_items.c.item))
    return [Placed(item=row.item, x=row.x, y=row.y, w=row.w, h=row.h) for row in rows]


def plans_with(connection: Connection, items: list[str]) -> list[str]:
    """The ids of the plans on which any of these items stands, the one with most of them first."""
    if not items:
        return []
    count = func.count().label("n")
    query = select(plan_items.c.plan, count).join(plans, plans.c.id == plan_items.c.plan)
    query = query.where(plan_items.c.item.in_(items), plans.c.removed.is_(False)).group_by(plan_items.c.plan)
    return [row.plan for row in connection.execute(query.order_by(count.desc(), plan_items.c.plan))]
