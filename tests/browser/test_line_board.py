"""The line's board and volumes in the browser: a card that moves by itself, many steps at once, a list with its mistakes, by keyboard."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import expect

from central.ledger import acts
from central.store.engine import writing
from tests.browser.conftest import SignIn
from tests.browser.house import House

pytestmark = pytest.mark.browser


def test_volumes_are_registered_moved_together_and_seen_on_the_board_as_it_happens(house: House, sign_in: SignIn) -> None:
    unit = f"Unit {uuid.uuid4().hex[:6]}"
    page = sign_in("archivist")
    page.goto("/line/volumes", wait_until="domcontentloaded")
    form = page.locator("[data-import]")
    form.locator("[name=text]").fill("B-1\t5\nB-2\tmany\n")
    form.locator("[name=unit]").fill(unit)
    form.locator("[name=consignment]").fill("Board")
    form.get_by_role("button", name="Register all").click()
    expect(form.locator("[data-mistakes]")).to_contain_text("Line 2")
    form.locator("[name=text]").fill(f"{unit}-1\t5\n{unit}-2\t7\n")
    form.get_by_role("button", name="Register all").click()
    expect(page.get_by_text("2 volumes are registered")).to_be_visible()

    page.goto(f"/line/board?unit={unit}", wait_until="domcontentloaded")
    receive, sort = page.locator("#step-receive"), page.locator("#step-sort")
    expect(receive.locator(".card")).to_have_count(2)
    expect(page.locator("[data-connection=connected]").first).to_be_visible()
    ident = (receive.locator(".card").first.get_attribute("href") or "").rpartition("/")[2]
    with writing(house.centre.engine) as connection:  # another person, elsewhere
        for kind, more in (("step.begin", {}), ("step.finish", {"count": 4, "note": "one leaf is missing"})):
            acts.record(connection, kind=kind, actor="li", body={"volume": ident, "step": "receive", **more})
    expect(sort.locator(".card")).to_contain_text("1 discrepancy")
    receive.locator(".card").first.focus()
    page.keyboard.press("ArrowRight")
    expect(sort.locator(".card")).to_be_focused()

    page.goto(f"/line/volumes?unit={unit}", wait_until="domcontentloaded")
    page.get_by_label("Choose all on this page").check()
    expect(page.locator("[data-chosen-count]")).to_have_text("2 chosen")
    page.get_by_role("button", name="Begin", exact=True).click()
    expect(page.get_by_text("Done for 2", exact=True)).to_be_visible()
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Finish …").click()
    page.get_by_label("or: pages of each chosen volume").fill("7")
    page.locator("#bulk-finish").get_by_role("button", name="Finish").click()
    expect(page.locator("[data-failed]").first).to_contain_text("say why in a note")
    expect(page.get_by_text("Done for 1", exact=True)).to_be_visible()
