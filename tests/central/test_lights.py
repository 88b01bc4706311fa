"""A room's light: what is worst is said first, and why, in both languages."""

import pytest

from central.environment.lights import Limit, Standing, Value, light_of

GOOD = Value(channel="r.c.temperature", v=18.0, quality="good", fresh=True)
HOT = Value(channel="r.c.temperature", v=25.0, quality="good", fresh=True)
OLD = Value(channel="r.c.temperature", v=18.0, quality="good", fresh=False)
BROKEN = Value(channel="r.c.relative_humidity", v=None, quality="bad", fresh=True)
LIMIT = Limit(channel="r.c.temperature", above=24.0, below=14.0)


def alarm(priority: str = "high", *, active: bool = True, shelved: bool = False) -> Standing:
    return Standing(rule="temperature-high", subject="r.c.temperature", priority=priority, active=active, shelved=shelved)


@pytest.mark.parametrize(
    ("values", "alarms", "light", "word"),
    [
        ([GOOD], [], "green", "within"),
        ([], [], "grey", "No current values"),
        ([OLD], [], "grey", "No current values"),
        ([GOOD], [alarm()], "red", "temperature-high"),
        ([], [alarm("urgent")], "red", "temperature-high"),  # an alarm counts whether values come or not
        ([OLD], [alarm("low")], "yellow", "temperature-high"),
        ([GOOD], [alarm("medium")], "yellow", "temperature-high"),
        ([HOT], [], "yellow", "above 24"),  # the alarm's delay is not over yet
        ([GOOD, BROKEN], [], "yellow", "bad"),
        ([GOOD, Value(channel="r.d.temperature", v=1.0, quality="good", fresh=False)], [], "yellow", "r.d.temperature"),
        ([GOOD], [alarm(shelved=True)], "yellow", "Shelved"),
        ([GOOD], [alarm(active=False)], "yellow", "acknowledged"),
    ],
)
def test_the_worst_is_said_first(values: list[Value], alarms: list[Standing], light: str, word: str) -> None:
    shown, why = light_of(values, [LIMIT], alarms)
    assert shown == light
    assert word in why["en"]
    assert why["zh"]


def test_a_value_below_its_limit_is_named() -> None:
    cold = Value(channel="r.c.temperature", v=13.5, quality="suspect", fresh=True)
    assert light_of([cold], [LIMIT], [])[1] == {"en": "r.c.temperature is below 14", "zh": "r.c.temperature 低于下限 14"}
