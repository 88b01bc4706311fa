"""`/api/v1/security`: events, the review queue, clips."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response
from flask_login import current_user

from central.ledger import commands
from central.ledger.queries import room_of
from central.security import queries
from central.store.engine import reading, writing
from central.web import acting, files, paging
from central.web.fields import IDENT, Text, Time, time_ms
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import engine

Verdict = Annotated[
    str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9 _-]*$", description="e.g. expected, nuisance, breach")
]
CLIP_MAX_MS = 120_000  # a recorder makes none that is longer
ESCALATES = "unclear"  # this verdict hands the review on instead of closing it


class EventsQuery(paging.Paged, frozen=True, forbid_unknown_fields=True):
    """Which events."""

    room: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None
    kind: Literal["door", "card", "motion", "leak", "smoke", "exit"] | None = None


class Events(msgspec.Struct, frozen=True):
    """A page of events, newest first."""

    items: list[queries.SecurityEvent]
    next: str | None


class ReviewsQuery(paging.Paged, frozen=True, forbid_unknown_fields=True):
    """Which reviews."""

    show: Literal["all", "waiting", "escalated", "closed"] = "all"


class Reviews(msgspec.Struct, frozen=True):
    """A page of reviews, newest first."""

    items: list[queries.Review]
    next: str | None


class ReviewChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take a review (`state` claimed), hand it on (escalated), or give a verdict, which closes it (`unclear` escalates it)."""

    state: Literal["open", "claimed", "escalated", "closed"] | None = None
    verdict: Verdict | None = None
    cause: Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9-]*$")] | None = None
    reason: Text | None = None


class NewClip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A span of a camera's video, at most two minutes; `camera` as /agents names it, e.g. room-101/door-cam."""

    camera: Annotated[str, msgspec.Meta(min_length=3, max_length=100, pattern=r"^[^/]+/[^/]+$")]
    from_: Time = msgspec.field(name="from")
    to: Time


def _review(ident: str) -> queries.Review:
    with reading(engine()) as connection:
        found = queries.review_named(connection, ident)
    if found is None:
        raise not_found("There is no such review.")
    return found


def _change(review: queries.Review, body: ReviewChange) -> dict[str, Any]:
    """What the act says; a Problem when the change makes no sense."""
    if body.state is None and body.verdict is None:
        raise bad_field("verdict", "give a verdict or a state")
    if review.state == "closed":
        raise Problem(409, "already-closed", f"{review.changed_by} has closed this review.")
    state = body.state or ("escalated" if body.verdict == ESCALATES else "closed")
    if state == "closed" and body.verdict is None and review.verdict is None:
        raise bad_field("verdict", "a review is closed with a verdict")
    said: dict[str, Any] = {"review": review.id, "event": review.event, "state": state}
    said |= {name: value for name in ("verdict", "cause", "reason") if (value := getattr(body, name)) is not None}
    said["owner"] = None if state == "open" else current_user.name
    return said


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("security", __name__, url_prefix="/api/v1/security")

    @made.get("/events")
    @operation(Operation(right="security.read", summary="Door, card and motion events.", query=EventsQuery, result=Events))
    def events_list(query: EventsQuery) -> Events:
        key = paging.decode(query.cursor, int, str)
        before = (int(key[0]), str(key[1])) if key else None
        with reading(engine()) as connection:
            rows = queries.events_before(connection, before=before, limit=query.limit + 1, room=query.room, kind=query.kind)
        page, after = paging.cut(rows, query.limit, lambda row: (row[0], row[1].id))
        return Events(items=[row[1] for row in page], next=after)

    @made.get("/reviews")
    @operation(Operation(right="security.read", summary="The review queue with clips and verdicts.", query=ReviewsQuery, result=Reviews))
    def reviews_list(query: ReviewsQuery) -> Reviews:
        key = paging.decode(query.cursor, int, str)
        before = (int(key[0]), str(key[1])) if key else None
        with reading(engine()) as connection:
            rows = queries.reviews_before(connection, before=before, limit=query.limit + 1, show=query.show)
        page, after = paging.cut(rows, query.limit, lambda row: (row[0], row[1].id))
        return Reviews(items=[row[1] for row in page], next=after)

    @made.get(f"/reviews/<{IDENT}:review>")
    @operation(Operation(right="security.read", summary="One review, and what else was open.", result=queries.Review))
    def review_show(review: str) -> queries.Review:
        return _review(review)

    @made.post(f"/reviews/<{IDENT}:review>")
    @operation(
        Operation(
            right="security.review",
            summary="Take a review, hand it on, or give its verdict.",
            body=ReviewChange,
            result=queries.Review,
            also={202: "recorded; takes effect when ingest is back", 409: "closed already"},
        )
    )
    def review_change(review: str, body: ReviewChange) -> Response:
        done = acting.perform("review.set", _change(_review(review), body))
        return acting.answer(done, _review(review))

    @made.post("/clips")
    @operation(
        Operation(
            right="clips.request",
            summary="Ask a room for a span of its video; the clip comes like those of doors.",
            body=NewClip,
            result=commands.Given,
            status=202,
        )
    )
    def clip_request(body: NewClip) -> commands.Given:
        agent, from_ms, to_ms = body.camera.partition("/")[0], time_ms("from", body.from_), time_ms("to", body.to)
        if not 0 < to_ms - from_ms <= CLIP_MAX_MS:
            raise bad_field("to", f"is after `from`, by at most {CLIP_MAX_MS // 1000} s")
        args = {"camera": body.camera, "from": from_ms, "to": to_ms}
        with writing(engine()) as connection:
            if room_of(connection, agent) is None:
                raise not_found("There is no such camera.")
            ident = commands.give(
                connection, agent=agent, name="clip.request", args=args, actor=current_user.name, lifetime_s=commands.LIFETIME_S
            )
        return commands.Given(id=ident)

    @made.get(f"/clips/<{IDENT}:clip>/video")
    @operation(
        Operation(
            right="clips.view",
            summary="The clip as MP4, with ranges; who sees it and why is recorded.",
            query=files.PurposeQuery,
            media=("video/mp4",),
            purpose=True,
            headers={"Muniment-Purpose": "why, in place of ?purpose="},
        )
    )
    def clip_video(clip: str, query: files.PurposeQuery) -> Response:
        with reading(engine()) as connection:
            found = queries.clip_named(connection, clip)
        if found is None:
            raise not_found("There is no such clip.")
        if found.sha256 is None or not found.stored:
            raise not_found("The clip's bytes have not arrived.")
        acting.record_view(kind="clip", ident=clip, purpose=files.purpose_of(query), strict_roles=files.STRICT_ROLES)
        return files.send_object(found.sha256, mimetype="video/mp4")

    return made
