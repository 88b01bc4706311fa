"""Works, calendar and patrols as people and programs use them over HTTP, and the pages that show them."""

import uuid
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from central.environment.patrols import queries as patrols
from central.environment.patrols.rules import run as patrol_rules
from central.environment.raising import raise_alarm
from central.environment.works.queries import is_off
from central.ledger.acts import wait_projected
from central.ledger.tables import acts
from central.store.engine import reading, writing
from central.times import now_ms, rfc3339
from tests.central.site import MINUTE, Site, running

HOUR = 60 * MINUTE
DAY = 24 * HOUR


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of this module's own."""
    with running(tmp_path_factory.mktemp("works")) as made:
        yield made


def post(site: Site, path: str, body: Any, role: str = "facility") -> TestResponse:
    return site.call("POST", path, role, json=body)


def wrong_field(answer: TestResponse) -> str:
    return str(answer.json["errors"][0]["field"])


def works(begins_min: int, ends_min: int, **changes: Any) -> dict[str, Any]:
    now = now_ms()
    span = {"from": rfc3339(now + begins_min * MINUTE), "to": rfc3339(now + ends_min * MINUTE)}
    return {"kind": "fumigation", "reason": "beetles in row 3", **span, **changes}


def test_works_are_planned_seen_ended_and_cancelled(site: Site) -> None:
    path = "/api/v1/rooms/room-101/works"
    on = post(site, path, works(-1, 240))
    assert (on.status_code, on.json["state"], on.json["planned_by"]) == (201, "on", "facility")
    planned = post(site, path, works(600, 700, kind="cleaning")).json
    shown = site.get("/rooms", "facility").text
    assert "beetles in row 3" in shown
    assert "beetles in row 3" in site.get("/rooms/room-101", "facility").text
    assert "beetles in row 3" in site.get("/rooms/room-101/works", "auditor").text
    assert post(site, f"/api/v1/works/{planned['id']}/end", {}).status_code == 409
    assert post(site, f"/api/v1/works/{planned['id']}/cancel", {}).json["state"] == "cancelled"
    assert post(site, f"/api/v1/works/{on.json['id']}/cancel", {}).status_code == 409
    assert post(site, f"/api/v1/works/{on.json['id']}/end", {}).json["state"] == "over"
    assert "beetles in row 3" not in site.get("/rooms", "facility").text
    listed = site.get(path, "operator").json["items"]
    assert [(one["kind"], one["state"]) for one in listed] == [("cleaning", "cancelled"), ("fumigation", "over")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [((-120, 60), "from"), ((10, 10), "to"), ((10, 15 * 24 * 60), "to"), ((-50, -10), "to")],
)
def test_works_have_a_span_that_makes_sense(site: Site, changes: tuple[int, int], field: str) -> None:
    answer = post(site, "/api/v1/rooms/room-101/works", works(*changes))
    assert (answer.status_code, wrong_field(answer)) == (400, field)
    assert post(site, "/api/v1/rooms/nowhere/works", works(0, 60)).status_code == 404
    assert post(site, "/api/v1/rooms/room-101/works", works(0, 60), "security").status_code == 403


def test_the_calendar_knows_holidays_and_make_up_workdays_once_somebody_confirmed_them(site: Site) -> None:
    def off(day: str) -> bool:
        with reading(site.centre.engine) as connection:
            return is_off(connection, date.fromisoformat(day))

    assert (off("2026-10-01"), off("2026-10-10"), off("2026-10-11")) == (False, True, True)
    offered = site.get("/api/v1/calendar/proposal?year=2026", "admin").json
    assert offered["days"]["2026-10-01"] == "off"  # a Thursday, National Day
    assert offered["days"]["2026-10-10"] == "work"  # a Saturday that is worked for it
    assert site.get("/api/v1/calendar/proposal?year=2099", "admin").status_code == 404
    done = site.call("PUT", "/api/v1/calendar", "admin", json={"weekend": [5, 6], "days": offered["days"]})
    assert (done.status_code, done.json["changed_by"]) == (200, "admin")
    assert (off("2026-10-01"), off("2026-10-10"), off("2026-10-11"), off("2026-10-12")) == (True, False, True, False)
    wrong = site.call("PUT", "/api/v1/calendar", "admin", json={"weekend": [5], "days": {"2026-02-30": "off"}})
    assert (wrong.status_code, wrong_field(wrong)) == (400, "days")
    assert site.call("PUT", "/api/v1/calendar", "security", json={"weekend": [], "days": {}}).status_code == 403
    page = site.get("/calendar?year=2026", "facility").text
    assert 'data-day="2026-10-10" data-kind="work"' in page
    assert 'data-day="2026-10-01" data-kind="off"' in page


def round_body(**changes: Any) -> dict[str, Any]:
    points = [{"room": "room-101", "name": "north door", "look_at": "seal"}, {"room": "scan-hall", "name": "window"}]
    return {"name": "Evening", "checkpoints": points, "times": ["09:00", "16:00"], "zone": "Asia/Shanghai", "grace_min": 60, **changes}


def check(code: str, *, t_ms: int | None = None, **changes: Any) -> dict[str, Any]:
    at = now_ms() if t_ms is None else t_ms
    return {"id": str(uuid.uuid4()), "code": code, "ok": True, "t": rfc3339(at), "scanned": True, **changes}


def test_a_round_is_walked_and_a_check_that_is_sent_twice_is_one(site: Site) -> None:
    made = post(site, "/api/v1/patrols", round_body()).json
    first, second = (point["code"] for point in made["checkpoints"])
    assert wrong_field(post(site, "/api/v1/patrols/checks", check(first, ok=False))) == "note"
    body = check(first, ok=False, note="puddle")
    assert [post(site, "/api/v1/patrols/checks", body, "security").status_code for _ in range(2)] == [201, 201]
    late = check(second, t_ms=now_ms() - 30 * MINUTE, scanned=False)
    post(site, "/api/v1/patrols/checks", late)
    found = site.get(f"/api/v1/patrols/checks?round={made['id']}", "auditor").json["items"]
    assert [(one["name"], one["ok"], one["note"], one["late"], one["scanned"], one["actor"]) for one in found] == [
        ("north door", False, "puddle", False, True, "security"),
        ("window", True, None, True, False, "facility"),
    ]
    assert post(site, "/api/v1/patrols/checks", check("nocode")).status_code == 404
    assert wrong_field(post(site, "/api/v1/patrols/checks", check(first, t_ms=now_ms() - 20 * DAY))) == "t"
    there = site.get(f"/patrol/c/{first}", "facility")
    assert there.headers["Location"] == f"/patrol/{made['id']}?scanned={first}#c-{first}"
    assert "puddle" in site.get(f"/alarms/{site.alarm}", "facility").text  # it explains an alarm of that room
    assert "puddle" in site.get("/patrol", "facility").text
    changed = round_body(name="Night", checkpoints=[{"room": "room-101", "name": "north", "code": first}])
    assert post(site, f"/api/v1/patrols/{made['id']}", changed).json["checkpoints"][0]["code"] == first
    stolen = round_body(checkpoints=[{"room": "room-101", "name": "x", "code": first}])
    assert wrong_field(post(site, "/api/v1/patrols", stolen)) == "checkpoints"
    assert post(site, f"/api/v1/patrols/{made['id']}/remove", {}).status_code == 204
    assert site.get(f"/patrol/{made['id']}", "facility").status_code == 404


def settle(site: Site) -> None:
    """Wait until every act has taken effect."""
    with reading(site.centre.engine) as connection:
        last = connection.scalar(select(func.max(acts.c.id)))
    assert wait_projected(site.centre.engine, last, 10)


ZONE = ZoneInfo("Asia/Shanghai")


def test_a_round_that_nobody_walked_is_an_alarm_until_it_is_walked(site: Site) -> None:
    due = datetime.now(ZONE).replace(second=0, microsecond=0) + timedelta(days=1)  # a minute that has begun: it is due again tomorrow
    due_ms = round(due.timestamp() * 1000)
    made = post(site, "/api/v1/patrols", round_body(name="Morning", times=[due.strftime("%H:%M")], grace_min=30)).json
    engine, subject = site.centre.engine, f"patrol/{made['id']}"

    def state(t_ms: int) -> str | None:
        with writing(engine) as connection:
            patrol_rules(connection, t_ms)
        settle(site)
        with reading(engine) as connection:
            return connection.exec_driver_sql("SELECT state FROM alarms WHERE subject = ?", (subject,)).scalar()

    assert state(due_ms + 20 * MINUTE) is None
    assert state(due_ms + 31 * MINUTE) == "unacknowledged"
    with reading(engine) as connection:
        one = patrols.round_named(connection, made["id"])
        assert one is not None
        walk = patrols.last_walk(connection, one, now_ms=due_ms + 31 * MINUTE)
        assert walk is not None
        assert (walk.due_ms, walk.to_ms - walk.due_ms) == (due_ms, 30 * MINUTE)
        assert [point.name for point in patrols.missed(connection, one, walk)] == ["north door", "window"]
    post(site, f"/api/v1/patrols/{made['id']}/remove", {})
    assert state(due_ms + 32 * MINUTE) == "returned"


def test_a_shelving_ends_by_hand_and_the_agent_hears_of_it(site: Site) -> None:
    path = f"/api/v1/alarms/{site.alarm}"
    assert post(site, f"{path}/shelve", {"minutes": 60, "reason": "being mended"}).json["state"] == "shelved"
    assert "being mended" in site.get("/alarms?show=shelved", "facility").text
    assert post(site, f"{path}/unshelve", {"text": "mended"}).json["shelved_until"] is None
    rows = site.centre.rows("SELECT name, json_extract(args, '$.until') FROM commands ORDER BY created_ms DESC, rowid DESC LIMIT 2")
    assert [name for name, _ in rows] == ["alarm.shelve", "alarm.shelve"]
    assert rows[0][1] <= now_ms() < rows[1][1]


def test_an_alarm_whose_id_holds_a_slash_can_be_opened_and_acknowledged(site: Site) -> None:
    about = {"rule": "refused-batch", "subject": "room-101/events", "agent": "room-101", "room": "room-101", "priority": "high"}
    with writing(site.centre.engine) as connection:
        raise_alarm(connection, **about, words={"en": "A batch was refused"}, t_ms=1, lasting=False)
    settle(site)
    done = post(site, "/api/v1/alarms/centre:refused-batch:room-101%2Fevents:1/acknowledge", {})
    assert (done.status_code, done.json["state"]) == (200, "normal")
    assert site.get("/alarms/centre:refused-batch:room-101/events:1", "facility").status_code == 200


def test_alarms_are_filtered_and_many_are_acknowledged_at_once(site: Site) -> None:
    shown = site.get("/api/v1/alarms?show=open&priority=high&text=temperature", "facility").json["items"]
    assert [one["id"] for one in shown] == [site.alarm]
    assert site.get("/api/v1/alarms?text=nothing-like-it", "facility").json["items"] == []
    done = post(site, "/api/v1/alarms/acknowledge", {"alarms": [site.alarm, "no-such"], "text": "on my way"})
    assert done.json == {"alarms": [site.alarm]}
    page = site.get(f"/alarms/{site.alarm}", "facility").text
    assert "on my way" in page
    assert "door" in page  # it stood open within the hour before
    assert "当时的视频片段" not in page
    assert "当时的视频片段" in site.get(f"/alarms/{site.alarm}", "security").text  # who may see clips is led to them


def test_nobody_plans_more_than_ingest_looks_through(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    have = len(site.get("/api/v1/patrols", "facility").json["items"])
    monkeypatch.setattr("central.environment.patrols.api.ROUNDS_MAX", have + 1)
    made = post(site, "/api/v1/patrols", round_body(name="The last one"))
    refused = post(site, "/api/v1/patrols", round_body(name="One more"))
    assert (made.status_code, refused.status_code, refused.json["type"]) == (201, 409, "urn:muniment:problem:full")
    assert post(site, f"/api/v1/patrols/{made.json['id']}/remove", {}).status_code == 204
    monkeypatch.setattr("central.environment.works.api.COMING_MAX", 1)
    answers = [post(site, "/api/v1/rooms/scan-hall/works", works(n * 60, n * 60 + 30)) for n in range(1, 4)]
    assert [answer.status_code for answer in answers] == [201, 409, 409]
    post(site, f"/api/v1/works/{answers[0].json['id']}/cancel", {})
