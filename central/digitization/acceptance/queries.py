"""What may be read about acceptance: plans, choices, a batch's lots, its review sheet, its drawing."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from central.digitization import queries as digitization
from central.digitization.acceptance import deciding, lots, reworking
from central.digitization.acceptance.deciding import Dossier
from central.digitization.acceptance.plans import SHIPPED, Plan, Rules, rules_of
from central.digitization.acceptance.reworking import Rework
from central.digitization.acceptance.tables import acceptance_choices, acceptance_lots, acceptance_plans, acceptance_sample
from central.digitization.tables import pages
from central.times import rfc3339, rfc3339_or_none

PLANS_MAX = 200
CHOICES_MAX = 1000
ROUNDS_MAX = 50


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which plan holds for a unit, a consignment or the whole site (name empty)."""

    scope: str
    name: str
    plan: str
    changed: str
    changed_by: str


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it was closed: by which rules its sample was drawn from which leaf of the ledger, and what was decided."""

    batch: str
    round: int
    state: str
    first: bool
    closed: str
    plan: str
    plan_name: str
    rules: Rules
    severity: str
    size: int
    n: int
    letter: str | None
    ac: int | None
    re: int | None
    leaf: int
    leaf_hash: str
    volume: str | None
    unit: str | None
    consignment: str | None
    station: str
    decided_by: str | None
    decided: str | None
    decided_reason: str | None
    override: bool
    looked: int
    defects: int


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a page in the round that is on."""

    ok: bool
    code: str | None
    reason: str | None
    by: str
    t: str


class SheetPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page as the review screen needs it; `why` it is looked at (null: it need not be), `failing` the checks that failed."""

    id: str
    seq: int | None
    verdict: str
    press: str
    station: str
    operator: str | None
    pending: bool
    placeholder: str | None
    width: int
    height: int
    replaces: str | None
    replaced_by: str | None
    deleted: bool
    why: str | None
    review: Review | None
    failing: list[dict[str, Any]]


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """All about the acceptance of a batch: the lot that is on, what stands in the way, earlier rounds, how its rework stands."""

    batch: str
    state: str
    lot: Lot | None
    dossier: Dossier
    rework: Rework | None
    history: list[Lot]


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """What a stranger needs to draw a sample again; see drawing.py."""

    batch: str
    round: int
    leaf: int
    leaf_hash: str
    n: int
    pages: list[dict[str, str]]
    sample: list[str]


def plans_all(connection: Connection) -> list[Plan]:
    """The shipped plans and those that people made, without retired ones."""
    query = select(acceptance_plans).where(~acceptance_plans.c.retired).order_by(acceptance_plans.c.name, acceptance_plans.c.id)
    return [*SHIPPED, *(lots.made_plan(row) for row in connection.execute(query.limit(PLANS_MAX)))]


def choices_all(connection: Connection) -> list[Choice]:
    """Where which plan holds, beside those of single batches."""
    query = (
        select(acceptance_choices)
        .where(acceptance_choices.c.scope != "batch")
        .order_by(acceptance_choices.c.scope, acceptance_choices.c.name)
        .limit(CHOICES_MAX)
    )
    return [
        Choice(scope=row.scope, name=row.name, plan=row.plan, changed=rfc3339(row.changed_ms), changed_by=row.changed_by)
        for row in connection.execute(query)
    ]


def lot_of(row: Row[Any]) -> Lot:
    """The shape of a lot's row."""
    same = ("round", "state", "first", "plan", "plan_name", "severity", "size", "n", "letter", "ac", "re", "leaf_hash", "volume", "unit")
    more = ("consignment", "station", "decided_by", "decided_reason", "override", "looked", "defects")
    return Lot(
        batch=row.batch_id,
        closed=rfc3339(row.closed_ms),
        rules=rules_of(row.rules),
        leaf=row.leaf_idx,
        decided=rfc3339_or_none(row.decided_ms),
        **{name: getattr(row, name) for name in (*same, *more)},
    )


def acceptance_of(connection: Connection, ident: str, *, actor: str | None = None) -> Acceptance | None:
    """All about a batch's acceptance, None if there is no such batch."""
    batch = digitization.batch_named(connection, ident)
    if batch is None:
        return None
    query = select(acceptance_lots).where(acceptance_lots.c.batch_id == ident).order_by(acceptance_lots.c.round.desc())
    rows = connection.execute(query.limit(ROUNDS_MAX)).all()
    current = rows[0] if rows else None
    decided = next((row for row in rows if row.state in lots.DECIDED), None)
    return Acceptance(
        batch=ident,
        state=batch.state,
        lot=None if current is None else lot_of(current),
        dossier=deciding.dossier_of(connection, batch, current, actor=actor),
        rework=None if decided is None else reworking.state_of(connection, decided, batch),
        history=[lot_of(row) for row in rows[1:]],
    )


def _failing(text: str) -> list[dict[str, Any]]:
    names = ("name", "value", "limit", "words", "words_zh", "where")
    given = json.loads(text)
    return [{name: one.get(name) for name in names} for one in given if isinstance(one, dict) and one.get("ok") is False]


def sheet_of(connection: Connection, ident: str) -> list[SheetPage]:
    """A batch's pages for the review screen, in order, a replaced one before what replaced it."""
    lot = lots.last_lot(connection, ident)
    required: dict[str, str] = {}
    said: dict[str, Row[Any]] = {}
    if lot is not None:
        required = deciding.required_of(connection, lot, lots.counting(connection, ident), rules_of(lot.rules))
        said = deciding.reviews_of(connection, lot)
    places = digitization.places_of(connection, ident)
    query = digitization.SELECT_PAGES.where(pages.c.batch_id == ident).order_by(pages.c.arrival)
    rows = connection.execute(query.limit(digitization.PAGES_MAX)).all()
    last = len(rows) + 1
    made = []
    for row in sorted(rows, key=lambda row: (places.get(row.id, last), row.arrival)):
        one = said.get(row.id)
        review = None if one is None else Review(ok=one.ok, code=one.code, reason=one.reason, by=one.by, t=rfc3339(one.t_ms))
        same = ("id", "verdict", "press", "station", "operator", "width", "height", "replaces", "replaced_by", "deleted")
        made.append(
            SheetPage(
                seq=places.get(row.id),
                pending=not row.stored,
                placeholder=getattr(row, "placeholder", None),
                why=required.get(row.id),
                review=review,
                failing=_failing(row.checks),
                **{name: getattr(row, name) for name in same},
            )
        )
    return made


def drawing_of(connection: Connection, ident: str, *, round_: int | None) -> Drawn | None:
    """The drawing of a round, the last one for None; None where there is none."""
    mine = acceptance_lots.c.batch_id == ident
    if round_ is not None:
        mine &= acceptance_lots.c.round == round_
    row = connection.execute(select(acceptance_lots).where(mine).order_by(acceptance_lots.c.round.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    where = (acceptance_sample.c.batch_id == ident) & (acceptance_sample.c.round == row.round) & (acceptance_sample.c.why == "sample")
    drawn = set(connection.scalars(select(acceptance_sample.c.page_id).where(where)))
    lot = json.loads(row.pages)
    return Drawn(
        batch=ident,
        round=row.round,
        leaf=row.leaf_idx,
        leaf_hash=row.leaf_hash,
        n=row.n,
        pages=[{"id": page, "stratum": stratum} for page, stratum in lot],
        sample=[page for page, _ in lot if page in drawn],
    )
