"""`/api/v1/alarms`: alarms in their states, and what people do about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response
from flask_login import current_user

from central.environment import alarms, queries
from central.ledger import acts, commands
from central.store.engine import reading, writing
from central.times import now_ms
from central.web import acting, paging
from central.web.fields import PATHID, Text
from central.web.operation import Operation, operation
from central.web.problems import not_found
from central.web.state import engine

SHELVE_MINUTES_MAX = 7 * 24 * 60
TOLD = {  # acts that the agent of the alarm hears of -> the command: a shelving until now is one that has ended
    "alarm.acknowledge": "alarm.acknowledge",
    "alarm.shelve": "alarm.shelve",
    "alarm.unshelve": "alarm.shelve",
}
TOLD_S = 600
LATE = {202: "recorded; takes effect when ingest is back"}
MANY_MAX = 200
Ident = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class AlarmsQuery(paging.Paged, frozen=True, forbid_unknown_fields=True):
    """Which alarms."""

    show: Literal["all", "open", "shelved", "suppressed", "history"] = "all"
    room: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None
    priority: Literal["low", "medium", "high", "urgent"] | None = None
    text: Annotated[str, msgspec.Meta(max_length=100, description="in the rule, the subject, the room or the words")] | None = None


class Alarms(msgspec.Struct, frozen=True):
    """A page of alarms, newest first."""

    items: list[queries.Alarm]
    next: str | None


class Acknowledge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An acknowledgement, with a note where one is due."""

    text: Text | None = None


class AcknowledgeMany(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several alarms that one person knows of now, with one note."""

    alarms: Annotated[list[Ident], msgspec.Meta(min_length=1, max_length=MANY_MAX)]
    text: Text | None = None


class Acknowledged(msgspec.Struct, frozen=True):
    """Which alarms were acknowledged; those that nobody had to know of, or that do not exist, are left out."""

    alarms: list[str]


class Shelve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long the alarm stays silent, and why."""

    minutes: Annotated[int, msgspec.Meta(ge=1, le=SHELVE_MINUTES_MAX)]
    reason: Text


class NewNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was seen or done."""

    text: Text


def _alarm(ident: str) -> queries.Alarm:
    with reading(engine()) as connection:
        found = alarms.alarm_named(connection, ident)
    if found is None:
        raise not_found("There is no such alarm.")
    return found


def _tell_agent(connection: Any, alarm: queries.Alarm, kind: str, **args: Any) -> None:
    """The agent that raised the alarm is told, so that its buzzer and lamp follow."""
    if kind in TOLD and alarm.active and alarm.id.startswith(f"{alarm.agent}:"):
        told = {"alarm": alarm.id, **args}
        commands.give(connection, agent=alarm.agent, name=TOLD[kind], args=told, actor=current_user.name, lifetime_s=TOLD_S)


def _act_on_alarm(alarm: queries.Alarm, kind: str, **body: Any) -> Response:
    done = acting.perform(kind, {"alarm": alarm.id, **body})
    until = body.get("until_ms", now_ms() if kind == "alarm.unshelve" else None)
    with writing(engine()) as connection:
        _tell_agent(connection, alarm, kind, **({} if until is None else {"until": until}))
    return acting.answer(done, _alarm(alarm.id))


def _acknowledge_many(body: AcknowledgeMany) -> tuple[bool, list[str]]:
    note = {} if body.text is None else {"text": body.text}
    done, act = [], None
    with writing(engine()) as connection:
        for ident in dict.fromkeys(body.alarms):
            alarm = alarms.alarm_named(connection, ident)
            if alarm is not None and alarm.state in ("unacknowledged", "returned"):
                facts = {"alarm": ident, **note}
                act = acts.record(connection, kind="alarm.acknowledge", actor=current_user.name, body=facts)
                _tell_agent(connection, alarm, "alarm.acknowledge")
                done.append(ident)
    return act is None or acts.wait_projected(engine(), act, acting.WAIT_S), done


def _read_routes(made: Blueprint) -> None:
    @made.get("/alarms")
    @operation(Operation(right="alarms.read", summary="Alarms in their ISA-18.2 states.", query=AlarmsQuery, result=Alarms))
    def alarms_list(query: AlarmsQuery) -> Alarms:
        key = paging.decode(query.cursor, int, str)
        before = (int(key[0]), str(key[1])) if key else None
        which = {"show": query.show, "room": query.room, "priority": query.priority, "text": query.text}
        with reading(engine()) as connection:
            rows = alarms.alarms_before(connection, before=before, limit=query.limit + 1, **which)  # type: ignore[arg-type]
        page, after = paging.cut(rows, query.limit, lambda row: (row[0], row[1].id))
        return Alarms(items=[row[1] for row in page], next=after)

    @made.get(f"/alarms/<{PATHID}:alarm>")
    @operation(Operation(right="alarms.read", summary="One alarm, and what was said and done about it.", result=alarms.AlarmHistory))
    def alarm_show(alarm: str) -> alarms.AlarmHistory:
        found = _alarm(alarm)
        with reading(engine()) as connection:
            return alarms.AlarmHistory(alarm=found, notes=alarms.notes_of(connection, alarm))


def routes(made: Blueprint) -> None:
    """Add the routes to the environment's blueprint."""
    _read_routes(made)

    @made.post("/alarms/acknowledge")
    @operation(Operation(right="alarms.act", summary="Know of several alarms.", body=AcknowledgeMany, result=Acknowledged, also=LATE))
    def alarms_acknowledge(body: AcknowledgeMany) -> Response:
        done, idents = _acknowledge_many(body)
        return acting.answer(done, Acknowledged(alarms=idents))

    @made.post(f"/alarms/<{PATHID}:alarm>/acknowledge")
    @operation(Operation(right="alarms.act", summary="Know of an alarm.", body=Acknowledge, result=queries.Alarm, also=LATE))
    def alarm_acknowledge(alarm: str, body: Acknowledge) -> queries.Alarm | Response:
        found = _alarm(alarm)
        if found.acknowledged_by is not None and body.text is None:
            return found  # twice is once
        return _act_on_alarm(found, "alarm.acknowledge", **({} if body.text is None else {"text": body.text}))

    @made.post(f"/alarms/<{PATHID}:alarm>/shelve")
    @operation(Operation(right="alarms.act", summary="Keep an alarm silent for a while.", body=Shelve, result=queries.Alarm, also=LATE))
    def alarm_shelve(alarm: str, body: Shelve) -> Response:
        return _act_on_alarm(_alarm(alarm), "alarm.shelve", until_ms=now_ms() + body.minutes * 60_000, reason=body.reason)

    @made.post(f"/alarms/<{PATHID}:alarm>/unshelve")
    @operation(Operation(right="alarms.act", summary="End a shelving before its time.", body=NewNote, result=queries.Alarm, also=LATE))
    def alarm_unshelve(alarm: str, body: NewNote) -> queries.Alarm | Response:
        found = _alarm(alarm)
        return found if found.shelved_until is None else _act_on_alarm(found, "alarm.unshelve", text=body.text)

    @made.post(f"/alarms/<{PATHID}:alarm>/note")
    @operation(Operation(right="alarms.act", summary="Note what was seen or done.", body=NewNote, result=queries.Alarm, also=LATE))
    def alarm_note(alarm: str, body: NewNote) -> Response:
        return _act_on_alarm(_alarm(alarm), "alarm.note", text=body.text)
