"""`/api/v1/rooms/{room}/works`, `/works/{id}`, `/calendar`."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Annotated, Literal

import msgspec
from flask import Blueprint, Response

from central.environment.queries import room_ids
from central.environment.works import queries
from central.environment.works.projection import DAYS_MAX, SPAN_MAX_MS
from central.environment.works.proposals import NotKnown, proposal
from central.store.engine import reading
from central.times import MS_MAX, now_ms
from central.web import acting
from central.web.fields import IDENT, Text, Time, time_ms
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import engine

LATE = {202: "recorded; takes effect when ingest is back"}
COMING_MAX = 16  # in a room, as many as an agent keeps
PAST_MS = 60 * 60_000  # works may be entered a little after they began
Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class NewWorks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Works in a room: what, from when to when, why."""

    kind: Literal["fumigation", "cleaning", "repair", "other"]
    from_: Time = msgspec.field(name="from")
    to: Time
    reason: Text


class WorksList(msgspec.Struct, frozen=True):
    """Works, the latest first."""

    items: list[queries.Works]
    next: str | None


class NewCalendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole calendar: weekdays of the weekend (0 = Monday), and the days that are not as their weekday says."""

    weekend: Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=6)]], msgspec.Meta(max_length=7)]
    days: Annotated[dict[Day, Literal["off", "work"]], msgspec.Meta(max_length=DAYS_MAX)]


class ProposalQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For which year."""

    year: Annotated[int, msgspec.Meta(ge=2000, le=2100)]


class Proposal(msgspec.Struct, frozen=True):
    """The days of a year that China's calendar makes off days or workdays against their weekday, with what they are called."""

    year: int
    days: dict[str, str]
    names: dict[str, str]
    source: str


def _works(ident: str) -> queries.Works:
    with reading(engine()) as connection:
        found = queries.works_named(connection, ident, now_ms=now_ms())
    if found is None:
        raise not_found("There are no such works.")
    return found


def _room(room: str) -> str:
    with reading(engine()) as connection:
        if room not in room_ids(connection):
            raise not_found("There is no such room.")
    return room


def _plan(room: str, body: NewWorks) -> Response:
    from_ms, to_ms, now = time_ms("from", body.from_), time_ms("to", body.to), now_ms()
    if from_ms < now - PAST_MS:
        raise bad_field("from", "The works begin more than an hour back. / 作业开始时间早于一小时以前。")
    if not from_ms < to_ms or to_ms <= now:
        raise bad_field("to", "The end comes after the beginning, and has not passed. / 结束时间应晚于开始时间，且尚未过去。")
    if to_ms - from_ms > SPAN_MAX_MS:
        raise bad_field("to", "Works hold back alarms for at most 14 days. / 作业暂缓报警最长 14 天。")
    with reading(engine()) as connection:
        coming = queries.works_of_room(connection, room, from_ms=now, to_ms=MS_MAX)
    if len(coming) >= COMING_MAX:
        raise Problem(409, "full", f"{COMING_MAX} works are planned or going on in this room: end or cancel one.")
    ident = str(uuid.uuid4())
    facts = {"works": ident, "room": room, "kind": body.kind, "from_ms": from_ms, "to_ms": to_ms, "reason": body.reason}
    done = acting.perform("works.plan", facts)
    answer = acting.answer(done, _works(ident) if done else facts)
    answer.status_code = 201 if done else 202
    return answer


def _works_routes(made: Blueprint) -> None:
    @made.get(f"/rooms/<{IDENT}:room>/works")
    @operation(Operation(right="environment.read", summary="Planned works of a room, the latest first.", result=WorksList))
    def works_list(room: str) -> WorksList:
        _room(room)
        with reading(engine()) as connection:
            return WorksList(items=queries.works_listed(connection, room, now_ms=now_ms()), next=None)

    @made.post(f"/rooms/<{IDENT}:room>/works")
    @operation(
        Operation(
            right="works.plan",
            summary="Plan works: they hold back the room's alarms, never those of water, smoke, mains and disks.",
            body=NewWorks,
            result=queries.Works,
            status=201,
            also=LATE,
        )
    )
    def works_plan(room: str, body: NewWorks) -> Response:
        return _plan(_room(room), body)

    @made.post(f"/works/<{IDENT}:works>/end")
    @operation(Operation(right="works.plan", summary="End works before their time.", result=queries.Works, also=LATE))
    def works_end(works: str) -> Response:
        if _works(works).state != "on":
            raise Problem(409, "not-on", "These works are not going on. / 该作业不在进行中。")
        return acting.answer(acting.perform("works.end", {"works": works}), _works(works))

    @made.post(f"/works/<{IDENT}:works>/cancel")
    @operation(Operation(right="works.plan", summary="Cancel works that have not begun.", result=queries.Works, also=LATE))
    def works_cancel(works: str) -> Response:
        if _works(works).state != "planned":
            raise Problem(409, "begun", "These works have begun, or are over. / 该作业已开始或已结束。")
        return acting.answer(acting.perform("works.cancel", {"works": works}), _works(works))


def _calendar_routes(made: Blueprint) -> None:
    @made.get("/calendar")
    @operation(Operation(right="calendar.read", summary="Weekend, days off and make-up workdays.", result=queries.Calendar))
    def calendar_show() -> queries.Calendar:
        with reading(engine()) as connection:
            return queries.calendar(connection)

    @made.put("/calendar")
    @operation(
        Operation(right="calendar.edit", summary="Set the calendar; agents are told.", body=NewCalendar, result=queries.Calendar, also=LATE)
    )
    def calendar_set(body: NewCalendar) -> Response:
        for day in body.days:
            try:
                date.fromisoformat(day)
            except ValueError as error:
                raise bad_field("days", f"{day} is not a date") from error
        done = acting.perform("calendar.set", {"weekend": sorted(set(body.weekend)), "days": dict(sorted(body.days.items()))})
        with reading(engine()) as connection:
            return acting.answer(done, queries.calendar(connection))

    @made.get("/calendar/proposal")
    @operation(
        Operation(
            right="calendar.read",
            summary="China's days off and make-up workdays of a year.",
            query=ProposalQuery,
            result=Proposal,
        )
    )
    def calendar_proposal(query: ProposalQuery) -> Proposal:
        try:
            found = proposal(query.year)
        except NotKnown as error:
            raise Problem(404, "not-known", str(error)) from error
        return Proposal(year=query.year, days=found.days, names=found.names, source=found.source)


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("works", __name__, url_prefix="/api/v1")
    _works_routes(made)
    _calendar_routes(made)
    return made
