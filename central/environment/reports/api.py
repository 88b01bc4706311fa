"""`/api/v1/reports` and a room's own: make one, file it, fetch what was filed, say when it is due."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from flask import Blueprint, Response
from flask_login import current_user

from central.environment.queries import room_ids
from central.environment.reports import making, queries
from central.environment.reports.fonts import NoFont
from central.ledger import acts
from central.store.engine import reading
from central.times import now_ms
from central.web import acting, paging
from central.web.blocking import blocking
from central.web.fields import IDENT
from central.web.files import check_space, send_object
from central.web.operation import Operation, operation
from central.web.problems import Problem, not_found
from central.web.state import config, engine, state

PDF = "application/pdf"
LATE = {202: "recorded; takes effect when ingest is back"}
Month = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="YYYY-MM in the site's time zone")]
Lang = Annotated[Literal["zh", "en"], msgspec.Meta(description="the report's language")]


class ReportsQuery(paging.Paged, frozen=True, forbid_unknown_fields=True):
    """Of which room."""

    room: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None


class Reports(msgspec.Struct, frozen=True):
    """Reports that were filed, the latest month first."""

    items: list[queries.Report]
    next: str | None


class LangQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In which language."""

    lang: Lang = "zh"


class NewReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be filed."""

    month: Month
    lang: Lang


class NewSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a room's reports are made by themselves: from this day of the following month on."""

    on: bool
    day: Annotated[int, msgspec.Meta(ge=1, le=28)] = 1
    lang: Literal["zh", "en", "*"] = "*"
    from_month: Month | None = None


class Schedules(msgspec.Struct, frozen=True):
    """The schedules of the rooms that have one."""

    items: list[queries.Schedule]
    next: str | None


def _check_room(room: str) -> None:
    with reading(engine()) as connection:
        if room not in room_ids(connection):
            raise not_found("There is no such room.")


def _make(room: str, month: str, lang: str) -> making.Made:
    """The PDF, made away from other requests; a Problem says why there is none."""
    _check_room(room)
    made: list[making.Made] = []
    by, made_of, where = current_user.name, engine(), config()
    try:
        with state().decoding:
            blocking(lambda: made.append(making.make(made_of, where, room=room, month=month, lang=lang, by=by, now_ms=now_ms())))
    except ValueError as error:
        raise Problem(422, "no-such-month", f"month: {error}", field="month") from error
    except NoFont as error:
        raise Problem(503, "fonts-missing", f"No report can be made here: {error}.") from error
    return made[0]


def _pdf(answer: Response, name: str) -> Response:
    answer.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return answer


def _report(ident: str) -> queries.Report:
    with reading(engine()) as connection:
        found = queries.filed(connection, ident=ident)
    if not found:
        raise not_found("There is no such report.")
    return found[0]


def _schedule_routes(made: Blueprint) -> None:
    @made.get("/reports/schedules")
    @operation(Operation(right="environment.read", summary="When reports are made by themselves.", query=paging.Paged, result=Schedules))
    def schedules_list(query: paging.Paged) -> Schedules:
        with reading(engine()) as connection:
            return Schedules(items=queries.schedules(connection), next=None)

    @made.post(f"/rooms/<{IDENT}:room>/reports/schedule")
    @operation(
        Operation(right="reports.file", summary="Say when a room's reports are due.", body=NewSchedule, result=queries.Schedule, also=LATE)
    )
    def schedule_set(room: str, body: NewSchedule) -> Response:
        _check_room(room)
        with reading(engine()) as connection:
            known = queries.schedules(connection, room)
        zone, now = config().zone, now_ms()
        first = body.from_month or (known[0].from_month if known else queries.month_of(now, zone))
        facts = {"room": room, "on": body.on, "day": body.day, "lang": body.lang, "from_month": first}
        done = acting.perform("report.schedule", facts)
        with reading(engine()) as connection:
            known = queries.schedules(connection, room)
        return acting.answer(done, known[0] if known else facts)


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("reports", __name__, url_prefix="/api/v1")
    _schedule_routes(made)

    @made.get("/reports")
    @operation(Operation(right="environment.read", summary="Reports that were filed.", query=ReportsQuery, result=Reports))
    def reports_list(query: ReportsQuery) -> Reports:
        with reading(engine()) as connection:
            return Reports(items=queries.filed(connection, room=query.room)[: query.limit], next=None)

    @made.get(f"/reports/<{IDENT}:report>/pdf")
    @operation(Operation(right="environment.read", summary="A filed report, byte by byte as it was filed.", media=(PDF,)))
    def report_pdf(report: str) -> Response:
        found = _report(report)
        acting.record_export("report", report=found.id, sha256=found.sha256)
        return _pdf(send_object(found.sha256, mimetype=PDF), f"{found.room}-{found.month}-{found.lang}")

    @made.get(f"/rooms/<{IDENT}:room>/reports/<{IDENT}:month>")
    @operation(Operation(right="environment.read", summary="A room's report made now, not filed.", query=LangQuery, media=(PDF,)))
    def report_now(room: str, month: str, query: LangQuery) -> Response:
        made_now = _make(room, month, query.lang)
        acting.record_export("report", room=room, month=month)
        return _pdf(Response(made_now.pdf, content_type=PDF), f"{room}-{month}-{query.lang}")

    @made.post(f"/rooms/<{IDENT}:room>/reports")
    @operation(
        Operation(right="reports.file", summary="Make a report and file it.", body=NewReport, result=queries.Report, status=201, also=LATE)
    )
    def report_file(room: str, body: NewReport) -> Response:
        found = _make(room, body.month, body.lang)
        if not found.whole:
            raise Problem(
                409,
                "month-not-over",
                f"{body.month} is not over: look at it, and file it when it is. / {body.month} 尚未结束：可先查看，结束后再归档。",
                field="month",
            )
        check_space(len(found.pdf))
        ident, act = making.file(engine(), state().objects, found, room=room, month=body.month, lang=body.lang, by=current_user.name)
        if not acts.wait_projected(engine(), act):
            return acting.answer(False, {"id": ident})
        answer = acting.answer(True, _report(ident))
        answer.status_code = 201
        return answer

    return made
