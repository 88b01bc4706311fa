"""`/api/v1/batches`, `/pages`, `/stations`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response
from flask_login import current_user

from central.digitization import provenance, queries, stations
from central.digitization.acceptance.deciding import obstacles_of, rework_of
from central.ledger import commands
from central.ledger.verifier import accepted_digest
from central.store.engine import reading, writing
from central.web import acting, files, paging
from central.web.fields import IDENT, PATHID, Text
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import config, engine

LATE = {202: "recorded; takes effect when ingest is back", 409: "not closed, or decided already; or not as the sampling plan has it"}
PAGES_REJECTED_MAX = 2000


class BatchesQuery(paging.Paged, frozen=True, forbid_unknown_fields=True):
    """Which batches."""

    state: Literal["open", "closed", "accepted", "rejected", "rework"] | None = None
    station: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None


class Batches(msgspec.Struct, frozen=True):
    """A page of batches, newest first."""

    items: list[queries.Batch]
    next: str | None


class Pages(msgspec.Struct, frozen=True):
    """A page of a batch's pages, in order."""

    items: list[queries.Page]
    next: str | None


class Accept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An acceptance; `override`: against what the sampling plan says, where the plan lets an archivist, and with a reason."""

    reason: Text | None = None
    override: bool = False


class Reject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rejection: why, and which pages where it is not the whole batch.

    `rework`: whether the bench is asked to take the batch up again; as the sampling plan in force has it unless given.
    """

    reason: Text
    pages: Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=100)]], msgspec.Meta(max_length=PAGES_REJECTED_MAX)] = []
    rework: bool | None = None


class Stations(msgspec.Struct, frozen=True):
    """A page of benches, by id."""

    items: list[stations.Station]
    next: str | None


class NewCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bench is asked to do; e.g. batch.open with {"declared": 24, "volume": "A-1"}."""

    name: Literal[
        "batch.open",
        "batch.close",
        "batch.rework",
        "capture",
        "retake",
        "page.insert",
        "page.delete",
        "page.move",
        "page.place",
        "page.undo",
        "feeder.stop",
        "feeder.turn",
        "feeder.collate",
        "identify",
    ]
    args: dict[Annotated[str, msgspec.Meta(max_length=40)], str | int | float | bool | list[str | dict[str, str]] | None] = {}
    expires_s: commands.Lifetime = commands.LIFETIME_S


def _batch(ident: str) -> queries.Batch:
    with reading(engine()) as connection:
        found = queries.batch_named(connection, ident)
    if found is None:
        raise not_found("There is no such batch.")
    return found


def _page(ident: str) -> queries.Page:
    with reading(engine()) as connection:
        found = queries.page_named(connection, ident)
    if found is None:
        raise not_found("There is no such page.")
    return found


def _may_accept(batch: queries.Batch, body: Accept) -> None:
    """A Problem where the sampling plan in force says no, with what is missing and how to mend it."""
    if batch.state != "closed":
        return
    with reading(engine()) as connection:
        obstacles = obstacles_of(connection, batch, actor=current_user.name)
    if body.override and obstacles and not (body.reason or "").strip():
        raise bad_field("reason", "say why the batch is accepted against its plan / 请说明为何不按方案验收")
    standing = [one for one in obstacles if not (body.override and one.overridable)]
    if standing:
        raise Problem(
            409, standing[0].code, " / ".join((" ".join(one.words for one in standing), "".join(one.words_zh for one in standing)))
        )


def _decide(ident: str, kind: str, body: dict[str, Any]) -> Response:
    batch = _batch(ident)
    if batch.state != "closed":
        by = f" by {batch.decided_by}" if batch.decided_by else ""
        raise Problem(409, "not-closed", f"The batch is {batch.state}{by}; a closed one is accepted or rejected, once.")
    done = acting.perform(kind, {"batch": ident, **body})
    return acting.answer(done, _batch(ident))


def _batch_routes(made: Blueprint) -> None:
    @made.get("/batches")
    @operation(Operation(right="digitization.read", summary="Digitised batches.", query=BatchesQuery, result=Batches))
    def batches_list(query: BatchesQuery) -> Batches:
        key = paging.decode(query.cursor, int, str)
        before = (int(key[0]), str(key[1])) if key else None
        with reading(engine()) as connection:
            rows = queries.batches_before(connection, before=before, limit=query.limit + 1, state=query.state, station=query.station)
        items, after = paging.cut(rows, query.limit, lambda row: (row.opened_ms, row.id))
        return Batches(items=items, next=after)

    @made.get(f"/batches/<{IDENT}:batch>")
    @operation(Operation(right="digitization.read", summary="One batch.", result=queries.Batch))
    def batch_show(batch: str) -> queries.Batch:
        return _batch(batch)

    @made.get(f"/batches/<{IDENT}:batch>/pages")
    @operation(Operation(right="digitization.read", summary="A batch's pages in order.", query=paging.Paged, result=Pages))
    def batch_pages(batch: str, query: paging.Paged) -> Pages:
        _batch(batch)
        key = paging.decode(query.cursor, int)
        start = max(int(key[0]), 0) if key else 0
        with reading(engine()) as connection:
            rows = queries.pages_of(connection, batch)
        items, more = rows[start : start + query.limit], len(rows) > start + query.limit
        return Pages(items=items, next=paging.encode((start + query.limit,)) if more else None)

    @made.post(f"/batches/<{IDENT}:batch>/accept")
    @operation(Operation(right="batches.judge", summary="Accept a closed batch.", body=Accept, result=queries.Batch, also=LATE))
    def batch_accept(batch: str, body: Accept) -> Response:
        with reading(engine()) as connection:
            facts: dict[str, Any] = {"seen": queries.told_last(connection, batch)}  # before anything is judged
            counting = [page for page in queries.pages_of(connection, batch) if not page.replaced and not page.deleted]
        facts["digest"] = accepted_digest(batch, [(page.id, page.sha256) for page in counting])
        facts |= {} if body.reason is None else {"reason": body.reason}
        if body.override:
            facts["override"] = True
        _may_accept(_batch(batch), body)
        return _decide(batch, "batch.accept", facts)

    @made.post(f"/batches/<{IDENT}:batch>/reject")
    @operation(
        Operation(right="batches.judge", summary="Reject a closed batch, or pages of it.", body=Reject, result=queries.Batch, also=LATE)
    )
    def batch_reject(batch: str, body: Reject) -> Response:
        with reading(engine()) as connection:
            known = {page.id for page in queries.pages_of(connection, batch)} if body.pages else set()
        if unknown := set(body.pages) - known:
            raise bad_field("pages", f"{sorted(unknown)[0][:100]} is not a page of this batch")
        facts: dict[str, Any] = {"reason": body.reason, "pages": body.pages}
        with reading(engine()) as connection:
            rework = rework_of(connection, batch, pages=body.pages, reason=body.reason, wish=body.rework)
        return _decide(batch, "batch.reject", facts if rework is None else facts | {"rework": rework})


def _page_routes(made: Blueprint) -> None:
    recorded = {"Muniment-Purpose": "why, in place of ?purpose="}

    @made.get(f"/pages/<{IDENT}:page>")
    @operation(Operation(right="digitization.read", summary="One page.", result=queries.Page))
    def page_show(page: str) -> queries.Page:
        return _page(page)

    @made.get(f"/pages/<{IDENT}:page>/image")
    @operation(
        Operation(
            right="pages.view",
            summary="The page's image as captured, with ranges, or smaller as JPEG; who sees it and why is recorded.",
            query=files.ImageQuery,
            media=("image/jpeg", "image/png", "image/tiff", "application/octet-stream"),
            purpose=True,
            headers=recorded,
        )
    )
    def page_image(page: str, query: files.ImageQuery) -> Response:
        with reading(engine()) as connection:
            found = queries.image_of(connection, page)
        if found is None:
            raise not_found("There is no such page.")
        sha256, stored = found
        if sha256 is None or not stored:
            raise not_found("The image's bytes have not arrived.")
        acting.record_view(kind="page", ident=page, purpose=files.purpose_of(query), strict_roles=files.STRICT_ROLES)
        return files.send_object(sha256) if query.width is None else files.send_smaller(sha256, query.width)

    @made.get(f"/pages/<{IDENT}:page>/provenance")
    @operation(Operation(right="provenance.read", summary="The whole chain of one page.", result=provenance.Provenance))
    def page_provenance(page: str) -> provenance.Provenance:
        with reading(engine()) as connection:
            found = provenance.provenance_of(connection, page, silence_s=config().limits.silence_s)
        if found is None:
            raise not_found("There is no such page.")
        return found


def _station_routes(made: Blueprint) -> None:
    @made.get("/stations")
    @operation(Operation(right="stations.read", summary="Benches and their state.", query=paging.Paged, result=Stations))
    def stations_list(query: paging.Paged) -> Stations:
        key = paging.decode(query.cursor, str)
        with reading(engine()) as connection:
            rows = stations.stations_after(connection, after=str(key[0]) if key else "", limit=query.limit + 1)
        items, after = paging.cut(rows, query.limit, lambda row: (row.id,))
        return Stations(items=items, next=after)

    @made.post(f"/stations/<{PATHID}:station>/commands")
    @operation(
        Operation(
            right="stations.command",
            summary="Ask a bench to do something; its result comes on `live`.",
            body=NewCommand,
            result=commands.Given,
            status=202,
        )
    )
    def station_command(station: str, body: NewCommand) -> commands.Given:
        with reading(engine()) as connection:
            agent = stations.agent_of(connection, station[:200])
        if agent is None:
            raise not_found("There is no such station.")
        if len(msgspec.json.encode(body.args)) > commands.ARGS_BYTES_MAX:
            raise bad_field("args", f"at most {commands.ARGS_BYTES_MAX} bytes")
        if body.name in commands.OWN_WAY:
            raise bad_field("name", f"{body.name} has a route of its own")
        args = {**body.args, "station": station}
        with writing(engine()) as connection:
            ident = commands.give(connection, agent=agent, name=body.name, args=args, actor=current_user.name, lifetime_s=body.expires_s)
        return commands.Given(id=ident)


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("digitization", __name__, url_prefix="/api/v1")
    _batch_routes(made)
    _page_routes(made)
    _station_routes(made)
    return made
