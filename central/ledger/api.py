"""`/api/v1/ledger`: entries, signed checkpoints, proofs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from flask import Blueprint, Response, request
from flask_login import current_user

from central.ledger import queries
from central.store.engine import reading
from central.web import paging
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import engine

INDEX_MAX = 2**53 - 1
Size = Annotated[int, msgspec.Meta(ge=1, le=INDEX_MAX)]


class EntriesQuery(paging.Paged, frozen=True, forbid_unknown_fields=True):
    """In which order."""

    order: Annotated[Literal["asc", "desc"], msgspec.Meta(description="asc: as appended; desc: newest first")] = "asc"


class Entries(msgspec.Struct, frozen=True):
    """A page of the ledger."""

    items: list[queries.Entry]
    next: str | None


class ProofQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In the tree of how many leaves; the newest checkpoint's by default."""

    size: Size | None = None


class ConsistencyQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Between which trees; `new` is the newest checkpoint's by default."""

    old: Size
    new: Size | None = None


def _tree_size(given: int | None, field: str) -> int:
    with reading(engine()) as connection:
        newest = queries.checkpoint(connection)
        there = queries.size(connection)
    if given is None:
        if newest is None:
            raise not_found("There is no checkpoint yet.")
        return newest.size
    if given > there:
        raise bad_field(field, f"the tree has {there} leaves")
    return given


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("ledger", __name__, url_prefix="/api/v1/ledger")

    @made.get("/entries")
    @operation(Operation(right="ledger.read", summary="The ledger's leaves.", query=EntriesQuery, result=Entries))
    def entries_list(query: EntriesQuery) -> Entries:
        key = paging.decode(query.cursor, int)
        newest_first = query.order == "desc"
        with reading(engine()) as connection:
            rows = queries.entries(
                connection,
                after=int(key[0]) if key else None,
                limit=query.limit + 1,
                newest_first=newest_first,
                with_body=current_user.may("acts.read"),
            )
        items, after = paging.cut(rows, query.limit, lambda row: (row.index,))
        return Entries(items=items, next=after)

    @made.get("/checkpoint")
    @operation(
        Operation(
            right="ledger.read",
            summary="The newest signed tree head; as text/plain the C2SP note itself.",
            result=queries.Checkpoint,
            media=("text/plain",),
        )
    )
    def checkpoint_show() -> queries.Checkpoint | Response:
        with reading(engine()) as connection:
            found = queries.checkpoint(connection)
        if found is None:
            raise not_found("There is no checkpoint yet.")
        if request.accept_mimetypes.best_match(("application/json", "text/plain")) == "text/plain":
            return Response(found.note, content_type="text/plain; charset=utf-8")
        return found

    @made.get("/proof/<int:entry>")
    @operation(
        Operation(right="ledger.read", summary="That an entry is in the tree (RFC 6962 2.1.1).", query=ProofQuery, result=queries.Proof)
    )
    def proof_show(entry: int, query: ProofQuery) -> queries.Proof:
        size = _tree_size(query.size, "size")
        if not 0 <= entry < size:
            raise Problem(404, "not-found", f"There is no entry {entry} in the tree of {size}.")
        with reading(engine()) as connection:
            return queries.proof(connection, entry, size)

    @made.get("/consistency")
    @operation(
        Operation(
            right="ledger.read",
            summary="That a later tree continues an earlier one (RFC 6962 2.1.2).",
            query=ConsistencyQuery,
            result=queries.Consistency,
        )
    )
    def consistency_show(query: ConsistencyQuery) -> queries.Consistency:
        new = _tree_size(query.new, "new")
        if query.old > new:
            raise bad_field("old", f"is at most {new}")
        with reading(engine()) as connection:
            return queries.consistency(connection, query.old, new)

    return made
