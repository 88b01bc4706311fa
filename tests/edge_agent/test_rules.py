"""The room's alarm rules: what a person in the room would see, step by step, with the time handed in."""

import json
import time

from edge_agent.hours import within
from edge_agent.rule import Change, Rule
from edge_agent.rules import Rules

HIGH = Rule(
    "hot",
    "limit",
    "r.climate.temperature",
    "high",
    "r.climate.temperature",
    above=24.0,
    below=14.0,
    deadband=0.5,
    delay_s=60,
    fresh_s=61,
    quantity="temperature",
)
T0 = 1_780_000_000_000


def local(hour: int, minute: int) -> int:
    return int(time.mktime((2026, 5, 5, hour, minute, 0, 0, 0, -1)) * 1000)


def machine(*rules: Rule, **more: object) -> Rules:
    return Rules(rules, boot="b1", now=(T0, 0), **more)  # type: ignore[arg-type]


def sample(rules: Rules, value: float | None, s: float, *, good: bool = True) -> list[Change]:
    return rules.reading("r.climate.temperature", value, good=good, t=T0 + int(s * 1000), m=int(s * 1000))


def test_a_limit_alarms_after_its_delay_and_ends_beyond_its_deadband() -> None:
    rules = machine(HIGH)
    assert sample(rules, 24.5, 0) == []
    assert sample(rules, 24.5, 59) == []
    (change,) = sample(rules, 24.6, 60)
    assert (change.state, change.value, change.limit, change.subject) == ("active", 24.6, 24.0, "r.climate.temperature")
    assert "温度 24.6 °C" in change.words["zh"] and "Temperature 24.6 °C is above the limit of 24 °C" in change.words["en"]
    assert sample(rules, 23.8, 61) == []  # inside, but not by the deadband
    (back,) = sample(rules, 23.5, 62)
    assert back.state == "returned"
    assert rules.light(T0) == ("green", False)


def test_a_short_excursion_is_no_alarm() -> None:
    rules = machine(HIGH)
    sample(rules, 25, 0)
    sample(rules, 23.9, 30)
    assert sample(rules, 25, 61) == []


def test_the_delay_runs_on_without_samples_but_not_on_stale_ones() -> None:
    rules = machine(HIGH)
    for s in range(59):
        sample(rules, 25, s)
    assert [c.state for c in rules.tick(t=T0 + 60_000, m=60_000)] == ["active"]
    stale = machine(HIGH)
    sample(stale, 25, 0)
    assert stale.tick(t=T0 + 70_000, m=70_000) == []


def test_missing_and_bad_values_neither_open_nor_clear_a_limit() -> None:
    rules = machine(HIGH)
    sample(rules, 25, 0)
    sample(rules, 25, 60)
    assert sample(rules, None, 61, good=False) == []
    assert sample(rules, 20.0, 62, good=False) == []
    assert [alarm["rule"] for alarm in rules.open_alarms()] == ["hot"]


def test_the_low_side_tells_its_own_limit() -> None:
    rules = machine(HIGH)
    sample(rules, 13, 0)
    (change,) = sample(rules, 12.9, 60)
    assert change.limit == 14.0 and "below" in change.words["en"]


def test_delay_off_keeps_the_alarm_through_a_dip() -> None:
    rules = machine(Rule("hot", "limit", "x", "high", "r.climate.temperature", above=24.0, off_delay_s=10, fresh_s=10))
    assert [c.state for c in sample(rules, 25, 0)] == ["active"]
    assert sample(rules, 23, 1) == []
    assert sample(rules, 25, 5) == []
    assert sample(rules, 23, 6) == []
    assert [c.state for c in sample(rules, 23, 16)] == ["returned"]


def test_alarm_and_running_delay_survive_a_restart_on_another_boot() -> None:
    rules = machine(HIGH)
    sample(rules, 25, 0)
    saved = json.loads(json.dumps(rules.saved()))
    again = Rules([HIGH], boot="b2", saved=saved, now=(T0 + 50_000, 5_000))
    assert again.reading(HIGH.source, 25, good=True, t=T0 + 55_000, m=10_000) == []
    (change,) = again.reading(HIGH.source, 25, good=True, t=T0 + 60_000, m=15_000)
    again.journalled(change, "r:e:7")
    third = Rules([HIGH], boot="b2", saved=json.loads(json.dumps(again.saved())), now=(T0 + 61_000, 16_000))
    assert third.open_alarms()[0]["id"] == "r:e:7"
    assert third.reading(HIGH.source, 26, good=True, t=T0 + 62_000, m=17_000) == []  # no second alarm for the same excursion


def test_an_alarm_whose_rule_was_taken_out_of_the_configuration_ends() -> None:
    rules = machine(HIGH)
    sample(rules, 25, 0)
    (change,) = sample(rules, 25, 60)
    rules.journalled(change, "r:e:1")
    after = Rules([], boot="b1", saved=rules.saved(), now=(T0 + 70_000, 70_000))
    assert [(c.rule, c.state) for c in after.unsaved] == [("hot", "returned")]
    assert after.id_for(after.unsaved[0], "?") == "r:e:1"


def test_lamp_and_buzzer_follow_acknowledgement_and_shelving() -> None:
    rules = machine(HIGH)
    sample(rules, 25, 0)
    (change,) = sample(rules, 25, 60)
    rules.journalled(change, "r:e:1")
    assert rules.light(T0) == ("red", True)
    assert not rules.acknowledge("other")
    assert rules.shelve("r:e:1", T0 + 100_000)
    assert rules.light(T0 + 99_000) == ("yellow", False)
    assert rules.light(T0 + 101_000) == ("red", True)
    assert rules.acknowledge("r:e:1")
    assert rules.light(T0 + 101_000) == ("yellow", False)


def test_a_door_held_open_alarms_and_ends_when_it_shuts() -> None:
    rules = machine(Rule("door-held-open", "held_open", "r/door", source="r/door", delay_s=60))
    rules.contact("r/door", "open", t=T0, m=0)
    assert rules.tick(t=T0 + 59_000, m=59_000) == []
    assert [c.state for c in rules.tick(t=T0 + 60_000, m=60_000)] == ["active"]
    assert [c.state for c in rules.contact("r/door", "closed", t=T0 + 61_000, m=61_000)] == ["returned"]


def test_a_door_opened_after_hours_alarms_at_once() -> None:
    night = local(23, 30)
    day = local(12, 0)
    rules = machine(Rule("door-after-hours", "after_hours", "r/door", "high", "r/door", hours="22:00-06:00"))
    assert rules.contact("r/door", "open", t=day, m=0) == []
    assert rules.contact("r/door", "closed", t=day, m=1000) == []
    assert [c.state for c in rules.contact("r/door", "open", t=night, m=2000)] == ["active"]
    assert within("09:00-17:00", day) and not within("09:00-17:00", night) and within("22:00-06:00", night)


def test_a_silent_sensor_alarms_by_the_clock_and_returns_with_its_first_good_value() -> None:
    rules = machine(Rule("climate-bad", "sensor", "r/climate", source="r/climate", delay_s=30))
    rules.sensor("r/climate", good=False, t=T0, m=0)
    assert [c.state for c in rules.tick(t=T0 + 30_000, m=30_000)] == ["active"]
    assert [c.state for c in rules.sensor("r/climate", good=True, t=T0 + 31_000, m=31_000)] == ["returned"]


def test_a_sensor_that_nobody_hears_of_is_missing_by_the_clock_alone() -> None:
    rules = machine(Rule("climate-bad", "sensor", "r/climate", source="r/climate", delay_s=30))
    changes = [change for s in range(40) for change in rules.tick(t=T0 + s * 1000, m=s * 1000)]
    assert [(c.state, c.m) for c in changes] == [("active", 36_000)]


def test_water_on_the_floor_alarms_at_once() -> None:
    rules = machine(Rule("floor-leak", "contact", "r/floor", "urgent", "r/floor"))
    (change,) = rules.contact("r/floor", "active", t=T0, m=0)
    assert change.priority == "urgent"
    assert rules.light(T0) == ("red", True)


def test_what_was_not_yet_journalled_is_known_after_a_restart() -> None:
    rules = machine(HIGH)
    sample(rules, 25, 0)
    sample(rules, 25, 60)
    sample(rules, 20, 61)
    again = Rules([HIGH], boot="b1", saved=json.loads(json.dumps(rules.saved())), now=(T0, 70_000))
    assert [c.state for c in again.unsaved] == ["active", "returned"]
    first, last = again.unsaved
    again.journalled(first, "r:e:1")
    assert again.id_for(last, "r:e:2") == "r:e:1"
