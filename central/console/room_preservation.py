"""The page of what a room's climate does to what is kept in it: each metric with trend, coverage, bounds and a sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, render_template, request

from central.console.access import access
from central.console.facts import Facts, Item
from central.console.language import gettext, language
from central.times import now_ms

DAY_MS = 86_400_000
SPANS = (30, 90, 365, 730)  # days
TREND_LEAST = 2  # months


def _labels() -> dict[str, tuple[str, str, int]]:
    """What a metric is called, its unit as written, and its decimals."""
    return {
        "twpi_years": (gettext("Time-weighted preservation index"), gettext("years, approx."), 0),
        "lifetime_multiplier": (gettext("Lifetime multiplier of paper"), "×", 2),
        "mould_index": (gettext("Mould index"), gettext("of 6"), 1),
        "within_limits": (gettext("Time within limits"), "%", 1),
        "mkt_c": (gettext("Mean kinetic temperature"), "°C", 1),
        "dew_point_c": (gettext("Dew point, on average"), "°C", 1),
        "absolute_humidity_g_m3": (gettext("Absolute humidity, on average"), "g/m³", 1),
        "emc_pct": (gettext("Moisture content of wood"), "%", 1),
    }


def _month_ms(month: str) -> int:
    return round(datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC).timestamp() * 1000)


def trend(months: list[Item], name: str) -> list[list[Any]]:
    """A metric's months as points of a small chart; empty while there are too few."""
    points = [[_month_ms(month["month"]), month[name], month[name], month[name], 1] for month in months if month.get(name) is not None]
    return points if len(points) >= TREND_LEAST else []


def cards_of(sensor: Item, lang: str) -> list[Item]:
    """What the page shows of each metric, in the order of what matters."""
    made = []
    for name, (label, unit, places) in _labels().items():
        metric = sensor["summary"]["metrics"].get(name)
        if metric is None:
            continue
        share = 100.0 if name == "within_limits" else 1.0
        shown = {key: None if metric[key] is None else metric[key] * share for key in ("value", "low", "high")}
        more = {
            "coverage": metric["coverage"] * 100.0,
            "words": metric["zh" if lang == "zh" else "en"],
            "trend": trend(sensor["months"], name),
        }
        made.append({"name": name, "label": label, "unit": unit, "places": places, **shown, **more})
    return made


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the page."""

    @made.get("/rooms/<room_id>/preservation")
    @access("environment.read")
    def room_preservation(room_id: str) -> str:
        room = facts.room(room_id) or abort(404)
        wish = request.args.get("days", "")
        days = int(wish) if wish in map(str, SPANS) else SPANS[0]
        now = now_ms()
        sensors = facts.preservation(room_id, from_ms=now - days * DAY_MS, to_ms=now)
        lang = language()
        for sensor in sensors:
            sensor["cards"] = cards_of(sensor, lang)
        return render_template("console/room_preservation.html", room=room, sensors=sensors, days=days, spans=SPANS, lang=lang)
