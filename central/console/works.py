"""Planned works: the banner while they are on, and a room's page of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from flask import Blueprint, abort, render_template
from flask_login import current_user

from central.console import language
from central.console.access import access
from central.console.facts import Facts, Item
from central.environment import alarms as alarm_queries
from central.environment.works import queries
from central.store.engine import reading
from central.times import now_ms
from central.web.state import engine


def works_now(room: str | None = None) -> list[Item]:
    """Works that are on, in a room or anywhere, each with `held_back`, how many alarms it holds back."""
    if not current_user.is_authenticated or not current_user.may("environment.read"):
        return []
    with reading(engine()) as connection:
        on = [one for one in queries.works_on(connection, now_ms=now_ms()) if room is None or one.room == room]
        return [msgspec.to_builtins(one) | {"held_back": alarm_queries.held_back(connection, one.id)} for one in on]


def proposed() -> dict[str, str]:
    """The next full hour and four hours later, in the viewer's time zone, as a form's fields have them."""
    begin = datetime.now(language.zone()).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return {"from": begin.strftime("%Y-%m-%dT%H:%M"), "to": (begin + timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M")}


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the page and the banner."""
    made.app_template_global("works_now")(works_now)

    @made.get("/rooms/<room_id>/works")
    @access("environment.read")
    def room_works(room_id: str) -> str:
        room: dict[str, Any] = facts.room(room_id) or abort(404)
        with reading(engine()) as connection:
            listed = [msgspec.to_builtins(one) for one in queries.works_listed(connection, room_id, now_ms=now_ms())]
            for one in listed:
                one["held_back"] = alarm_queries.held_back(connection, one["id"]) if one["state"] == "on" else 0
        return render_template("console/room_works.html", room=room, works=listed, proposed=proposed())
