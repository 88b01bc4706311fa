"""A room's light: what is worst is said first, and why, in both languages."""

import pytest

from central.environment.lights import Air, Limit, Standing, Value, light_of
from central.environment.limits.boxes import Box

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


FILM = [Box(None, 21, 20, 30), Box(None, 15, 20, 40), Box(None, 10, 20, 50)]


@pytest.mark.parametrize(
    ("temp_c", "rh_pct", "light", "words"),
    [
        (18.0, 25.0, "green", "within"),
        (14.0, 38.0, "green", "within"),
        (18.0, 45.0, "yellow", "r.c fits none of the allowed pairs: 18.0 °C, 45.0 %"),
        (18.0, 31.0, "yellow", "18.0 °C, 31.0 %, within the sensor's uncertainty"),
        (15.1, 41.5, "yellow", "within the sensor's uncertainty"),
        (15.4, 38.0, "yellow", "allowed pairs: 15.4 °C, 38.0 %"),
    ],
)
def test_film_is_judged_by_its_pairs_and_by_what_the_sensor_can_tell(temp_c: float, rh_pct: float, light: str, words: str) -> None:
    air = Air(sensor="r.c", temp_c=temp_c, rh_pct=rh_pct, tolerance_c=0.2, tolerance_pct=2.0)
    shown, why = light_of([GOOD], [], [], airs=[air], boxes=FILM)
    assert shown == light and words in why["en"] and why["zh"]


def test_an_alarm_that_the_sensor_cannot_prove_says_so() -> None:
    unsure = Standing(rule="hot", subject="r.c.temperature", priority="high", active=True, shelved=False, uncertain=True)
    shown, why = light_of([HOT], [LIMIT], [unsure])
    assert shown == "red" and "within the sensor's uncertainty" in why["en"] and "不确定度" in why["zh"]
