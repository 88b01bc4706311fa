"""How `[control.NAME]` is judged: the switching points, the times, and that humidifier and dehumidifier never meet."""

from collections.abc import Mapping
from typing import Any

from edge_agent import tables
from edge_agent.limit_tables import Known
from edge_agent.options import Judge, suggestion

CONTROLLED = ("dehumidifier", "humidifier", "fan")
OPPOSITE = {"dehumidifier": "humidifier", "humidifier": "dehumidifier"}
PAIRS = (("on_above", "off_below"), ("on_below", "off_above"))


def judge_control(
    judge: Judge, path: tuple[str, ...], given: Mapping[str, Any], *, known: Known, relays: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The values of one control with defaults filled in; `relays` are the options of the agent's relays by name."""
    control = judge.table(path, given, tables.CONTROL)
    report = judge.report
    output, sensor, quantity = control["output"], control["sensor"], control["quantity"]
    if output is not None and output not in relays:
        listed = f"; there are {', '.join(sorted(relays))}" if relays else ""
        report((*path, "output"), f"there is no gpio_relay [output.{output[:60]}]{listed}{suggestion(output, relays)}")
    elif output is not None and relays[output]["kind"] not in CONTROLLED:
        report((*path, "output"), f"{output} is a {relays[output]['kind']}; a control switches a {', '.join(CONTROLLED)}")
    if sensor is not None and sensor not in known.sensors:
        report((*path, "sensor"), f"there is no [sensor.{sensor[:60]}]{suggestion(sensor, known.sensors)}")
    elif sensor is not None and quantity is not None and quantity not in known.sensors[sensor]:
        choices = known.sensors[sensor]
        report((*path, "quantity"), f'"{quantity[:60]}" is not one of {", ".join(choices)}{suggestion(quantity, choices)}')
    _points(judge, path, given, control)
    if output in relays and relays[output]["start_state"] == "on" and control["min_off_s"]:
        report((*path, "min_off_s"), f"cannot be kept over a restart, since {output} has start_state = on: leave one of them out")
    if control["max_on_s"] is not None and not control["min_off_s"]:
        report(path, "min_off_s is missing: how long it rests after max_on_s")
    if control["max_on_s"] is not None and control["max_on_s"] < control["min_on_s"]:
        report((*path, "max_on_s"), f"{control['max_on_s']:g} is less than min_on_s = {control['min_on_s']:g}")
    return control


def _points(judge: Judge, path: tuple[str, ...], given: Mapping[str, Any], control: Mapping[str, Any]) -> None:
    """Exactly one pair of switching points, with a band between them."""
    used = [pair for pair in PAIRS if given.keys() & set(pair)]
    if len(used) != 1:
        judge.report(path, "either on_above with off_below, or on_below with off_above: one of the two pairs")
        return
    on, off = used[0]
    if control[on] is None or control[off] is None:
        for name in (on, off):
            if name not in given:
                judge.report(path, f"{name} is missing: {on} and {off} belong together")
    elif (control[on] <= control[off]) == (on == "on_above"):
        judge.report((*path, off), f"{control[off]:g} leaves no band to {on} = {control[on]:g}: it would switch all the time")


def judge_relays(judge: Judge, relays: Mapping[str, Mapping[str, Any]], controls: Mapping[str, Mapping[str, Any]]) -> None:
    """What several of them may not do together: one output under two controls, humidifier and dehumidifier on at once."""
    first: dict[str, str] = {}
    for name, control in controls.items():
        other = first.setdefault(str(control["output"]), name)
        if control["output"] is not None and other != name:
            judge.report(("control", name, "output"), f"{control['output']} is switched by [control.{other}] already")
    for state in ("start_state", "exit_state"):
        on = {options["kind"]: name for name, options in relays.items() if options[state] == "on"}
        if on.keys() >= OPPOSITE.keys():
            judge.report(("output", on["humidifier"], state), f"{on['dehumidifier']} has the same: the two are never on together")
    dead = {
        relays[control["output"]]["kind"]: name
        for name, control in controls.items()
        if control["dead_state"] == "on" and control["output"] in relays
    }
    if dead.keys() >= OPPOSITE.keys():
        judge.report(
            ("control", dead["humidifier"], "dead_state"), f"[control.{dead['dehumidifier']}] has the same: the two are never on together"
        )
