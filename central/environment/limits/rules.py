"""A room's limits as rules for its agents, and whether an agent tells that it keeps them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from central.environment.limits.asked import Asked
from central.environment.limits.boxes import Box
from wire.topics import NAME_MAX

# A rule ends its alarm only this far back inside, and starts it only after DELAY_S: a door that stands open for a moment, and a sensor's
# own noise (0.1-0.3 K, 1-2 % RH with common chips), raise nothing; a plant that swings around a limit raises one alarm, not ten.
DEADBAND_C = 0.5
DEADBAND_PCT = 2.0
DEADBAND_SHARE = 0.25  # of the room between two limits, where that is less
DELAY_S = 300
OFF_DELAY_S = 300
RULES_MAX = 64  # that an agent takes
LIMITS = {"temperature": "high", "relative_humidity": "high"}  # priorities
COURSE = "medium"  # of swing and rate
DAMP = "high"  # of dew point and condensation
PAIR = ("temperature", "relative_humidity")
SUFFIXES = ("temperature", "humidity", "pairs", "swing-t", "swing-rh", "rate-t", "rate-rh", "dew-point", "condensation")

Rules = dict[str, dict[str, Any]]


def rule_name(sensor: str, suffix: str) -> str:
    """`{sensor}-{suffix}`, shortened with a digest where the sensor's name leaves no room for it."""
    name = f"{sensor}-{suffix}"
    if len(name) <= NAME_MAX:
        return name
    digest = hashlib.sha256(sensor.encode()).hexdigest()[:6]
    return f"{sensor[: NAME_MAX - len(suffix) - 8]}-{digest}-{suffix}"


def _room(ends: tuple[float, float], deadband: float) -> float:
    """The deadband, less where the limits lie close together."""
    width = ends[1] - ends[0]
    return deadband if math.isinf(width) else round(min(deadband, width * DEADBAND_SHARE), 3)


def _value(sensor: str, quantity: str, priority: str, **more: float | str | None) -> dict[str, Any]:
    told = {name: value for name, value in more.items() if value is not None}
    return {"sensor": sensor, "quantity": quantity, **told, "priority": priority, "delay_s": DELAY_S, "off_delay_s": OFF_DELAY_S}


def _box_rules(sensor: str, boxes: Sequence[Box], measured: frozenset[str]) -> Rules:
    """One box becomes a limit of each quantity, so that the alarm names the one that is wrong; several are judged as pairs."""
    made: Rules = {}
    if len(boxes) == 1:
        box = boxes[0]
        sides = (
            ("temperature", "temperature", box.t_min, box.t_max, _room(box.temperature, DEADBAND_C)),
            ("humidity", "relative_humidity", box.rh_min, box.rh_max, _room(box.humidity, DEADBAND_PCT)),
        )
        for suffix, quantity, below, above, deadband in sides:
            if quantity in measured and (below is not None or above is not None):
                rule = _value(sensor, quantity, LIMITS[quantity], below=below, above=above, deadband=deadband)
                made[rule_name(sensor, suffix)] = rule
    elif boxes and measured.issuperset(PAIR):
        told = [{k: v for k in ("t_min", "t_max", "rh_min", "rh_max") if (v := getattr(box, k)) is not None} for box in boxes]
        made[rule_name(sensor, "pairs")] = {
            "kind": "pairs",
            "sensor": sensor,
            "boxes": told,
            "deadband_t": min(_room(box.temperature, DEADBAND_C) for box in boxes),
            "deadband_rh": min(_room(box.humidity, DEADBAND_PCT) for box in boxes),
            "priority": "high",
            "delay_s": DELAY_S,
            "off_delay_s": OFF_DELAY_S,
        }
    return made


def rules_of(asked: Asked, sensor: str, measured: frozenset[str]) -> Rules:
    """The rules of one sensor that measures these quantities; boxes too narrow to be held are left out."""
    made: Rules = _box_rules(sensor, [box for box in asked.boxes if box.holdable and box != Box()], measured)
    courses = (
        ("swing-t", "temperature", asked.swing_c, asked.set_point_c, DEADBAND_C),
        ("swing-rh", "relative_humidity", asked.swing_pct, asked.set_point_pct, DEADBAND_PCT),
    )
    for suffix, quantity, within, set_point, deadband in courses:
        if within is not None and quantity in measured:
            narrow = round(min(deadband, within * DEADBAND_SHARE), 3)
            rule = _value(sensor, quantity, COURSE, within=within, set_point=set_point, deadband=narrow)
            made[rule_name(sensor, suffix)] = {"kind": "swing", **rule}
    for suffix, quantity, per_h, deadband in (
        ("rate-t", "temperature", asked.rate_c_h, DEADBAND_C),
        ("rate-rh", "relative_humidity", asked.rate_pct_h, DEADBAND_PCT),
    ):
        if per_h is not None and quantity in measured:
            narrow = round(min(deadband, per_h * DEADBAND_SHARE), 3)
            made[rule_name(sensor, suffix)] = {"kind": "rate", **_value(sensor, quantity, COURSE, per_h=per_h, deadband=narrow)}
    if measured.issuperset(PAIR):
        if asked.dew_point_max_c is not None:
            made[rule_name(sensor, "dew-point")] = _value(sensor, "dew_point", DAMP, above=asked.dew_point_max_c, deadband=DEADBAND_C)
        if asked.condensation_margin_k is not None and asked.surface:
            margin = _value(sensor, "condensation_margin", DAMP, below=asked.condensation_margin_k, deadband=DEADBAND_C)
            made[rule_name(sensor, "condensation")] = margin | {"surface": asked.surface}
    return made


def is_ours(name: str, rule: Mapping[str, Any], covered: frozenset[str]) -> bool:
    """Whether the centre's limits take the place of a rule: one about the climate of a sensor that they cover."""
    sensor = rule.get("sensor")
    if not isinstance(sensor, str) or sensor not in covered:
        return False
    about = rule.get("quantity") in (*PAIR, "dew_point", "condensation_margin") or rule.get("kind") in ("pairs", "swing", "rate")
    return about or any(name == rule_name(sensor, suffix) for suffix in SUFFIXES)


def to_agent(asked: Mapping[str, Asked], sensors: Mapping[str, tuple[str, frozenset[str]]], in_force: Mapping[str, Any]) -> Rules:
    """All rules that an agent should keep.

    `asked` by room, `sensors`: name -> (room, quantities), `in_force`: the rules that the agent tells; of those the ones about anything
    but the climate of the covered sensors stay, since `limits.set` replaces them all.
    """
    covered = frozenset(name for name, (room, measured) in sensors.items() if room in asked and not measured.isdisjoint(PAIR))
    made: Rules = {}
    for name, rule in in_force.items():
        if isinstance(rule, dict) and not is_ours(name, rule, covered):
            made[name] = rule
    for sensor in sorted(covered):
        room, measured = sensors[sensor]
        rest = asked[room] if asked[room].surface != sensor else Asked(media=[])  # a probe on a cold wall is no measure of the air
        made |= rules_of(rest, sensor, measured)
    return dict(list(made.items())[:RULES_MAX])


def _same(wanted: Any, told: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(told, bool) or wanted is None or told is None:
        return wanted is told
    if isinstance(wanted, int | float) and isinstance(told, int | float):
        return math.isclose(wanted, told, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(wanted, list) and isinstance(told, list):
        return len(wanted) == len(told) and all(_same(a, b) for a, b in zip(wanted, told, strict=True))
    if isinstance(wanted, dict) and isinstance(told, dict):
        return all(_same(wanted.get(name), told.get(name)) for name in {*wanted, *told})
    return bool(wanted == told)


def is_in_force(wanted: Rules, told: Mapping[str, Any]) -> bool:
    """Whether an agent tells the wanted rules and no other ones; what it adds to a rule, such as words, does not matter."""
    if set(wanted) != set(told):
        return False
    return all(
        isinstance(told[name], dict) and all(_same(value, told[name].get(key)) for key, value in rule.items())
        for name, rule in wanted.items()
    )
