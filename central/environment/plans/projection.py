"""Plans from the acts of those who draw and place."""

from __future__ import annotations

from math import isfinite
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from central.environment.plans.tables import plan_items, plans
from central.store.projecting import ActEntry, BatchEntry, Context

KINDS = ("sensor", "contact", "camera", "room")
ITEM_MAX = 220
ITEMS_MAX = 1000  # of one plan
SIDE_MAX = 20_000
NAME_MAX = {"name": 120, "building": 120, "floor": 40}


def share(value: Any) -> float:
    """A place between 0 and 1; ValueError for anything else."""
    number = float(value)
    if not isfinite(number) or not 0 <= number <= 1:
        raise ValueError(f"{number} lies beside the plan")
    return number


class PlanProjector:
    """Plans and what stands on them."""

    def load(self, connection: Connection) -> None:
        """Nothing is kept in memory."""

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Agents send nothing about plans."""

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project an act; those of an erased body change nothing."""
        done = {"plan.set": self._set, "plan.remove": self._remove, "plan.place": self._place}.get(entry.kind)
        if done is not None and entry.body:
            done(context.connection, entry)

    def _set(self, connection: Connection, entry: ActEntry) -> None:
        body = entry.body
        row = {
            "id": str(body["plan"])[:36],
            "width": min(max(int(body["width"]), 1), SIDE_MAX),
            "height": min(max(int(body["height"]), 1), SIDE_MAX),
            "image": body.get("image"),
            "removed": False,
            "changed_ms": entry.t_ms,
        }
        for field, most in NAME_MAX.items():
            row[field] = None if body.get(field) is None else str(body[field])[:most]
        connection.execute(insert(plans).values(row).on_conflict_do_update(index_elements=["id"], set_=row))

    def _remove(self, connection: Connection, entry: ActEntry) -> None:
        row = {"removed": True, "changed_ms": entry.t_ms}
        connection.execute(update(plans).where(plans.c.id == str(entry.body["plan"])).values(row))

    def _place(self, connection: Connection, entry: ActEntry) -> None:
        body = entry.body
        plan, item = str(body["plan"]), str(body["item"])
        if item.partition(":")[0] not in KINDS or len(item) > ITEM_MAX:
            raise ValueError(f"{item[:100]!r} has no place on a plan")
        if connection.scalar(select(plans.c.id).where(plans.c.id == plan)) is None:
            raise ValueError(f"there is no plan {plan[:40]!r}")
        if body.get("x") is None:
            connection.execute(delete(plan_items).where(plan_items.c.plan == plan, plan_items.c.item == item))
            return
        row = {"plan": plan, "item": item, "placed_ms": entry.t_ms, "placed_by": entry.actor}
        row |= {"x": share(body["x"]), "y": share(body["y"])}
        row |= {side: None if body.get(side) is None else share(body[side]) for side in ("w", "h")}
        connection.execute(insert(plan_items).values(row).on_conflict_do_update(index_elements=["plan", "item"], set_=row))
