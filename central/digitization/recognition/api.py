"""`/api/v1/search`, `/pages/{id}/text`, `/recognition`, and of batches `/recognition` and `/description`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response
from flask_login import current_user
from sqlalchemy import Connection

from central.digitization import queries as digitization
from central.digitization.recognition import answering, jobs, progress, queries
from central.digitization.recognition.answering import Found
from central.digitization.recognition.asking import chunks_of
from central.digitization.recognition.hits import Box
from central.digitization.recognition.lines import Line
from central.digitization.recognition.search import boxes, places
from central.digitization.recognition.units import Folding
from central.ledger import acts
from central.store.engine import reading, writing
from central.web import acting, files
from central.web.fields import IDENT
from central.web.operation import Operation, operation
from central.web.problems import not_found
from central.web.state import config, engine

LATE = {202: "recorded; takes effect when ingest is back"}
RECORDED = {"Muniment-Purpose": "why, in place of ?purpose="}
Question = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
DIRECTIONS = {"first": jobs.first, "retry": jobs.retry, "again": jobs.again}


class SearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked for: words parted by spaces, all of them; "one phrase" between quotation marks; the beginning of a word with *."""

    q: Question
    purpose: files.Purpose | None = None


class TextQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be marked, and why the text is read."""

    q: Question | None = None
    purpose: files.Purpose | None = None


class Shown(msgspec.Struct, frozen=True):
    """A line as the API has it; its box in pixels of the image as stored."""

    x: int
    y: int
    w: int
    h: int
    confidence: float
    text: str


class PageText(msgspec.Struct, frozen=True):
    """What was read on a page, lines in reading order; `marks` are where `q` stands on the image of `width` x `height` pixels."""

    page: str
    sha256: str
    width: int
    height: int
    language: str
    engine: str
    version: str
    done: str
    text: str
    lines: list[Shown]
    marks: list[Box]


class Failures(msgspec.Struct, frozen=True):
    """Images that were given up, at most a hundred."""

    items: list[progress.Failure]
    next: str | None


class Direction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """first: before all others; retry: what was given up; again: everything, also what was read."""

    what: Literal["first", "retry", "again"]


class Directed(msgspec.Struct, frozen=True):
    """How many images it was about."""

    images: int


class Describe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person makes of the suggestions: takes one as it is, an edited one, or none."""

    state: Literal["confirmed", "edited", "dismissed"]
    title: Annotated[str, msgspec.Meta(max_length=400)] | None = None
    number: Annotated[str, msgspec.Meta(max_length=200)] | None = None


def _shown(line: Line) -> Shown:
    return Shown(line.x, line.y, line.w, line.h, line.confidence, line.text)


def _check_batch(connection: Connection, ident: str) -> digitization.Batch:
    found = digitization.batch_named(connection, ident)
    if found is None:
        raise not_found("There is no such batch.")
    return found


def _reading_routes(made: Blueprint, folding: Folding) -> None:
    @made.get("/search")
    @operation(
        Operation(
            right="search",
            summary="Pages, batches and volumes by number, name or recognised text; who was shown which text, and why, is recorded.",
            query=SearchQuery,
            result=Found,
            headers=RECORDED,
        )
    )
    def search(query: SearchQuery) -> Found:
        return answering.search(query.q, folding=folding, purpose=answering.given_purpose(query.purpose))

    @made.get(f"/pages/<{IDENT}:page>/text")
    @operation(
        Operation(
            right="pages.view",
            summary="What was read on a page, with boxes, and where `q` stands in it; who reads it and why is recorded.",
            query=TextQuery,
            result=PageText,
            purpose=True,
            headers=RECORDED,
        )
    )
    def page_text(page: str, query: TextQuery) -> PageText:
        with reading(engine()) as connection:
            image = digitization.image_of(connection, page)
            if image is None:
                raise not_found("There is no such page.")
            found = queries.text_of(connection, image[0]) if image[0] else None
        if found is None:
            raise not_found("The page's text has not been read yet.")
        acting.record_view(kind="page", ident=page, purpose=answering.given_purpose(query.purpose), strict_roles=files.STRICT_ROLES)
        marks: list[Box] = []
        if query.q:
            run, _, spans = places(found.lines, chunks_of(query.q, folding), folding)
            marks = boxes(run, found.lines, spans)
        facts: dict[str, Any] = {
            name: getattr(found, name) for name in ("sha256", "width", "height", "language", "engine", "version", "done")
        }
        return PageText(page=page, text=found.text, lines=[_shown(line) for line in found.lines], marks=marks, **facts)


def _progress_routes(made: Blueprint) -> None:
    @made.get("/recognition")
    @operation(Operation(right="digitization.read", summary="How far the reading of texts is, its pace and end.", result=progress.Progress))
    def recognition_show() -> progress.Progress:
        with reading(engine()) as connection:
            return progress.progress(connection, enabled=config().recognition.enabled)

    @made.get("/recognition/failures")
    @operation(Operation(right="digitization.read", summary="Images that could not be read, and why.", result=Failures))
    def recognition_failures() -> Failures:
        with reading(engine()) as connection:
            return Failures(items=progress.failures(connection), next=None)

    @made.get(f"/batches/<{IDENT}:batch>/recognition")
    @operation(
        Operation(right="digitization.read", summary="How far a batch is read; what its page numbers say.", result=progress.BatchProgress)
    )
    def batch_recognition(batch: str) -> progress.BatchProgress:
        with reading(engine()) as connection:
            _check_batch(connection, batch)
            return progress.batch_progress(connection, batch)

    @made.post(f"/batches/<{IDENT}:batch>/recognition")
    @operation(
        Operation(
            right="recognition.direct",
            summary="Let a batch be read before others, let what failed be tried again, or read all of it anew.",
            body=Direction,
            result=Directed,
        )
    )
    def batch_recognition_direct(batch: str, body: Direction) -> Directed:
        with writing(engine()) as connection:
            _check_batch(connection, batch)
            count = DIRECTIONS[body.what](connection, batch)
            acts.record(connection, kind=f"recognition.{body.what}", actor=current_user.name, body={"batch": batch, "images": count})
        return Directed(images=count)


def _description_routes(made: Blueprint) -> None:
    @made.get(f"/batches/<{IDENT}:batch>/description")
    @operation(
        Operation(
            right="pages.view",
            summary="What the batch's first pages suggest as title and number, and what a person made of it; recorded.",
            query=files.PurposeQuery,
            result=queries.Described,
            purpose=True,
            headers=RECORDED,
        )
    )
    def batch_description(batch: str, query: files.PurposeQuery) -> queries.Described:
        with reading(engine()) as connection:
            _check_batch(connection, batch)
            found = queries.described(connection, batch)
        if found.suggestion.titles or found.suggestion.numbers:
            acting.record_view(kind="batch-text", ident=batch, purpose=files.purpose_of(query), strict_roles=files.STRICT_ROLES)
        return found

    @made.post(f"/batches/<{IDENT}:batch>/description")
    @operation(
        Operation(
            right="volumes.describe",
            summary="Confirm a suggested title and number, edit them, or dismiss the suggestions.",
            body=Describe,
            result=queries.Described,
            also=LATE,
        )
    )
    def batch_describe(batch: str, body: Describe) -> Response:
        with reading(engine()) as connection:
            about = _check_batch(connection, batch)
            before = queries.described(connection, batch)
        said: dict[str, Any] = {"batch": batch, "state": body.state, "suggested": msgspec.to_builtins(before.suggestion)}
        said |= {"volume": about.volume} if about.volume else {}
        if body.state != "dismissed":
            suggested = {title.text for title in before.suggestion.titles} | {number.value for number in before.suggestion.numbers}
            said |= {} if {body.title, body.number} - {None, ""} <= suggested else {"state": "edited"}
            given = {"title": (body.title or "").strip(), "number": (body.number or "").strip()}
            said |= {name: value for name, value in given.items() if value}
        done = acting.perform("volume.describe", said)
        with reading(engine()) as connection:
            return acting.answer(done, queries.described(connection, batch))


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("recognition", __name__, url_prefix="/api/v1")
    _reading_routes(made, Folding())
    _progress_routes(made)
    _description_routes(made)
    return made
