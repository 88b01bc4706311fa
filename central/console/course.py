"""What the chart of a room may show: its channels and their limits, what is derived of them, and what to compare them with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from central.console import words
from central.console.facts import Item
from central.console.language import gettext

PAIR = ("temperature", "relative_humidity")
SIDES = {"temperature": ("t_min", "t_max"), "relative_humidity": ("rh_min", "rh_max")}
QUIET = ("count", "voltage")  # not what anybody compares first


def box_in_force(boxes: Sequence[Item], readings: Sequence[Item]) -> Item | None:
    """Of the allowed boxes the one that holds the room's values, else the nearest; None where there is none."""
    last = {q: next((r["v"] for r in readings if r["q"] == q and r["v"] is not None), None) for q in PAIR}

    def beyond(box: Item) -> float:
        far = 0.0
        for quantity, (low, high) in SIDES.items():
            value = last[quantity]
            if value is not None:
                below = box[low] - value if box.get(low) is not None else 0.0
                above = value - box[high] if box.get(high) is not None else 0.0
                far += max(below, above, 0.0) / (1.0 if quantity == "temperature" else 3.0)  # 1 degree weighs as much as 3 % humidity
        return far

    return min(boxes, key=beyond) if boxes else None


def limits_for(reading: Item, room: Item, box: Item | None) -> tuple[float | None, float | None]:
    """(below, above) of a reading's channel: its own rule at the agent where there is one, else the room's box."""
    mine = [limit for limit in room.get("limits") or () if limit["channel"] == reading["sensor"]]
    above = [limit["above"] for limit in mine if limit["above"] is not None]
    below = [limit["below"] for limit in mine if limit["below"] is not None]
    if above or below:
        return (max(below) if below else None), (min(above) if above else None)
    sides = SIDES.get(reading["q"])
    return (box.get(sides[0]), box.get(sides[1])) if box is not None and sides is not None else (None, None)


def box_drawn(room: Item, box: Item | None) -> Item | None:
    """The band that the chart shows for temperature and humidity: what `limits_for` says of the first sensor of each."""
    sides = {
        q: limits_for(found, room, box) for q in PAIR if (found := next((r for r in room["readings"] if r["q"] == q), None)) is not None
    }
    drawn = {side: value for q, pair in sides.items() for side, value in zip(SIDES[q], pair, strict=True) if value is not None}
    return drawn or None


def box_words(box: Item | None) -> str:
    """A box as people say it: 18 – 22 °C, 40 – 55 %."""
    if box is None:
        return ""
    said = []
    for (low, high), unit in zip(SIDES.values(), ("°C", "%"), strict=True):
        a, b = box.get(low), box.get(high)
        if a is not None and b is not None:
            said.append(f"{a:g} – {b:g} {unit}")
        elif b is not None:
            said.append(f"≤ {b:g} {unit}")
        elif a is not None:
            said.append(f"≥ {a:g} {unit}")
    return ", ".join(said)


def _channel(item: Item, *, group: str, place: str, below: float | None = None, above: float | None = None) -> Item:
    return {
        "id": item["sensor"],
        "q": item["q"],
        "label": words.word(words.QUANTITY, item["q"]),
        "place": place,
        "unit": words.unit(item["u"]),
        "decimals": words.decimals(item["q"]),
        "group": group,
        "below": below,
        "above": above,
    }


def _dew_points(items: Sequence[Item], *, group: str, place: Any) -> list[Item]:
    """A dew point for each sensor that measures temperature and humidity."""
    having: dict[str, set[str]] = {}
    for item in items:
        having.setdefault(item["sensor"].rpartition(".")[0], set()).add(item["q"])
    return [
        _channel({"sensor": f"{stem}.dew_point", "q": "dew_point", "u": "Cel"}, group=group, place=place(stem))
        for stem, measured in having.items()
        if measured.issuperset(PAIR) and "dew_point" not in measured
    ]


def config_of(room: Item, site: Sequence[Item], *, boxes: Sequence[Item], first_ms: int, marks_url: str) -> dict[str, Any]:
    """The chart's configuration; `shown` are the channels that it begins with."""
    box = box_in_force(boxes, room["readings"])
    own = []
    for reading in room["readings"]:
        below, above = limits_for(reading, room, box)
        own.append(_channel(reading, group="room", place=reading["name"], below=below, above=above))
    made = [*own, *_dew_points(room["readings"], group="derived", place=lambda stem: stem.rpartition(".")[2])]
    others = [item for item in site if item["room"] != room["id"]]
    outside = [item for item in others if item["outdoor"]]
    made += [_channel(item, group="outdoor", place=gettext("Outdoors")) for item in outside]
    made += _dew_points(outside, group="outdoor", place=lambda _: gettext("Outdoors"))
    made += [_channel(item, group=f"in:{item['room']}", place=f"{item['room']} · {item['name']}") for item in others if not item["outdoor"]]
    measured = [channel for channel in own if channel["q"] not in QUIET] or own
    first_of = [next((channel["id"] for channel in measured if channel["q"] == q), None) for q in PAIR]
    shown = [ident for ident in first_of if ident] or [channel["id"] for channel in measured[:1]]
    return {"room": room["id"], "name": room["name"], "channels": made, "shown": shown, "first": first_ms, "marks": marks_url}


def groups_of(config: dict[str, Any], room_name: str) -> list[tuple[str, list[Item]]]:
    """The channels by what they are to this room, for the list to choose from."""
    titles = {"room": room_name, "derived": gettext("Derived"), "outdoor": gettext("Outdoors")}
    made: dict[str, list[Item]] = {}
    for channel in config["channels"]:
        made.setdefault(titles.get(channel["group"], channel["group"].removeprefix("in:")), []).append(channel)
    return list(made.items())
