"""The page of a room's monthly reports: look at one, file one, fetch what was filed, say when they are made by themselves."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template

from central.console.access import access
from central.console.facts import Facts
from central.environment.reports import queries
from central.store.engine import reading
from central.times import now_ms
from central.web.state import config, engine

MONTHS_MAX = 36


def months_of(found: list[queries.Report], *, first: str | None, this: str) -> list[dict[str, Any]]:
    """Each month from the present one back to the first with data or a filed report, at most MONTHS_MAX: what was filed of it."""
    earliest = min([one.month for one in found] + ([first] if first else []), default=this)
    month, made = this, list[dict[str, Any]]()
    while month >= earliest and len(made) < MONTHS_MAX:
        made.append({"month": month, "over": month < this, "filed": [one for one in found if one.month == month]})
        month = queries.month_before(month)
    return made


def routes(made: Blueprint, facts: Facts) -> None:
    """The page."""

    @made.get("/rooms/<room_id>/reports")
    @access("environment.read")
    def room_reports(room_id: str) -> str:
        room = facts.room(room_id) or abort(404)
        zone = config().zone
        with reading(engine()) as connection:
            found = queries.filed(connection, room=room_id)
            schedule = next(iter(queries.schedules(connection, room_id)), None)
            first = queries.first_month(connection, room_id, zone)
        months = months_of(found, first=first, this=queries.month_of(now_ms(), zone)) if first or found else []
        return render_template("console/room_reports.html", room=room, months=months, schedule=schedule, site_zone=zone.key)
