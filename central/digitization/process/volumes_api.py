"""`/api/v1/process/volumes`: registering, finding, changing volumes, their way so far, their sheets."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request

from central.digitization import queries as digitization
from central.digitization.process import doing, queries, registering
from central.digitization.process.machine import DONE, NAMES
from central.digitization.process.numbers import COUNT_MAX, checked_number
from central.digitization.process.refusals import both
from central.environment.reports.fonts import NoFont, fonts
from central.store.engine import reading
from central.times import now_ms
from central.web import acting, paging, problems
from central.web.fields import IDENT, Text
from central.web.operation import JSON, Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import config, engine

LATE = {202: "recorded; takes effect when ingest is back"}
SHEETS_AT_ONCE = 200
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Number = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Ident = Annotated[str, msgspec.Meta(min_length=1, max_length=36)]
Count = Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Kind = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]


class NewVolume(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A volume as its unit hands it over."""

    number: Number
    unit: Name
    consignment: Name
    declared: Count
    title: Title | None = None
    kind: Kind | None = None


class Amend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is changed of a volume, and why."""

    reason: Text
    title: Title | None = None
    kind: Kind | None = None
    unit: Name | None = None
    consignment: Name | None = None
    declared: Count | None = None


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: Text


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The batch of a bench that belongs to the volume."""

    batch: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class VolumesQuery(paging.Paged, frozen=True, forbid_unknown_fields=True):
    """Which volumes; `late`: those whose light is red; `q`: part of the number or title."""

    step: Annotated[str, msgspec.Meta(max_length=8)] | None = None
    unit: Name | None = None
    consignment: Name | None = None
    late: bool = False
    q: Annotated[str, msgspec.Meta(max_length=120)] | None = None


class ImportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands for columns that the table leaves out; `dry`: say what is wrong, register nothing."""

    unit: Name | None = None
    consignment: Name | None = None
    dry: bool = False


class SheetsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose sheets: ids of volumes, with commas between them."""

    volumes: Annotated[str, msgspec.Meta(min_length=1, max_length=37 * SHEETS_AT_ONCE)]


class Volumes(msgspec.Struct, frozen=True):
    """A page of volumes, the newest first."""

    items: list[queries.Volume]
    next: str | None


class Registered(msgspec.Struct, frozen=True):
    """How many volumes a table has, and how many were registered."""

    registered: int
    volumes: int


class History(msgspec.Struct, frozen=True):
    """A page of a volume's history, the oldest first."""

    items: list[queries.Line]
    next: str | None


class Way(msgspec.Struct, frozen=True):
    """A volume with its stays, discrepancies and batches."""

    volume: queries.Volume
    visits: list[queries.Visit]
    discrepancies: list[queries.Discrepancy]
    batches: list[digitization.Batch]


def volume_or_404(ident: str) -> queries.Volume:
    """The volume; a Problem where there is none."""
    with reading(engine()) as connection:
        found = queries.volume_by_id(connection, ident, now_ms=now_ms())
    if found is None:
        raise not_found("There is no such volume. / 没有这个案卷。")
    return found


def hidden(visits: Sequence[queries.Visit]) -> list[queries.Visit]:
    """The stays without the first of two counts, nor its note, while the second is still to be made independently."""
    waits = [one.first_by is not None and one.ended is None for one in visits]
    return [msgspec.structs.replace(one, first_count=None, note=None) if wait else one for one, wait in zip(visits, waits, strict=True)]


def act(kind: str, ident: str, body: dict[str, Any]) -> Response:
    """Do one act to one volume: the volume as it is then, or a Problem with the refusal's words."""
    with reading(engine()) as connection:
        _, code = doing.refusal(connection, kind, ident, body)
    if code is not None:
        raise Problem(404 if code == "no-such-volume" else 409, code, both(code))
    done, changed = doing.record_all(kind, [{"volume": ident, **body}])
    if done and ident not in changed:
        raise Problem(409, "changed", both("changed"))
    return acting.answer(done, volume_or_404(ident))


def _table() -> str:
    if (request.content_length or 0) > registering.BYTES_MAX:
        raise Problem(413, "too-large", "A list has at most 2 MiB. / 列表最大 2 MiB。")
    request.max_content_length = registering.BYTES_MAX
    text = registering.decoded(request.get_data(cache=False))
    if text is None:
        raise Problem(415, "unsupported-media-type", "The list is no text in UTF-8 or GB 18030. / 列表不是 UTF-8 或 GB 18030 文本。")
    return text


def read_table(text: str, query: ImportQuery) -> registering.Read:
    """What a table holds, with every mistake, numbers that are taken among them."""
    read = registering.read(text, unit=query.unit, consignment=query.consignment)
    with reading(engine()) as connection:
        registering.refuse_taken(read, queries.taken_numbers(connection, [row["number"] for row in read.rows]))
    return read


def _import(query: ImportQuery) -> Response:
    read = read_table(_table(), query)
    if read.mistakes:
        refused = Problem(422, "mistakes", "Nothing was registered; every mistake has its line. / 未登记任何案卷；每处错误均注明行号。")
        facts = {"registered": 0, "mistakes": msgspec.to_builtins(read.mistakes), "more": read.more}
        told = msgspec.to_builtins(problems.document(refused)) | facts
        return Response(msgspec.json.encode(told), status=422, content_type=problems.MEDIA_TYPE)
    if query.dry:
        return Response(msgspec.json.encode(Registered(registered=0, volumes=len(read.rows))), status=200, content_type=JSON)
    bodies = [{"volume": str(uuid.uuid4()), **row} for row in read.rows]
    done, changed = doing.record_all("volume.register", bodies)
    answer = Registered(registered=len(changed) if done else len(bodies), volumes=len(bodies))
    return Response(msgspec.json.encode(answer), status=201 if done else 202, content_type=JSON)


def _register(body: NewVolume) -> Response:
    try:
        number = checked_number(body.number)
    except ValueError as error:
        raise bad_field("number", "1 to 120 characters that can be seen / 须为 1 至 120 个可见字符") from error
    with reading(engine()) as connection:
        if queries.volume_named(connection, number) is not None:
            raise Problem(409, "taken", both("taken"), field="number")
    ident = str(uuid.uuid4())
    facts = {name: value for name, value in msgspec.to_builtins(body).items() if value is not None}
    done, changed = doing.record_all("volume.register", [facts | {"volume": ident, "number": number}])
    if not done:
        return acting.answer(done, {"id": ident})
    if not changed:
        raise Problem(409, "taken", both("taken"), field="number")
    answer = acting.answer(done, volume_or_404(ident))
    answer.status_code = 201
    return answer


def _sheets(idents: Sequence[str]) -> Response:
    from central.digitization.process.sheets import BadSheet, VolumeSheet, sheets_pdf  # drawing takes a moment to load

    found = [volume_or_404(ident) for ident in idents]
    try:
        made = sheets_pdf(
            [VolumeSheet(number=one.number, declared=one.count or None, title=one.title) for one in found],
            fonts=fonts(Path(config().data) / "fonts"),
        )
    except (BadSheet, NoFont) as error:
        raise Problem(409, "no-sheet", str(error)) from error
    answer = Response(made, content_type="application/pdf")
    answer.headers["Content-Disposition"] = 'inline; filename="separators.pdf"'
    return answer


def _reading_routes(made: Blueprint) -> None:
    @made.get("/volumes")
    @operation(Operation(right="process.read", summary="Volumes, the newest first.", query=VolumesQuery, result=Volumes))
    def volumes_list(query: VolumesQuery) -> Volumes:
        if query.step is not None and query.step not in (*NAMES, DONE):
            raise bad_field("step", f"one of {', '.join((*NAMES, DONE))}")
        key = paging.decode(query.cursor, int, str)
        facts = {"step": query.step, "unit": query.unit, "consignment": query.consignment, "text": query.q}
        with reading(engine()) as connection:
            before = (int(key[0]), str(key[1])) if key else None
            found = queries.volumes_before(connection, before=before, limit=query.limit + 1, now_ms=now_ms(), late=query.late, **facts)
        page, after = paging.cut(found, query.limit, lambda one: (one.registered_ms, one.id))
        return Volumes(items=page, next=after)

    @made.get(f"/volumes/<{IDENT}:volume>")
    @operation(Operation(right="process.read", summary="One volume, its stays, discrepancies, batches.", result=Way))
    def volume_show(volume: str) -> Way:
        found = volume_or_404(volume)
        with reading(engine()) as connection:
            return Way(
                volume=found,
                visits=hidden(queries.visits_of(connection, volume)),
                discrepancies=queries.discrepancies_of(connection, volume),
                batches=queries.batches_of(connection, volume),
            )

    @made.get(f"/volumes/<{IDENT}:volume>/history")
    @operation(Operation(right="process.read", summary="What happened to a volume, line by line.", query=paging.Paged, result=History))
    def volume_history(volume: str, query: paging.Paged) -> History:
        key = paging.decode(query.cursor, int, int)
        volume_or_404(volume)
        with reading(engine()) as connection:
            after = (int(key[0]), int(key[1])) if key else None
            found = queries.history_of(connection, volume, after=after, limit=query.limit + 1)
        page, following = paging.cut(found, query.limit, lambda line: (line.leaf, line.place))
        return History(items=page, next=following)

    @made.get("/sheets")
    @operation(Operation(right="process.work", summary="Separator sheets of volumes.", query=SheetsQuery, media=("application/pdf",)))
    def sheets_print(query: SheetsQuery) -> Response:
        idents = [one for one in query.volumes.split(",") if one]
        if not 1 <= len(idents) <= SHEETS_AT_ONCE:
            raise bad_field("volumes", f"1 to {SHEETS_AT_ONCE} at once")
        return _sheets(idents)


def routes(made: Blueprint) -> None:
    """Add the routes."""
    _reading_routes(made)

    @made.post("/volumes")
    @operation(Operation(right="process.work", summary="Register a volume.", body=NewVolume, result=queries.Volume, status=201, also=LATE))
    def volume_add(body: NewVolume) -> Response:
        return _register(body)

    @made.post("/volumes/import")
    @operation(
        Operation(
            right="process.work",
            summary="Register the volumes of a table (CSV or pasted, as the body), all or none.",
            query=ImportQuery,
            result=Registered,
            status=201,
            also=LATE
            | {
                200: "dry: nothing is wrong",
                413: "too large",
                415: "no text",
                422: "`mistakes`, each with its line",
            },
        )
    )
    def volumes_import(query: ImportQuery) -> Response:
        return _import(query)

    @made.post(f"/volumes/<{IDENT}:volume>/amend")
    @operation(Operation(right="process.manage", summary="Change a volume's particulars.", body=Amend, result=queries.Volume, also=LATE))
    def volume_amend(volume: str, body: Amend) -> Response:
        return act("volume.amend", volume, {name: value for name, value in msgspec.to_builtins(body).items() if value is not None})

    @made.post(f"/volumes/<{IDENT}:volume>/withdraw")
    @operation(Operation(right="process.manage", summary="Take back a volume registered by mistake.", body=Reason, status=204, also=LATE))
    def volume_withdraw(volume: str, body: Reason) -> Response:
        found = volume_or_404(volume)
        with reading(engine()) as connection:
            begun = len(queries.visits_of(connection, volume)) > 1 or bool(queries.batches_of(connection, volume))
        if begun or (found.step, found.state) != (NAMES[0], "waiting"):
            raise Problem(409, "in-use", both("in-use"))
        doing.record_all("volume.withdraw", [{"volume": volume, "reason": body.reason}])
        return Response(status=204)

    @made.post(f"/volumes/<{IDENT}:volume>/link")
    @operation(Operation(right="process.work", summary="Say whose a batch is.", body=Link, result=queries.Volume, also=LATE))
    def volume_link(volume: str, body: Link) -> Response:
        with reading(engine()) as connection:
            if not queries.is_loose(connection, body.batch):
                raise Problem(409, "linked", both("linked"))
        return act("volume.link", volume, {"batch": body.batch})
