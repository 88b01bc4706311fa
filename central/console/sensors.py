"""Sensors as instruments, of one room or of all: value, coverage, calibration; one of them looked at and calibrated."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from flask import Blueprint, abort, render_template, request, url_for

from central.console import language
from central.console.access import access
from central.console.facts import Facts, Item
from central.environment.instruments import queries
from central.environment.instruments.light import LIGHT_LIMITS, QUANTITIES, dose, uv_per_lumen
from central.environment.limits.media import CONFIRMATIONS
from central.store.engine import reading
from central.times import now_ms
from central.web.state import config, engine

DAY_MS = 86_400_000
YEAR_DAYS = 365
SPANS = (("day", 1), ("month", 30), ("year", YEAR_DAYS))
TONES = {"none": "grey", "valid": "green", "soon": "yellow", "overdue": "red"}


def _light(connection: Any, channel: str, now: int) -> list[Item]:
    """The dose of the last day, month and year."""
    return [
        {"span": name, **msgspec.to_builtins(found)}
        for name, days in SPANS
        if (found := dose(connection, channel, now - days * DAY_MS, now)) is not None
    ]


def _uv(found: list[Item], sensor: Item) -> float | None:
    """Ultraviolet a lumen, from the two channels of one sensor."""
    values = {one["q"]: one["v"] for one in found if one["agent"] == sensor["agent"] and one["sensor"] == sensor["sensor"] and one["fresh"]}
    return uv_per_lumen(values.get("uv_irradiance"), values.get("illuminance"))


def _page(facts: Facts, room_id: str | None) -> str:
    room = None if room_id is None else facts.room(room_id) or abort(404)
    asked, now = request.args.get("channel"), now_ms()
    with reading(engine()) as connection:
        found = [msgspec.to_builtins(one) for one in queries.sensors(connection, room=room_id, silence_s=config().limits.silence_s)]
        chosen = next((one for one in found if one["channel"] == asked), None)
        if asked and chosen is None:
            abort(404)
        history = [msgspec.to_builtins(one) for one in queries.calibrations_of(connection, asked)] if chosen and asked else []
        light = _light(connection, str(asked), now) if chosen and chosen["q"] in QUANTITIES else []
    today = datetime.fromtimestamp(now / 1000, language.zone()).date()
    show = request.args.get("show")
    listed = [one for one in found if one["calibrated"] in ("overdue", "soon")] if show == "due" else found
    here = url_for("console.room_sensors", room_id=room_id) if room_id is not None else url_for("console.sensors")
    return render_template(
        "console/sensors.html",
        room=room,
        sensors=listed,
        total=len(found),
        due=sum(one["calibrated"] in ("overdue", "soon") for one in found),
        silent=sum(not one["fresh"] for one in found),
        show=show,
        chosen=chosen,
        history=history,
        light=light,
        uv=_uv(found, chosen) if chosen and light else None,
        light_limits=[msgspec.to_builtins(one) for one in LIGHT_LIMITS],
        confirmations=CONFIRMATIONS,
        tones=TONES,
        today=today.isoformat(),
        next_year=(today + timedelta(days=YEAR_DAYS)).isoformat(),
        here=here,
    )


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the pages."""

    @made.get("/sensors")
    @access("environment.read")
    def sensors() -> str:
        return _page(facts, None)

    @made.get("/rooms/<room_id>/sensors")
    @access("environment.read")
    def room_sensors(room_id: str) -> str:
        return _page(facts, room_id)
