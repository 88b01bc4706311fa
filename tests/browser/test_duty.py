"""Staff on duty: alarms by keyboard, an alarm's page, works with their banner, the calendar, a patrol on a phone without signal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SignIn
from tests.browser.house import Agent, House
from tests.central.web_fixtures import PASSWORD

PHONE = {"width": 380, "height": 760}
TOUCH_MIN = 48  # px, of what a thumb has to hit on a patrol


@pytest.fixture(scope="module")
def vault(house: House) -> Agent:
    """A vault with its climate."""
    agent = house.enrol("vault-07")
    agent.climate(temperature=12.0, humidity=35.0)
    return agent


def test_alarms_are_walked_acknowledged_and_shelved_by_keyboard_alone(sign_in: SignIn, vault: Agent) -> None:
    vault.alarm("hot", "vault-07.climate.temperature", value=16.2, limit=14.0, uncertain=True)
    vault.alarm("damp", "vault-07.climate.relative_humidity", value=60.0, limit=50.0, priority="low")
    page = sign_in("facility")
    page.goto("/alarms?room=vault-07", wait_until="domcontentloaded")
    rows = page.locator("tr[data-alarm]")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Within the sensor's uncertainty")  # the loudest first
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr.is-at")).to_contain_text("Relative humidity too high")
    page.keyboard.press("s")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("humidifier is being mended")
    dialog.get_by_label("For how long").select_option(label="until tomorrow 08:00")
    dialog.get_by_role("button", name="Shelve").click()
    expect(rows).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Temperature too high: 16.2 °C, limit 14.0 °C")
    expect(page.locator("table.beside .own")).to_contain_text("12.0")
    page.keyboard.press("a")
    expect(page.get_by_text("Alarm acknowledged")).to_be_visible()
    expect(page.locator(".steps")).to_contain_text("Acknowledged · facility")


def test_works_are_planned_shown_everywhere_and_ended(sign_in: SignIn, vault: Agent) -> None:
    page = sign_in("facility")
    page.goto("/rooms/vault-07/works", wait_until="domcontentloaded")
    begin = page.get_by_label("Begin")
    begin.fill(begin.evaluate("() => new Date(Date.now() - 60000 - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 16)"))
    page.get_by_label("Reason").fill("beetles")
    page.get_by_role("button", name="Plan works").click()
    banner = page.locator(".works-banner")
    expect(banner).to_contain_text("beetles")
    page.goto("/rooms", wait_until="domcontentloaded")
    expect(banner).to_contain_text("Fumigation · vault-07")
    vault.alarm("cold", "vault-07.climate.temperature", value=2.0, limit=5.0)
    expect(banner).to_contain_text("held back")
    page.goto("/rooms/vault-07/works", wait_until="domcontentloaded")
    page.get_by_role("button", name="End now").click()
    expect(page.get_by_text("The works are over")).to_be_visible()
    expect(banner).to_have_count(0)


def test_the_calendar_is_confirmed_and_changed_by_a_click(sign_in: SignIn) -> None:
    page = sign_in("facility")
    page.goto("/calendar?year=2026", wait_until="domcontentloaded")
    page.get_by_role("button", name="Confirm these days").click()
    day = page.locator('[data-day="2026-10-10"]')
    expect(day).to_have_attribute("data-kind", "work")
    expect(page.locator(".proposal")).to_have_count(0)
    day.click()
    expect(day).to_have_attribute("data-kind", "weekend")
    page.get_by_role("button", name="Save the changes").click()
    expect(page.locator(".proposal")).to_be_visible()  # it differs from what is announced again


@pytest.fixture
def phone(chromium: Browser, house: House) -> Iterator[Page]:
    """A phone of facility staff."""
    context = chromium.new_context(
        viewport=PHONE, locale="en-GB", timezone_id="Asia/Shanghai", base_url=house.url, has_touch=True, color_scheme="light"
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto("/login", wait_until="domcontentloaded")
    page.fill("input[name=name]", "facility")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/rooms")
    yield page
    context.close()


def test_a_patrol_is_walked_on_a_phone_and_keeps_what_it_cannot_send(phone: Page, vault: Agent) -> None:
    points = [{"room": "vault-07", "name": f"shelf {n}", "look_at": "seals"} for n in range(1, 4)]
    body = {"name": "Vault round", "times": ["09:00"], "zone": "Asia/Shanghai", "checkpoints": points}
    made = vault.house.centre.call("POST", "/api/v1/patrols", "facility", json=body).json or {}
    codes = [point["code"] for point in made["checkpoints"]]
    phone.goto(f"/patrol/c/{codes[0]}", wait_until="domcontentloaded")
    first = phone.locator(f"#c-{codes[0]}")
    expect(first).to_contain_text("Code read: you are here")
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    small = phone.locator(".stop-acts button").evaluate_all(
        f"all => all.filter(one => Math.min(one.offsetHeight, one.offsetWidth) < {TOUCH_MIN}).length"
    )
    assert small == 0
    first.get_by_role("button", name="All right").tap()
    expect(first).to_have_attribute("data-state", "ok")
    phone.context.set_offline(True)
    second = phone.locator(f"#c-{codes[1]}")
    second.get_by_role("button", name="Something wrong").tap()
    second.get_by_label("What is wrong").fill("a puddle")
    second.get_by_role("button", name="Report it").tap()
    expect(phone.locator("[data-patrol-kept]")).to_contain_text("1 kept on this phone")
    phone.context.set_offline(False)
    expect(phone.locator("[data-patrol-kept]")).to_be_hidden()
    found = vault.house.centre.get(f"/api/v1/patrols/checks?round={made['id']}", "facility").json or {}
    assert [(one["name"], one["ok"], one["scanned"], one["note"]) for one in found["items"]] == [
        ("shelf 2", False, False, "a puddle"),
        ("shelf 1", True, True, None),
    ]
