"""`/api/v1/plans`: floor plans, their pictures, and what stands where on them."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request

from central.environment.plans import queries
from central.environment.plans.pictures import BYTES_MAX, Picture, PictureRefused, redrawn
from central.environment.plans.projection import ITEMS_MAX
from central.store.engine import reading
from central.web import acting, paging
from central.web.blocking import blocking
from central.web.fields import IDENT
from central.web.files import check_space, send_object
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import engine, state

DRAWN = (1600, 1000)  # the size of a plan without a picture
PICTURE_CACHE = "private, max-age=31536000, immutable"  # its address holds its digest
ITEM = r"^(sensor|contact|camera|room):[^\s:][^\s]{0,199}$"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1, description="of the plan's width or height")]
LATE = {202: "recorded; takes effect when ingest is back"}


class Plans(msgspec.Struct, frozen=True):
    """A page of plans."""

    items: list[queries.Plan]
    next: str | None


class PlanBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a plan is called, and which building and floor it shows."""

    name: Name
    building: Annotated[str, msgspec.Meta(max_length=120)] | None = None
    floor: Annotated[str, msgspec.Meta(max_length=40)] | None = None


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an item stands; x null takes it off the plan. Rooms are rectangles with a size."""

    item: Annotated[str, msgspec.Meta(pattern=ITEM, description="sensor:, contact:, camera: or room: and an identity")]
    x: Share | None
    y: Share | None = None
    w: Share | None = None
    h: Share | None = None


class PictureQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`v` changes with the picture: an answer to an address that has it may be kept."""

    v: Annotated[str, msgspec.Meta(max_length=64)] | None = None


def _plan(ident: str) -> queries.Plan:
    with reading(engine()) as connection:
        found = queries.plan_named(connection, ident)
    if found is None:
        raise not_found("There is no such plan.")
    return found


def _whole(ident: str) -> queries.PlanWithItems:
    plan = _plan(ident)
    with reading(engine()) as connection:
        return queries.PlanWithItems(plan=plan, places=queries.places_of(connection, ident))


def _set(plan: queries.Plan, image: str | None, **changed: Any) -> Response:
    body = {"plan": plan.id, "name": plan.name, "building": plan.building, "floor": plan.floor, "image": image}
    done = acting.perform("plan.set", body | {"width": plan.width, "height": plan.height} | changed)
    return acting.answer(done, _plan(plan.id))


def _picture() -> Picture:
    request.max_content_length = BYTES_MAX
    if (request.content_length or 0) > BYTES_MAX:
        raise Problem(
            413, "too-large", f"A picture has at most {BYTES_MAX // 1024 // 1024} MiB. / 图片最大 {BYTES_MAX // 1024 // 1024} MiB。"
        )
    data = request.get_data(cache=False)
    made: list[Picture] = []
    try:
        with state().decoding:
            blocking(lambda: made.append(redrawn(data)))
    except PictureRefused as error:
        raise Problem(422, "unreadable-image", f"The picture: {error}.") from error
    return made[0]


def _read_routes(made: Blueprint) -> None:
    @made.get("/plans")
    @operation(Operation(right="environment.read", summary="Floor plans.", query=paging.Paged, result=Plans))
    def plans_list(query: paging.Paged) -> Plans:
        key = paging.decode(query.cursor, str)
        with reading(engine()) as connection:
            found = queries.plans_after(connection, after=str(key[0]) if key else "", limit=query.limit + 1)
        page, after = paging.cut(found, query.limit, lambda plan: (plan.id,))
        return Plans(items=page, next=after)

    @made.get(f"/plans/<{IDENT}:plan>")
    @operation(Operation(right="environment.read", summary="One plan and what stands on it.", result=queries.PlanWithItems))
    def plan_show(plan: str) -> queries.PlanWithItems:
        return _whole(plan)

    @made.get(f"/plans/<{IDENT}:plan>/picture")
    @operation(Operation(right="environment.read", summary="A plan's picture.", query=PictureQuery, media=("image/png", "image/jpeg")))
    def plan_picture(plan: str, query: PictureQuery) -> Response:
        with reading(engine()) as connection:
            sha256 = queries.image_of(connection, plan)
        if sha256 is None:
            raise not_found("The plan has no picture.")
        answer = send_object(sha256)
        if query.v is not None:
            answer.headers["Cache-Control"] = PICTURE_CACHE
        return answer


def _write_routes(made: Blueprint) -> None:
    @made.post("/plans")
    @operation(Operation(right="plans.edit", summary="Begin a plan.", body=PlanBody, result=queries.Plan, status=201, also=LATE))
    def plan_add(body: PlanBody) -> Response | tuple[Response, int]:
        ident, (width, height) = str(uuid.uuid4()), DRAWN
        facts = {"plan": ident, "name": body.name, "building": body.building, "floor": body.floor, "image": None}
        done = acting.perform("plan.set", facts | {"width": width, "height": height})
        if not done:
            return acting.answer(done, {"id": ident, **msgspec.to_builtins(body)})
        answer = acting.answer(done, _plan(ident))
        answer.status_code = 201
        return answer

    @made.post(f"/plans/<{IDENT}:plan>")
    @operation(Operation(right="plans.edit", summary="Name a plan anew.", body=PlanBody, result=queries.Plan, also=LATE))
    def plan_set(plan: str, body: PlanBody) -> Response:
        found = _plan(plan)
        with reading(engine()) as connection:
            image = queries.image_of(connection, plan)
        return _set(found, image, name=body.name, building=body.building, floor=body.floor)

    @made.post(f"/plans/<{IDENT}:plan>/picture")
    @operation(Operation(right="plans.edit", summary="Lay a picture under a plan: the body is a PNG, JPEG or WebP.", result=queries.Plan))
    def plan_picture_set(plan: str) -> Response:
        found, picture = _plan(plan), _picture()
        check_space(len(picture.data))
        sha256 = state().objects.put(picture.data)
        return _set(found, sha256, width=picture.width, height=picture.height)

    @made.post(f"/plans/<{IDENT}:plan>/remove")
    @operation(Operation(right="plans.edit", summary="Take a plan away.", status=204, also=LATE))
    def plan_remove(plan: str) -> Response:
        acting.perform("plan.remove", {"plan": _plan(plan).id})
        return Response(status=204)

    @made.post(f"/plans/<{IDENT}:plan>/places")
    @operation(Operation(right="plans.edit", summary="Place an item, or take it off.", body=Place, result=queries.PlanWithItems, also=LATE))
    def plan_place(plan: str, body: Place) -> Response:
        found = _plan(plan)
        if (body.x is None) != (body.y is None) or (body.w is None) != (body.h is None):
            raise bad_field("y", "x and y come together, and so do w and h")
        if body.x is not None and found.items >= ITEMS_MAX:
            raise Problem(409, "full", f"A plan holds {ITEMS_MAX} items. / 一张平面图最多放置 {ITEMS_MAX} 项。")
        done = acting.perform("plan.place", {"plan": plan, **msgspec.structs.asdict(body)})
        return acting.answer(done, _whole(plan))


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("plans", __name__, url_prefix="/api/v1")
    _read_routes(made)
    _write_routes(made)
    return made
