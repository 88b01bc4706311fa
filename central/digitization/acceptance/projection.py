"""Projects acceptance: plans and choices, the lot of each closing, reviews, decisions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, case, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError

from central.digitization.acceptance import lots
from central.digitization.acceptance.plans import CODES, SHIPPED_BY_ID, rules_in
from central.digitization.acceptance.tables import acceptance_choices, acceptance_lots, acceptance_plans, acceptance_sample, page_reviews
from central.digitization.tables import batches, pages
from central.store.projecting import BROKEN, ActEntry, BatchEntry, Context, as_json
from central.times import shown

REASON_MAX = 2000
NAME_MAX = 120
REWORK_MAX = 2000
SCOPES = ("site", "unit", "consignment", "batch")


def _text(value: Any, most: int) -> str | None:
    return None if value is None else str(value)[:most]


def month_of(t_ms: int) -> str:
    """The month of a moment in UTC, YYYY-MM."""
    return datetime.fromtimestamp(shown(t_ms) / 1000, UTC).strftime("%Y-%m")


class AcceptanceProjector:
    """Plans, lots, samples, reviews; after the projections of the line and of its volumes, whose tables it reads."""

    def __init__(self) -> None:
        """What is closed lives until the end of its ledger entry."""
        self._closed: set[str] = set()
        self._acts: dict[str, Callable[[Connection, ActEntry], None]] = {
            "acceptance.plan": self._plan,
            "acceptance.choose": self._choose,
            "page.review": self._review,
            "batch.accept": self._accept,
            "batch.reject": self._reject,
        }

    def load(self, connection: Connection) -> None:
        """Forget what a transaction that was rolled back began."""
        self._closed.clear()

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """A batch of pages that is closed, or gets pages after that, becomes a lot: once a ledger entry, however often it was told."""
        for _, record in entry.records:
            if record["k"] in ("batch", "page"):
                told = (record["batch"], record.get("moved_from") if record["k"] == "page" else None)
                self._closed.update(one for one in told if one is not None)
        if entry.last:
            for ident in sorted(self._closed):
                mine = (batches.c.id == ident) & (batches.c.agent == entry.agent) & (batches.c.state == "closed")
                row = context.connection.execute(select(batches).where(mine)).one_or_none()
                try:
                    if row is not None:
                        lots.close_lot(context.connection, row, leaf_idx=entry.leaf_idx, leaf_hash=entry.leaf_hash())
                except OperationalError:
                    raise
                except BROKEN as error:
                    context.problems.append(f"batch {ident[:100]!r}: {type(error).__name__}: {error}")
            self._closed.clear()

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project an act; those of an erased body change nothing."""
        done = self._acts.get(entry.kind)
        if done is not None and entry.body:
            done(context.connection, entry)

    def _plan(self, connection: Connection, entry: ActEntry) -> None:
        ident = str(entry.body["plan"])[:40]
        if ident in SHIPPED_BY_ID:
            raise ValueError(f"{ident!r} is a shipped plan")
        row = {
            "id": ident,
            "name": str(entry.body["name"])[:NAME_MAX],
            "rules": as_json(rules_in(entry.body["rules"])),
            "retired": entry.body.get("retired") is True,
            "changed_ms": entry.t_ms,
            "changed_by": entry.actor,
        }
        connection.execute(insert(acceptance_plans).values(row).on_conflict_do_update(index_elements=["id"], set_=row))

    def _choose(self, connection: Connection, entry: ActEntry) -> None:
        scope, name = str(entry.body["scope"]), str(entry.body.get("name") or "")
        if scope not in SCOPES or len(name) > NAME_MAX or (scope == "site") != (name == ""):
            raise ValueError(f"no plan can be chosen for {scope!r} {name[:100]!r}")
        wish = entry.body.get("plan")
        plan = None if wish is None else lots.plan_of(connection, str(wish))
        if wish is not None and plan is None:
            raise ValueError(f"there is no plan {str(wish)[:40]!r}")
        if scope == "batch":
            lot = lots.last_lot(connection, name)
            if lot is None or lot.state != "open" or plan is None:
                raise ValueError(f"batch {name[:100]!r} does not wait for acceptance")
            lots.draw_again(connection, lot, plan)  # and its later rounds keep it
        if plan is None:
            connection.execute(delete(acceptance_choices).where(acceptance_choices.c.scope == scope, acceptance_choices.c.name == name))
            return
        row = {"scope": scope, "name": name, "plan": plan.id, "changed_ms": entry.t_ms, "changed_by": entry.actor}
        connection.execute(insert(acceptance_choices).values(row).on_conflict_do_update(index_elements=["scope", "name"], set_=row))

    def _review(self, connection: Connection, entry: ActEntry) -> None:
        body = entry.body
        page = connection.execute(select(pages).where(pages.c.id == str(body["page"]))).one_or_none()
        lot = None if page is None else lots.last_lot(connection, page.batch_id)
        if page is None or lot is None or lot.state != "open":
            raise ValueError(f"page {str(body['page'])[:100]!r} does not wait for review")
        key = {"batch_id": lot.batch_id, "round": lot.round, "page_id": page.id}
        here = (page_reviews.c.batch_id == lot.batch_id) & (page_reviews.c.round == lot.round) & (page_reviews.c.page_id == page.id)
        if body["ok"] is None:  # taken back
            connection.execute(delete(page_reviews).where(here))
            return
        drawn = select(acceptance_sample.c.why).where(*(acceptance_sample.c[name] == value for name, value in key.items()))
        ok, code = body["ok"] is True, body.get("code")
        row = key | {
            "ok": ok,
            "code": None if ok else code if code in CODES else "other",
            "reason": _text(body.get("reason"), REASON_MAX),
            "by": entry.actor,
            "t_ms": entry.t_ms,
            "month": month_of(entry.t_ms),
            "sampled": connection.scalar(drawn) == "sample",
            "unit": lot.unit,
            "station": page.station,
            "operator": page.operator,
        }
        connection.execute(insert(page_reviews).values(row).on_conflict_do_update(index_elements=list(key), set_=row))

    def _accept(self, connection: Connection, entry: ActEntry) -> None:
        self._decide(connection, entry, "accepted", rework=None)

    def _reject(self, connection: Connection, entry: ActEntry) -> None:
        given = entry.body.get("rework")
        rework = None
        if isinstance(given, list):
            rework = as_json(
                [
                    {"page": str(one["page"])[:100], "reason": _text(one.get("reason"), REASON_MAX), "code": one.get("code")}
                    for one in given[:REWORK_MAX]
                ]
            )
        self._decide(connection, entry, "rejected", rework=rework)

    def _decide(self, connection: Connection, entry: ActEntry, state: str, *, rework: str | None) -> None:
        lot = lots.last_lot(connection, str(entry.body["batch"]))
        if lot is None or lot.state != "open":
            return
        if connection.scalar(select(batches.c.state).where(batches.c.id == lot.batch_id)) != state:
            return  # the line's projection refused it: the batch changed meanwhile
        seen = (page_reviews.c.batch_id == lot.batch_id) & (page_reviews.c.round == lot.round) & page_reviews.c.sampled
        counts = select(func.count(), func.coalesce(func.sum(case((page_reviews.c.ok, 0), else_=1)), 0)).where(seen)
        looked, defects = connection.execute(counts).one()
        values = {
            "state": state,
            "decided_by": entry.actor,
            "decided_ms": entry.t_ms,
            "decided_leaf": entry.leaf_idx,
            "decided_reason": _text(entry.body.get("reason"), REASON_MAX),
            "override": entry.body.get("override") is True,
            "rework": rework,
            "looked": looked,
            "defects": defects,
        }
        here = (acceptance_lots.c.batch_id == lot.batch_id) & (acceptance_lots.c.round == lot.round)
        connection.execute(update(acceptance_lots).where(here).values(values))
