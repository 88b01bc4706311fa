"""What facility staff does with storerooms: see which is red, find why, compare, look back, take the data along, place things on a plan."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SignIn
from tests.browser.house import Agent, House, now_ms
from tests.browser.storeroom import HOUR, history, storeroom

pytestmark = pytest.mark.browser
PHONE = {"width": 380, "height": 844}
TEMPERATURE, HUMIDITY = "paper-1.climate.temperature", "paper-1.climate.relative_humidity"


@pytest.fixture(scope="module")
def paper(house: House) -> Iterator[Agent]:
    """A paper store that has become too warm; a day of last year is known, too."""
    agent = house.enrol("paper-1")
    history(agent, days=1, warmth=17.0, until=now_ms() - 365 * 24 * HOUR)
    storeroom(house, "paper-1", agent=agent)
    agent.climate(temperature=23.4, humidity=50.2)
    agent.alarm("temperature-high", TEMPERATURE, value=23.4, limit=22.0)
    yield agent


@pytest.fixture(scope="module")
def film(house: House) -> Agent:
    """A film vault that is well."""
    agent = storeroom(house, "film-2", warmth=17.5, damp=49)
    agent.climate(temperature=17.6, humidity=49.2)
    return agent


def drawn(page: Page) -> Locator:
    """The chart, once it stands."""
    chart = page.locator("[data-course][aria-busy=false]")
    expect(chart).to_be_visible()
    return chart


def course_of(page: Page, path: str) -> Locator:
    """Open a room's page and wait for its chart."""
    page.goto(path, wait_until="domcontentloaded")
    return drawn(page)


def no_overflow(page: Page) -> None:
    """Nothing reaches beyond the page's side."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_red_room_comes_first_and_says_why(sign_in: SignIn, paper: Agent, film: Agent) -> None:
    page = sign_in("facility")
    page.goto("/rooms?view=list", wait_until="domcontentloaded")
    rows = page.locator("tr[data-room]")
    red, well = (rows.filter(has=page.get_by_role("link", name=room, exact=True)) for room in ("paper-1", "film-2"))
    expect(red).to_have_attribute("data-light", "red")
    lights = rows.evaluate_all("rows => rows.map((row) => row.dataset.light)")
    assert lights == sorted(lights, key=["red", "yellow", "grey", "green"].index)
    expect(well).to_have_attribute("data-light", "green")
    expect(red).to_contain_text("Temperature too high: 23.4 °C, limit 22.0 °C")
    expect(red.locator(".spark").first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("film-2")
    expect(page.locator("tr[data-room]:visible")).to_have_count(1)
    page.get_by_role("searchbox").fill("nowhere")
    expect(page.get_by_text("No room fits.")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    page.get_by_role("link", name="paper-1").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("paper-1")
    chart = drawn(page)
    expect(chart.get_by_text("within limits: 16 – 22 °C, 45 – 55 %")).to_be_visible()
    page.locator("#alarms").get_by_role("link", name="Temperature too high: 23.4 °C, limit 22.0 °C").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Temperature too high")
    page.get_by_role("button", name="Acknowledge").first.click()
    expect(page.get_by_text("Alarm acknowledged")).to_be_visible()
    page.goto("/rooms/paper-1", wait_until="domcontentloaded")
    expect(page.locator("#alarms")).to_contain_text("Active, acknowledged")
    page.goto("/rooms?view=cards", wait_until="domcontentloaded")
    expect(page.locator("article[data-room]").first).to_have_attribute("data-light", "red")


def test_one_looks_closer_down_to_each_value_and_sends_the_link(sign_in: SignIn, paper: Agent) -> None:
    page = sign_in("facility")
    chart = course_of(page, "/rooms/paper-1?span=24h")
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    expect(page.locator(".moment")).to_contain_text("Asia/Shanghai")
    expect(page.locator(".readout li").first).to_contain_text("Temperature")
    expect(page.locator(".readout strong").first).to_contain_text(re.compile(r"^\d\d\.\d °C$"))
    with page.expect_response(lambda answer: "/api/v1/readings?" in answer.url) as asked:
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60, steps=4)
        page.mouse.up()
    span = {name: int(value) for name, value in re.findall(r"(from|to)=(\d+)", asked.value.url)}
    assert span["to"] - span["from"] == pytest.approx(2.4 * HOUR, rel=0.1)
    expect(chart.get_by_text("Each point is one value as it was measured.")).to_be_visible()
    link = page.url
    assert f"from={span['from']}" in link
    page.goto("/rooms", wait_until="domcontentloaded")
    course_of(page, link)
    assert page.url == link, "the link shows the same window"
    page.get_by_role("button", name="Back to the whole span").click()
    expect(page.get_by_role("button", name="24 h", exact=True)).to_have_attribute("aria-pressed", "true")


def test_a_gap_is_a_gap_and_says_so(sign_in: SignIn, paper: Agent) -> None:
    page = sign_in("facility")
    now = now_ms()
    chart = course_of(page, f"/rooms/paper-1?from={now - 26 * HOUR}&to={now - 20 * HOUR}")
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 3 / 6, box["y"] + 60)  # 23 hours ago, within the two hours from 24 to 22
    expect(chart.locator(".readout strong").first).to_have_text("gap: no data")


def test_courses_are_compared_and_taken_out_again(sign_in: SignIn, paper: Agent, film: Agent) -> None:
    page = sign_in("facility")
    chart = course_of(page, "/rooms/paper-1?span=24h")
    page.get_by_label("Compare with").select_option("film-2.climate.temperature")
    page.get_by_label("Compare with").select_option("paper-1.climate.dew_point")
    readout = chart.locator(".readout li")
    expect(readout).to_have_count(4)
    expect(readout.nth(2)).to_contain_text("film-2")
    expect(readout.nth(3)).to_contain_text(re.compile(r"Dew point.*-?\d+\.\d °C"))
    expect(page).to_have_url(re.compile(r"c=paper-1\.climate\.temperature,.*,film-2\.climate\.temperature,paper-1\.climate\.dew_point"))
    page.get_by_role("button", name=re.compile("^Take Dew point")).click()
    expect(readout).to_have_count(3)
    chart.get_by_text("As a table").click()
    table = chart.get_by_role("table")
    expect(table.locator("thead th")).to_have_count(4)
    expect(table.locator("tbody tr").nth(3)).to_contain_text("°C")


def test_what_happened_at_a_moment_is_told_beside_the_values(sign_in: SignIn, paper: Agent) -> None:
    page = sign_in("facility")
    now = now_ms()
    chart = course_of(page, f"/rooms/paper-1?from={now - 4 * HOUR}&to={now - 2 * HOUR}")
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5 + 8, box["y"] + 60)  # the door opened three hours ago, for four minutes
    expect(chart.locator(".moment")).to_contain_text("door open: door")
    page.goto("/rooms/paper-1?span=1h", wait_until="domcontentloaded")
    chart = drawn(page)
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 4)
    expect(chart.locator(".moment")).to_contain_text("alarm: Temperature too high: 23.4 °C, limit 22.0 °C")


def test_years_lie_over_one_another_and_the_calendar_has_a_legend_and_a_table(sign_in: SignIn, paper: Agent) -> None:
    page = sign_in("facility")
    chart = course_of(page, "/rooms/paper-1?span=7d")
    page.get_by_role("button", name="Years").click()
    expect(chart.locator(".readout li")).to_have_count(2)
    expect(chart.locator(".readout")).to_contain_text(re.compile(r"Temperature 20\d\d.*Temperature 20\d\d"))
    page.get_by_role("button", name="Calendar").click()
    expect(page.get_by_role("img", name="Temperature, a column a day and a row an hour")).to_be_visible()
    expect(page.locator("[data-part=calendar-key] span")).to_have_count(5)
    page.get_by_role("button", name="Beyond limits").click()
    expect(page.locator("[data-part=calendar-key]")).to_contain_text("mean beyond limits")
    chart.get_by_text("As a table").click()
    rows = chart.get_by_role("table").locator("tbody tr")
    expect(rows.nth(1)).to_contain_text("°C")
    expect(page).to_have_url(re.compile("mode=calendar&by=limits"))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_raw_values_are_exported_as_they_were_measured(sign_in: SignIn, paper: Agent, tmp_path: Path, kind: str) -> None:
    page = sign_in("facility")
    course_of(page, "/rooms/paper-1?span=24h")
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile("^CSV" if kind == "csv" else "^Parquet")).check()
    dialog.get_by_label("Relative humidity").uncheck()
    dialog.get_by_label("Temperature").uncheck()
    dialog.get_by_role("button", name="Export").click()
    expect(dialog.get_by_role("alert")).to_have_text("Choose at least one course")
    dialog.get_by_label("Temperature").check()
    with page.expect_download() as loading:
        dialog.get_by_role("button", name="Export").click()
    data = Path(loading.value.path()).read_bytes()
    if kind == "csv":
        rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(data.decode())))
        values = {int(row["t_ms"]): float(row["value"]) for row in rows}
    else:
        table = pq.read_table(io.BytesIO(data))
        assert json.loads(table.schema.metadata[b"muniment"])["channels"] == {TEMPERATURE: {"q": "temperature", "u": "Cel"}}
        values = {round(row["time"].timestamp() * 1000): row["value"] for row in table.to_pylist()}
    shown = paper.house.centre.get(f"/api/v1/readings?sensor={TEMPERATURE}&points=5000", "facility").json or {}
    known = {point[0]: point[2] for point in shown["points"]}
    assert known.items() <= values.items(), "every value that the chart shows is in the file, unchanged"
    assert len(values) > 200


def test_a_plan_is_begun_and_things_are_placed_by_drag_and_keys_and_taken_back(sign_in: SignIn, paper: Agent, film: Agent) -> None:
    page = sign_in("facility")
    page.goto("/rooms/paper-1/plan", wait_until="domcontentloaded")
    expect(page.get_by_text("This room is on no plan yet")).to_be_visible()
    page.get_by_role("button", name="New plan").click()
    page.get_by_label("Name").fill("Ground floor")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(re.compile(r"/plans/.*edit=1"), wait_until="domcontentloaded")
    plan = page.url.partition("/plans/")[2].partition("?")[0]

    def places() -> dict[str, tuple[float, float]]:
        found = paper.house.centre.get(f"/api/v1/plans/{plan}", "facility").json or {}
        return {place["item"]: (place["x"], place["y"]) for place in found["places"]}

    for item in ("room:paper-1", "sensor:paper-1.climate", "contact:paper-1/door"):
        page.locator(f'[data-place="{item}"]').click()
        expect(page.locator(f'.pin[data-item="{item}"]')).to_be_focused()
    sensor = page.locator('.pin[data-item="sensor:paper-1.climate"]')
    expect(sensor).to_contain_text("23.4")
    expect(page.locator('.pin[data-item="room:paper-1"]')).to_have_attribute("data-light", "red")
    before, box = places()["sensor:paper-1.climate"], sensor.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 130, box["y"] + 130, steps=5)
    with page.expect_response(re.compile("/places$")):
        page.mouse.up()
    dragged = places()["sensor:paper-1.climate"]
    assert dragged[0] > before[0] + 0.05 and dragged[1] > before[1] + 0.05
    with page.expect_response(re.compile("/places$")):
        sensor.press("ArrowLeft")
        sensor.press("Shift+ArrowUp")
    moved = places()["sensor:paper-1.climate"]
    assert (dragged[0] - moved[0], dragged[1] - moved[1]) == pytest.approx((0.005, 0.05), abs=1e-6)
    for wanted in (dragged, before):
        with page.expect_response(re.compile("/places$")):
            page.get_by_role("button", name="Undo").click()
        assert places()["sensor:paper-1.climate"] == pytest.approx(wanted, abs=1e-6)
    with page.expect_response(re.compile("/places$")):
        page.locator('.pin[data-item="contact:paper-1/door"]').press("Delete")
    assert "contact:paper-1/door" not in places()
    page.get_by_role("button", name="Edit").click()
    page.locator('.pin[data-item="room:paper-1"] .pin-name').click()
    expect(page).to_have_url(re.compile("/rooms/paper-1"))
    page.goto("/rooms/paper-1/plan", wait_until="domcontentloaded")
    expect(sensor).to_be_visible()
    paper.climate(temperature=23.6, humidity=50.4)
    expect(sensor).to_contain_text("23.6")


def test_by_keys_alone_from_the_overview_to_a_value_in_the_chart(sign_in: SignIn, paper: Agent) -> None:
    page = sign_in("facility")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", level=1)).to_have_text("Alarms")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", level=1)).to_have_text("Storerooms")
    page.keyboard.press("/")
    page.keyboard.type("paper")
    link = page.locator("[data-room]:visible").get_by_role("link", name="paper-1").first
    for _ in range(20):
        page.keyboard.press("Tab")
        if link.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/rooms/paper-1"), wait_until="domcontentloaded")
    drawn(page)
    page.keyboard.press("c")
    page.keyboard.press("End")
    spoken = page.locator("[data-part=spoken]")
    expect(spoken).to_contain_text(re.compile(r"Asia/Shanghai.*Temperature \d\d\.\d °C"))
    last = spoken.text_content()
    page.keyboard.press("ArrowLeft")
    expect(spoken).not_to_have_text(last or "")
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("from="))
    page.keyboard.press("0")
    expect(page).to_have_url(re.compile("span="))


def test_a_phone_shows_rooms_chart_and_plan_in_chinese_without_scrolling_sideways(sign_in: SignIn, paper: Agent, film: Agent) -> None:
    page = sign_in("facility")
    page.set_viewport_size(PHONE)
    page.context.add_cookies([{"name": "muniment_lang", "value": "zh", "url": paper.house.url}])
    for path in ("/rooms?view=list", "/rooms?view=cards", "/rooms/paper-1", "/plans?all=1", "/rooms/paper-1/plan"):
        page.goto(path, wait_until="domcontentloaded")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        no_overflow(page)
    chart = course_of(page, "/rooms/paper-1?span=24h")
    expect(chart.locator(".readout")).to_contain_text("温度")
    no_overflow(page)
