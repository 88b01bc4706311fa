"""Facility staff set a room's limits by medium and calibrate a sensor, in the browser."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.house import House, now_ms
from wire.records import record


def test_limits_are_chosen_by_medium_refused_in_conflict_and_set(house: House, sign_in: Callable[..., Page]) -> None:
    vault = house.enrol("film-vault")
    t = now_ms()
    limits = {"temperature": {"sensor": "climate", "quantity": "temperature", "above": 15.0}}
    vault.send("events", record("config", t, 1, facts={"report_s": 60, "limits": limits, "limits_source": "file", "calibration": {}}))
    vault.climate(temperature=14.2, humidity=34.5)
    page = sign_in("facility")
    page.goto("/rooms/film-vault/limits", wait_until="domcontentloaded")
    expect(page.locator("#limits-now")).to_contain_text("≤ 15 °C")
    page.get_by_role("button", name="Set the limits").click()
    expect(
        page.get_by_text("Tick what is kept in this room first"), "nothing is given back to the agents by an empty choice"
    ).to_be_visible()
    expect(page.locator(".limits-history")).to_contain_text("Nothing has been set")
    page.get_by_label("Search").fill("colour negative long")
    page.get_by_label("colour negative (long term)").check()
    expect(page.locator("#preview")).to_contain_text("≤ 2 °C, 20 – 30 % RH or ≤ -3 °C")
    page.get_by_label("Search").fill("JGJ 25 paper")
    page.get_by_label("paper (storeroom)").check()
    expect(page.locator("#preview").get_by_role("alert")).to_contain_text("exclude each other")
    page.get_by_label("colour negative (long term)").uncheck()
    expect(page.locator("#preview")).to_contain_text("14 – 24 °C, 45 – 60 % RH")
    expect(page.locator("#preview")).to_contain_text("verify against your copy")
    expect(page.locator("#l-swing_c"), "the standard's swing is proposed").to_have_value("2")
    page.get_by_role("button", name="Set the limits").click()
    expect(page.locator(".history-list")).to_contain_text("Added: paper (storeroom)")
    expect(page.locator("#limits-now")).to_contain_text("not confirmed yet")
    with house.centre.engine.connect() as connection:
        sent = connection.exec_driver_sql("SELECT args FROM commands WHERE agent = 'film-vault' AND name = 'limits.set'").scalar_one()
    rules = json.loads(sent)["limits"]
    t = now_ms()
    vault.send("events", record("config", t, 2, facts={"report_s": 60, "limits": rules, "limits_source": "centre", "calibration": {}}))
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("#limits-now")).to_contain_text("in force")


def test_a_sensor_is_calibrated_by_the_value_that_it_shows(house: House, sign_in: Callable[..., Page]) -> None:
    store = house.enrol("map-store")
    store.climate(temperature=20.3, humidity=50.0)
    page = sign_in("facility")
    page.goto("/rooms/map-store/sensors", wait_until="domcontentloaded")
    page.get_by_role("link", name="Look at map-store.climate.temperature").click()
    page.get_by_role("button", name="Take the reading").first.click()
    expect(page.get_by_label("Sensor reads").first).to_have_value("20.3")
    page.get_by_label("Reference").first.fill("20.1")
    page.get_by_label("Calibrated by").fill("Li Wei")
    page.get_by_label("Certificate number").fill("JL-2026-017")
    page.get_by_role("button", name="Record the calibration").click()
    row = page.get_by_role("row").filter(has_text="JL-2026-017")
    expect(row).to_contain_text("-0.2")
    page.set_viewport_size({"width": 380, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
