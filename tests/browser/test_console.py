"""What each group of people sees and does in the console, in a real browser, with the page changing under their eyes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import SignIn
from tests.browser.house import Agent, House, capture, clip_of_a_door, now_ms
from wire.records import record

pytestmark = pytest.mark.browser

HOSTILE = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">'


@pytest.fixture(scope="module")
def room(house: House) -> Iterator[Agent]:
    agent = house.enrol("room-101")
    agent.online()
    limit = {"sensor": "climate", "quantity": "temperature", "above": 24.0, "below": 14.0, "priority": "high"}
    agent.send("events", record("config", now_ms(), 1, facts={"limits": {"temperature-high": limit}}))
    agent.climate(temperature=21.4, humidity=48.2)
    yield agent


@pytest.fixture(scope="module")
def bench(house: House) -> Agent:
    agent = house.enrol("bench-1")
    agent.online()
    return agent


@pytest.mark.parametrize(
    ("role", "path", "heading"),
    [
        ("facility", "/rooms", "Storerooms"),
        ("operator", "/line", "Digitisation line"),
        ("security", "/security", "Review queue"),
        ("archivist", "/batches", "Batches"),
        ("auditor", "/overview", "Overview"),
        ("admin", "/overview", "Overview"),
    ],
)
def test_everyone_comes_home_after_signing_in(sign_in: SignIn, room: Agent, role: str, path: str, heading: str) -> None:
    page = sign_in(role)
    expect(page).to_have_url(re.compile(path + "$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.get_by_role("navigation", name="Main navigation").locator('[aria-current="page"]')).to_have_count(1)


def test_a_wrong_password_is_told_in_words(sign_in: SignIn, cookies: dict[str, object], room: Agent) -> None:
    page = sign_in("facility")
    del cookies["facility"]  # its session ends here
    page.locator(".menu > summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Name").fill("facility")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    expect(page.get_by_label("Name")).to_have_value("facility")


def test_a_value_changes_on_the_page_without_reload(sign_in: SignIn, room: Agent) -> None:
    page = sign_in("facility")
    card = page.locator("#room-room-101")
    expect(page.locator('[data-connection="connected"]')).to_be_visible()
    page.evaluate("window.stillHere = true")
    room.climate(temperature=22.7, humidity=51.3)
    expect(card.locator(".value").first).to_contain_text("22.7")
    expect(card.locator(".value").nth(1)).to_contain_text("51.3")
    expect(card.get_by_text("Limit 14.0 – 24.0 °C")).to_be_visible()
    assert page.evaluate("window.stillHere") is True


def test_a_late_reading_does_not_replace_a_newer_one(sign_in: SignIn, room: Agent) -> None:
    page = sign_in("facility")
    expect(page.locator('[data-connection="connected"]')).to_be_visible()
    card = page.locator("#room-room-101")
    room.climate(temperature=18.8, humidity=40.0)
    expect(card.locator(".value").first).to_contain_text("18.8")
    room.climate(temperature=11.1, humidity=11.1, t=now_ms() - 3_600_000)
    room.climate(temperature=19.9, humidity=41.0)
    expect(card.locator(".value").first).to_contain_text("19.9")


def test_an_alarm_appears_and_is_acknowledged(sign_in: SignIn, room: Agent) -> None:
    page = sign_in("facility")
    expect(page.locator('[data-connection="connected"]')).to_be_visible()
    room.alarm("temperature-high", "room-101.climate.temperature", value=25.6, limit=24.0)
    card = page.locator("#room-room-101")
    expect(card.get_by_text("Temperature too high: 25.6 °C, limit 24.0 °C").first).to_be_visible()
    expect(card.locator(".room-head .sign")).to_have_text("Alarm")
    card.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("Acknowledging the alarm …")).to_be_visible()
    expect(page.get_by_text("Alarm acknowledged")).to_be_visible()
    expect(card.get_by_text("Active, acknowledged")).to_be_visible()
    expect(card.get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_an_acknowledgement_can_be_taken_back_for_a_moment(sign_in: SignIn, room: Agent) -> None:
    ident = room.alarm("humidity-high", "room-101.climate.relative_humidity", value=70.0, limit=60.0)
    page = sign_in("facility")
    row = page.locator("#room-room-101 .room-alarms li", has_text="Relative humidity too high")
    row.get_by_role("button", name="Acknowledge").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Acknowledging the alarm …")).to_have_count(0)
    page.reload(wait_until="domcontentloaded")
    expect(row.get_by_text("Active, not acknowledged")).to_be_visible()
    answer = room.house.centre.get(f"/api/v1/alarms/{ident}", "facility")
    assert (answer.json or {})["alarm"]["state"] == "unacknowledged"


def test_an_alarm_is_shelved_with_a_reason(sign_in: SignIn, room: Agent) -> None:
    room.alarm("probe", "room-101/probe", words={"en": "Probe test", "zh": "探头测试"}, priority="low")
    page = sign_in("facility")
    page.goto("/alarms", wait_until="domcontentloaded")
    row = page.locator("tr", has_text="Probe test")
    row.get_by_role("button", name="Shelve").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("For how long").select_option("240")
    dialog.get_by_label("Reason").fill("calibration until noon")
    dialog.get_by_role("button", name="Shelve").click()
    expect(page.get_by_text("Alarm shelved")).to_be_visible()
    expect(row).to_have_count(0)
    page.get_by_role("link", name="Shelved").click()
    expect(row).to_contain_text("calibration until noon")
    row.get_by_text("History").click()
    expect(row.locator(".history")).to_contain_text("Shelved · facility: calibration until noon")


def test_the_language_is_switched_and_kept(sign_in: SignIn, room: Agent) -> None:
    page = sign_in("facility")
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("库房")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans-CN")
    expect(page.locator("#room-room-101")).to_contain_text("相对湿度")
    expect(page.locator("#room-room-101 time").first).to_contain_text("前")
    page.goto("/alarms", wait_until="domcontentloaded")
    expect(page.get_by_role("heading", level=1)).to_have_text("报警")
    page.context.clear_cookies(name="muniment_lang")
    page.reload(wait_until="domcontentloaded")
    expect(page.get_by_role("heading", level=1)).to_have_text("报警")  # kept with the person, not only in this browser
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Alarms")


def opening(room: Agent, *, uploaded: bool = True, announced: bool = True) -> tuple[str, str]:
    """A door opening with its clip: the review's identity and the event's."""
    opened = now_ms()
    event = room.door("open", t=opened)
    if announced:
        data = clip_of_a_door()
        room.clip(event, opened, data)
        if uploaded:
            room.upload(data)
    room.door("closed")
    reviews = (room.house.centre.get("/api/v1/security/reviews", "security").json or {})["items"]
    return next(review["id"] for review in reviews if review["event"] == event), event


def test_security_sees_the_clip_play_and_gives_a_verdict(sign_in: SignIn, room: Agent) -> None:
    review, _ = opening(room)
    page = sign_in("security")
    page.goto(f"/security?event={review}", wait_until="domcontentloaded")
    expect(page.locator(".fact-strip")).to_contain_text("room-101/door")
    video = page.locator("video")
    expect(video).to_be_visible()
    video.evaluate("v => v.readyState >= 2 || new Promise(done => v.addEventListener('loadeddata', done))")
    page.locator("h1").click()
    page.keyboard.press("Space")
    video.evaluate("v => new Promise(done => v.addEventListener('timeupdate', () => v.currentTime > 0.4 && done()))")
    moment = float((page.locator("line.moment").get_attribute("x1") or "0").rstrip("%"))
    assert moment == pytest.approx(37.5, abs=1), "the mark lies at the opening: 3 s of 8"
    page.keyboard.press("Space")
    page.get_by_role("button", name="Take it").click()
    expect(page.get_by_text("In the hands of security")).to_be_visible()
    page.locator("h1").click()
    page.keyboard.press("2")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("False alarm")
    dialog.get_by_label("Cause").select_option("door-fault")
    dialog.get_by_label("Reason").fill("the contact sits loose")
    dialog.get_by_role("button", name="Record the verdict").click()
    expect(page.locator(".outcome")).to_contain_text("the contact sits loose")
    expect(page.locator(".event-head .sign")).to_have_text("Closed")
    views = room.house.centre.get("/api/v1/ledger/entries?limit=1000", "auditor").json or {}
    assert any(entry["kind"] and "view" in entry["kind"] and entry["actor"] == "security" for entry in views["items"])


def test_a_clip_on_its_way_is_said_and_appears_when_it_arrives(sign_in: SignIn, room: Agent) -> None:
    data = clip_of_a_door(6, 2)
    opened = now_ms()
    event = room.door("open", t=opened)
    page = sign_in("security")
    expect(page.locator(".event")).to_contain_text("The clip is on its way")
    expect(page.locator("video")).to_have_count(0)
    room.clip(event, opened, data, seconds=6, pre_roll_s=2)
    room.upload(data)
    expect(page.locator("video")).to_be_visible()
    room.door("closed")


def test_the_queue_is_walked_by_keyboard(sign_in: SignIn, room: Agent) -> None:
    second, _ = opening(room)
    first, _ = opening(room)
    page = sign_in("security")
    expect(page.locator(".queue li a[aria-current=true]")).to_have_attribute("href", re.compile(first))
    page.locator("h1").click()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(second))
    expect(page.locator('[data-connection="connected"]')).to_be_visible()  # its scripts run
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile(first))


def test_the_line_follows_the_bench(sign_in: SignIn, bench: Agent) -> None:
    batch = str(uuid.uuid4())
    capture(bench, batch=batch, count=6, declared=8, volume="Q12-0034")
    page = sign_in("operator")
    desk = page.locator(".bench", has_text="bench-1")
    leaves = page.get_by_role("region", name="Recent pages of bench-1").locator(".leaf")
    expect(desk).to_contain_text("of 8 declared pages")
    expect(desk.locator(".progress-words strong")).to_have_text("5")
    expect(desk.locator(".verdict")).to_contain_text("Good")
    desk.locator(".bench-page img").evaluate("image => image.decode()")
    expect(leaves).to_have_count(6)
    capture(bench, batch=batch, count=1, declared=8, volume="Q12-0034", on_page=lambda _: "bad")
    expect(desk.locator(".verdict")).to_contain_text("Bad: retake")
    expect(desk.locator(".verdict")).to_contain_text("Skew: turned by 1.8°")
    expect(leaves).to_have_count(7)


def test_an_archivist_looks_at_a_page_and_accepts_the_batch(sign_in: SignIn, bench: Agent) -> None:
    batch, t = str(uuid.uuid4()), now_ms()
    pages = capture(bench, batch=batch, count=6, declared=5, volume="Q12-0040")
    closed = {"captured": 5, "replaced": 1}
    station = "bench-1/bench-1"
    bench.send("capture", record("batch", t, t, batch=batch, state="closed", declared=5, counts=closed, station=station, volume="Q12-0040"))
    page = sign_in("archivist")
    page.get_by_role("link", name="Q12-0040").click()
    page.locator(f'.leaf a[href*="{pages[4]}"]').click()
    expect(page.locator('.viewer[data-state="ready"] canvas').first).to_be_visible()
    page.get_by_role("button", name="Zoom in").click()
    expect(page.locator(".checks")).to_contain_text("Skew")
    expect(page.locator(".chain")).to_contain_text("Captured by operator")
    expect(page.locator(".chain")).to_contain_text("of the ledger")
    page.get_by_role("button", name="Accept").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("5 pages were compared")
    dialog.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("Batch accepted")).to_be_visible()
    expect(page.locator("#batch-state")).to_contain_text("Accepted")


def test_hostile_names_are_shown_as_text(sign_in: SignIn, house: House, bench: Agent, room: Agent) -> None:
    t, batch = now_ms(), str(uuid.uuid4())
    bench.send(
        "capture", record("batch", t, t, batch=batch, state="open", declared=1, counts={}, station="bench-1/bench-1", volume=HOSTILE)
    )
    room.alarm(HOSTILE, HOSTILE, words={"en": HOSTILE, "zh": HOSTILE})
    for role, path in (("archivist", "/batches"), ("archivist", f"/batches/{batch}"), ("archivist", "/alarms"), ("archivist", "/rooms")):
        page = sign_in(role)
        page.goto(path, wait_until="domcontentloaded")
        expect(page.get_by_text(HOSTILE).first).to_be_visible()
        assert page.evaluate("window.hacked") is None
        page.context.clear_cookies()


def test_what_is_not_allowed_is_said_and_not_offered(sign_in: SignIn, room: Agent) -> None:
    page = sign_in("facility")
    expect(page.get_by_role("link", name="Review queue")).to_have_count(0)
    answer = page.goto("/security", wait_until="domcontentloaded")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("heading", level=1)).to_have_text("Not allowed")


def test_an_auditor_reads_the_ledger_and_changes_nothing(sign_in: SignIn, room: Agent, cookies: dict[str, list[Any]]) -> None:
    cookies.pop("auditor", None)  # by the form, whoever was here before: the sign-in is among the latest entries
    page = sign_in("auditor")
    room.alarm("audit", "room-101/audit", words={"en": "Audit sample", "zh": "审计样例"})  # ingest takes in the sign-in, too
    page.goto("/ledger", wait_until="domcontentloaded")
    expect(page.locator("#entries tbody tr").first).to_be_visible()
    expect(page.locator("#entries")).to_contain_text("Signed in")
    expect(page.get_by_text("Last signed checkpoint")).to_be_visible()
    page.goto("/alarms", wait_until="domcontentloaded")
    expect(page.get_by_text("Audit sample")).to_be_visible()
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    page.goto("/agents", wait_until="domcontentloaded")
    expect(page.locator("#agents")).to_contain_text("room-101")


def test_the_page_says_when_the_centre_is_gone_and_catches_up(sign_in: SignIn, room: Agent) -> None:
    page: Page = sign_in("facility")
    expect(page.locator('[data-connection="connected"]')).to_be_visible()
    room.house.cable.cut()
    expect(page.locator('[data-connection="reconnecting"]')).to_contain_text("Reconnecting since")
    room.climate(temperature=23.3, humidity=44.4)
    room.house.cable.mend()
    expect(page.locator('[data-connection="connected"]')).to_be_visible(timeout=20_000)
    expect(page.locator("#room-room-101 .value").first).to_contain_text("23.3")


def test_two_tabs_share_one_stream_and_the_second_takes_over(sign_in: SignIn, room: Agent) -> None:
    first = sign_in("facility")
    expect(first.locator('[data-connection="connected"]')).to_be_visible()
    second = first.context.new_page()
    second.goto("/rooms", wait_until="domcontentloaded")
    expect(second.locator('[data-connection="connected"]')).to_be_visible()
    room.climate(temperature=16.1, humidity=46.1)
    for page in (first, second):
        expect(page.locator("#room-room-101 .value").first).to_contain_text("16.1")
    first.close()
    room.climate(temperature=17.2, humidity=47.2)
    expect(second.locator("#room-room-101 .value").first).to_contain_text("17.2")


def test_nothing_falls_between_drawing_a_page_and_listening(sign_in: SignIn, room: Agent) -> None:
    page = sign_in("facility")

    def late(route: Route) -> None:
        room.alarm("between", "room-101/between", words={"en": "Came in between", "zh": "恰在其间"})
        route.continue_()

    page.route("**/api/v1/live*", late, times=1)
    page.goto("/alarms", wait_until="domcontentloaded")
    expect(page.locator("tr", has_text="Came in between")).to_be_visible()
