"""The pages of floor plans: what stands where, with its value and light; drawn and placed by those who may."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from central.console.access import access
from central.console.facts import Facts, Item

KINDS = ("room", "sensor", "contact", "camera")  # in the order in which a tray offers them
SHOWN = 2  # values on a pin


def things(rooms: list[Item], cameras: dict[str, list[str]]) -> dict[str, Item]:
    """All that can stand on a plan, by item: what it is called, what it shows, where it leads."""
    made: dict[str, Item] = {}
    sensors_page = "console.room_sensors" in current_app.view_functions
    for room in rooms:
        here = url_for("console.room", room_id=room["id"])
        made[f"room:{room['id']}"] = {"kind": "room", "name": room["name"], "room": room["name"], "light": room["light"], "url": here}
        for reading in room["readings"]:
            stem = reading["sensor"].rpartition(".")[0]
            where = url_for("console.room_sensors", room_id=room["id"]) if sensors_page else here
            empty = {"kind": "sensor", "name": reading["name"], "room": room["name"], "url": where, "readings": []}
            made.setdefault(f"sensor:{stem}", empty)["readings"].append(reading)
        for contact in room["contacts"]:
            name = contact["id"].rpartition("/")[2]
            made[f"contact:{contact['id']}"] = {"kind": "contact", "name": name, "room": room["name"], "contact": contact, "url": here}
        for camera in cameras.get(room["id"], []):
            made[f"camera:{camera}"] = {"kind": "camera", "name": camera.rpartition("/")[2], "room": room["name"], "url": here}
    for thing in made.values():
        thing["readings"] = thing.get("readings", [])[:SHOWN]
        if thing["kind"] == "sensor":
            thing["doubt"] = any(reading["quality"] != "good" or not reading["fresh"] for reading in thing["readings"])
    return made


def _drawn(facts: Facts, plan_id: str) -> dict[str, Any]:
    """A plan with its items, and what is not on it yet."""
    found = facts.plan(plan_id) or abort(404)
    known = things(facts.rooms(), facts.cameras())
    placed = [place | (known.get(place["item"]) or _gone(place["item"])) for place in found["places"]]
    on_it = {place["item"] for place in placed}
    rest = sorted((item for item in known if item not in on_it), key=lambda item: (KINDS.index(known[item]["kind"]), item))
    return {"plan": found["plan"], "placed": placed, "tray": [known[item] | {"item": item} for item in rest]}


def _gone(item: str) -> Item:
    """What stands on a plan and is known no more."""
    kind, _, name = item.partition(":")
    return {"kind": kind, "name": name, "room": "", "url": None, "readings": [], "gone": True}


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the pages."""

    @made.get("/plans")
    @access("environment.read")
    def plans() -> str | Response:
        found = facts.plans()
        if len(found) == 1 and "all" not in request.args:
            return redirect(url_for("console.plan", plan_id=found[0]["id"]))
        return render_template("console/plans.html", plans=found)

    @made.get("/plans/<plan_id>")
    @access("environment.read")
    def plan(plan_id: str) -> str:
        drawn = _drawn(facts, plan_id)
        return render_template("console/plan.html", plans=facts.plans(), room=None, may_edit=current_user.may("plans.edit"), **drawn)

    @made.get("/rooms/<room_id>/plan")
    @access("environment.read")
    def room_plan(room_id: str) -> str:
        room = facts.room(room_id) or abort(404)
        items = [item for item, thing in things([room], facts.cameras()).items() if thing]
        ids = facts.plans_with(items)
        wish = request.args.get("plan")
        shown = wish if wish in ids else ids[0] if ids else None
        if shown is None:
            return render_template("console/room_plan.html", room=room, plans=facts.plans())
        mine = [plan for plan in facts.plans() if plan["id"] in ids]
        return render_template("console/plan.html", plans=mine, room=room, may_edit=current_user.may("plans.edit"), **_drawn(facts, shown))
