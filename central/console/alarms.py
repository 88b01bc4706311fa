"""The list of alarms: what is open, the loudest first; what is shelved, held back, over."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, render_template, request

from central.console import paged
from central.console.access import access
from central.console.facts import Facts, Item
from central.environment import alarms as queries
from central.environment.queries import room_ids
from central.store.engine import reading
from central.web.state import engine

SHOW = ("open", "shelved", "suppressed", "history", "all")
LOUDEST_FIRST = ("open", "shelved", "suppressed")
PRIORITIES = ("urgent", "high", "medium", "low")
TEXT_MAX = 100
PAGE = 50


def asked(allowed: tuple[str, ...], name: str, default: str) -> str:
    """A parameter of the address, if it is one of these."""
    wish = request.args.get(name, default)
    return wish if wish in allowed else default


def _listed(connection: Any, which: dict[str, Any]) -> tuple[list[Item], str | None]:
    if which["show"] in LOUDEST_FIRST:
        return [msgspec.to_builtins(one) for one in queries.alarms_listed(connection, **which)], None
    found = queries.alarms_before(connection, before=paged.before(request.args.get("cursor")), limit=PAGE + 1, **which)
    return paged.cut(found, PAGE)


def routes(made: Blueprint, _facts: Facts) -> None:
    """Add the page."""

    @made.get("/alarms")
    @access("alarms.read")
    def alarms() -> str:
        which: dict[str, Any] = {"show": asked(SHOW, "show", "open"), "priority": asked(PRIORITIES, "priority", "") or None}
        which |= {"text": request.args.get("text", "")[:TEXT_MAX].strip() or None}
        with reading(engine()) as connection:
            rooms = room_ids(connection)
            which["room"] = asked(tuple(rooms), "room", "") or None
            items, following = _listed(connection, which)
            for alarm in items:
                alarm["notes"] = [msgspec.to_builtins(note) for note in queries.notes_of(connection, alarm["id"])]
            counts = queries.counts(connection, room=which["room"])
        return render_template("console/alarms.html", alarms=items, next=following, counts=counts, rooms=rooms, which=which, shows=SHOW)
