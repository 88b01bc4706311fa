"""A channel's calibration: offset and gain, or two points; which certificate it comes from; to which sensor it belongs."""

import datetime
from collections.abc import Mapping
from typing import Any

from edge_agent.errors import CommandRefused

OFFSET_MAX = 100.0
GAIN_RANGE = (0.5, 2.0)
NO_CALIBRATION: Mapping[str, float] = {"offset": 0.0, "gain": 1.0}
TEXTS = {"certificate": 100, "serial": 100}
DATES = ("date", "due")


def calibration_of(value: Any) -> dict[str, Any]:
    """A calibration within its bounds; CommandRefused for anything else.

    Given: offset and gain, or points [[raw, reference], [raw, reference]]; date, due (YYYY-MM-DD), certificate, serial. The answer
    always has offset and gain: value = gain * raw + offset.
    """
    if not isinstance(value, Mapping):
        raise CommandRefused("a calibration is an object with offset and gain, or points")
    made: dict[str, Any] = {}
    if (points := value.get("points")) is not None:
        if "offset" in value or "gain" in value:
            made = {"offset": _number(value, "offset"), "gain": _number(value, "gain")}
        first, second = _points(points)
        gain = (second[1] - first[1]) / (second[0] - first[0])
        line = {"offset": round(first[1] - gain * first[0], 6), "gain": round(gain, 6)}
        if made and any(abs(made[name] - line[name]) > 1e-3 for name in line):
            raise CommandRefused("offset and gain are not those of the points: leave them out")
        made = {**line, "points": [first, second]}
    else:
        made = {"offset": _number(value, "offset"), "gain": _number(value, "gain")}
    if abs(made["offset"]) > OFFSET_MAX or not GAIN_RANGE[0] <= made["gain"] <= GAIN_RANGE[1]:
        raise CommandRefused(f"offset is at most {OFFSET_MAX:g} either way, gain {GAIN_RANGE[0]} to {GAIN_RANGE[1]}")
    for name, most in TEXTS.items():
        if value.get(name) not in (None, ""):
            if not isinstance(value[name], str) or len(value[name]) > most:
                raise CommandRefused(f"{name} is a text of at most {most} characters")
            made[name] = value[name]
    for name in DATES:
        if value.get(name) not in (None, ""):
            made[name] = date_of(value[name], name)
    return made


def date_of(value: Any, name: str) -> str:
    """A date as YYYY-MM-DD; CommandRefused for anything else."""
    try:
        if isinstance(value, str) and len(value) == len("2026-01-01"):
            return datetime.date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise CommandRefused(f"{name} is a date, YYYY-MM-DD")


def is_none(calibration: Mapping[str, Any]) -> bool:
    """Whether it says no more than that there is none: a certified sensor without a correction keeps its certificate."""
    return dict(calibration) == dict(NO_CALIBRATION)


def fits(calibration: Mapping[str, Any], serial: str) -> bool:
    """Whether it belongs to the sensor with this serial number; one that names no sensor belongs to any."""
    return calibration.get("serial") in (None, serial)


def _points(value: Any) -> tuple[list[float], list[float]]:
    pairs = value if isinstance(value, list) else []
    if len(pairs) != 2 or not all(isinstance(pair, list) and len(pair) == 2 and all(map(_fine, pair)) for pair in pairs):
        raise CommandRefused("points are two pairs of numbers: [[raw, reference], [raw, reference]]")
    first, second = ([float(number) for number in pair] for pair in pairs)
    if first[0] == second[0]:
        raise CommandRefused("the two points have the same raw value")
    return first, second


def _fine(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _number(value: Mapping[str, Any], name: str) -> float:
    given = value.get(name)
    if given is None:
        return NO_CALIBRATION[name]
    if not _fine(given):
        raise CommandRefused(f"{name} is a number")
    return float(given)
