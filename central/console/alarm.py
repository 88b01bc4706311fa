"""The page of one alarm: what, where, since when, what to do, and what explains it."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import msgspec
from flask import Blueprint, abort, render_template
from flask_login import current_user
from sqlalchemy import Connection

from central.console import language, moment
from central.console.access import access
from central.console.facts import Facts, Item
from central.environment import alarms as queries
from central.environment.beside import beside, quantity_of
from central.environment.patrols.queries import checks_between
from central.environment.works.queries import works_of_room
from central.ledger.queries import agents_of_room
from central.security import queries as security
from central.store.engine import reading
from central.times import now_ms, rfc3339
from central.web.fields import PATHID
from central.web.state import engine

HOUR_MS = 3_600_000
AROUND_MS = 3 * HOUR_MS  # what the chart shows before and after
LONGEST_MS = 48 * HOUR_MS
POINTS = 240
DOORS_MAX = 100
MORNING = time(8, 0)


def _until_morning_min() -> int:
    """Minutes until eight o'clock of the next morning, in the viewer's time zone."""
    now = datetime.now(language.zone())
    morning = datetime.combine(now.date() + timedelta(days=1), MORNING, language.zone())
    return int((morning - now).total_seconds() // 60) + 1


def _explained(connection: Connection, alarm: Item, since: int, until: int) -> dict[str, Any]:
    """What happened around it: doors of the hour before, patrols, works, cause and consequences, clips for those who may see them."""
    room = alarm["room"]
    found: dict[str, Any] = {}
    doors = security.openings_of(connection, room, from_ms=since - HOUR_MS, to_ms=until, limit=DOORS_MAX) if room else []
    found["doors"] = [
        msgspec.to_builtins(one) | {"from": rfc3339(one.from_ms), "to": None if one.to_ms is None else rfc3339(one.to_ms)} for one in doors
    ]
    patrols = checks_between(connection, from_ms=since - 12 * HOUR_MS, to_ms=until + HOUR_MS, room=room)
    found["patrols"] = [msgspec.to_builtins(one) for one in patrols]
    works = works_of_room(connection, room, from_ms=since - HOUR_MS, to_ms=until + 1, now_ms=now_ms())
    found["works"] = [msgspec.to_builtins(one) for one in works]
    cause = queries.alarm_named(connection, alarm["cause"]) if alarm["cause"] else None
    found["cause"] = None if cause is None else msgspec.to_builtins(cause)
    found["consequences"] = [msgspec.to_builtins(one) for one in queries.consequences(connection, alarm["id"])]
    if current_user.may("clips.view") and room:
        found["clips"] = [msgspec.to_builtins(one) for one in security.clips_at(connection, agents_of_room(connection, room), since)]
    return found


def _told(facts: Facts, alarm: Item) -> str | None:
    """What the sensor's driver says of its last bad value, for an open alarm about a sensor (`{agent}/{sensor}`)."""
    agent, _, sensor = str(alarm["subject"]).partition("/")
    room = facts.room(alarm["room"]) if sensor and alarm["room"] and alarm["active"] else None
    mine = [one for one in room["readings"] if one["sensor"].startswith(f"{agent}.{sensor}.")] if room else []
    return next((str(one["why"]) for one in mine if one["quality"] == "bad" and one["why"]), None)


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the page."""
    made.app_template_global("minutes_to_morning")(_until_morning_min)

    @made.get(f"/alarms/<{PATHID}:alarm_id>")
    @access("alarms.read")
    def alarm(alarm_id: str) -> str:
        now = now_ms()
        with reading(engine()) as connection:
            found = queries.alarm_named(connection, alarm_id) or abort(404)
            since, returned = queries.since_ms(connection, alarm_id)
            item: Item = msgspec.to_builtins(found)
            until = min(now if item["active"] or returned is None else returned, since + LONGEST_MS)
            explained = _explained(connection, item, since, until)
            quantity = quantity_of(connection, found.subject)
            moments = [since - HOUR_MS // 2, since, min(since + HOUR_MS // 2, now)]
            asked = {"room": found.room, "quantity": quantity or "", "subject": found.subject}
            sensors = [msgspec.to_builtins(one) for one in beside(connection, at_ms=moments, **asked)] if quantity else []
            notes = [msgspec.to_builtins(note) for note in queries.notes_of(connection, alarm_id)]
        span = (max(since - AROUND_MS, 0), min(until + AROUND_MS, now))
        points = facts.course(found.subject, from_ms=span[0], to_ms=span[1], points=POINTS) if quantity else []
        drawn = moment.drawn(points, span=span, limit=found.limit, held=(since, until), doors=explained["doors"])
        return render_template(
            "console/alarm.html",
            alarm=item | {"notes": notes},
            quantity=quantity,
            told=_told(facts, item),
            moments=[rfc3339(one) for one in moments],
            sensors=sensors,
            drawn=drawn,
            span=span,
            **explained,
        )
