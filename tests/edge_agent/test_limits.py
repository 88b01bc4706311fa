"""Limits of every kind, as a room meets them: pairs, swings, rates, dew points; uncertain ones, held ones, changed ones, blind ones."""

import json
import time

import pytest

from edge_agent.air import dew_point_c
from edge_agent.hours import Calendar
from edge_agent.limit_tables import Known, judge_limits, limit_rule
from edge_agent.rule import Change, Rule
from edge_agent.rules import Rules, blind_rule

T0 = 1_780_000_000_000
KNOWN = Known(
    {"climate": ("temperature", "relative_humidity"), "wall": ("temperature",), "lux": ("illuminance",)}, frozenset({"climate-bad"})
)
HOUR = 3600


def rule(name: str = "film", **given: object) -> Rule:
    """A limit through the same door as the file and the command."""
    limits, mistakes = judge_limits({name: {"sensor": "climate", **given}}, KNOWN)
    assert not mistakes, mistakes
    return limit_rule("r", name, limits[name], sample_s=lambda _: 60.0, room=lambda _: "")


def mistakes(**given: object) -> str:
    _, found = judge_limits({"film": {"sensor": "climate", **given}}, KNOWN)
    return "; ".join(f"{path}: {words}" for path, words in found)


class Room:
    """Rules fed with the samples of one sensor."""

    def __init__(self, *rules: Rule) -> None:
        self.rules = Rules(rules, boot="b1", now=(T0, 0))

    def at(
        self, s: float, *, t: float | None = None, rh: float | None = None, wall: float | None = None, lux: float | None = None
    ) -> list[Change]:
        made = []
        values = {"climate.temperature": t, "climate.relative_humidity": rh, "wall.temperature": wall, "lux.illuminance": lux}
        for channel, value in values.items():
            if value is not None:
                made += self.rules.reading(f"r.{channel}", value, good=True, t=T0 + int(s * 1000), m=int(s * 1000))
        return made


FILM = [{"t_max": 21, "rh_min": 20, "rh_max": 30}, {"t_max": 15, "rh_min": 20, "rh_max": 40}, {"t_max": 10, "rh_min": 20, "rh_max": 50}]


def test_film_is_right_in_any_one_of_its_pairs_and_wrong_between_them() -> None:
    room = Room(rule(kind="pairs", boxes=FILM, deadband_t=0.5, deadband_rh=1))
    assert room.at(0, t=20.5, rh=28) == []
    assert room.at(60, t=14, rh=38) == []
    (change,) = room.at(120, t=18, rh=38)  # each is allowed in some pair, together in none
    assert (change.state, change.subject) == ("active", "r/climate")
    assert (change.value, change.limit) == (38, 30)  # 8 % too damp for the first pair is nearer than 3 K too warm for the second
    assert "38 %" in change.words["en"] and "30 %" in change.words["zh"]
    assert room.at(180, t=14.8, rh=39.5) == []  # inside, not yet by the deadband
    assert [c.state for c in room.at(240, t=14.4, rh=38.5)] == ["returned"]


def test_a_pair_waits_for_both_of_its_values() -> None:
    room = Room(rule(kind="pairs", boxes=FILM))
    assert room.at(0, t=30) == []
    assert [c.state for c in room.at(0, rh=25)] == ["active"]


def test_a_day_s_swing_needs_most_of_a_day_and_forgets_what_is_older() -> None:
    room = Room(rule(kind="swing", quantity="temperature", within=2, deadband=0.2))
    for quarter in range(79):
        assert room.at(quarter * 900, t=18 if quarter % 2 else 23) == [], "5 K apart, but not 20 hours known"
    (change,) = room.at(80 * 900, t=18)
    assert (change.state, change.value, change.limit) == ("active", 5, 4) and "24" in change.words["zh"]
    after = [change for quarter in range(81, 81 + 97) for change in room.at(quarter * 900, t=18)]
    assert [c.state for c in after] == ["returned"]


def test_a_swing_around_a_set_point_is_judged_at_once() -> None:
    room = Room(rule(kind="swing", quantity="relative_humidity", within=5, set_point=50))
    assert room.at(0, rh=54.9) == []
    (change,) = room.at(60, rh=44)
    assert (change.value, change.limit) == (44, 45)


def test_a_rate_is_the_change_within_the_last_hour() -> None:
    room = Room(rule(kind="rate", quantity="temperature", per_h=2))
    assert [c for minute in range(180) for c in room.at(minute * 60, t=18 + minute / 60)] == []  # 1 K an hour
    made = [c for minute in range(60) for c in room.at((180 + minute) * 60, t=21 - minute / 15)]  # 4 K an hour
    (change,) = made
    assert change.state == "active" and change.value is not None and change.value < -2 and change.limit == -2
    assert [c.state for minute in range(70) for c in room.at((240 + minute) * 60, t=17)] == ["returned"]


def test_dew_point_and_condensation_margin_are_worked_out_from_the_sensors() -> None:
    dew = dew_point_c(20, 60)
    assert dew is not None and dew == pytest.approx(12.0, abs=0.05)  # 12.0 in psychrometric tables
    room = Room(
        rule("wet", quantity="dew_point", above=13, deadband=0.5),
        rule("cold", quantity="condensation_margin", surface="wall", below=3),
    )
    assert room.at(0, t=20, rh=60, wall=18) == []
    (wet,) = room.at(60, t=20, rh=68)
    assert wet.rule == "wet" and wet.subject == "r.climate.dew_point" and "°C" in wet.words["en"]
    room.at(120, t=20, rh=60)
    (cold,) = room.at(180, t=20, rh=60, wall=14)
    assert cold.rule == "cold" and cold.value == pytest.approx(2.0, abs=0.05) and "结露" in cold.words["zh"]


def test_an_excursion_below_the_tolerance_says_so_and_again_when_it_grows() -> None:
    room = Room(rule(quantity="temperature", above=24, deadband=0.5))
    room.rules.set_tolerance("r.climate.temperature", 0.3)
    (first,) = room.at(0, t=24.2)
    assert (first.state, first.uncertain) == ("active", True)
    room.rules.journalled(first, "r:e:1")
    assert room.at(60, t=24.25) == []
    (second,) = room.at(120, t=24.4)
    assert (second.state, second.uncertain, second.key) == ("active", False, first.key)
    assert room.rules.id_for(second, "?") == "r:e:1"
    assert room.at(180, t=24.2) == [], "what was proven stays so"
    (last,) = room.at(240, t=23)
    assert (last.state, last.uncertain) == ("returned", None)


def test_a_pair_is_uncertain_where_the_tolerances_reach_a_permitted_range() -> None:
    room = Room(rule(kind="pairs", boxes=FILM))
    room.rules.set_tolerance("r.climate.temperature", 0.2)
    room.rules.set_tolerance("r.climate.relative_humidity", 2.0)
    (change,) = room.at(0, t=15.1, rh=41)
    assert change.uncertain is True
    (proven,) = room.at(60, t=16, rh=41)
    assert proven.uncertain is False


def test_a_delay_begins_anew_when_values_were_missing_meanwhile() -> None:
    room = Room(rule(quantity="temperature", above=24, delay_s=600))
    room.at(0, t=25)
    assert room.at(HOUR, t=25) == [], "an hour without values is no hour above the limit"
    assert [c.state for minute in range(1, 11) for c in room.at(HOUR + 60 * minute, t=25)] == ["active"]


def test_works_quieten_climate_and_door_but_never_water() -> None:
    leak = Rule("floor-leak", "contact", "r/floor", "urgent", "r/floor")
    room = Room(rule(quantity="temperature", above=24, priority="urgent"), leak)
    room.rules.set_works([(T0, T0 + 600_000)])
    (change,) = room.at(0, t=30)
    assert change.held
    assert room.rules.light(T0) == ("yellow", False) and room.rules.loudest(T0) == ""
    assert room.rules.light(T0 + 600_000) == ("red", True), "the works are over and it is still too warm"
    (water,) = room.rules.contact("r/floor", "active", t=T0, m=0)
    assert not water.held and room.rules.light(T0) == ("red", True)


def local(day: int, hour: int) -> int:
    return int(time.mktime((2026, 10, day, hour, 0, 0, 0, 0, -1)) * 1000)


def test_a_day_off_is_after_hours_and_a_make_up_workday_is_not() -> None:
    door = Rule("door-after-hours", "after_hours", "r/door", "high", "r/door", hours="22:00-06:00")
    always = Rule("gate-after-hours", "after_hours", "r/gate", "high", "r/gate", hours="22:00-06:00", off_days=False)
    rules = Rules([door, always], boot="b", now=(T0, 0))

    def opened(day: int, hour: int) -> list[str]:
        made = []
        for subject in ("r/door", "r/gate"):
            made += [c.rule for c in rules.contact(subject, "open", t=local(day, hour), m=0)]
            rules.contact(subject, "closed", t=local(day, hour), m=0)
        return made

    assert opened(1, 12) == [], "without a calendar only the hours count"
    rules.set_calendar(Calendar(frozenset({5, 6}), {"2026-10-01": "off", "2026-10-10": "work"}))
    assert opened(1, 12) == ["door-after-hours"]  # National Day, a Thursday
    assert opened(9, 12) == []  # Friday
    assert opened(10, 12) == []  # a Saturday that is worked
    assert opened(11, 12) == ["door-after-hours"]  # Sunday
    assert opened(10, 23) == ["door-after-hours", "gate-after-hours"]


def test_changed_limits_keep_the_alarm_that_still_holds_and_end_the_others() -> None:
    room = Room(rule("hot", quantity="temperature", above=24), rule("damp", quantity="relative_humidity", above=60))
    for change in room.at(0, t=30, rh=70):
        room.rules.journalled(change, f"id {change.rule}")
    ended = room.rules.set_limits([rule("hot", quantity="temperature", above=26)], t=T0 + 1000, m=1000)
    assert [(c.rule, c.state) for c in ended] == [("damp", "returned")]
    assert room.rules.id_for(ended[0], "?") == "id damp"
    assert room.at(60, t=30) == [], "still the same alarm"
    assert [(c.rule, c.state) for c in room.at(120, t=25.9)] == [("hot", "returned")]
    (new,) = room.rules.set_limits([], t=T0, m=0) or [None]
    assert new is None and room.rules.open_alarms() == []


def test_a_swing_keeps_its_day_when_its_limit_is_renamed_or_the_agent_restarts() -> None:
    given = {"kind": "swing", "quantity": "temperature", "within": 2}
    room = Room(rule("a", **given))
    for quarter in range(81):
        room.at(quarter * 900, t=18)
    room.rules.set_limits([rule("b", **given)], t=T0, m=0)
    saved = json.loads(json.dumps(room.rules.saved()))
    assert len(json.dumps(saved)) < 5000
    room.rules = Rules([rule("b", **given)], boot="b2", saved=saved, now=(T0 + 81 * 900_000, 0))
    made = room.rules.reading("r.climate.temperature", 23, good=True, t=T0 + 81 * 900_000, m=5)
    assert [(c.rule, c.state) for c in made] == [("b", "active")]


def test_a_limit_without_anything_to_judge_by_is_told_of_unless_its_sensor_says_so_itself() -> None:
    lux = Rule("lux-bad", "sensor", "r/lux", source="r/lux", fresh_s=180)
    light = limit_rule(
        "r",
        "light",
        judge_limits({"light": {"sensor": "lux", "quantity": "illuminance", "above": 50}}, KNOWN)[0]["light"],
        sample_s=lambda _: 60.0,
        room=lambda _: "",
    )
    rules = Rules(
        [rule("wet", quantity="dew_point", above=13), light, lux, blind_rule("r", delay_s=300)], boot="b", now=(0, 0), unfit=("attic",)
    )
    made = []
    for s in range(0, 700, 10):
        rules.reading("r.climate.temperature", 20, good=True, t=s * 1000, m=s * 1000)  # never a humidity
        made += rules.tick(t=s * 1000, m=s * 1000)
    told = {c.rule: c for c in made}
    assert set(told) == {"lux-bad", "limits-blind"}
    assert "attic, wet" in told["limits-blind"].words["en"] and "light" not in told["limits-blind"].words["en"]


def test_a_backfilled_sample_that_is_older_is_for_the_poller_to_withhold_and_an_odd_clock_does_no_harm() -> None:
    room = Room(rule(kind="swing", quantity="temperature", within=2))
    for quarter in range(90):
        room.at(quarter * 900, t=18)
    assert room.rules.reading("r.climate.temperature", 18.5, good=True, t=T0 - 10 * HOUR * 1000, m=90 * 900_000) == []  # clock set back
    assert room.rules.reading("r.climate.temperature", 18.5, good=True, t=T0 + 400 * HOUR * 1000, m=90 * 900_001) == []  # and far ahead


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "pair"}, 'did you mean "pairs"'),
        ({"kind": "pairs"}, "boxes is missing"),
        ({"kind": "pairs", "boxes": []}, "1 to 16"),
        ({"kind": "pairs", "boxes": [{}]}, "range 1 has no edge"),
        ({"kind": "pairs", "boxes": [{"rh_min": 30, "rh_max": 20}]}, "rh_max = 20 is not more than rh_min = 30"),
        ({"kind": "pairs", "boxes": FILM, "deadband_rh": 5}, "leaves no room"),
        ({"kind": "pairs", "boxes": FILM, "above": 3}, "unknown option"),
        ({"kind": "swing", "quantity": "temperature"}, "within is missing"),
        ({"kind": "rate", "quantity": "temperature", "per_h": -1}, "out of range"),
        ({"quantity": "dew_pt", "above": 3}, 'did you mean "dew_point"'),
        ({"quantity": "temperature"}, "above or below is missing"),
        ({"quantity": "condensation_margin", "below": 3}, "surface is missing"),
        ({"quantity": "condensation_margin", "below": 3, "surface": "lux"}, "gives no temperature"),
        ({"quantity": "temperature", "above": 3, "surface": "wall"}, "belongs to"),
        ({"sensor": "lux", "kind": "pairs", "boxes": FILM}, "does not give temperature"),
        ({"sensor": "attic", "quantity": "temperature", "above": 3}, "there is no [sensor.attic]"),
        ({"quantity": "temperature", "above": float("nan")}, "not a finite number"),
        ({"quantity": "temperature", "above": "24"}, "is not a number"),
    ],
)
def test_what_is_wrong_with_a_limit_is_said(given: dict[str, object], words: str) -> None:
    assert words in mistakes(**given)


def test_a_limit_may_not_be_called_like_a_rule_of_the_agent_s_own() -> None:
    _, found = judge_limits({"climate-bad": {"sensor": "climate", "quantity": "temperature", "above": 3}}, KNOWN)
    assert "choose another name" in str(found)
    assert judge_limits([1], KNOWN)[1] and judge_limits({str(n): {} for n in range(65)}, KNOWN)[1] and judge_limits({"A b": {}}, KNOWN)[1]
