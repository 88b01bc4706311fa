"""A room's limits: its media, the climate that suits them all as a drawing, what was asked for and what its agents keep, every change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from flask import Blueprint, abort, render_template, request

from central.console import language
from central.console.access import access
from central.console.facts import Facts, Item
from central.console.language import gettext
from central.environment.limits import queries
from central.environment.limits.api import Combination, combination, shown
from central.environment.limits.asked import MEDIA_MAX, Asked
from central.environment.limits.boxes import Box
from central.environment.limits.media import BOXES_MAX, CONFIRMATIONS, VERIFY, Profile
from central.store.engine import reading
from central.web.state import engine

WIDTH, HEIGHT = 480, 300  # of the drawing, without its margins
LEFT, TOP, BOTTOM = 44, 12, 36
LOWEST_C, HIGHEST_C = 5.0, 30.0  # shown at least
DRAWN_C = (-60.0, 100.0)  # and at most, whatever a sensor says
STEP_C = 5
NAME_WIDTH, NAME_HEIGHT = 60, 14  # of a sensor's name in the drawing
Dot = tuple[float, float, str, bool]  # across, up, the sensor's name, whether it lies in a range
NAMES = (
    "set_point_c",
    "set_point_pct",
    "swing_c",
    "swing_pct",
    "rate_c_h",
    "rate_pct_h",
    "dew_point_max_c",
    "condensation_margin_k",
    "surface",
)


@dataclass(frozen=True, kw_only=True)
class Plane:
    """The plane of temperature (across) and humidity (up): rectangles, dots and ticks in the drawing's own units."""

    width: int
    height: int
    left: int
    top: int
    rects: list[tuple[float, float, float, float]]
    dots: list[Dot]
    target: tuple[float, float, float, float] | None
    across: list[tuple[float, str]]
    up: list[tuple[float, str]]


def plane(boxes: Sequence[Box], points: Iterable[tuple[float, float, str]], asked: Asked | None) -> Plane:
    """Draw boxes, the present air of each sensor, and the set point with its swing."""
    points = list(points)
    ends = [end for box in boxes for end in box.temperature if math.isfinite(end)] + [point[0] for point in points]
    low = math.floor((max(min([*ends, LOWEST_C]), DRAWN_C[0]) - 1) / STEP_C) * STEP_C
    high = math.ceil((min(max([*ends, HIGHEST_C]), DRAWN_C[1]) + 1) / STEP_C) * STEP_C

    def x(temp_c: float) -> float:
        return round(LEFT + WIDTH * (min(max(temp_c, low), high) - low) / (high - low), 1)

    def y(rh_pct: float) -> float:
        return round(TOP + HEIGHT * (1 - min(max(rh_pct, 0.0), 100.0) / 100), 1)

    rects = []
    for box in boxes:
        (cold, warm), (dry, damp) = box.temperature, box.humidity
        rects.append((x(cold), y(damp), round(max(x(warm) - x(cold), 1.5), 1), round(max(y(dry) - y(damp), 1.5), 1)))
    dots = apart([(x(t), y(rh), name, not boxes or any(box.holds(t, rh) for box in boxes)) for t, rh, name in points])
    target = None
    if asked is not None and asked.set_point_c is not None and asked.set_point_pct is not None:
        dt, drh = asked.swing_c or 0.0, asked.swing_pct or 0.0
        left, top = x(asked.set_point_c - dt), y(asked.set_point_pct + drh)
        target = (left, top, round(x(asked.set_point_c + dt) - left, 1), round(y(asked.set_point_pct - drh) - top, 1))
    across = [(x(value), f"{value}") for value in range(int(low), int(high) + 1, STEP_C if high - low <= 60 else 10)]
    up = [(y(value), f"{value}") for value in range(0, 101, 20)]
    return Plane(
        width=LEFT + WIDTH + 12,
        height=TOP + HEIGHT + BOTTOM,
        left=LEFT,
        top=TOP,
        rects=rects,
        dots=dots,
        target=target,
        across=across,
        up=up,
    )


def apart(dots: Sequence[Dot]) -> list[Dot]:
    """Dots whose names would be written over each other share one line of names, at the first of them."""
    made: list[Dot] = []
    for across, up, name, inside in dots:
        at = next(
            (i for i, dot in enumerate(made) if dot[2] and abs(dot[0] - across) < NAME_WIDTH and abs(dot[1] - up) < NAME_HEIGHT), None
        )
        if at is not None:
            made[at] = (*made[at][:2], f"{made[at][2]}, {name}", made[at][3])
        made.append((across, up, "" if at is not None else name, inside))
    return made


def span(low: float | None, high: float | None, unit: str) -> str:
    """A range as people write it."""
    if low is None and high is None:
        return gettext("any")
    if low is None:
        return f"≤ {high:g} {unit}"
    return f"≥ {low:g} {unit}" if high is None else f"{low:g} – {high:g} {unit}"


def boxes_words(boxes: Sequence[Box]) -> list[str]:
    """The ranges in words; of alternatives those that can be held, since the others are not sent to agents."""
    held = [box for box in boxes if box.holdable]
    return [box_words(box) for box in held or boxes]


def box_words(box: Box) -> str:
    """`14 – 24 °C, 45 – 60 %`."""
    return f"{span(box.t_min, box.t_max, '°C')}, {span(box.rh_min, box.rh_max, '% RH')}"


def _said(name: str, value: float | str | None) -> str:
    texts = {
        "set_point_c": gettext("Set point, temperature"),
        "set_point_pct": gettext("Set point, humidity"),
        "swing_c": gettext("Swing in 24 h, temperature"),
        "swing_pct": gettext("Swing in 24 h, humidity"),
        "rate_c_h": gettext("Change in an hour, temperature"),
        "rate_pct_h": gettext("Change in an hour, humidity"),
        "dew_point_max_c": gettext("Highest dew point"),
        "condensation_margin_k": gettext("Condensation margin"),
        "surface": gettext("Sensor on the cold surface"),
    }
    units = {"c": "°C", "pct": "% RH", "h": "", "k": "K", "surface": ""}
    shown_value = (
        "–" if value is None else f"{value:g} {units.get(name.rpartition('_')[2], '')}".strip() if not isinstance(value, str) else value
    )
    return f"{texts[name]}: {shown_value}"


def diff(before: Asked | None, after: Asked) -> list[str]:
    """What a change changed, in words."""
    lang, made = language.language(), []
    old = {one.id: one for one in before.profiles} if before is not None else {}
    new = {one.id: one for one in after.profiles}
    made += [gettext("Added: %(what)s", what=one.medium(lang)) for key, one in new.items() if key not in old]
    made += [gettext("Removed: %(what)s", what=one.medium(lang)) for key, one in old.items() if key not in new]
    made += [
        gettext("Figures changed: %(what)s", what=one.medium(lang))
        for key, one in new.items()
        if key in old and old[key].boxes != one.boxes
    ]
    for name in NAMES:
        was, now = getattr(before, name, None), getattr(after, name)
        if was != now:
            made.append(_said(name, now))
    if not after.profiles and after == Asked(media=[]):
        made.append(gettext("The agents keep the limits of their own files again"))
    return made or [gettext("Sent again without a change")]


def _choice(profiles: dict[str, Profile], chosen: Sequence[str]) -> list[Item]:
    lang = language.language()
    return [
        {
            "id": one.id,
            "medium": one.medium(lang),
            "standard": one.standard,
            "confirmation": CONFIRMATIONS[one.confirmation][lang],
            "code": one.confirmation,
            "boxes": [box_words(box) for box in one.boxes if box != Box()],
            "swing": [
                _said(name, value)
                for name in ("swing_c", "swing_pct", "rate_c_h", "rate_pct_h")
                if (value := getattr(one, name)) is not None
            ],
            "note": one.note_zh if lang == "zh" else one.note_en,
            "sources": one.sources,
            "own": one.confirmation == "own",
            "chosen": one.id in chosen,
            "words": f"{one.id} {one.medium('en')} {one.medium('zh')} {one.standard}".lower(),
        }
        for one in profiles.values()
    ]


def _points(room: Item) -> list[tuple[float, float, str]]:
    good = {one["sensor"]: one for one in room["readings"] if one["fresh"] and one["quality"] == "good" and one["v"] is not None}
    found = []
    for sensor, warm in good.items():
        damp = good.get(f"{sensor.rpartition('.')[0]}.relative_humidity")
        if warm["q"] == "temperature" and damp is not None:
            found.append((warm["v"], damp["v"], warm["name"]))
    return found


def _draft(asked: Asked | None, known: dict[str, Profile]) -> tuple[list[str], bool]:
    """The media that the page shows as chosen: those being tried, else those asked for; and whether they are being tried."""
    tried = "draft" in request.args
    wish = request.args.getlist("media") if tried else (asked.media if asked is not None else [])
    return [one for one in dict.fromkeys(wish) if one in known][:MEDIA_MAX], tried


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the page."""

    @made.get("/rooms/<room_id>/limits")
    @access("limits.read")
    def room_limits(room_id: str) -> str:
        room: dict[str, Any] = facts.room(room_id) or abort(404)
        lang = language.language()
        with reading(engine()) as connection:
            found = shown(connection, room_id)
            known = queries.profiles(connection)
        asked = found.asked.asked if found.asked is not None else None
        retired = {one.id: one for one in (asked.profiles if asked is not None else []) if one.id not in known}
        known = known | retired  # what a room chose stays, also when it was taken out of the choice
        chosen, tried = _draft(asked, known)
        preview: Combination = combination([known[one] for one in chosen])
        changes = [*found.history, None]
        history = [
            {"t": one.t, "actor": one.actor, "changes": diff(changes[i + 1].asked if changes[i + 1] is not None else None, one.asked)}  # type: ignore[union-attr]
            for i, one in enumerate(found.history)
        ]
        copying = known.get(request.args.get("copy", ""))
        return render_template(
            "console/room_limits.html",
            room=room,
            setting=found.settings,
            limits=found.limits,
            asked=asked,
            asked_change=found.asked,
            agents=found.agents,
            history=history,
            choice=_choice(known, chosen),
            chosen=chosen,
            tried=tried,
            preview=preview,
            conflict=preview.conflict[lang] if preview.conflict else None,
            boxes=boxes_words([box for box in preview.boxes if box != Box()]),
            in_force=boxes_words(found.limits.boxes),
            plane=plane(
                [box for box in preview.boxes if box != Box() and (box.holdable or not any(one.holdable for one in preview.boxes))],
                _points(room),
                asked if not tried else None,
            ),
            verify=VERIFY[lang],
            confirmations={code: words[lang] for code, words in CONFIRMATIONS.items()},
            copying=copying,
            copy_boxes=([msgspec.to_builtins(box) for box in copying.boxes] + [{}])[:BOXES_MAX] if copying else [],
        )
