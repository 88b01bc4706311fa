"""How the console writes times, ages, measures and small charts."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from central.console import course, formats, room_limits, shapes
from central.console.frame import room_name
from central.environment.limits.boxes import Box
from central.environment.limits.tables import room_settings
from central.store.engine import writing
from central.times import rfc3339
from tests.central.web_fixtures import make_centre

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_a_time_is_written_in_the_viewers_zone_and_keeps_its_instant() -> None:
    html = formats.when("2026-11-24T11:44:50.000+00:00", SHANGHAI)
    assert ">2026-11-24 19:44:50<" in html
    assert 'datetime="2026-11-24T11:44:50.000Z"' in html
    assert ">19:44:50<" in formats.when(1795520690000, SHANGHAI, "clock")


@pytest.mark.parametrize("t", [2**53 - 1, -(2**53) + 1, "9999-12-31T23:59:59.999+00:00", rfc3339(2**53 - 1)])
def test_a_time_that_no_calendar_has_is_shown_all_the_same(t: int | str) -> None:
    for zone in ("Asia/Shanghai", "America/New_York"):
        assert "<time" in formats.when(t, ZoneInfo(zone))


@pytest.mark.parametrize("what", [None, "", "yesterday", "<script>"])
def test_what_is_no_time_is_a_dash(what: str | None) -> None:
    assert str(formats.when(what, SHANGHAI)) == "–"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.1234, "1.12"),
        (0.75, "0.75"),
        (223.4, "223"),
        (0.0007, "0.0007"),
        (-0.00001, "0"),
        (0, "0"),
        (12345.6, "12\u202f346"),
        (None, "–"),
    ],
)
def test_a_measure_has_three_figures(value: float | None, shown: str) -> None:
    assert formats.figure(value) == shown


@pytest.mark.parametrize(("value", "places", "shown"), [(-0.04, 1, "0.0"), (-0.06, 1, "-0.1"), (0.0, 0, "0"), (-10.0, 0, "-10")])
def test_no_number_is_minus_nothing(value: float, places: int, shown: str) -> None:
    assert formats.number(value, places) == shown


def test_a_word_in_a_template_is_said_in_the_language_of_each_reader(tmp_path: Path) -> None:
    """Jinja would fold a filter over a constant into the compiled template, in the language of whoever came first."""
    app = make_centre(tmp_path).app
    template = app.jinja_env.from_string('{{ "off" | word("day_kind") }}')
    said = []
    for lang in ("en", "zh"):
        with app.test_request_context("/", headers={"Accept-Language": lang}):
            said.append(template.render())
    assert said == ["day off", "休息日"]


def test_a_gap_stays_a_gap_in_a_sparkline() -> None:
    points = [[t * 60_000, 1.0, 1.0 + t / 10, 2.0, 4] for t in (0, 1, 2, 3, 20, 21, 22)]
    drawn = formats.spark(points, above=2.0)
    assert drawn is not None
    assert drawn.path.count("M") == 2, "two strokes, not one across the gap"
    assert formats.spark(points[:1]) is None


def test_a_limit_outside_the_picture_is_not_drawn_but_the_band_is() -> None:
    drawn = formats.spark([[0, 1, 20.0, 1, 1], [60_000, 1, 20.4, 1, 1]], above=40.0, below=10.0)
    assert drawn is not None
    assert drawn.limits == ()
    assert (drawn.top, drawn.bottom) == (0, formats.SPARK_H)


def test_readings_are_told_apart_only_where_two_sensors_measure_the_same() -> None:
    def reading(sensor: str, q: str) -> dict[str, object]:
        return {"sensor": sensor, "q": q}

    named = (("b", "relative_humidity"), ("a", "temperature"), ("b", "temperature"))
    ordered = shapes.in_order([reading(f"r.{name}.{q}", q) for name, q in named])
    assert [(one["sensor"], one["told_apart"]) for one in ordered] == [
        ("r.a.temperature", True),
        ("r.b.temperature", True),
        ("r.b.relative_humidity", False),
    ]


def test_a_room_names_what_is_measured_and_no_channel() -> None:
    def reading(sensor: str, q: str) -> dict[str, str]:
        return {"sensor": f"room-101.{sensor}.{q}", "q": q, "name": sensor}

    readings = [reading("climate", "temperature"), reading("rack", "temperature"), reading("climate", "relative_humidity")]
    room = {"alarms": [], "light": "yellow", "readings": readings, "why": {"en": "room-101.rack.temperature is suspect or bad"}}
    assert shapes.why(room, "en") == "Temperature · rack is suspect or bad"
    room["why"] = {"en": "room-101.climate.relative_humidity is above the limit 60"}
    assert shapes.why(room, "en") == "Relative humidity is above the limit 60"


def test_the_key_of_the_chart_names_the_band_that_is_drawn() -> None:
    """An agent's own limit is drawn before the room's range, and then the key says that limit."""
    box = {"t_min": None, "t_max": 21.0, "rh_min": 20.0, "rh_max": 30.0}
    readings = [{"sensor": "a.t", "q": "temperature", "v": None}, {"sensor": "a.h", "q": "relative_humidity", "v": None}]
    assert course.box_words(course.box_drawn({"readings": readings, "limits": []}, box)) == "≤ 21 °C, 20 – 30 %"
    own = [{"channel": "a.t", "above": 15.0, "below": 13.0}, {"channel": "a.h", "above": 40.0, "below": 20.0}]
    assert course.box_words(course.box_drawn({"readings": readings, "limits": own}, box)) == "13 – 15 °C, 20 – 40 %"
    assert course.box_drawn({"readings": [], "limits": own}, box) is None


def test_a_range_that_nobody_can_hold_is_not_offered_beside_one_that_can() -> None:
    narrow, wide = Box(t_max=17, rh_min=30, rh_max=30), Box(t_max=11, rh_min=30, rh_max=40)
    assert room_limits.boxes_words([narrow, wide]) == ["≤ 11 °C, 30 – 40 % RH"]
    assert room_limits.boxes_words([narrow]) == ["≤ 17 °C, 30 – 30 % RH"]


def test_a_room_is_called_by_its_name_in_lists(tmp_path: Path) -> None:
    centre = make_centre(tmp_path)
    with writing(centre.engine) as connection:
        connection.execute(
            room_settings.insert().values(
                room="vault-1", name_en="Film vault", name_zh="胶片库", outdoor=False, t_ms=0, actor="x", changes=1
            )
        )
    for lang, name in (("en", "Film vault"), ("zh", "胶片库")):
        with centre.app.test_request_context("/", headers={"Accept-Language": lang}):
            assert (room_name("vault-1"), room_name("vault-2"), room_name(None)) == (name, "vault-2", "–")


def test_names_of_sensors_in_the_same_air_are_not_written_over_each_other() -> None:
    dots = [(100.0, 50.0, "climate", True), (104.0, 52.0, "rack", False), (100.0, 90.0, "wall", True)]
    assert room_limits.apart(dots) == [(100.0, 50.0, "climate, rack", True), (104.0, 52.0, "", False), (100.0, 90.0, "wall", True)]
