"""The monthly report: its figures are those of the raw readings, its PDF says them in both languages, filing leaves a digest."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
from flask.testing import FlaskClient

from central import cli, create_app
from central.environment.reports import queries
from central.environment.reports.document import Document, Evidence
from central.environment.reports.month import MonthReport, bounds_of, month_report
from central.ledger import acts
from central.people import users
from central.store.engine import reading, writing
from tests.central.journals import Centre, Journal
from tests.ready_fonts import lay_fonts, ready_fonts
from wire.records import record

ZONE = ZoneInfo("Asia/Shanghai")
MONTH = "2026-03"
STEP_MS = 600_000
DAY_MS = 86_400_000
GAP_DAYS = (9, 11)  # of the month, counted from 0: nothing was measured
HOT_DAYS = (20, 22)  # above the limit


class Room:
    """A room with a month of climate, sent as an agent sends it."""

    def __init__(self, folder: Path) -> None:
        self.centre = Centre(folder / "central")
        object.__setattr__(self.centre.config, "timezone", ZONE.key)
        self.from_ms, self.to_ms = bounds_of(MONTH, ZONE)
        self.climate: list[tuple[int, float, float]] = []
        agent = self.centre.enrol(Journal("room-101"))
        limits = {
            "t": {"sensor": "climate", "quantity": "temperature", "above": 24.0, "below": 14.0, "priority": "high"},
            "h": {"sensor": "climate", "quantity": "relative_humidity", "above": 60.0, "below": 45.0, "priority": "high"},
        }
        agent.add("events", record("config", self.from_ms, 1, facts={"limits": limits}))
        for door in range(3):
            t_ms = self.from_ms + door * DAY_MS
            agent.add("events", record("contact", t_ms, 2, contact="room-101/door", state="open", kind="door"))
            agent.add("events", record("contact", t_ms + 60_000, 3, contact="room-101/door", state="closed", kind="door"))
        words = {"en": "Too warm: check the cooling.", "zh": "温度过高：请检查制冷。"}
        alarm = {"id": "room-101:e1:8", "rule": "t", "subject": "room-101.climate.temperature", "priority": "high", "words": words}
        for state, t_ms in (("active", HOT_DAYS[0]), ("returned", HOT_DAYS[1])):
            agent.add("events", record("alarm", self.from_ms + t_ms * DAY_MS, 4, state=state, value=25.0, limit=24.0, **alarm))
        for number, (q, unit) in enumerate((("temperature", "Cel"), ("relative_humidity", "%")), 1):
            about = {"sensor": "climate", "q": q, "u": unit, "serial": "SHT-7", "room": "room-101"}
            agent.add("readings", record("channel", self.from_ms, 1, i=number, **about))
        for t_ms in range(self.from_ms, self.to_ms, STEP_MS):
            day = (t_ms - self.from_ms) / DAY_MS
            if GAP_DAYS[0] <= day < GAP_DAYS[1]:
                continue
            hot = HOT_DAYS[0] <= day < HOT_DAYS[1]
            temp = round(18.0 + 1.5 * math.sin(2 * math.pi * day) + (7.0 if hot else 0.0), 2)
            humidity = round(51.0 - 3.0 * math.sin(2 * math.pi * day), 2)
            self.climate.append((t_ms, temp, humidity))
            agent.add("readings", record("reading", t_ms, 1, i=1, v=temp), record("reading", t_ms, 1, i=2, v=humidity))
        for lane in ("events", "readings"):
            for first in range(1, len(agent.lines[lane]) + 1, 1000):
                (ack,) = self.centre.send(agent.batch(lane, first, min(1000, len(agent.lines[lane]) + 1 - first)))
                assert "refused" not in ack

    def report(self) -> MonthReport:
        with reading(self.centre.engine) as connection:
            return month_report(connection, "room-101", MONTH, zone=ZONE, now_ms=self.to_ms + DAY_MS)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    made = Room(tmp_path_factory.mktemp("reports"))
    lay_fonts(made.centre.config.data)
    return made


@pytest.fixture(scope="module")
def client(room: Room) -> Iterator[FlaskClient]:
    with writing(room.centre.engine) as connection:
        users.add_user(connection, name="zhou", password="a long password", roles=["facility"], by="system")
        token = users.add_token(connection, name="zhou", label="test", by="system")
    client = create_app(room.centre.config).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    yield client


def _text(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def test_the_figures_are_those_of_the_raw_readings(room: Room) -> None:
    report = room.report()
    (sensor,) = report.sensors
    n, temps, humidities = len(room.climate), [one[1] for one in room.climate], [one[2] for one in room.climate]
    found = sensor.summary
    assert found.coverage == pytest.approx(n * STEP_MS / (room.to_ms - room.from_ms), abs=1e-9)
    assert found.temp_c is not None and found.rh_pct is not None
    assert (found.temp_c.min, found.temp_c.max) == (min(temps), max(temps))
    assert found.temp_c.mean == pytest.approx(sum(temps) / n, abs=1e-9)
    assert found.rh_pct.mean == pytest.approx(sum(humidities) / n, abs=1e-9)
    inside = sum(14 <= t <= 24 and 45 <= h <= 60 for _, t, h in room.climate)
    assert found.within_limits == pytest.approx(inside / n, abs=1e-9)
    decay = sum(1 / (math.exp((95220 - 134.9 * h) / (8.314 * (t + 273.15)) + 0.0284 * h - 28.023) / 365) for _, t, h in room.climate)
    assert found.twpi_years == pytest.approx(n / decay, rel=1e-9)
    assert [(gap.from_ms, gap.to_ms) for gap in sensor.gaps] == [tuple(room.from_ms + day * DAY_MS for day in GAP_DAYS)]
    assert [day.coverage for day in sensor.days] == [0.0 if GAP_DAYS[0] <= number < GAP_DAYS[1] else 1.0 for number in range(31)]
    hot = sensor.days[HOT_DAYS[0]]
    begin = room.from_ms + HOT_DAYS[0] * DAY_MS
    of_day = [one for one in room.climate if begin <= one[0] < begin + DAY_MS]
    assert hot.within == pytest.approx(sum(t <= 24 for _, t, _ in of_day) / len(of_day))
    assert report.doors == {"room-101/door": 3}
    assert report.doors_open_ms == {"room-101/door": 180_000}
    assert [(alarm.rule, alarm.until_ms) for alarm in report.alarms] == [("t", room.from_ms + HOT_DAYS[1] * DAY_MS)]


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", ["Storeroom climate report", MONTH, "Too warm: check the cooling.", "Prepared by", "SHT-7", "Time-weighted"]),
        ("zh", ["库房温湿度月报", "2026-03", "温度过高：请检查制冷。", "编制", "SHT-7", "时间加权保存指数"]),
    ],
)
def test_the_pdf_says_it_in_both_languages_and_the_same_twice(room: Room, tmp_path: Path, lang: str, said: list[str]) -> None:
    evidence = Evidence(site="demo", made_ms=room.to_ms + DAY_MS, made_by="李卫东 \u0007\U0001f600", tree_size=12, root="ab" * 32)
    files = ready_fonts()
    pdf = Document(room.report(), evidence, lang=lang, fonts=files).bytes()
    assert pdf == Document(room.report(), evidence, lang=lang, fonts=files).bytes()
    text = "".join(_text(pdf).split())
    for words in [*said, "李卫东", "ab" * 32]:
        assert "".join(words.split()) in text, words
    assert len(pypdfium2.PdfDocument(pdf)) <= 6


def test_a_report_is_looked_at_filed_and_fetched_again_byte_by_byte(room: Room, client: FlaskClient) -> None:
    looked = client.get(f"/api/v1/rooms/room-101/reports/{MONTH}?lang=en")
    assert (looked.status_code, looked.content_type) == (200, "application/pdf")
    assert client.get("/api/v1/reports").get_json()["items"] == []
    late = client.post("/api/v1/rooms/room-101/reports", json={"month": MONTH, "lang": "en"})
    assert late.status_code == 202  # ingest is away
    room.centre.write()
    (filed,) = client.get("/api/v1/reports?room=room-101").get_json()["items"]
    assert (filed["month"], filed["lang"], filed["made_by"]) == (MONTH, "en", "zhou")
    with client.get(f"/api/v1/reports/{filed['id']}/pdf") as answer:
        assert hashlib.sha256(answer.data).hexdigest() == filed["sha256"]


def test_what_cannot_be_reported_says_why(client: FlaskClient) -> None:
    assert client.get("/api/v1/rooms/nowhere/reports/2026-03").status_code == 404
    for month in ("2026-13", "2199-01", "march"):
        answer = client.get(f"/api/v1/rooms/room-101/reports/{month}")
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "month")
    answer = client.post("/api/v1/rooms/room-101/reports", json={"month": f"{datetime.now(UTC):%Y-%m}", "lang": "zh"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "month-not-over")


def test_what_a_schedule_asks_for_is_due_until_it_is_filed(room: Room, tmp_path: Path) -> None:
    centre = Centre(tmp_path / "central")
    facts = {"room": "room-101", "on": True, "day": 3, "lang": "*", "from_month": "2026-02"}
    with writing(centre.engine) as connection:
        acts.record(connection, kind="report.schedule", actor="zhou", body=facts)
    centre.write()

    def due(text: str) -> list[tuple[str, str]]:
        t_ms = round(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)
        with reading(centre.engine) as connection:
            return [(one.month, one.lang) for one in queries.due(connection, now_ms=t_ms, zone=ZONE)]

    assert due("2026-03-02 23:59") == []
    assert due("2026-03-03 00:00") == [("2026-02", "en"), ("2026-02", "zh")]
    with writing(centre.engine) as connection:
        body = {"report": "r1", "room": "room-101", "month": "2026-02", "lang": "en", "sha256": "0" * 64, "bytes": 1, "tree_size": 1}
        acts.record(connection, kind="report.file", actor="system", body=body)
    centre.write()
    assert due("2026-04-03 00:00") == [("2026-02", "zh"), ("2026-03", "en"), ("2026-03", "zh")]


def test_the_command_writes_a_file_and_names_what_is_wrong(room: Room, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "central.toml"
    file.write_text(f'[central]\nsite = "demo"\ndata = "{room.centre.config.data}"\ntimezone = "{ZONE.key}"\n')
    out = tmp_path / "march.pdf"
    assert cli.main(["report", "--config", str(file), "room-101", MONTH, "--lang", "en", "--out", str(out)]) == 0
    assert "Storeroom climate report" in _text(out.read_bytes())
    assert cli.main(["report", "--config", str(file), "vault", MONTH]) == 2
    assert "there is no room 'vault'; there are room-101" in capsys.readouterr().err


def test_a_report_is_not_filed_into_the_disks_reserve(room: Room, client: FlaskClient) -> None:
    before = room.centre.one("SELECT count(*) FROM acts WHERE kind = 'report.file'")
    object.__setattr__(room.centre.config.limits, "reserve_mb", 10**9)
    answer = client.post("/api/v1/rooms/room-101/reports", json={"month": MONTH, "lang": "zh"})
    object.__setattr__(room.centre.config.limits, "reserve_mb", 2)
    assert (answer.status_code, answer.get_json()["code"]) == (507, "disk-reserve")
    assert room.centre.one("SELECT count(*) FROM acts WHERE kind = 'report.file'") == before


def test_the_page_lists_the_months_with_what_was_filed(room: Room, client: FlaskClient) -> None:
    with writing(room.centre.engine) as connection:
        body = {"report": "r-page", "room": "room-101", "month": MONTH, "lang": "zh", "sha256": "7" * 64, "bytes": 9, "tree_size": 1}
        acts.record(connection, kind="report.file", actor="system", body=body)
    room.centre.write()
    page = client.get("/rooms/room-101/reports").get_data(as_text=True)
    assert f'data-month="{MONTH}"' in page
    assert "/api/v1/reports/r-page/pdf" in page
    assert "2026-02" not in page  # before the first reading


def test_each_time_is_held_against_the_limits_in_force_then(room: Room) -> None:
    changed = room.from_ms + 25 * DAY_MS  # the last test of this room: for those before, its agent's limits stand
    cool = {"id": "cool", "medium_en": "film", "medium_zh": "胶片", "boxes": [{"t_max": 18.0, "rh_max": 60.0}]}
    with writing(room.centre.engine) as connection:
        body = {"room": "room-101", "media": ["cool"], "profiles": [cool]}
        acts.record(connection, kind="room.limits", actor="zhou", body=body, t_ms=changed)
    room.centre.write()
    report = room.report()
    assert report.limits_changed == [changed] and report.limits.boxes[0].t_max == 18
    (sensor,) = report.sensors

    def inside(t_ms: int, t: float, h: float) -> bool:
        return t <= 18 and h <= 60 if t_ms >= changed else 14 <= t <= 24 and 45 <= h <= 60

    assert sensor.summary.within_limits == pytest.approx(sum(inside(*one) for one in room.climate) / len(room.climate), abs=1e-9)
    assert [day.within for day in sensor.days[23:27]] == [1.0, 1.0, pytest.approx(0.5, abs=0.02), pytest.approx(0.5, abs=0.02)]
    evidence = Evidence(site="demo", made_ms=room.to_ms, made_by="zhou", tree_size=1, root="ab" * 32)
    pdf = Document(report, evidence, lang="en", fonts=ready_fonts()).bytes()
    assert "each time is held against the limits in force then" in " ".join(_text(pdf).split())
