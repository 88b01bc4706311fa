"""`/api/v1/patrols`: rounds, their checkpoints, and what was checked."""

from __future__ import annotations

import secrets
import uuid
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from flask import Blueprint, Response

from central.environment.patrols import queries
from central.environment.patrols.projection import GRACE_MIN_MAX, POINTS_MAX, ROUNDS_MAX, TIMES_MAX
from central.environment.queries import room_ids
from central.store.engine import reading
from central.times import now_ms
from central.web import acting
from central.web.fields import IDENT, Text, Time, time_ms
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import config, engine

LATE = {202: "recorded; takes effect when ingest is back"}
AHEAD_MS = 300_000
BACK_MS = 15 * 86_400_000  # a phone may keep what it could not send for so long
DAY_MS = 86_400_000
CODE_BYTES = 6
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Code = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{4,40}$")]
At = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class NewPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A checkpoint; one that is there already keeps its code."""

    room: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    name: Name
    look_at: Annotated[str, msgspec.Meta(max_length=500)] = ""
    code: Code | None = None


class NewRound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A round: its checkpoints in order, and when it is walked."""

    name: Name
    checkpoints: Annotated[list[NewPoint], msgspec.Meta(min_length=1, max_length=POINTS_MAX)]
    times: Annotated[list[At], msgspec.Meta(min_length=1, max_length=TIMES_MAX)]
    grace_min: Annotated[int, msgspec.Meta(ge=1, le=GRACE_MIN_MAX)] = 60
    off_days: bool = True
    zone: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class Rounds(msgspec.Struct, frozen=True):
    """Every round that is walked."""

    items: list[queries.Round]
    next: str | None


class NewCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was seen at a checkpoint; `id` is made by whoever sends it, so that sending twice is once."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
    code: Code
    ok: bool
    t: Time
    note: Text | None = None
    scanned: bool = False


class Taken(msgspec.Struct, frozen=True):
    """The id of a check that is kept."""

    id: str


class ChecksQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which checks: of a room or a round, of a span (the last 31 days)."""

    room: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    round: Annotated[str, msgspec.Meta(max_length=36)] | None = None
    from_: Time | None = msgspec.field(default=None, name="from")
    to: Time | None = None


class Checks(msgspec.Struct, frozen=True):
    """Checks, the latest first."""

    items: list[queries.Check]
    next: str | None


def _round(ident: str) -> queries.Round:
    with reading(engine()) as connection:
        found = queries.round_named(connection, ident)
    if found is None:
        raise not_found("There is no such round.")
    return found


def _zone(given: str | None) -> str:
    name = given or config().timezone
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise bad_field("zone", "is not a time zone's IANA name, such as Asia/Shanghai") from error


def _set(ident: str, body: NewRound, *, status: int) -> Response:
    with reading(engine()) as connection:
        known = set(room_ids(connection))
        codes = {point.code: queries.point_named(connection, point.code) for point in body.checkpoints if point.code is not None}
    for point in body.checkpoints:
        if point.room not in known:
            raise bad_field("checkpoints", f"there is no room {point.room[:40]!r}")
        if point.code is not None and ((found := codes[point.code]) is None or found[0] != ident):
            raise bad_field("checkpoints", f"{point.code} is no code of this round")
    if len(codes) != sum(point.code is not None for point in body.checkpoints):
        raise bad_field("checkpoints", "a code is given twice")
    points = [
        {"code": point.code or secrets.token_hex(CODE_BYTES), "room": point.room, "name": point.name, "look_at": point.look_at}
        for point in body.checkpoints
    ]
    facts = {"round": ident, "name": body.name, "times": sorted(set(body.times)), "zone": _zone(body.zone), "grace_min": body.grace_min}
    done = acting.perform("patrol.round", facts | {"off_days": body.off_days, "checkpoints": points})
    answer = acting.answer(done, _round(ident) if done else {"id": ident})
    answer.status_code = status if done else 202
    return answer


def _round_routes(made: Blueprint) -> None:
    @made.get("/patrols")
    @operation(Operation(right="patrols.read", summary="Patrol rounds with their checkpoints.", result=Rounds))
    def rounds_list() -> Rounds:
        with reading(engine()) as connection:
            return Rounds(items=queries.rounds(connection), next=None)

    @made.post("/patrols")
    @operation(Operation(right="patrols.edit", summary="Define a round.", body=NewRound, result=queries.Round, status=201, also=LATE))
    def round_add(body: NewRound) -> Response:
        with reading(engine()) as connection:
            if len(queries.rounds(connection)) >= ROUNDS_MAX:
                raise Problem(409, "full", f"There are {ROUNDS_MAX} rounds: remove one that is walked no more.")
        return _set(str(uuid.uuid4()), body, status=201)

    @made.post(f"/patrols/<{IDENT}:round>")
    @operation(Operation(right="patrols.edit", summary="Change a round, from now on.", body=NewRound, result=queries.Round, also=LATE))
    def round_set(round: str, body: NewRound) -> Response:
        return _set(_round(round).id, body, status=200)

    @made.post(f"/patrols/<{IDENT}:round>/remove")
    @operation(Operation(right="patrols.edit", summary="Walk a round no more; what was checked stays.", status=204, also=LATE))
    def round_remove(round: str) -> Response:
        acting.perform("patrol.remove", {"round": _round(round).id})
        return Response(status=204)


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("patrols", __name__, url_prefix="/api/v1")
    _round_routes(made)

    @made.get("/patrols/checks")
    @operation(Operation(right="patrols.read", summary="What was checked.", query=ChecksQuery, result=Checks))
    def checks_list(query: ChecksQuery) -> Checks:
        to_ms = now_ms() + AHEAD_MS if query.to is None else time_ms("to", query.to)
        from_ms = to_ms - 31 * DAY_MS if query.from_ is None else time_ms("from", query.from_)
        with reading(engine()) as connection:
            found = queries.checks_between(connection, from_ms=from_ms, to_ms=to_ms, room=query.room, round_id=query.round)
        return Checks(items=found, next=None)

    @made.post("/patrols/checks")
    @operation(Operation(right="patrols.walk", summary="Keep what was seen.", body=NewCheck, result=Taken, status=201, also=LATE))
    def check_add(body: NewCheck) -> Response:
        t_ms, now = time_ms("t", body.t), now_ms()
        if not now - BACK_MS <= t_ms <= now + AHEAD_MS:
            raise bad_field("t", "lies more than 15 days back, or ahead")
        if not body.ok and body.note is None:
            raise bad_field("note", "Say what is wrong. / 请说明有何异常。")
        with reading(engine()) as connection:
            if queries.point_named(connection, body.code) is None:
                raise Problem(404, "not-found", "code: there is no such checkpoint", field="code")
        facts = {"check": body.id, "code": body.code, "t_ms": t_ms, "scanned": body.scanned, "ok": body.ok}
        done = acting.perform("patrol.check", facts | ({} if body.note is None else {"note": body.note}))
        answer = acting.answer(done, Taken(id=body.id))
        answer.status_code = 201 if done else 202
        return answer

    return made
