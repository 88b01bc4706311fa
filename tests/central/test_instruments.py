"""Sensors as instruments: calibrated with certificate and next due, drift told, swapped without losing the channel, overdue noticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from werkzeug.test import TestResponse

from central.environment.instruments import care
from central.environment.instruments.correction import Correction, drift, from_points
from central.environment.instruments.light import LIGHT_LIMITS, dose, uv_per_lumen
from central.environment.instruments.queries import serials_between, today_of
from central.environment.instruments.tables import PROJECTIONS
from central.environment.metrics.tables import metric_days, metric_sensors
from central.environment.tables import SUM_SCALE, channels, rollup_hour
from central.ingest import writer
from central.rebuild import rebuild
from central.store.engine import reading, writing
from central.times import now_ms, parse_ms
from tests.central.site import MINUTE, Site, running
from wire.records import record

CHANNEL = "room-101.climate.temperature"
PATH = f"/api/v1/sensors/{CHANNEL}"
TODAY = today_of(now_ms())
NEXT_YEAR = (date.fromisoformat(TODAY) + timedelta(days=365)).isoformat()
HOUR = 60 * MINUTE
DAY_MS = 24 * HOUR


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of this module's own: its sensors are calibrated and swapped."""
    with running(tmp_path_factory.mktemp("instruments")) as made:
        yield made


def post(site: Site, path: str, body: object, role: str = "facility") -> TestResponse:
    return site.call("POST", path, role, json=body)


def sensor(site: Site, channel: str = CHANNEL) -> dict[str, Any]:
    (found,) = [one for one in site.get("/api/v1/sensors", "auditor").json["items"] if one["channel"] == channel]
    assert isinstance(found, dict)
    return found


def fitted(site: Site, serial: str) -> None:
    """A sensor with this serial number hangs there from now on."""
    t, m = now_ms(), 40_000_000
    more = {"serial": serial, "tolerance": 0.2, "resolution": 0.01, "room": "room-101"}
    site.room.add("readings", record("channel", t, m, i=1, sensor="climate", q="temperature", u="Cel", **more))
    site.room.add("readings", record("reading", t, m, i=1, v=20.0))
    site.send()


def told(site: Site, calibration: dict[str, Any]) -> None:
    site.room.add("events", record("config", now_ms(), 40_000_000, facts={"report_s": 60, "limits": {}, "calibration": calibration}))
    site.send()


def commands(site: Site) -> list[dict[str, Any]]:
    return [
        json.loads(row[0])
        for row in site.centre.rows("SELECT args FROM commands WHERE name = 'calibration.set' ORDER BY created_ms, rowid")
    ]


def calibrate(site: Site, **body: Any) -> TestResponse:
    return post(site, f"{PATH}/calibrations", {"date": TODAY, "person": "Li Wei", **body})


def test_a_two_point_calibration_is_recorded_sent_and_shown_with_its_certificate(site: Site) -> None:
    fitted(site, "SN-1")
    assert sensor(site)["calibrated"] == "none"
    answer = calibrate(site, points=[[10.2, 10.0], [30.4, 30.0]], due=NEXT_YEAR, certificate="JL-2026-17")
    assert answer.status_code == 200, answer.text
    assert commands(site)[-1] == {
        "channel": CHANNEL,
        "points": [[10.2, 10.0], [30.4, 30.0]],
        "date": TODAY,
        "due": NEXT_YEAR,
        "certificate": "JL-2026-17",
        "serial": "SN-1",
    }
    found = sensor(site)
    assert (found["calibrated"], found["applied"], found["calibration"]["person"]) == ("valid", False, "Li Wei")
    line = from_points([(10.2, 10.0), (30.4, 30.0)])
    told(site, {CHANNEL: {"offset": round(line.offset, 6), "gain": round(line.gain, 6), "serial": "SN-1"}})
    found = sensor(site)
    assert found["applied"] is True
    assert found["raw"] == pytest.approx((20.0 - line.offset) / line.gain, abs=1e-3), "what the sensor itself reads, to calibrate it by"


def test_the_drift_since_the_last_one_is_told(site: Site) -> None:
    assert calibrate(site, points=[[10.5, 10.0], [30.7, 30.0]], due=NEXT_YEAR).status_code == 200
    newest, before = site.get(f"{PATH}/calibrations", "facility").json["items"]
    assert newest["drift"] == pytest.approx(-0.3, abs=0.01) and before["drift"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"points": [[20, 20], [20, 21]]}, 422),
        ({"points": [[10, 30], [30, 10]]}, 422),  # exchanged
        ({"points": [[20, 20.5], [21, 21.5]]}, 422),  # too close together
        ({"points": [[20, 45]]}, 422),
        ({"points": [[20, 400]]}, 422),
        ({"gain": 5}, 422),
        ({}, 400),
        ({"points": [[20, 20.1]], "offset": 1}, 400),
        ({"offset": 0.2, "date": "2999-01-01"}, 400),
        ({"offset": 0.2, "date": "2026-02-30"}, 400),
        ({"offset": 0.2, "due": "2020-01-01"}, 400),
        ({"offset": 0.2, "person": ""}, 400),
    ],
)
def test_what_no_sensor_in_order_needs_is_refused(site: Site, body: dict[str, Any], status: int) -> None:
    count = len(commands(site))
    answer = calibrate(site, **body)
    assert answer.status_code == status, answer.text
    assert len(commands(site)) == count


def test_a_sensor_is_swapped_and_its_channel_goes_on_uncalibrated(site: Site) -> None:
    fitted(site, "SN-2")
    found = sensor(site)
    assert [one["serial"] for one in found["instruments"]] == ["SN-2", "SN-1"]
    since = parse_ms(found["instruments"][0]["since"])
    with reading(site.centre.engine) as connection:
        before, all_along = (serials_between(connection, CHANNEL, from_ms=since - 1, to_ms=since + more) for more in (0, 1))
    assert (before, all_along) == (["SN-1"], ["SN-1", "SN-2"]), "a report names the instruments of its month"
    assert (found["calibrated"], found["calibration"]) == ("none", None), "the old sensor's certificate is not the new one's"
    assert len(site.get(f"{PATH}/calibrations", "facility").json["items"]) == 2, "and stays on record"
    assert all(not one["current"] for one in site.get(f"{PATH}/calibrations", "facility").json["items"])
    fitted(site, "SN-1")
    assert sensor(site)["calibrated"] == "valid", "it came back"


def test_an_overdue_calibration_becomes_a_notice_until_there_is_a_new_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RULES_S", 0.0)
    assert calibrate(site, offset=-0.1, date="2025-01-10", due="2026-01-10", certificate="A-1").status_code == 200
    with reading(site.centre.engine) as connection:
        (due,) = care.due(connection, now_ms())
    assert (due.channel, due.room, due.date) == (CHANNEL, "room-101", "2026-01-10")

    def run(at_ms: int) -> None:
        with writing(site.centre.engine) as connection:
            care.Care().run(connection, at_ms)
        with site._lock:
            site.centre.write()

    run(now_ms())
    run(now_ms())
    (alarm,) = [one for one in site.get("/api/v1/alarms?show=open", "facility").json["items"] if one["rule"] == "calibration-due"]
    assert (alarm["priority"], alarm["subject"], "2026-01-10" in alarm["words"]["zh"]) == ("low", CHANNEL, True)
    assert sensor(site)["calibrated"] == "overdue"
    assert calibrate(site, offset=-0.1, due=NEXT_YEAR).status_code == 200
    run(now_ms())
    assert not site.get(f"/api/v1/alarms/{alarm['id']}", "facility").json["alarm"]["active"]


def test_an_agent_that_lost_its_calibration_gets_it_again(site: Site) -> None:
    told(site, {})
    count = len(commands(site))
    with writing(site.centre.engine) as connection:
        assert care.Care().run(connection, now_ms()) >= 0
    assert len(commands(site)) == count, "the one before is still on its way"
    with writing(site.centre.engine) as connection:
        care.Care().run(connection, now_ms() + care.RETRY_MS + 1)
    assert len(commands(site)) == count + 1
    assert commands(site)[-1]["offset"] == -0.1


def test_coverage_counts_good_values_against_those_that_should_have_come(site: Site) -> None:
    start = now_ms() - now_ms() % HOUR
    with writing(site.centre.engine) as connection:
        row = {"id": 8, "channel": "room-101.half.temperature", "agent": "room-101", "room": "room-101", "sensor": "half"}
        connection.execute(insert(channels).values(**row, q="temperature", u="Cel", t_ms=start))
        for back in range(1, 49):
            values = {"n": 60 if back % 2 else 30, "other": 0, "min": 17.0, "max": 19.0, "sum_n": 60, "sum": 60 * 18 * SUM_SCALE}
            connection.execute(insert(rollup_hour).values(channel_id=8, hour_ms=start - back * HOUR, **values))
    found = sensor(site, "room-101.half.temperature")
    assert (found["coverage_24h"], found["coverage_30d"]) == (0.75, 0.75), "a channel is asked for nothing before its first report"
    assert (found["fresh"], found["v"]) == (False, None)


def test_values_stand_for_as_long_as_their_agent_let_pass_between_them_then(site: Site) -> None:
    """An agent that now reports each minute reported every five minutes a few days ago."""
    start = now_ms() - now_ms() % HOUR
    sampled = next(one for one in site.get("/api/v1/sensors", "facility").json["items"] if one["channel"] == CHANNEL)
    with writing(site.centre.engine) as connection:
        row = {"id": 19, "channel": "slow.climate.temperature", "agent": "slow", "room": "room-101", "sensor": "climate"}
        connection.execute(insert(channels).values(**row, q="temperature", u="Cel", t_ms=start))
        connection.execute(insert(metric_sensors).values(sensor="slow/climate", agent="slow"))
        ended = start - 3 * DAY_MS - start % DAY_MS
        for day in (ended - DAY_MS, ended):
            whole = dict.fromkeys((c.name for c in metric_days.c if not c.nullable), 0) | {"sensor": "slow/climate", "day_ms": day}
            connection.execute(insert(metric_days).values(whole | {"interval_ms": 300_000}))
        for hour in range(ended - DAY_MS, ended + DAY_MS, HOUR):
            values = {"n": 12, "other": 0, "min": 17.0, "max": 19.0, "sum_n": 12, "sum": 12 * 18 * SUM_SCALE}
            connection.execute(insert(rollup_hour).values(channel_id=19, hour_ms=hour, **values))
    found = sensor(site, "slow.climate.temperature")
    hours = (start - (ended - DAY_MS)) // HOUR
    assert (found["coverage_24h"], found["coverage_30d"]) == (0.0, round(48 / hours, 4)), "two whole days, then nothing"
    assert sampled["coverage_30d"] == sensor(site)["coverage_30d"], "and nobody else's changes"


def test_identify_asks_for_this_sensors_own_lamp(site: Site) -> None:
    answer = post(site, f"{PATH}/identify", {})
    assert answer.status_code == 202
    ((args,),) = site.centre.rows("SELECT args FROM commands WHERE id = ?", answer.json["id"])
    assert json.loads(args) == {"target": "room-101/climate"}
    assert post(site, f"{PATH}/identify", {}, "auditor").status_code == 403
    assert post(site, f"{PATH}/calibrations", {"date": TODAY, "person": "x", "offset": 0.1}, "auditor").status_code == 403
    assert post(site, "/api/v1/sensors/none/identify", {}).status_code == 404


def test_light_adds_up_to_a_dose_and_missing_hours_are_not_filled_in(site: Site) -> None:
    start = now_ms() - now_ms() % HOUR - 100 * HOUR
    with writing(site.centre.engine) as connection:
        row = {"id": 9, "channel": "room-101.lamp.illuminance", "agent": "room-101", "room": "room-101", "sensor": "lamp"}
        connection.execute(insert(channels).values(**row, q="illuminance", u="lx", t_ms=start))
        for hour in range(6):
            lux = 150 + hour
            values = {"n": 60, "other": 0, "min": 0.0, "max": float(lux), "sum_n": 60, "sum": 60 * lux * SUM_SCALE}
            connection.execute(insert(rollup_hour).values(channel_id=9, hour_ms=start + hour * HOUR, **values))
    with reading(site.centre.engine) as connection:
        found = dose(connection, "room-101.lamp.illuminance", start, start + 8 * HOUR)
        assert dose(connection, CHANNEL, start, start + HOUR) is None
    assert found is not None
    assert (found.dose, found.hours, found.coverage, found.highest) == (sum(range(150, 156)), 6, 0.75, 155.0)
    assert found.estimate == pytest.approx(915 / 0.75)
    shown = site.get(f"/api/v1/sensors/room-101.lamp.illuminance/dose?from={start}&to={start + 8 * HOUR}", "facility").json
    assert shown["unit"] == "lx·h" and shown["dose"] == 915
    assert uv_per_lumen(1.125, 150.0) == pytest.approx(75) and uv_per_lumen(1.0, 0.0) is None
    assert all(one.confirmation == "secondary" and one.source.startswith("http") for one in LIGHT_LIMITS)


def test_all_of_it_comes_back_equal_from_the_ledger(site: Site) -> None:
    def rows() -> list[list[tuple[object, ...]]]:
        with reading(site.centre.engine) as connection:
            return [[tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))] for table in PROJECTIONS]

    before = rows()
    assert all(before)
    rebuild(site.centre.engine)
    assert rows() == before


figures = st.floats(-40, 60, allow_nan=False)


@given(figures, figures, figures, figures)
def test_the_line_goes_through_both_points(raw_a: float, ref_a: float, raw_b: float, ref_b: float) -> None:
    if abs(raw_a - raw_b) < 1e-3:
        return
    made = from_points([(raw_a, ref_a), (raw_b, ref_b)])
    scale = 1 + abs(made.gain) * 100
    assert made.of(raw_a) == pytest.approx(ref_a, abs=1e-9 * scale) and made.of(raw_b) == pytest.approx(ref_b, abs=1e-9 * scale)
    assert drift(made, made, raw=raw_a) == 0
    assert drift(Correction(0.5), Correction(0.2), raw=20) == pytest.approx(0.3)
