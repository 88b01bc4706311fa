"""One house and one browser for all browser tests; a fresh context a test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.house import House
from tests.central.web_fixtures import PASSWORD

CHROMIUM = "/usr/bin/chromium"
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
CONSOLE = Path(__file__).parents[2] / "central" / "console"
WAIT_MS = 10_000

SignIn = Callable[..., Page]


@pytest.fixture(scope="session")
def assets() -> Path:
    """The console's built assets and compiled translations; `make install` makes both, and so does this where they are missing."""
    if not (CONSOLE / "static" / "dist" / "manifest.json").exists():
        subprocess.run(["npm", "ci", "--no-audit"], cwd=CONSOLE, check=True, timeout=300)
        subprocess.run(["npm", "run", "build"], cwd=CONSOLE, check=True, timeout=120)
    if not (CONSOLE / "translations/zh_Hans_CN/LC_MESSAGES/messages.mo").exists():
        subprocess.run(["pybabel", "compile", "-d", "translations"], cwd=CONSOLE, check=True, timeout=60)
    return CONSOLE


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, assets: Path) -> Iterator[House]:
    """The centre that the browser visits."""
    made = House(Path(tmp_path_factory.mktemp("house")))
    yield made
    made.close()


@pytest.fixture(scope="module")  # a module's tests may bring a browser of their own
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, house: House) -> Iterator[BrowserContext]:
    """A browser of someone in Shanghai who prefers English, at a desk."""
    made = chromium.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="Asia/Shanghai", base_url=house.url, color_scheme="light"
    )
    made.set_default_timeout(WAIT_MS)
    yield made
    made.close()


@pytest.fixture(scope="session")
def cookies() -> dict[str, list[Any]]:
    """The session cookies of those who have signed in once: hashing a password takes its time, on purpose."""
    return {}


@pytest.fixture
def sign_in(context: BrowserContext, cookies: dict[str, list[Any]]) -> SignIn:
    """Sign in by the form, the first time a role does; the page that follows. Errors of scripts fail the test."""

    def run(role: str) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
        if role in cookies:
            context.clear_cookies()
            context.add_cookies(cookies[role])
            page.goto("/", wait_until="domcontentloaded")
            return page
        page.goto("/login", wait_until="domcontentloaded")
        page.get_by_label("Name").fill(role)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click(no_wait_after=True)
        page.wait_for_url(lambda url: "/login" not in url, wait_until="domcontentloaded")
        cookies[role] = [cookie for cookie in context.cookies() if cookie["name"] == "muniment"]
        return page

    return run
