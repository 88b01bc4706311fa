"""Readings as files, and what is drawn beside them: read back with the libraries that people read them with."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from central.environment.metrics.formulas import dew_point
from central.times import rfc3339
from tests.central.site import MINUTE, Site
from wire.records import record

TEMPERATURE = "room-101.climate.temperature"
HUMIDITY = "room-101.climate.relative_humidity"


def span(site: Site) -> str:
    """The two hours around the door's opening."""
    return f"from={site.t0 - 60 * MINUTE}&to={site.t0 + 60 * MINUTE}"


def test_parquet_holds_what_csv_holds_with_names_and_units(site: Site) -> None:
    query = f"/api/v1/readings?sensor={TEMPERATURE},{HUMIDITY}&{span(site)}"
    answer = site.get(query + "&format=parquet", "facility")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{TEMPERATURE}-and-1-more.parquet"'
    table = pq.read_table(io.BytesIO(answer.data))
    about = json.loads(table.schema.metadata[b"muniment"])
    assert about["channels"] == {TEMPERATURE: {"q": "temperature", "u": "Cel"}, HUMIDITY: {"q": "relative_humidity", "u": "%"}}
    assert (about["from"], about["to"]) == (rfc3339(site.t0 - 60 * MINUTE), rfc3339(site.t0 + 60 * MINUTE))
    assert str(table.schema.field("time").type) == "timestamp[ms, tz=UTC]"
    rows = [
        (int(row["time"].timestamp() * 1000 + 0.5), row["sensor"], row["value"], row["quality"], row["why"] or "")
        for row in table.to_pylist()
    ]
    text = site.get(query + "&format=csv", "facility").data.decode()
    written = [
        (int(row["t_ms"]), row["sensor"], float(row["value"]) if row["value"] else None, row["quality"], row["why"].removeprefix("'"))
        for row in csv.DictReader(io.StringIO(text))
    ]
    assert rows == written
    assert len({row[1] for row in rows}) == 2 and len(rows) == 102
    assert any(row[2] is None and row[3] == "bad" and row[4] == "=crc error" for row in rows), "what is no value is null, with its reason"


def test_an_export_is_an_act_with_what_was_taken(site: Site) -> None:
    site.get(f"/api/v1/readings?sensor={TEMPERATURE}&{span(site)}&format=parquet", "archivist")
    actor, body = site.acts("export")[-1]
    assert actor == "archivist"
    assert json.loads(body)["sensor"] == TEMPERATURE and json.loads(body)["format"] == "parquet"


@pytest.mark.parametrize("sensor", [f"{TEMPERATURE},room-101.none.temperature", "," * 10, ",".join(["a.b.c"] * 2 + ["x.y.z"])])
def test_a_file_of_a_channel_that_is_not_there_is_refused_whole(site: Site, sensor: str) -> None:
    answer = site.get(f"/api/v1/readings?sensor={sensor}&format=parquet", "facility")
    assert answer.status_code == 404
    assert answer.json["detail"].startswith("sensor: there is no channel ")


def test_the_dew_point_is_a_course_of_its_own(site: Site) -> None:
    start, values = site.t0 - 50 * MINUTE, [(18.0 + n / 10, 40.0 + n) for n in range(20)]
    for i, quantity, unit in ((7, "temperature", "Cel"), (8, "relative_humidity", "%")):
        site.room.add("readings", record("channel", start, 1, i=i, sensor="attic", q=quantity, u=unit, room="room-101"))
    for n, (temperature, humidity) in enumerate(values):
        site.room.add("readings", record("reading", start + n * MINUTE, 1, i=7, v=temperature))
        if n != 5:  # where one of the two is missing there is no dew point
            site.room.add("readings", record("reading", start + n * MINUTE, 1, i=8, v=humidity))
    site.send()
    dew = site.get(f"/api/v1/readings?sensor=room-101.attic.dew_point&{span(site)}&points=5000", "facility").json
    assert (dew["q"], dew["u"]) == ("dew_point", "Cel")
    wanted = {start + n * MINUTE: dew_point(*pair) for n, pair in enumerate(values) if n != 5}
    assert {point[0]: point[2] for point in dew["points"]} == pytest.approx(wanted)
    few = site.get(f"/api/v1/readings?sensor=room-101.attic.dew_point&{span(site)}&points=12", "facility").json
    assert sum(point[4] for point in few["points"]) == len(wanted)
    assert all(low <= mean <= high for _t, low, mean, high, _n in few["points"])
    assert few["gaps"] == dew["gaps"] and 0.8 < sum(gap[1] - gap[0] for gap in dew["gaps"]) / (120 * MINUTE) < 0.9
    assert site.get("/api/v1/readings?sensor=room-101.none.dew_point", "facility").status_code == 404


def test_openings_and_alarms_lie_beside_the_course(site: Site) -> None:
    marks = site.get(f"/api/v1/rooms/room-101/marks?{span(site)}", "facility").json
    opening = next(door for door in marks["doors"] if door["from_ms"] == site.t0)
    assert opening["door"] == "room-101/door" and opening["to_ms"] > site.t0
    assert "temperature-high" in {alarm["rule"] for alarm in marks["alarms"]}
    before = site.get(f"/api/v1/rooms/room-101/marks?from={site.t0 - 300 * MINUTE}&to={site.t0 - 200 * MINUTE}", "facility").json
    assert before["doors"] == [] and before["alarms"] == [] and before["cut"] is False
    assert site.get("/api/v1/rooms/room-404/marks", "facility").status_code == 404


def test_the_hours_of_a_channel_hold_its_values(site: Site) -> None:
    found = site.get(f"/api/v1/readings/hours?sensor={TEMPERATURE}&{span(site)}", "facility").json
    assert (found["q"], found["u"]) == ("temperature", "Cel")
    hours = found["hours"]
    assert [row[0] % (60 * MINUTE) for row in hours] == [0] * len(hours)
    assert sum(row[4] for row in hours) == 91 and sum(row[5] for row in hours) == 10
    assert all(low <= mean <= high for _t, low, mean, high, good, _other in hours if good)
    assert site.get("/api/v1/readings/hours?sensor=room-101.none.temperature", "facility").status_code == 404
