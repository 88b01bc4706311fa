"""Rooms, readings and alarms over the API."""

from datetime import datetime
from urllib.parse import quote

import pytest
from sqlalchemy import insert

from central.environment.tables import SUM_SCALE, channels, rollup_hour
from central.store.engine import writing
from central.times import rfc3339
from tests.central.site import MINUTE, Site

CHANNEL = "room-101.climate.temperature"


def iso(t_ms: int) -> str:
    return quote(rfc3339(t_ms))


def test_rooms_have_latest_readings_contacts_and_a_light_with_its_reason(site: Site) -> None:
    (room,) = site.get("/api/v1/rooms", "facility").json["items"]  # the bench's own place, where nothing is measured, is none
    assert {reading["sensor"]: (reading["v"], reading["u"], reading["quality"]) for reading in room["readings"]} == {
        CHANNEL: (19.5, "Cel", "good"),
        "room-101.climate.relative_humidity": (45.0, "%", "good"),
    }
    assert datetime.fromisoformat(room["readings"][0]["t"]).tzinfo is not None
    assert room["light"] == "red"
    assert "temperature-high" in room["why"]
    assert [(contact["id"], contact["state"]) for contact in room["contacts"]] == [
        ("room-101/door", "closed"),
        ("room-101/floor", "inactive"),
    ]
    assert room["limits"][0]["above"] == 24.0
    assert site.get("/api/v1/rooms/room-101", "security", headers={"Accept-Language": "zh"}).json["why"].startswith("报警")
    assert site.get("/api/v1/rooms/room-404", "facility").status_code == 404


def test_a_course_is_thinned_and_its_gaps_are_marked(site: Site) -> None:
    span = f"sensor={CHANNEL}&from={iso(site.t0 - 60 * MINUTE)}&to={site.t0 + 60 * MINUTE}"
    course = site.get(f"/api/v1/readings?{span}&points=12", "facility").json
    assert (course["sensor"], course["q"], course["u"]) == (CHANNEL, "temperature", "Cel")
    assert 1 <= len(course["points"]) <= 12
    assert all(low <= mean <= high and count > 0 for _t, low, mean, high, count in course["points"])
    assert course["points"][0][:4] == pytest.approx([site.t0 - 60 * MINUTE, 18.0, 18.45, 18.9])
    whys = {gap[2]: (gap[1] - gap[0]) / MINUTE for gap in course["gaps"]}
    assert whys["no data"] == pytest.approx(21, abs=0.1)
    assert whys["=crc error"] == pytest.approx(10, abs=0.1)
    assert course["coverage"] == pytest.approx(1 - 31 / 120, abs=0.01)
    fine = site.get(f"/api/v1/readings?{span}&points=5000", "facility").json
    assert sum(point[4] for point in fine["points"]) == sum(point[4] for point in course["points"]) == 91


def test_a_year_comes_from_the_rollups_with_its_gaps(site: Site) -> None:
    hour = 60 * MINUTE
    start = site.t0 - site.t0 % hour - 400 * 24 * hour
    with writing(site.centre.engine) as connection:
        row = {"id": 7, "channel": "room-101.old.temperature", "agent": "room-101", "room": "room-101", "sensor": "old"}
        connection.execute(insert(channels).values(**row, q="temperature", u="Cel", t_ms=start))
        for n in range(365 * 24):
            if n // 24 == 100:
                continue  # a day without values
            values = {"n": 60, "other": 0, "min": 17.0, "max": 19.0 + n % 2, "sum_n": 60, "sum": 60 * 18 * SUM_SCALE}
            connection.execute(insert(rollup_hour).values(channel_id=7, hour_ms=start + n * hour, **values))
    end = start + 365 * 24 * hour
    course = site.get(f"/api/v1/readings?sensor=room-101.old.temperature&from={start}&to={end}&points=365", "facility").json
    assert len(course["points"]) == 364
    assert course["points"][0] == [start, 17.0, 18.0, 20.0, 1440]
    assert course["gaps"] == [[start + 100 * 24 * hour, start + 101 * 24 * hour, "no data"]]
    assert course["coverage"] == pytest.approx(364 / 365, abs=1e-4)


def test_an_empty_span_is_one_gap(site: Site) -> None:
    course = site.get(f"/api/v1/readings?sensor={CHANNEL}&from=2021-01-01T00:00:00Z&to=2021-01-02T00:00:00%2B08:00", "facility").json
    assert (course["points"], course["coverage"]) == ([], 0.0)
    assert course["gaps"][0][2] == "no data"


def test_raw_values_as_csv_without_formulas(site: Site) -> None:
    answer = site.get(f"/api/v1/readings?sensor={CHANNEL}&from={site.t0 - 60 * MINUTE}&to={site.t0 + 60 * MINUTE}&format=csv", "facility")
    lines = answer.text.splitlines()
    assert lines[0] == "time,t_ms,sensor,q,u,value,quality,why"
    assert len(lines) == 1 + 101
    assert sum(line.endswith(",,bad,'=crc error") for line in lines) == 10
    assert rfc3339(site.t0) in answer.text
    (actor, body) = site.acts("export")[-1]
    assert (actor, CHANNEL in body) == ("facility", True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "sensor"),
        ("sensor=x&points=0", "points"),
        ("sensor=x&points=5001", "points"),
        ("sensor=x&from=yesterday", "from"),
        ("sensor=x&to=99999999999999999999", "to"),
        ("sensor=x&from=2000&to=1000", "from"),
        ("sensor=x&format=ods", "format"),
        ("sensor=x&colour=red", "colour"),
        ("sensor=x&sensor=y", "sensor"),
        (f"sensor={'x' * 8001}", "sensor"),
        ("sensor=no-such.climate.temperature", "sensor"),
    ],
)
def test_what_is_wrong_with_a_query_is_said_by_field(site: Site, query: str, field: str) -> None:
    answer = site.get(f"/api/v1/readings?{query}", "facility")
    assert answer.status_code in (400, 404)
    assert answer.content_type == "application/problem+json"
    assert answer.json["errors"][0]["field"] == field
    assert answer.json["request_id"] == answer.headers["Request-Id"]


def test_an_alarm_is_acknowledged_noted_and_shelved_by_name(site: Site) -> None:
    path = f"/api/v1/alarms/{site.alarm}"
    shown = site.get("/api/v1/alarms", "facility").json["items"]
    assert [(alarm["id"], alarm["state"], alarm["acknowledged_by"]) for alarm in shown if alarm["id"] == site.alarm] == [
        (site.alarm, "unacknowledged", None)
    ]
    done = site.call("POST", f"{path}/acknowledge", "facility", json={"text": "on my way"})
    assert (done.status_code, done.json["state"], done.json["acknowledged_by"]) == (200, "acknowledged", "facility")
    assert site.call("POST", f"{path}/acknowledge", "security", json={}).json["acknowledged_by"] == "facility"
    assert site.call("POST", f"{path}/note", "facility", json={"text": "fan was off"}).status_code == 200
    shelved = site.call("POST", f"{path}/shelve", "facility", json={"minutes": 30, "reason": "repair"}).json
    assert (shelved["state"], shelved["shelved_by"]) == ("shelved", "facility")
    notes = site.get(path, "auditor").json["notes"]
    assert [(note["what"], note["actor"], note["text"]) for note in notes] == [
        ("raised", "agent:room-101", None),
        ("acknowledged", "facility", "on my way"),
        ("note", "facility", "fan was off"),
        ("shelved", "facility", "repair"),
    ]
    told = site.centre.rows("SELECT name, args FROM commands WHERE agent = 'room-101' ORDER BY created_ms")
    assert [name for name, _args in told] == ["alarm.acknowledge", "alarm.shelve"]  # so that the buzzer in the room follows
    assert site.get("/api/v1/alarms?show=open", "facility").json["items"] == []
    assert site.get("/api/v1/rooms/room-101", "facility").json["light"] == "yellow"  # shelved, and still active


@pytest.mark.parametrize(
    ("body", "field"),
    [({"minutes": 0, "reason": "x"}, "minutes"), ({"minutes": 5}, "reason"), ({"minutes": 5, "reason": "x", "y": 1}, "y")],
)
def test_a_wrong_body_is_refused_by_field(site: Site, body: dict[str, object], field: str) -> None:
    answer = site.call("POST", f"/api/v1/alarms/{site.alarm}/shelve", "facility", json=body)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, field)


def test_bodies_are_bounded_and_typed(site: Site) -> None:
    path = f"/api/v1/alarms/{site.alarm}/note"
    assert site.call("POST", path, "facility", data=b"x" * 70_000, content_type="application/json").status_code == 413
    assert site.call("POST", path, "facility", data=b"text=x").status_code == 415
    assert site.call("POST", path, "facility", data=b"{", content_type="application/json").status_code == 400
    assert site.call("POST", path, "facility", json={"text": "x" * 2001}).status_code == 400
    assert site.call("POST", "/api/v1/alarms/none/note", "facility", json={"text": "x"}).status_code == 404
