"""What may stand in a limit of each kind, how it is judged, and the rule that it becomes: the same for the file and for `limits.set`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_agent.options import Judge, Option, suggestion
from edge_agent.rule import FRESH_S, PRIORITIES, Box, Rule
from wire.topics import valid_name

KINDS = ("value", "pairs", "swing", "rate")
DERIVED = ("dew_point", "condensation_margin")
PAIR = ("temperature", "relative_humidity")
BOXES_MAX = 16
LIMITS_MAX = 200  # nine a sensor, of some twenty sensors

BOX = (
    Option("t_min", "number", "Lowest temperature of this range, Cel.", low=-100, high=100),
    Option("t_max", "number", "Highest temperature of this range, Cel.", low=-100, high=100),
    Option("rh_min", "number", "Lowest relative humidity of this range, %.", low=0, high=100),
    Option("rh_max", "number", "Highest relative humidity of this range, %.", low=0, high=100),
)
COMMON = (
    Option("kind", "text", "How it is judged.", "value", choices=KINDS),
    Option("sensor", "name", "The sensor watched.", required=True),
    Option("delay_s", "number", "How long the value must be outside before the alarm starts.", 0.0, low=0, high=86400, unit="s"),
    Option("off_delay_s", "number", "How long it must be back inside before the alarm ends.", 0.0, low=0, high=86400, unit="s"),
    Option("priority", "text", "How urgent the alarm is.", "medium", choices=PRIORITIES),
    Option("words_zh", "text", "What to do, in Chinese; left out, a standing text."),
    Option("words_en", "text", "What to do, in English; left out, a standing text."),
)
QUANTITY = (
    Option(
        "quantity",
        "text",
        "The quantity watched: one of the sensor's, or `dew_point` (Cel), or `condensation_margin` (K: how far `surface` is above it).",
        required=True,
    ),
    Option("surface", "name", "The sensor on the cold surface, for `condensation_margin`."),
    Option("deadband", "number", "How far back inside the limit a value must be for the alarm to end.", 0.0, low=0, high=10000),
)
BY_KIND: Mapping[str, tuple[Option, ...]] = {
    "value": (
        *QUANTITY,
        Option("above", "number", "Alarm when the value is above this."),
        Option("below", "number", "Alarm when the value is below this."),
    ),
    "pairs": (
        Option("boxes", "tables", "The permitted ranges, as alternatives: an alarm when the air lies in none.", required=True, options=BOX),
        Option("deadband_t", "number", "How far back inside in temperature the air must be.", 0.0, low=0, high=100, unit="Cel"),
        Option("deadband_rh", "number", "How far back inside in humidity the air must be.", 0.0, low=0, high=100, unit="%"),
    ),
    "swing": (
        *QUANTITY,
        Option("within", "number", "How far the value may move either way within 24 hours.", required=True, low=0.001, high=10000),
        Option("set_point", "number", "Around this value; left out, the day's highest less lowest is at most twice `within`."),
    ),
    "rate": (*QUANTITY, Option("per_h", "number", "How far the value may move within an hour.", required=True, low=0.001, high=10000)),
}
FACTS = tuple(
    dict.fromkeys(option.name for options in (COMMON, *BY_KIND.values()) for option in options if not option.name.startswith("words"))
)


@dataclass(frozen=True, slots=True)
class Known:
    """What limits may speak of: each sensor with its quantities, and the names that other rules have already."""

    sensors: Mapping[str, Sequence[str]]
    taken: frozenset[str] = frozenset()


Report = Callable[[tuple[str, ...], str], None]


def judge_limit(judge: Judge, path: tuple[str, ...], given: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """The values of one limit with defaults filled in; `judge.report` is told of each mistake."""
    kind = given.get("kind", "value")
    options = BY_KIND.get(kind if isinstance(kind, str) else "", ())
    rest = given if options else {name: value for name, value in given.items() if name in {option.name for option in COMMON}}
    limit = judge.table(path, rest, (*COMMON, *options))
    if path[-1] in known.taken:
        judge.report(path, f"the agent has a rule of its own called {path[-1]}: choose another name")
    if limit["sensor"] is not None and limit["sensor"] not in known.sensors:
        _unknown(judge.report, (*path, "sensor"), limit["sensor"], known.sensors)
    if options:
        _SHAPES[kind](judge.report, path, given, limit)
        _quantity(judge.report, path, limit, known)
    return limit


def _unknown(report: Report, path: tuple[str, ...], name: str, sensors: Iterable[str]) -> None:
    names = sorted(sensors)
    listed = f"; there are {', '.join(names)}" if names else ""
    report(path, f"there is no [sensor.{name[:60]}]{listed}{suggestion(name, names)}")


def _value(report: Report, path: tuple[str, ...], given: Mapping[str, Any], limit: dict[str, Any]) -> None:
    above, below = limit["above"], limit["below"]
    if above is None and below is None and not {"above", "below"} & given.keys():
        report(path, "above or below is missing: a limit has at least one of them")
    if above is not None and below is not None and above <= below:
        report((*path, "above"), f"{above:g} is not more than below = {below:g}")
    elif above is not None and below is not None and limit["deadband"] * 2 >= above - below:
        report((*path, "deadband"), f"{limit['deadband']:g} leaves no room between below and above")


def _pairs(report: Report, path: tuple[str, ...], _given: Mapping[str, Any], limit: dict[str, Any]) -> None:
    boxes = limit["boxes"]
    if boxes is None:
        return
    if not 1 <= len(boxes) <= BOXES_MAX:
        report((*path, "boxes"), f"{len(boxes)} ranges: 1 to {BOXES_MAX} may stand here")
    for number, box in enumerate(boxes, 1):
        if all(edge is None for edge in box.values()):
            report((*path, "boxes"), f"range {number} has no edge: everything would lie in it")
        for low, high, back in (("t_min", "t_max", "deadband_t"), ("rh_min", "rh_max", "deadband_rh")):
            if box[low] is None or box[high] is None:
                continue
            if box[low] >= box[high]:
                report((*path, "boxes"), f"range {number}: {high} = {box[high]:g} is not more than {low} = {box[low]:g}")
            elif limit[back] * 2 >= box[high] - box[low]:
                report((*path, back), f"{limit[back]:g} leaves no room between {low} and {high} of range {number}")


def _swing(report: Report, path: tuple[str, ...], _given: Mapping[str, Any], limit: dict[str, Any]) -> None:
    room = limit["within"]
    if room is not None and limit["deadband"] >= (room if limit["set_point"] is not None else 2 * room):
        report((*path, "deadband"), f"{limit['deadband']:g} leaves no room within {room:g}")


def _rate(report: Report, path: tuple[str, ...], _given: Mapping[str, Any], limit: dict[str, Any]) -> None:
    if limit["per_h"] is not None and limit["deadband"] >= limit["per_h"]:
        report((*path, "deadband"), f"{limit['deadband']:g} leaves no room within {limit['per_h']:g} an hour")


_SHAPES: Mapping[str, Callable[[Report, tuple[str, ...], Mapping[str, Any], dict[str, Any]], None]] = {
    "value": _value,
    "pairs": _pairs,
    "swing": _swing,
    "rate": _rate,
}


def _quantity(report: Report, path: tuple[str, ...], limit: dict[str, Any], known: Known) -> None:
    """Whether the sensors give what the limit needs."""
    measured = known.sensors.get(limit["sensor"] or "")
    if measured is None:
        measured = tuple(sorted({name for names in known.sensors.values() for name in names})) or PAIR
    paired = set(PAIR) <= set(measured)
    if limit["kind"] == "pairs":
        if not paired:
            report((*path, "sensor"), f"{limit['sensor']} does not give temperature and relative_humidity, which pairs need")
        return
    quantity, surface = limit["quantity"], limit["surface"]
    choices = (*measured, *(DERIVED if paired else ()))
    if quantity is not None and quantity not in choices:
        shown = quantity[:60]
        report((*path, "quantity"), f'"{shown}" is not one of {", ".join(choices)}{suggestion(shown, choices)}')
    if quantity == "condensation_margin" and surface is None:
        report(path, "surface is missing: the sensor on the cold surface")
    if surface is not None and quantity != "condensation_margin":
        report((*path, "surface"), 'belongs to quantity = "condensation_margin" alone')
    elif surface is not None and surface not in known.sensors:
        _unknown(report, (*path, "surface"), surface, known.sensors)
    elif surface is not None and "temperature" not in known.sensors[surface]:
        report((*path, "surface"), f"{surface} gives no temperature")


def judge_limits(given: Any, known: Known) -> tuple[dict[str, dict[str, Any]], list[tuple[str, str]]]:
    """All limits of an object by name, and (name, words) for each mistake in them; a limit with a mistake is left out."""
    if not isinstance(given, Mapping):
        return {}, [("limits", "is an object of limits by name")]
    if len(given) > LIMITS_MAX:
        return {}, [("limits", f"{len(given)} are over the {LIMITS_MAX} that an agent keeps")]
    found: dict[str, dict[str, Any]] = {}
    mistakes: list[tuple[str, str]] = []
    for name, table in given.items():
        told: list[tuple[str, str]] = []
        if not valid_name(name):
            told.append((str(name)[:60], "is not a name: 1-40 of a-z, 0-9, - and _"))
        elif not isinstance(table, Mapping):
            told.append((name, "is an object"))
        else:
            report = _Into(told)
            found[name] = judge_limit(Judge(report), (name,), {key: value for key, value in table.items() if value is not None}, known)
        if told:
            found.pop(name, None)
            mistakes += told
    return found, mistakes


class _Into:
    """A report that gathers what it is told as (dotted path, words)."""

    def __init__(self, told: list[tuple[str, str]]) -> None:
        self._told = told

    def __call__(self, path: tuple[str, ...], words: str) -> None:
        self._told.append((".".join(path), words))


def facts_of(limit: Mapping[str, Any]) -> dict[str, Any]:
    """A limit as it is told in `config` records: what is set, without its words."""
    told = {name: limit[name] for name in FACTS if limit.get(name) is not None}
    if "boxes" in told:
        told["boxes"] = [{name: edge for name, edge in box.items() if edge is not None} for box in told["boxes"]]
    return told


def limit_rule(agent: str, name: str, limit: Mapping[str, Any], *, sample_s: Callable[[str], float], room: Callable[[str], str]) -> Rule:
    """The rule that a judged limit becomes; `sample_s(sensor)` is how often it is read, `room(sensor)` where it hangs."""
    sensor, kind = limit["sensor"], limit["kind"]
    quantity = limit.get("quantity") or ""
    pair = tuple(f"{agent}.{sensor}.{of}" for of in PAIR)
    sensors: tuple[str, ...] = (sensor,)
    if kind == "pairs":
        subject, measure, inputs = f"{agent}/{sensor}", "pair", pair
    elif quantity == "condensation_margin":
        sensors = (sensor, limit["surface"])
        subject, measure, inputs = f"{agent}.{sensor}.{quantity}", quantity, (*pair, f"{agent}.{limit['surface']}.temperature")
    elif quantity == "dew_point":
        subject, measure, inputs = f"{agent}.{sensor}.{quantity}", quantity, pair
    else:
        subject, measure, inputs = f"{agent}.{sensor}.{quantity}", "value", (f"{agent}.{sensor}.{quantity}",)
    words: dict[str, str] = {}
    if limit["words_zh"] or limit["words_en"]:
        words = {"zh": limit["words_zh"] or limit["words_en"], "en": limit["words_en"] or limit["words_zh"]}
    return Rule(
        name,
        "limit" if kind == "value" else kind,
        subject,
        limit["priority"],
        above=limit.get("above"),
        below=limit.get("below"),
        deadband=limit.get("deadband") or 0.0,
        delay_s=limit["delay_s"],
        off_delay_s=limit["off_delay_s"],
        fresh_s=max(FRESH_S, *(3 * sample_s(one) for one in sensors)),
        words=words,
        inputs=inputs,
        measure=measure,
        sensors=tuple(f"{agent}/{one}" for one in sensors),
        quantity=quantity,
        boxes=tuple(Box(**box) for box in limit.get("boxes") or ()),
        deadband_t=limit.get("deadband_t") or 0.0,
        deadband_rh=limit.get("deadband_rh") or 0.0,
        within=limit.get("within") or 0.0,
        set_point=limit.get("set_point"),
        per_h=limit.get("per_h") or 0.0,
        room=room(sensor),
    )
