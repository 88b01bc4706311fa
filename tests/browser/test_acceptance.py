"""A reviewer works the sample of a batch by keyboard alone, rejects one page, and sends it back to the bench."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import CONSOLE, SignIn
from tests.browser.house import Agent, House, capture, now_ms
from wire.records import record

pytestmark = pytest.mark.browser

PAGES = 14
TILE = re.compile(r"/api/v1/pages/[^/]+/iiif/\d+,\d+,\d+,\d+/[\d,]+/0/default\.jpg")  # a tile, not the whole image
AXE = CONSOLE / "node_modules" / "axe-core" / "axe.min.js"
BARRIERS = "async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa']})).violations.map(v => v.id)"


@pytest.fixture(scope="module")
def bench(house: House) -> Iterator[Agent]:
    agent = house.enrol("bench-5")
    agent.online()
    yield agent


@pytest.fixture(scope="module")
def batch(house: House, bench: Agent) -> str:
    """A closed batch of which every page is looked at."""
    ident, t = str(uuid.uuid4()), now_ms()
    capture(bench, batch=ident, count=PAGES, declared=PAGES - 1, volume="R-2026-0042", on_page=lambda n: "look" if n == 2 else "good")
    facts = {"batch": ident, "state": "closed", "declared": PAGES - 1, "counts": {}, "station": "bench-5/bench-5", "volume": "R-2026-0042"}
    bench.send("capture", record("batch", t, t, **facts))
    chosen = house.centre.call(
        "POST", "/api/v1/acceptance/choices", "archivist", json={"scope": "batch", "name": ident, "plan": "every-page"}
    )
    assert chosen.status_code == 200, chosen.text
    return ident


def barriers(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    found: list[str] = page.evaluate(BARRIERS)
    return found


def progress(page: Page, done: int, rejected: int) -> None:
    words = f"{done} of {PAGES - 1} looked at as the plan asks, {rejected} rejected"
    expect(page.locator('[data-part="progress"]')).to_have_text(words)


def test_a_sample_is_reviewed_by_keyboard_alone(sign_in: SignIn, house: House, batch: str) -> None:
    page = sign_in("archivist")
    page.goto(f"/batches/{batch}/review", wait_until="domcontentloaded")
    expect(page.locator(".tile")).to_have_count(PAGES - 1)
    progress(page, 0, 0)
    assert barriers(page) == []
    for key in ("ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Page 2")).to_be_visible()
    expect(page.locator('[data-part="failing"]')).to_contain_text("turned by 1.8°")
    with page.expect_response(TILE) as tile:
        page.keyboard.press("+")
    assert tile.value.status == 200 and tile.value.headers["content-type"] == "image/jpeg"
    expect(page.locator('.deep[data-state="ready"] canvas').first).to_be_visible()
    expect(page.locator(".deep .found")).to_have_count(0)  # this check does not say where on the page
    page.keyboard.press("0")
    expect(page.locator(".deep")).to_have_count(0)
    page.keyboard.press("r")
    expect(page.get_by_role("dialog", name="Reject this page")).to_be_visible()
    assert barriers(page) == []
    for key in ("3", "Enter"):  # crooked
        page.keyboard.press(key)
    progress(page, 1, 1)
    for _ in range(PAGES - 3):
        page.keyboard.press("1")
    progress(page, PAGES - 2, 1)
    page.keyboard.press("u")
    progress(page, PAGES - 3, 1)
    for key in ("g", "g"):  # which elsewhere leads to other pages
        page.keyboard.press(key)
    progress(page, PAGES - 1, 1)
    expect(page.locator('[data-part="grid"]')).to_be_focused()
    expect(page.locator('[data-part="unsaved"]')).to_be_empty()
    found = house.centre.get(f"/api/v1/acceptance/batches/{batch}", "archivist").json
    assert found["dossier"]["progress"]["reviewed"] == PAGES - 1
    assert [one["code"] for one in found["dossier"]["obstacles"]] == ["sample-rejects"]

    page.get_by_role("button", name="Reject", exact=True).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Reject the batch")
    expect(dialog).to_contain_text("1 rejected page goes back to the bench")
    page.keyboard.type("page 2 is crooked")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/batches/{batch}")
    expect(page.locator("#acceptance")).to_contain_text("Crooked")
    told = house.centre.get(f"/api/v1/acceptance/batches/{batch}", "archivist").json
    assert told["state"] == "rejected" and [one["code"] for one in told["rework"]["pages"]] == ["skewed"]


def test_plans_are_copied_and_chosen_and_figures_shown(sign_in: SignIn, house: House, batch: str) -> None:
    page = sign_in("archivist")
    page.goto("/line/acceptance", wait_until="domcontentloaded")
    assert barriers(page) == []
    expect(page.get_by_role("region", name="What was found")).to_contain_text("7.7 %")  # one of thirteen
    page.get_by_role("row", name="DA/T 31-2017").get_by_role("button", name="Copy").click()
    dialog = page.get_by_role("dialog", name="Sampling plan")
    dialog.get_by_label("Name").fill("Ten percent")
    dialog.get_by_label("Share of the pages").fill("10")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="Ten percent")).to_contain_text("10 % of the pages")
    page.get_by_label("For").select_option("unit")
    page.get_by_label("Name of the unit or consignment").fill("Gas works")
    page.locator("#choice-plan").select_option(label="Ten percent")
    page.get_by_role("button", name="Choose").click()
    expect(page.get_by_role("row", name="Gas works")).to_contain_text("Ten percent")
    choices = house.centre.get("/api/v1/acceptance/plans", "archivist").json["choices"]
    assert [(one["scope"], one["name"]) for one in choices] == [("unit", "Gas works")]
