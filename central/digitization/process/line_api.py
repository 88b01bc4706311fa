"""`/api/v1/process/board`, `/limits`, `/consignments`, `/loose`: the whole line, and what a supervisor sets."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import Blueprint, Response

from central.digitization.process import board, queries
from central.digitization.process.lights import limits_of
from central.digitization.process.machine import BY_NAME, NAMES
from central.digitization.process.projection import HOURS_MAX
from central.digitization.process.volumes_api import LATE, Name
from central.store.engine import reading
from central.times import now_ms
from central.web import acting
from central.web.operation import Operation, operation
from central.web.problems import bad_field
from central.web.state import engine

Hours = Annotated[int, msgspec.Meta(ge=1, le=HOURS_MAX)]


class BoardQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which unit or consignment; `late`: what is late alone."""

    unit: Name | None = None
    consignment: Name | None = None
    late: bool = False


class StepLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From how many hours at a step the light is yellow and red."""

    step: Annotated[str, msgspec.Meta(max_length=8)]
    yellow_h: Hours
    red_h: Hours


class StepLimits(msgspec.Struct, frozen=True):
    """Every step's limits."""

    items: list[StepLimit]
    next: str | None = None


class NewLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of some steps."""

    items: Annotated[list[StepLimit], msgspec.Meta(min_length=1, max_length=len(NAMES))]


class NewConsignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A consignment, and whether two people count its volumes independently when they are received."""

    name: Name
    witness: bool


class Consignments(msgspec.Struct, frozen=True):
    """Consignments, the newest first."""

    items: list[queries.Consignment]
    next: str | None = None


class Loose(msgspec.Struct, frozen=True):
    """Batches of no volume, the newest first."""

    items: list[queries.Loose]
    next: str | None = None


def _limits() -> StepLimits:
    with reading(engine()) as connection:
        limits = limits_of(connection)
    return StepLimits([StepLimit(step, limits.yellow_h[step], limits.red_h[step]) for step in NAMES])


def routes(made: Blueprint) -> None:
    """Add the routes."""

    @made.get("/board")
    @operation(Operation(right="process.read", summary="The whole line, by step.", query=BoardQuery, result=board.Board))
    def board_show(query: BoardQuery) -> board.Board:
        with reading(engine()) as connection:
            return board.board(connection, now_ms=now_ms(), unit=query.unit, consignment=query.consignment, late=query.late)

    @made.get("/limits")
    @operation(Operation(right="process.read", summary="The hours at which lights change.", result=StepLimits))
    def step_limits() -> StepLimits:
        return _limits()

    @made.post("/limits")
    @operation(Operation(right="process.manage", summary="Set the lights' hours.", body=NewLimits, result=StepLimits, also=LATE))
    def step_limits_set(body: NewLimits) -> Response:
        given = {one.step: {"yellow_h": one.yellow_h, "red_h": one.red_h} for one in body.items}
        if len(given) != len(body.items) or not given.keys() <= BY_NAME.keys():
            raise bad_field("items", f"each step once, of {', '.join(NAMES)}")
        if any(one.yellow_h > one.red_h for one in body.items):
            raise bad_field("items", "yellow comes before red / 黄灯时限不能大于红灯时限")
        return acting.answer(acting.perform("process.limits", {"limits": given}), _limits())

    @made.get("/consignments")
    @operation(Operation(right="process.read", summary="Consignments.", result=Consignments))
    def consignments_list() -> Consignments:
        with reading(engine()) as connection:
            return Consignments(queries.consignments_of(connection))

    @made.post("/consignments")
    @operation(
        Operation(
            right="process.manage",
            summary="Set whether two people count a consignment.",
            body=NewConsignment,
            result=queries.Consignment,
            also=LATE,
        )
    )
    def consignment_set(body: NewConsignment) -> Response:
        name = body.name.strip()
        if not name:
            raise bad_field("name", "is empty")
        done = acting.perform("consignment.set", {"consignment": name, "witness": body.witness})
        with reading(engine()) as connection:
            found = queries.consignment_named(connection, name)
        return acting.answer(done, found if found is not None else {"name": name})

    @made.get("/loose")
    @operation(Operation(right="process.read", summary="Batches whose number is of no volume.", result=Loose))
    def loose_list() -> Loose:
        with reading(engine()) as connection:
            return Loose(queries.loose_batches(connection))
