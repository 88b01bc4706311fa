"""`/api/v1/process/steps` and `/discrepancies`: what people do to volumes at their steps, to many at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response

from central.digitization.process import doing, queries
from central.digitization.process.refusals import both
from central.digitization.process.volumes_api import LATE, Count, Ident, act
from central.store.engine import reading
from central.web import acting
from central.web.fields import IDENT, Text
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import engine

AT_ONCE = 500
KINDS = {name: f"step.{name}" for name in ("begin", "finish", "skip", "back", "undo")}
KINDS |= {name: f"volume.{name}" for name in ("hold", "release")}
Step = Annotated[str, msgspec.Meta(max_length=8)]


class Doing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An act on volumes. `step` is where they are believed to be; `count` or `counts` by id, or `same`: counted, and as many as before."""

    act: Literal["begin", "finish", "skip", "back", "undo", "hold", "release"]
    volumes: Annotated[list[Ident], msgspec.Meta(min_length=1, max_length=AT_ONCE)]
    step: Step | None = None
    to: Step | None = None
    count: Count | None = None
    counts: dict[Ident, Count] = {}
    same: bool = False
    note: Text | None = None
    reason: Text | None = None


class Done(msgspec.Struct, frozen=True):
    """The volumes to which it was done, and those to which it was not, each with why."""

    done: list[str]
    failed: list[doing.Failed]


class Resolve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a discrepancy was settled, and which count holds from now on."""

    note: Text
    count: Count | None = None


def _body(given: Doing, ident: str, before: dict[str, int]) -> dict[str, Any]:
    count = given.counts.get(ident, given.count)
    if count is None and given.same:
        count = before.get(ident)
    fields = {"step": given.step, "to": given.to, "note": given.note, "reason": given.reason}
    wanted = {"finish": ("step", "note"), "begin": ("step",), "skip": ("step", "reason"), "back": ("to", "reason"), "hold": ("reason",)}
    body: dict[str, Any] = {name: fields[name] for name in wanted.get(given.act, ()) if fields[name] is not None}
    return body | ({"count": count} if given.act == "finish" and count is not None else {})


def _do(given: Doing) -> Response:
    if len(set(given.volumes)) != len(given.volumes):
        raise bad_field("volumes", "a volume is named twice")
    kind, failed, bodies, numbers = KINDS[given.act], [], [], {}
    with reading(engine()) as connection:
        before = queries.counts_in(connection, given.volumes) if given.same else {}
        for ident in given.volumes:
            body = _body(given, ident, before)
            numbers[ident], code = doing.refusal(connection, kind, ident, body)
            if code is None:
                bodies.append({"volume": ident, **body})
            else:
                failed.append(doing.failed(ident, numbers[ident], code))
    done, changed = doing.record_all(kind, bodies)
    acted = [body["volume"] for body in bodies]
    if done:
        failed += [doing.failed(ident, numbers[ident], "changed") for ident in acted if ident not in changed]
        acted = [ident for ident in acted if ident in changed]
    return acting.answer(done, Done(done=acted, failed=failed))


def routes(made: Blueprint) -> None:
    """Add the routes."""

    @made.post("/steps")
    @operation(
        Operation(
            right="process.work",
            summary="Begin, finish, skip (process.skip), send back, hold, release, undo: many volumes at once, failures told each.",
            body=Doing,
            result=Done,
            also=LATE,
        )
    )
    def steps_do(body: Doing) -> Response:
        return _do(body)

    @made.post(f"/discrepancies/<{IDENT}:discrepancy>/resolve")
    @operation(Operation(right="process.manage", summary="Settle a discrepancy.", body=Resolve, result=queries.Volume, also=LATE))
    def discrepancy_resolve(discrepancy: str, body: Resolve) -> Response:
        with reading(engine()) as connection:
            found = queries.discrepancy_named(connection, discrepancy)
        if found is None:
            raise not_found("There is no such discrepancy. / 没有这条差异。")
        if found.resolved is not None:
            raise Problem(409, "resolved", both("resolved"))
        facts: dict[str, Any] = {"discrepancy": discrepancy, "note": body.note}
        return act("discrepancy.resolve", found.volume, facts | ({} if body.count is None else {"count": body.count}))
