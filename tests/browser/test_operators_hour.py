"""An operator's hour with real programs: sign in, cards, forty pages with what goes wrong in between, a crash, acceptance, a package."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from deploy.demo.setup import tool
from tests.browser.desk import Desk, page, printed
from tests.presses.wires import Pedal
from tests.system.site import Site, until

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(420)]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WAIT_MS = 40_000
BENCH, STATION, VOLUME, PIN = "bench-1", "bench-1/bench-1", "Q-2026-0140", "246801"
SPREADS, LEFT_OUT, SPOILT, CRASH = 20, 6, 4, 13  # of forty pages; what happens at which spread
PLACES = f"""
[bench.{BENCH}]
screen = "127.0.0.1:{{screen}}"
sign_in = true
session_required = "cards"

[bench.{BENCH}.pedal.foot]
driver = "serial"
port = "{{pedal}}"
switch.capture = {{{{ wish = "capture", down = "41", up = "61" }}}}
switch.retake = {{{{ wish = "retake", down = "42", up = "62" }}}}

[bench.{BENCH}.camera.left]
driver = "snapshot"
url = "{{left}}"

[bench.{BENCH}.camera.right]
driver = "snapshot"
url = "{{right}}"
"""


class Hour:
    """The site with its desk, pedal and screens, and what a person does at them."""

    def __init__(self, folder: Path, *, desk: Desk, context: BrowserContext) -> None:
        self.folder, self.desk = folder, desk
        self.pedal = Pedal(folder / "pedal", Random(1))
        self.site = Site(folder, edits={BENCH: self._bench})
        self.bench, self.console = context.new_page(), context.new_page()
        for one in (self.bench, self.console):
            one.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
        self.shots = 0

    def _bench(self, text: str) -> str:
        screen = re.search(r'screen = "127\.0\.0\.1:(\d+)"', text)
        assert screen is not None
        head = text[: text.index("[bench.")].replace("operator = true", "operator = false")
        left, right = self.desk.url("left"), self.desk.url("right")
        return head + PLACES.format(screen=screen[1], pedal=self.folder / "pedal", left=left, right=right)

    def look(self, screen: Page, name: str) -> None:
        """Keep a picture of the screen."""
        self.shots += 1
        screen.screenshot(path=self.folder / f"{self.shots:02}-{name}.png", full_page=screen is self.console)

    # at the bench

    def word(self, word: str) -> None:
        expect(self.bench.locator("#word")).to_have_text(word)

    def captured(self, count: int) -> None:
        expect(self.bench.locator("#n-captured")).to_have_text(re.compile(rf"^{count}(/|$)"))

    def foot(self, switch: str = "capture") -> None:
        until(lambda: self.pedal.heard, "the bench hears the pedal")
        self.pedal.press(switch)

    def spread(self, number: int, *, spoilt: str | None = None) -> None:
        """Turn to this spread."""
        self.desk.lay(page(2 * number - 1), page(2 * number, spoilt))

    def choose(self, number: int) -> None:
        """Choose a page of the strip by the arrow keys."""
        self.bench.keyboard.press("Escape")
        self.bench.wait_for_selector("body[data-chosen=false]")
        for _ in range(60):
            if f"Page {number} of" in (self.bench.locator("#sheet-title").text_content() or ""):
                return
            before = self.bench.locator("#sheet-title").text_content()
            self.bench.keyboard.press("ArrowLeft")
            expect(self.bench.locator("#sheet-title")).not_to_have_text(before or "")
        raise AssertionError(f"page {number} was never reached")

    # at the centre

    def login(self, role: str) -> None:
        console, user = self.console, self.site.users[role]
        console.context.clear_cookies(name="muniment")
        console.goto(f"{self.site.url}/login", wait_until="domcontentloaded")
        console.fill("input[name=name]", user["name"])
        console.fill("input[name=password]", user["password"])
        console.keyboard.press("Enter")
        console.wait_for_url(lambda url: "/login" not in url, wait_until="domcontentloaded")

    def open(self, path: str) -> None:
        self.console.goto(self.site.url + path, wait_until="domcontentloaded")

    def batch(self, state: str) -> dict[str, Any]:
        """The batch once it is in this state and all its images are here."""

        def there() -> dict[str, Any] | None:
            found = [one for one in self.site.items("/batches", user="archivist") if one["volume"] == VOLUME]
            return found[0] if found and found[0]["state"] == state and not found[0]["pending"] else None

        found: dict[str, Any] = until(there, f"the batch is {state}", timeout_s=120)
        return found

    def run(self, *command: str) -> str:
        """One of our own commands at the centre; its output."""
        config = ("--config", str(self.site.configs / "central.toml")) if command[0] == "muniment-central" else ()
        done = subprocess.run([tool(command[0]), *command[1:], *config], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def hour(tmp_path: Path, assets: Path) -> Iterator[Hour]:
    with Desk() as desk, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB", timezone_id="Asia/Shanghai")
        context.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)
        made = Hour(tmp_path, desk=desk, context=context)
        try:
            made.site.start("broker", "ingest", "web", BENCH)
            yield made
        finally:
            made.site.stop()
            made.pedal.close()
            browser.close()


def test_an_operators_hour(hour: Hour) -> None:
    arrive(hour)
    prove_cards(hour)
    capture_forty(hour)
    close(hour)
    first = review_and_reject(hour)
    do_again(hour)
    accept(hour)
    made = pages_of(hour, first["id"])
    assert len(made) == 2 * SPREADS + 1
    keep(hour, first["id"], made)


def arrive(hour: Hour) -> None:
    """The centre names the operator; the bench hears of her by command, and she signs in."""
    hour.login("archivist")

    def told() -> bool:
        hour.open("/line/people")
        return hour.console.locator(f"form[data-person=POST] input[value='{STATION}']").count() > 0

    until(told, "the centre knows of the bench")
    form = hour.console.locator("form[data-person-api='/api/v1/line/people']")
    form.locator("[name=name]").fill("Lin Mei 林梅")
    form.locator(f"input[value='{STATION}']").check()
    form.locator("[name=pin]").fill(PIN)
    form.get_by_role("button", name="Add").click()
    expect(hour.console.locator(".people-list")).to_contain_text("Lin Mei")

    hour.bench.goto(f"http://127.0.0.1:{hour.site.ports['screen']}/", wait_until="domcontentloaded")
    hour.bench.bring_to_front()
    hour.word("Sign in")
    expect(hour.bench.locator("#person-dialog")).to_be_visible()

    def known() -> bool:
        """The list stands as it was when the dialog opened."""
        hour.bench.keyboard.press("Escape")
        hour.bench.click("#person")
        return hour.bench.locator("#person-list button").count() > 0

    until(known, "the bench knows the operator")
    hour.look(hour.bench, "sign-in")
    hour.bench.click("#person-list button:has-text('Lin Mei')")
    hour.bench.fill("#pin", PIN)
    hour.bench.keyboard.press("Enter")
    expect(hour.bench.locator("#person-name")).to_have_text("Lin Mei 林梅")


def prove_cards(hour: Hour) -> None:
    """Swapped cards are refused with words; then each camera sees its own."""
    sheets = hour.folder / "cards.pdf"
    hour.run("muniment-central", "sheets", "--card", "left", "--card", "right", "--to", str(sheets))
    left, right = printed(sheets)
    hour.desk.lay(right, left)
    hour.word("Cards")
    expect(hour.bench.locator("#link-source")).to_have_attribute("data-up", "true")
    hour.foot()
    expect(hour.bench.locator("#do")).to_contain_text("Swapped (left sees RIGHT)")
    expect(hour.bench.locator("#reasons")).to_contain_text("the wrong card")
    hour.look(hour.bench, "cards-swapped")
    hour.bench.click("#language")
    hour.look(hour.bench, "cards-swapped-zh")
    hour.bench.click("#language")
    hour.desk.lay(left, right)
    hour.foot()
    expect(hour.bench.locator("#reasons")).not_to_contain_text("the wrong card")
    expect(hour.bench.locator("#word")).not_to_have_text("Cards")
    hour.look(hour.bench, "cards-proven")


def capture_forty(hour: Hour) -> None:
    """Twenty spreads by pedal and by keyboard: a bad one, one left out and put in, one moved, a placeholder, an undo, a crash."""
    bench = hour.bench
    bench.keyboard.press("b")
    bench.fill("#volume", VOLUME)
    bench.fill("#declared", str(2 * SPREADS))
    bench.click("#open-go")
    hour.word("Batch open")
    taken = 0
    for number in range(1, SPREADS + 1):
        if number == LEFT_OUT:
            continue
        hour.spread(number, spoilt="skew" if number == SPOILT else None)
        if number == CRASH:
            crash(hour, taken)
        elif number % 2:
            bench.keyboard.press("Space")
        else:
            hour.foot()
        taken += 2
        hour.captured(taken)
        bench.wait_for_selector("body:not([data-tone=working])")
        if number == SPOILT:
            hour.word("Look")
            expect(bench.locator("#reasons")).to_contain_text("Right: ")
            hour.look(bench, "crooked")
            hour.spread(number)
            hour.foot("retake")
            expect(bench.locator("#n-replaced")).to_have_text("2")
            expect(bench.locator("#n-look")).to_have_text("0")
    hour.look(bench, "nineteen-spreads")

    hour.spread(LEFT_OUT)
    hour.choose(2 * LEFT_OUT - 2)
    hour.look(bench, "chosen")
    bench.keyboard.press("i")
    hour.captured(2 * SPREADS)
    bench.keyboard.press("Escape")
    bench.keyboard.press("u")
    hour.captured(2 * SPREADS - 2)
    hour.choose(2 * LEFT_OUT - 2)
    bench.keyboard.press("i")
    hour.captured(2 * SPREADS)

    hour.choose(9)
    bench.keyboard.press("m")
    bench.fill("#page-number", "10")
    bench.locator("#page-reasons button").first.click()
    hour.look(bench, "move")
    bench.click("#page-go")
    expect(bench.locator("#page-dialog")).to_be_hidden()
    hour.choose(20)
    bench.keyboard.press("p")
    bench.locator("#page-kinds button").nth(1).click()
    bench.locator("#page-reasons button").last.click()
    bench.click("#page-go")
    expect(bench.locator("#n-placeholders")).to_have_text("1")
    bench.keyboard.press("Escape")
    hour.look(bench, "all-taken")


def crash(hour: Hour, before: int) -> None:
    """The station dies in the middle of a press: its operator and session are there again, and the spread once."""
    hour.bench.keyboard.press("Space")
    hour.site.kill_child(BENCH, "edge_agent.station")
    expect(hour.bench.locator("#cut")).to_be_visible()
    hour.look(hour.bench, "crash")
    expect(hour.bench.locator("#cut")).to_be_hidden()
    expect(hour.bench.locator("#person-name")).to_have_text("Lin Mei 林梅")
    expect(hour.bench.locator("#word")).not_to_have_text(re.compile("Cards|Sign in|Not ready|No contact"))
    hour.bench.wait_for_selector("body:not([data-tone=working])")
    hour.look(hour.bench, "after-crash")
    shown = (hour.bench.locator("#n-captured").text_content() or "").split("/")[0]
    assert int(shown) in (before, before + 2), "a press counts whole or not at all"
    if int(shown) == before:
        hour.foot()


def close(hour: Hour) -> None:
    """Forty were declared and there are forty-one places: the bench asks, keeps open, asks again, closes."""
    bench = hour.bench
    bench.keyboard.press("n")
    expect(bench.locator("#close-words")).to_contain_text("40")
    hour.look(bench, "close")
    bench.click("#close-keep")
    expect(bench.locator("#close-dialog")).to_be_hidden()
    bench.keyboard.press("n")
    bench.click("#close-go")
    hour.word("Batch closed")
    hour.look(bench, "closed")


def review_and_reject(hour: Hour) -> dict[str, Any]:
    """The sample is reviewed by keys; its second page is rejected, and the batch goes back to the bench."""
    found = hour.batch("closed")
    hour.open(f"/batches/{found['id']}")
    hour.console.bring_to_front()
    hour.console.locator("#other-plan summary").click()
    hour.console.select_option("#batch-plan", "iso2859-ii-1.0")
    hour.console.get_by_role("button", name="Draw by this plan").click()
    expect(hour.console.locator("#acceptance")).to_contain_text("level II")
    hour.look(hour.console, "batch")
    hour.open(f"/batches/{found['id']}/review")
    console = hour.console
    expect(console.locator(".tile").first).to_be_visible()
    hour.look(console, "review-grid")
    console.keyboard.press("Enter")
    expect(console.locator("[data-part=title]")).to_be_visible()
    console.keyboard.press("1")
    expect(console.locator("[data-part=progress]")).to_contain_text(re.compile("^1 of "))
    console.keyboard.press("r")
    expect(console.get_by_role("dialog", name="Reject this page")).to_be_visible()
    hour.look(console, "reject-page")
    for key in ("3", "Enter"):
        console.keyboard.press(key)
    expect(console.locator("[data-part=progress]")).to_contain_text("1 rejected")
    work_through(hour)
    console.get_by_role("button", name="Reject", exact=True).first.focus()
    console.keyboard.press("Enter")
    dialog = console.get_by_role("dialog", name="Reject the batch")
    expect(dialog).to_contain_text("1 rejected page")
    dialog.get_by_label("Reason").fill("one page is crooked")
    dialog.get_by_role("button", name="Reject").click()
    console.wait_for_url(f"**/batches/{found['id']}")
    return found


def work_through(hour: Hour) -> None:
    """Pass every page that the plan still asks for."""
    progress = hour.console.locator("[data-part=progress]")

    def told() -> tuple[int, int]:
        words = progress.text_content() or ""
        match = re.match(r"(\d+) of (\d+)", words)
        assert match is not None, words
        return int(match[1]), int(match[2])

    done, asked = told()
    while done < asked:
        hour.console.keyboard.press("1")
        done += 1
        expect(progress).to_contain_text(re.compile(f"^{done} of "))
    expect(hour.console.locator("[data-part=unsaved]")).to_be_empty()


def do_again(hour: Hour) -> None:
    """The bench lists the page with the reviewer's reason; the next press takes its spread again."""
    bench = hour.bench
    bench.bring_to_front()
    expect(bench.locator("#rework")).to_be_visible()
    bench.click("#rework-next")
    hour.word("Do again")
    expect(bench.locator("#reasons")).to_contain_text(re.compile("crooked", re.IGNORECASE))
    hour.look(bench, "rework")
    number = int(re.search(r"Page (\d+) of", bench.locator("#sheet-title").text_content() or "").group(1))  # type: ignore[union-attr]
    before = int(bench.locator("#n-replaced").text_content() or "0")
    printed_page = number if number <= 20 else number - 1  # a placeholder stands at 21
    spread = (printed_page + 1) // 2
    hour.spread(spread)
    hour.foot()
    expect(bench.locator("#n-replaced")).to_have_text(str(before + 2))
    expect(bench.locator("#rework")).to_contain_text("Nothing is left")
    hour.look(bench, "reworked")
    bench.keyboard.press("Escape")
    bench.keyboard.press("n")
    bench.click("#close-go")
    hour.word("Batch closed")


def accept(hour: Hour) -> None:
    """Only what changed is looked at again; then the batch is accepted."""
    found = hour.batch("closed")
    hour.open(f"/batches/{found['id']}/review")
    console = hour.console
    console.bring_to_front()
    expect(console.locator("[data-part=progress]")).to_contain_text(" of ")
    work_through(hour)
    hour.look(console, "review-again")
    console.get_by_role("button", name="Accept", exact=True).first.click()
    dialog = console.locator("#accept")
    expect(dialog).to_be_visible()
    hour.look(console, "accept")
    if dialog.locator("#accept-reason[required]").count():
        dialog.locator("#accept-reason").fill("the placeholder stands for a map that is scanned elsewhere")
    dialog.locator("form button.button-main").click()
    hour.batch("accepted")


def pages_of(hour: Hour, batch: str) -> list[dict[str, Any]]:
    """The pages that count, in order."""
    found = hour.site.items(f"/batches/{batch}/pages", user="archivist")
    return sorted((one for one in found if not one["replaced"] and one["seq"] is not None), key=lambda one: one["seq"])


def keep(hour: Hour, batch: str, made: list[dict[str, Any]]) -> None:
    """Nothing is lost or doubled; the package proves itself; a page tells where it comes from."""
    images = [one["sha256"] for one in made if one["sha256"]]
    assert len(images) == len(set(images)) == 2 * SPREADS
    assert [one["seq"] for one in made] == list(range(1, len(made) + 1))
    out = hour.folder / "packages"
    out.mkdir()
    hour.run("muniment-central", "package", batch, "--kind", "bagit", "--to", str(out))
    (archive,) = out.iterdir()
    bag = unpacked(archive, hour.folder / "bag")
    (ledger,) = bag.rglob("ledger.ndjson")
    objects = next(one for one in bag.rglob("objects") if one.is_dir())
    said = hour.run("muniment-verify", str(ledger), "--objects", str(objects))
    assert "40" in said, said
    console = hour.console
    hour.open(f"/batches/{batch}?page={made[2]['id']}")
    expect(console.locator(".chain li").first).to_be_visible()
    expect(console.locator(".chain")).to_contain_text(STATION)
    hour.look(console, "provenance")
    console.context.add_cookies([{"name": "muniment_language", "value": "zh", "url": hour.site.url}])
    hour.open(f"/batches/{batch}")
    hour.look(console, "accepted")


def unpacked(archive: Path, to: Path) -> Path:
    """The package's files."""
    import shutil

    if archive.is_dir():
        return archive
    shutil.unpack_archive(archive, to)
    return to
