"""A room's preservation metrics over the API, against the readings worked out anew."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from central import create_app
from central.people import users
from central.store.engine import writing
from central.times import now_ms, rfc3339
from tests.central.journals import Centre, Journal
from tests.central.web_fixtures import PASSWORD
from wire.records import record

DAY, HOUR = 86_400_000, 3_600_000
DAYS = 70
CLIMATE = [(18 + k % 24 / 8, 46 + k % 9) for k in range(DAYS * 24)]


def pi(t: float, rh: float) -> float:
    return math.exp((95220 - 134.9 * rh) / (8.314 * (t + 273.15)) + 0.0284 * rh - 28.023) / 365


class Room:
    """A centre with one room whose sensor has reported each hour of 70 whole days, but for one day."""

    def __init__(self, folder: Path) -> None:
        self.centre = Centre(folder)
        self.start = now_ms() // DAY * DAY - DAYS * DAY
        with writing(self.centre.engine) as connection:
            users.add_user(connection, name="facility", password=PASSWORD, roles=["facility"], by="system")
            self.token = users.add_token(connection, name="facility", label="test", by="system")
            users.add_user(connection, name="nobody", password=PASSWORD, roles=[], by="system")
            self.other = users.add_token(connection, name="nobody", label="test", by="system")
        agent = self.centre.enrol(Journal("room-101"))
        limits = {"high": {"sensor": "climate", "quantity": "temperature", "above": 20.0}}
        limits |= {"damp": {"sensor": "climate", "quantity": "relative_humidity", "above": 52.0, "below": 47.0}}
        agent.add("readings", record("config", self.start, 1, facts={"report_s": 3600, "limits": limits}))
        for i, q, u in ((1, "temperature", "Cel"), (2, "relative_humidity", "%")):
            agent.add("readings", record("channel", self.start, 1, i=i, sensor="climate", q=q, u=u, room="room-101"))
        for k, (t, rh) in enumerate(CLIMATE):
            if k // 24 != 20:
                for i, v in ((1, t), (2, rh)):
                    agent.add("readings", record("reading", self.start + k * HOUR, k * HOUR, i=i, v=v))
        total = len(agent.lines["readings"])
        for first in range(1, total + 1, 500):
            self.centre.send(agent.batch("readings", first, min(500, total + 1 - first)))
        self.app = create_app(self.centre.config)

    def get(self, path: str, token: str | None = None) -> Any:
        return self.app.test_client().get(path, headers={"Authorization": f"Bearer {token or self.token}"})

    def metrics(self, first: int, last: int) -> Any:
        span = f"from={quote(rfc3339(self.start + first * DAY))}&to={quote(rfc3339(self.start + last * DAY))}"
        return self.get(f"/api/v1/rooms/room-101/metrics?{span}").json


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    made = Room(Path(tmp_path_factory.mktemp("metrics-api")) / "central")
    yield made
    made.centre.close()


def test_a_rooms_metrics_are_those_of_its_readings(room: Room) -> None:
    told = room.metrics(0, DAYS)
    (sensor,) = told["sensors"]
    assert (told["room"], sensor["sensor"], sensor["basis"]) == ("room-101", "room-101/climate", "values")
    assert sensor["temperature"] == "room-101.climate.temperature"
    climate = [pair for k, pair in enumerate(CLIMATE) if k // 24 != 20]
    summary = sensor["summary"]
    assert summary["values"] == len(climate) and summary["coverage"] == pytest.approx((DAYS - 1) / DAYS)
    assert summary["twpi_years"] == pytest.approx(len(climate) / sum(1 / pi(t, rh) for t, rh in climate))
    assert summary["within_limits"] == pytest.approx(sum(t <= 20 and 47 <= rh <= 52 for t, rh in climate) / len(climate))
    assert summary["within"]["low"] < summary["within_limits"] < summary["within"]["high"]
    assert summary["swing_c"]["days"] == DAYS - 1 and summary["swing_c"]["max"] == pytest.approx(23 / 8)
    assert summary["en15757"]["valid"] is False
    months = sensor["months"]
    assert [month["month"] for month in months] == sorted({rfc3339(room.start + k * DAY)[:7] for k in range(DAYS)})
    assert all(0 < month["coverage"] <= 1 and month["twpi_years"] > 0 and 0 <= month["within_limits"] < 1 for month in months)


def test_a_span_is_of_whole_days_and_one_without_data_has_no_figures(room: Room) -> None:
    told = room.metrics(3, 5)
    climate = CLIMATE[3 * 24 : 5 * 24]
    assert told["sensors"][0]["summary"]["twpi_years"] == pytest.approx(48 / sum(1 / pi(t, rh) for t, rh in climate))
    (empty,) = room.metrics(20, 21)["sensors"]
    assert empty["summary"]["twpi_years"] is None and empty["summary"]["coverage"] == 0 and empty["months"] == []
    (before,) = room.metrics(-300, -100)["sensors"]
    assert before["basis"] == "hours" and before["summary"]["mould_index"] is None


def test_wrong_questions_are_told_so(room: Room) -> None:
    assert room.get("/api/v1/rooms/room-404/metrics").status_code == 404
    assert room.get("/api/v1/rooms/room-101/metrics?sensor=room-101/none").status_code == 404
    assert room.get("/api/v1/rooms/room-101/metrics?from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z").status_code in (400, 422)
    assert room.get("/api/v1/rooms/room-101/metrics?from=tomorrow").status_code in (400, 422)
    assert room.get("/api/v1/rooms/room-101/metrics", room.other).status_code == 403
    assert room.get("/api/v1/rooms/room-101/metrics?sensor=room-101/climate").json["sensors"][0]["sensor"] == "room-101/climate"


def page(room: Room, path: str, lang: str = "en") -> str:
    headers = {"Authorization": f"Bearer {room.token}", "Accept-Language": lang}
    answer = room.app.test_client().get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_the_page_says_what_each_figure_means_and_what_is_not_yet_valid(room: Room) -> None:
    shown = page(room, "/rooms/room-101/preservation?days=90")
    (sensor,) = room.metrics(DAYS - 90, DAYS + 1)["sensors"]
    years = sensor["summary"]["twpi_years"]
    assert f"would last approx. {years:.0f} years" in shown and "years, approx." in shown
    assert "at least 13 months" in shown and 'class="spark"' in shown
    assert f"{sensor['summary']['within_limits'] * 100:.1f}<small>%</small>" in shown
    assert "尚无效" in page(room, "/rooms/room-101/preservation", "zh")
    assert room.get("/rooms/room-404/preservation").status_code == 404
    assert room.get("/rooms/room-101/preservation", room.other).status_code == 403
