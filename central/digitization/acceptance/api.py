"""`/api/v1/acceptance`: plans, reviews of pages, what a decision rests on, statistics."""

from __future__ import annotations

import csv
import io
import uuid
from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response
from flask_login import current_user

from central.digitization import queries as digitization
from central.digitization.acceptance import deciding, lots, queries
from central.digitization.acceptance.plans import SHIPPED_BY_ID, Code, Plan, Rules, checked
from central.digitization.acceptance.statistics import By, Group, statistics
from central.ledger import acts
from central.store.engine import reading, writing
from central.times import now_ms
from central.web import acting, paging
from central.web.fields import IDENT, Text, Time, time_ms
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import engine

REVIEWS_MAX = 200  # of one request
SHEET_PAGE = 500
YEAR_MS = 366 * 86_400_000
LATE = {202: "recorded; takes effect when ingest is back"}
Ident = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]


class Plans(msgspec.Struct, frozen=True):
    """All plans, and where which holds; the most special choice counts: consignment, unit, site."""

    items: list[Plan]
    choices: list[queries.Choice]
    next: str | None = None


class PlanBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan of one's own; what a plan asked when a sample was drawn stays with that sample."""

    name: Name
    rules: Rules


class ChoiceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which plan holds for what is closed from now on; with scope batch, for this batch at once. Plan null takes a choice back."""

    scope: Literal["site", "unit", "consignment", "batch"]
    name: Annotated[str, msgspec.Meta(max_length=120)] = ""
    plan: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None


class ReviewOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a page: passed, rejected, or (null) nothing any more."""

    page: Ident
    ok: bool | None
    code: Code | None = None
    reason: Text | None = None


class Reviews(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reviews of a batch's pages; the same sent twice is recorded once."""

    reviews: Annotated[list[ReviewOf], msgspec.Meta(min_length=1, max_length=REVIEWS_MAX)]


class Sheet(msgspec.Struct, frozen=True):
    """A page of the review sheet."""

    items: list[queries.SheetPage]
    next: str | None


class SheetQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where in the sheet."""

    cursor: Annotated[str, msgspec.Meta(max_length=400)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=SHEET_PAGE)] = SHEET_PAGE


class DrawingQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which round; the last one unless given."""

    round: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


class StatisticsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """By what, and when; the last year unless given."""

    by: By = "unit"
    from_: Time | None = None
    to: Time | None = None
    format: Literal["json", "csv"] = "json"


class Statistics(msgspec.Struct, frozen=True):
    """The groups by name."""

    by: str
    items: list[Group]
    next: str | None = None


def _acceptance(ident: str) -> queries.Acceptance:
    with reading(engine()) as connection:
        found = queries.acceptance_of(connection, ident, actor=current_user.name)
    if found is None:
        raise not_found("There is no such batch.")
    return found


def _plans() -> Plans:
    with reading(engine()) as connection:
        return Plans(items=queries.plans_all(connection), choices=queries.choices_all(connection))


def _set_plan(ident: str, body: PlanBody, *, retired: bool = False) -> Response:
    try:
        rules = checked(body.rules)
    except ValueError as error:
        field, _, words = str(error).partition(": ")
        raise bad_field(field, words) from error
    facts = {"plan": ident, "name": body.name, "rules": msgspec.to_builtins(rules), "retired": retired}
    return acting.answer(acting.perform("acceptance.plan", facts), _plans())


def _own(ident: str) -> Plan:
    with reading(engine()) as connection:
        plan = lots.plan_of(connection, ident)
    if plan is None:
        raise not_found("There is no such plan.")
    if ident in SHIPPED_BY_ID:
        raise Problem(409, "shipped-plan", "A shipped plan stays as it is: make a copy. / 自带方案不可修改：请复制后再改。")
    return plan


def _plan_routes(made: Blueprint) -> None:
    @made.get("/plans")
    @operation(Operation(right="digitization.read", summary="Sampling plans, and where which one holds.", result=Plans))
    def acceptance_plans() -> Plans:
        return _plans()

    @made.post("/plans")
    @operation(
        Operation(right="acceptance.plan", summary="Make a plan, for instance as a changed copy.", body=PlanBody, result=Plans, also=LATE)
    )
    def acceptance_plan_add(body: PlanBody) -> Response:
        return _set_plan(str(uuid.uuid4()), body)

    @made.post(f"/plans/<{IDENT}:sampling_plan>")
    @operation(Operation(right="acceptance.plan", summary="Change a plan of one's own.", body=PlanBody, result=Plans, also=LATE))
    def acceptance_plan_set(sampling_plan: str, body: PlanBody) -> Response:
        return _set_plan(_own(sampling_plan).id, body)

    @made.post(f"/plans/<{IDENT}:sampling_plan>/retire")
    @operation(Operation(right="acceptance.plan", summary="Take a plan out of use.", result=Plans, also=LATE))
    def acceptance_plan_retire(sampling_plan: str) -> Response:
        plan = _own(sampling_plan)
        with reading(engine()) as connection:
            if any(choice.plan == plan.id for choice in queries.choices_all(connection)):
                raise Problem(
                    409, "in-use", "The plan is in force somewhere: choose another one there first. / 该方案仍在使用：请先改选其他方案。"
                )
        return _set_plan(plan.id, PlanBody(name=plan.name, rules=plan.rules), retired=True)

    @made.post("/choices")
    @operation(
        Operation(
            right="acceptance.plan",
            summary="Choose the plan for a unit, consignment, the site or a batch.",
            body=ChoiceBody,
            result=Plans,
            also=LATE,
        )
    )
    def acceptance_choose(body: ChoiceBody) -> Response:
        if (body.scope == "site") != (body.name == ""):
            raise bad_field("name", "given for all but the site")
        with reading(engine()) as connection:
            if body.plan is not None and all(plan.id != body.plan for plan in queries.plans_all(connection)):
                raise bad_field("plan", "there is no such plan")
            if body.scope == "batch":
                lot = lots.last_lot(connection, body.name)
                if lot is None or lot.state != "open":
                    raise Problem(409, "not-closed", "Only of a batch that waits for acceptance. / 仅适用于待验收的批次。")
                if body.plan is None:
                    raise bad_field("plan", "a batch needs one")
        return acting.answer(acting.perform("acceptance.choose", msgspec.structs.asdict(body)), _plans())


def _review(batch: str, body: Reviews) -> bool:
    """Record what is new among the reviews; whether it has taken effect."""
    with reading(engine()) as connection:
        lot = lots.last_lot(connection, batch)
        if lot is None or lot.state != "open":
            raise Problem(
                409, "not-closed", "The batch does not wait for acceptance: only a closed one is reviewed. / 该批未处于待验收状态。"
            )
        known = {row.id for row in lots.counting(connection, batch)}
        said = deciding.reviews_of(connection, lot)
    last: dict[str, ReviewOf] = {}
    for one in body.reviews:
        if one.page not in known:
            raise bad_field("reviews", f"{one.page} is not a page of this batch that counts")
        if one.ok is False and one.code is None:
            raise bad_field("reviews", "a rejected page needs a code")
        last[one.page] = one
    new = []
    for one in last.values():
        old = said.get(one.page)
        same = old is None if one.ok is None else old is not None and (old.ok, old.code, old.reason) == (one.ok, one.code, one.reason)
        if not same:
            new.append(one)
    if not new:
        return True
    with writing(engine()) as connection:
        for one in new:
            facts = {name: value for name, value in msgspec.structs.asdict(one).items() if name in ("page", "ok") or value is not None}
            if one.ok is not False:
                facts.pop("code", None)
            ident = acts.record(connection, kind="page.review", actor=current_user.name, body=facts)
    return acts.wait_projected(engine(), ident, acting.WAIT_S)


def _batch_routes(made: Blueprint) -> None:
    @made.get(f"/batches/<{IDENT}:batch>")
    @operation(Operation(right="digitization.read", summary="What a batch's acceptance rests on.", result=queries.Acceptance))
    def acceptance_show(batch: str) -> queries.Acceptance:
        return _acceptance(batch)

    @made.get(f"/batches/<{IDENT}:batch>/sheet")
    @operation(
        Operation(right="digitization.read", summary="A batch's pages as the review screen needs them.", query=SheetQuery, result=Sheet)
    )
    def acceptance_sheet(batch: str, query: SheetQuery) -> Sheet:
        key = paging.decode(query.cursor, int)
        start = max(int(key[0]), 0) if key else 0
        with reading(engine()) as connection:
            if digitization.batch_named(connection, batch) is None:
                raise not_found("There is no such batch.")
            rows = queries.sheet_of(connection, batch)
        end = start + query.limit
        return Sheet(items=rows[start:end], next=paging.encode((end,)) if len(rows) > end else None)

    @made.get(f"/batches/<{IDENT}:batch>/drawing")
    @operation(
        Operation(
            right="digitization.read", summary="What the sample was drawn from, to draw it again.", query=DrawingQuery, result=queries.Drawn
        )
    )
    def acceptance_drawing(batch: str, query: DrawingQuery) -> queries.Drawn:
        with reading(engine()) as connection:
            found = queries.drawing_of(connection, batch, round_=query.round)
        if found is None:
            raise not_found("Nothing was drawn of such a batch.")
        return found

    @made.post(f"/batches/<{IDENT}:batch>/reviews")
    @operation(
        Operation(
            right="batches.judge",
            summary="Say of pages whether they pass.",
            body=Reviews,
            result=queries.Acceptance,
            also={**LATE, 409: "not closed"},
        )
    )
    def acceptance_review(batch: str, body: Reviews) -> Response:
        _acceptance(batch)
        return acting.answer(_review(batch, body), _acceptance(batch))


def _statistics_routes(made: Blueprint) -> None:
    @made.get("/statistics")
    @operation(
        Operation(
            right="digitization.read",
            summary="What acceptance found, by unit, operator, station, reason or month.",
            query=StatisticsQuery,
            result=Statistics,
            media=("text/csv",),
        )
    )
    def acceptance_statistics(query: StatisticsQuery) -> Statistics | Response:
        to_ms = now_ms() + 1 if query.to is None else time_ms("to", query.to)
        from_ms = max(0, to_ms - YEAR_MS) if query.from_ is None else time_ms("from", query.from_)
        if to_ms <= from_ms:
            raise bad_field("to", "not after from")
        with reading(engine()) as connection:
            groups = statistics(connection, by=query.by, from_ms=from_ms, to_ms=to_ms)
        if query.format == "json":
            return Statistics(by=query.by, items=groups)
        acting.record_export("acceptance", by=query.by, from_ms=from_ms, to_ms=to_ms)
        name = f"acceptance-{query.by}.csv"
        return Response(
            _csv(query.by, groups),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _csv(by: str, groups: list[Group]) -> str:
    out = io.StringIO()
    table = csv.writer(out)
    fields = [field for field in Group.__struct_fields__ if field != "name"]
    table.writerow([by, *fields])
    for group in groups:
        table.writerow([_cell(group.name), *(_cell(getattr(group, field)) for field in fields)])
    return out.getvalue()


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("acceptance", __name__, url_prefix="/api/v1/acceptance")
    _plan_routes(made)
    _batch_routes(made)
    _statistics_routes(made)
    return made
