"""The patrol, for a phone first: rounds and what is due, the walk with its checkpoints, the printed codes, the rounds' editor."""

from __future__ import annotations

from typing import Any

import msgspec
import segno
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from central.console.access import access
from central.console.facts import Facts, Item
from central.environment.patrols import queries
from central.store.engine import reading
from central.times import now_ms, rfc3339
from central.web.fields import IDENT
from central.web.state import config, engine

DAY_MS = 86_400_000
HISTORY_DAYS = 31
HISTORY_MAX = 100
QR_SCALE = 6


def _progress(connection: Any, one: queries.Round, now: int) -> Item:
    """A round with the walk that is on or next: when it is due, what was checked in it."""
    walk = queries.next_walk(connection, one, now_ms=now)
    done: list[queries.Check] = []
    if walk is not None and walk.from_ms <= now:
        done = queries.checks_between(connection, from_ms=walk.from_ms, to_ms=walk.to_ms, round_id=one.id)
    by_code: dict[str, Item] = {}
    for check in reversed(done):
        by_code[check.code] = msgspec.to_builtins(check)
    made: Item = msgspec.to_builtins(one)
    made |= {"due": None if walk is None else rfc3339(walk.due_ms), "ends": None if walk is None else rfc3339(walk.to_ms)}
    made |= {"checked": by_code, "left": sum(point.code not in by_code for point in one.checkpoints)}
    made |= {"begun": walk is not None and walk.from_ms <= now, "wrong": sum(not check["ok"] for check in by_code.values())}
    return made


def _code_url(code: str) -> str:
    return f"{config().web.public_url.rstrip('/')}{url_for('console.patrol_code', code=code)}"


def _walk_routes(made: Blueprint, facts: Facts) -> None:
    @made.get("/patrol")
    @access("patrols.read")
    def patrol() -> str:
        now = now_ms()
        with reading(engine()) as connection:
            rounds = [_progress(connection, one, now) for one in queries.rounds(connection)]
            checks = queries.checks_between(connection, from_ms=now - HISTORY_DAYS * DAY_MS, to_ms=now + DAY_MS)
        return render_template("console/patrol.html", rounds=rounds, checks=[msgspec.to_builtins(one) for one in checks[:HISTORY_MAX]])

    @made.get(f"/patrol/<{IDENT}:round_id>")
    @access("patrols.read")
    def patrol_round(round_id: str) -> str:
        with reading(engine()) as connection:
            found = queries.round_named(connection, round_id) or abort(404)
            one = _progress(connection, found, now_ms())
        rooms = {room: facts.room(room) for room in {point["room"] for point in one["checkpoints"]}}
        return render_template("console/patrol_walk.html", round=one, rooms=rooms, scanned=request.args.get("scanned", "")[:40])

    @made.get(f"/patrol/c/<{IDENT}:code>")
    @access("patrols.read")
    def patrol_code(code: str) -> Response:
        with reading(engine()) as connection:
            found = queries.point_named(connection, code) or abort(404)
        return redirect(url_for("console.patrol_round", round_id=found[0], scanned=code, _anchor=f"c-{code}"))


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the pages."""
    _walk_routes(made, facts)

    @made.get(f"/patrol/<{IDENT}:round_id>/codes")
    @access("patrols.read")
    def patrol_codes(round_id: str) -> str:
        with reading(engine()) as connection:
            found = queries.round_named(connection, round_id) or abort(404)
        one = msgspec.to_builtins(found)
        for point in one["checkpoints"]:
            code = segno.make(_code_url(point["code"]), error="m", micro=False)
            point["svg"] = code.svg_inline(scale=QR_SCALE, border=2, omitsize=True)
            point["url"] = _code_url(point["code"])
        return render_template("console/patrol_codes.html", round=one)

    @made.get("/patrol/rounds")
    @access("patrols.read")
    def patrol_rounds() -> str:
        wish = request.args.get("round", "")
        with reading(engine()) as connection:
            rounds = [msgspec.to_builtins(one) for one in queries.rounds(connection)]
        chosen = next((one for one in rounds if one["id"] == wish), None)
        if wish and chosen is None:
            abort(404)
        rooms = [(room["id"], room["name"]) for room in facts.rooms()] if current_user.may("patrols.edit") else []
        return render_template("console/patrol_rounds.html", rounds=rounds, chosen=chosen, rooms=rooms, site_zone=config().timezone)
