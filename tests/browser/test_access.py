"""Accessibility of every page, measured by axe-core in the browser: labels, names, contrast, order; in both themes and languages."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from central.ledger import acts
from central.store.engine import writing
from tests.browser.conftest import CONSOLE, SignIn
from tests.browser.house import House, capture, clip_of_a_door, now_ms

pytestmark = pytest.mark.browser

AXE = CONSOLE / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = [
    ("facility", "/rooms"),
    ("facility", "/rooms/vault-01"),
    *(("facility", f"/rooms/vault-01/{page}") for page in ("limits", "sensors", "preservation", "works", "reports", "plan")),
    *(("facility", f"/{page}") for page in ("sensors", "plans", "calendar", "patrol")),
    ("facility", "/alarms"),
    ("operator", "/line"),
    ("archivist", "/line/board"),
    ("archivist", "/line/volumes"),
    ("archivist", "/line/volumes/{volume}"),
    ("archivist", "/line/yields?by=person"),
    ("archivist", "/batches"),
    ("archivist", "/batches/{batch}"),
    ("archivist", "/batches/{batch}?page={page}"),
    ("archivist", "/batches/{batch}/review"),
    ("archivist", "/line/acceptance"),
    ("security", "/security"),
    ("security", "/security?show=closed"),
    ("auditor", "/overview"),
    ("auditor", "/ledger"),
    ("auditor", "/agents"),
    ("auditor", "/nowhere"),
]


@pytest.fixture(scope="module")
def names(house: House) -> dict[str, str]:
    """A house with something to show on every page."""
    vault, bench = house.enrol("vault-01"), house.enrol("bench-9")
    vault.online()
    vault.climate(temperature=14.2, humidity=44.0)
    vault.alarm("humidity-high", "vault-01.climate.relative_humidity", value=44.0, limit=40.0)
    opened, data = now_ms(), clip_of_a_door()
    event = vault.door("open", t=opened)
    vault.clip(event, opened, data)
    vault.upload(data)
    batch = str(uuid.uuid4())
    pages = capture(bench, batch=batch, count=5, declared=6, volume="Q12-0099")
    volume = str(uuid.uuid4())
    with writing(house.centre.engine) as connection:
        facts = {"volume": volume, "number": "Q12-0099", "unit": "North", "consignment": "2026-11", "declared": 6}
        acts.record(connection, kind="volume.register", actor="archivist", body=facts)
        acts.record(connection, kind="step.begin", actor="archivist", body={"volume": volume, "step": "receive"})
        acts.record(
            connection, kind="step.finish", actor="archivist", body={"volume": volume, "step": "receive", "count": 5, "note": "torn"}
        )
        last = acts.record(connection, kind="step.begin", actor="archivist", body={"volume": volume, "step": "sort"})
    assert acts.wait_projected(house.centre.engine, last, 10)
    return {"batch": batch, "page": pages[4], "volume": volume}


SMALL = """() => [...document.querySelectorAll('main button, main .button, nav a')].filter(e => e.checkVisibility())
    .filter(e => e.getBoundingClientRect().height < 44).map(e => e.textContent.trim())"""


def findings(page: Page) -> list[str]:
    """What axe-core finds, one line each."""
    source = AXE.read_text()
    page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": source})
    result: dict[str, Any] = page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES)
    assert len(result["passes"]) > 5, "the rules were applied"
    return [
        f"{found['id']}: {node['target']} {node['failureSummary'].splitlines()[-1]}"
        for found in result["violations"]
        for node in found["nodes"][:5]
    ]


@pytest.mark.parametrize(("role", "path"), PAGES)
def test_a_page_has_no_barrier_and_fits_a_phone(sign_in: SignIn, house: House, names: dict[str, str], role: str, path: str) -> None:
    page = sign_in(role)
    page.goto(path.format(**names), wait_until="domcontentloaded")
    expect(page.locator('[data-connection="connected"]')).to_be_visible()
    assert findings(page) == []
    page.emulate_media(color_scheme="dark")
    assert findings(page) == [], "in the dark theme"
    page.set_viewport_size({"width": 390, "height": 844})
    for language in ("zh", "en"):
        page.context.add_cookies([{"name": "muniment_lang", "value": language, "url": house.url}])
        page.goto(path.format(**names), wait_until="domcontentloaded")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, "nothing sticks out sideways"
        assert page.evaluate(SMALL) == [], "what is touched is at least 44 px high"


def test_the_sign_in_page_has_no_barrier(context: BrowserContext, house: House) -> None:
    page = context.new_page()
    page.goto("/login", wait_until="domcontentloaded")
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("登录")
    assert findings(page) == []


def test_the_keyboard_reaches_the_content_first(sign_in: SignIn, names: dict[str, str]) -> None:
    page = sign_in("facility")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus is visible"


def test_the_theme_is_switched_and_kept(sign_in: SignIn, names: dict[str, str]) -> None:
    page = sign_in("facility")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    switch = page.get_by_role("button", name="Light, dark or as the system")
    switch.click()
    switch.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(ground) != light


def test_no_page_asks_anyone_else(sign_in: SignIn, house: House, names: dict[str, str], tmp_path: Path) -> None:
    page = sign_in("archivist")
    asked: list[str] = []
    refused: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: refused.append(message.text) if "Content Security Policy" in message.text else None)
    for path in ("/rooms", f"/batches/{names['batch']}?page={names['page']}"):
        page.goto(path, wait_until="domcontentloaded")
        expect(page.locator('[data-connection="connected"]')).to_be_visible()
    expect(page.locator('.viewer[data-state="ready"]')).to_be_visible()
    assert [url for url in asked if not url.startswith((house.url, "data:", "blob:"))] == []
    assert refused == []
