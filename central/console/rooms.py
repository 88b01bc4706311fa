"""The pages of storerooms: all at a glance, and one room's own."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, abort, jsonify, make_response, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from central.console import course, formats, language, shapes, words
from central.console.access import access
from central.console.facts import Facts, Item
from central.console.language import gettext

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
COURSES_MS = (HOUR_MS, HOUR_MS // 6)  # what a young room's small chart spans: the longest that there is enough of
COURSE_POINTS = 96
COURSE_ENOUGH = 8  # points
EVENTS_MAX = 20
ALARMS_MAX = 20
CARDS_MAX = 8  # with more rooms the list is what one sees first
TIME_DIGITS = 15  # of milliseconds since 1970
VIEWS = ("cards", "list")
VIEW_COOKIE = "muniment_rooms"
LIGHTS = ("red", "yellow", "grey", "green")  # the worst first


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _young(facts: Facts, sensor: str, now_ms: int) -> dict[str, object]:
    """The course of a channel that has been there for some hours only, and what its span is called."""
    said = (gettext("The last hour"), gettext("The last 10 minutes"))
    for span_ms, text in zip(COURSES_MS, said, strict=True):
        points = facts.course(sensor, from_ms=now_ms - span_ms, to_ms=now_ms, points=COURSE_POINTS)
        if len(points) >= COURSE_ENOUGH or span_ms == COURSES_MS[-1]:
            return {"points": points, "words": text}
    raise AssertionError("the last span is always taken")


def _courses(facts: Facts, rooms: list[Item], now_ms: int, view: str) -> None:
    """Give each room the small charts of its readings: a day from the hours, less where there is less."""
    names = [reading["sensor"] for room in rooms for reading in room["readings"] if view == "cards" or reading["q"] in course.PAIR]
    day = facts.courses(names, from_ms=now_ms - DAY_MS)
    text = gettext("The last 24 hours")
    for room in rooms:
        room["courses"] = {}
        for reading in room["readings"]:
            points = day.get(reading["sensor"], [])
            if len(points) >= COURSE_ENOUGH or len(rooms) > CARDS_MAX:
                room["courses"][reading["sensor"]] = {"points": points, "words": text}
            elif reading["sensor"] in day:
                room["courses"][reading["sensor"]] = _young(facts, reading["sensor"], now_ms)


def worst_first(rooms: list[Item]) -> list[Item]:
    """Red before yellow before grey before green; more alarms before fewer; then by name."""
    return sorted(rooms, key=lambda room: (LIGHTS.index(room["light"]), -len(room["alarms"]), room["name"]))


def _view(count: int) -> str:
    """Cards or a list: what was asked for, what this browser chose before, or what suits the number of rooms."""
    for wish in (request.args.get("view"), request.cookies.get(VIEW_COOKIE)):
        if wish in VIEWS:
            return str(wish)
    return "cards" if count <= CARDS_MAX else "list"


def _heard(room: Item) -> int | None:
    """When the room was last heard of."""
    return max((t for reading in room["readings"] if (t := formats.to_ms(reading["t"])) is not None), default=None)


def _marks(facts: Facts, room_id: str) -> dict[str, Any]:
    given = [request.args.get(name, "") for name in ("from", "to")]
    ends = [int(one) if one.isdecimal() and len(one) <= TIME_DIGITS else None for one in given]
    if ends[0] is None or ends[1] is None or ends[0] >= ends[1]:
        abort(400)
    found = facts.marks(room_id, from_ms=ends[0], to_ms=ends[1])
    if found is None:
        abort(404)
    lang = language.language()
    for alarm in found["alarms"]:
        alarm["text"] = shapes.alarm_words(alarm, lang)
        alarm["url"] = url_for("console.alarm", alarm_id=alarm["id"])
    for work in found["works"]:
        work["text"] = f"{words.word(words.WORKS_KIND, work['kind'])}: {work['reason']}"
    return found


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the pages."""

    @made.get("/rooms")
    @access("environment.read")
    def rooms() -> Response:
        found = worst_first(facts.rooms())
        view = _view(len(found))
        _courses(facts, found, _now_ms(), view)
        for room in found:
            room["heard"] = _heard(room)
        counts = {light: sum(room["light"] == light for room in found) for light in LIGHTS}
        alarms = [alarm for room in found for alarm in room["alarms"]]
        answer = make_response(render_template("console/rooms.html", rooms=found, alarms=alarms, view=view, counts=counts))
        if request.args.get("view") in VIEWS:
            answer.set_cookie(VIEW_COOKIE, view, max_age=language.YEAR_S, samesite="Lax", secure=request.is_secure, httponly=True)
        return answer

    @made.get("/rooms/<room_id>")
    @access("environment.read")
    def room(room_id: str) -> str:
        found = facts.room(room_id) or abort(404)
        limits = facts.room_limits(room_id)
        first = facts.first_ms(room_id) or _now_ms()
        config = course.config_of(
            found, facts.channels(), boxes=limits["boxes"], first_ms=first, marks_url=url_for("console.room_marks", room_id=room_id)
        )
        box = course.box_in_force(limits["boxes"], found["readings"])
        events = facts.events(room=room_id, limit=EVENTS_MAX) if current_user.may("security.read") else None
        return render_template(
            "console/room.html",
            room=found,
            alarms=facts.alarms(show="all", room=room_id)[0][:ALARMS_MAX],
            events=events,
            config=config,
            groups=course.groups_of(config, found["name"]),
            limits=limits,
            box=course.box_words(course.box_drawn(found, box)),
            alternative=box is not None
            and course.box_drawn(found, box) == {side: value for side, value in box.items() if value is not None},
        )

    @made.get("/rooms/<room_id>/marks")
    @access("environment.read")
    def room_marks(room_id: str) -> Response:
        return jsonify(_marks(facts, room_id))
