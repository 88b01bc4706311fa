"""The bench's screen in a real browser: presses, verdicts, retakes, batches, both languages, and the bench gone and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from scanner_line.bench import Bench
from tests.scanner_line.bench import check_books, records
from tests.scanner_line.real_bench import running_bench
from tests.scanner_line.sane import test_device
from tests.scanner_line.test_operators import OPERATORS, PINS

pytestmark = pytest.mark.browser
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WAIT_MS = 30_000
AXE = Path(__file__).parents[2] / "central/console/node_modules/axe-core/axe.min.js"
BARRIERS = """async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})).violations
  .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`)"""


@pytest.fixture
def page() -> Iterator[Page]:
    """A page whose console stays free of errors."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
        context.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)
        opened = context.new_page()
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.on("console", lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None)
        yield opened
        browser.close()
        assert errors == []


def shown(page: Page, word: str) -> None:
    """Wait until the large word is this one."""
    expect(page.locator("#word")).to_have_text(word, timeout=WAIT_MS)


def test_an_operator_works_a_batch_by_keys_pedal_and_touch(page: Page, tmp_path: Path) -> None:
    with running_bench(tmp_path, defects=["", "bright", ""]) as bench:
        page.goto(bench.url, wait_until="domcontentloaded")
        shown(page, "Ready")
        page.keyboard.press("b")
        page.fill("#volume", "<i>V-7</i>")
        page.fill("#declared", "3")
        page.click("#open-go")
        shown(page, "Batch open")
        expect(page.locator("#batch")).to_contain_text("<i>V-7</i>")

        page.keyboard.press("Space")
        shown(page, "Good")
        expect(page.locator("#pages img")).to_have_count(1)
        page.wait_for_function("document.querySelector('#pages img').naturalWidth > 100")
        expect(page.locator("#next")).to_have_text("2")

        bench.turn()
        bench.tap()
        shown(page, "Bad")
        expect(page.locator("#reasons")).to_contain_text("Too bright", ignore_case=True)
        assert page.evaluate("document.body.dataset.tone") == "bad"
        assert page.locator("#shape").get_attribute("href") == "#shape-bad"
        expect(page.locator("#n-bad")).to_have_text("1")
        page.keyboard.press("r")
        shown(page, "Good")
        expect(page.locator("#n-bad")).to_have_text("0")
        expect(page.locator("#n-replaced")).to_have_text("1")

        page.click("#language")
        shown(page, "合格")
        expect(page.locator("#toggle-word")).to_have_text("结束批次")
        assert page.evaluate("document.documentElement.lang") == "zh-Hans"

        page.click("#toggle")
        expect(page.locator("#close-words")).to_have_text("申报 3 页，已采集 2 页。")
        page.click("#close-keep")
        expect(page.locator("#close-dialog")).to_be_hidden()
        bench.turn()
        page.click("#capture")
        expect(page.locator("#next-label")).to_have_text("已拍完全部页")
        page.click("#toggle")
        shown(page, "批次已结束")
        page.reload(wait_until="domcontentloaded")
        shown(page, "批次已结束")  # the language is kept, and so is what was last
    assert check_books(tmp_path) == {"captured": 4}
    assert records(tmp_path, "batch")[-1]["counts"]["captured"] == 3


def test_a_pair_shows_both_pages_and_which_one_is_bad(page: Page, tmp_path: Path) -> None:
    with running_bench(tmp_path, sides=("left", "right"), defects=["", "dark"]) as bench:
        page.goto(bench.url, wait_until="domcontentloaded")
        shown(page, "Ready")
        bench.tap()
        shown(page, "Bad")
        expect(page.locator("#pages figure")).to_have_count(2)
        expect(page.locator("#pages figure").nth(1)).to_have_attribute("data-verdict", "bad")
        expect(page.locator("#reasons li").first).to_contain_text("Right: ")
        expect(page.locator("#sheet-title")).to_have_text("Pages 1 and 2")
        page.click("#undo")
        shown(page, "Taken out")
        expect(page.locator("#n-captured")).to_have_text("0")


def test_a_feeder_is_turned_collated_and_reconciled_at_the_screen(page: Page, tmp_path: Path) -> None:
    sane = {
        "driver": "sane",
        "device": "test:0",
        "sane_config": test_device(tmp_path / "sane.d"),
        "source": "feeder",
        "page_size": "150x200",
    }
    with running_bench(tmp_path / "bench", **sane, resolution=75, sheets_per_load=2, collate=True) as bench:
        page.goto(bench.url, wait_until="domcontentloaded")
        shown(page, "Ready")
        page.keyboard.press("b")
        page.fill("#declared", "4")
        page.click("#open-go")
        shown(page, "Batch open")
        page.keyboard.press("Space")
        expect(page.locator("#tally")).to_contain_text("Declared4≠Fed2=Images2")
        expect(page.locator("#feeder-stop")).to_be_disabled()
        expect(page.locator("#tally-words")).to_contain_text("2 of 4 pages are missing")
        page.keyboard.press("n")
        expect(page.locator("#close-words")).to_contain_text("2 fronts have no back, 0 backs no front")
        page.click("#close-keep")
        expect(page.locator("#close-dialog")).to_be_hidden()
        page.keyboard.press("c")
        expect(page.locator("#toast")).to_contain_text("nothing was put together")
        page.click("#language")
        page.keyboard.press("c")
        expect(page.locator("#toast")).to_contain_text("未合并")
        page.keyboard.press("t")
        expect(page.locator("#feeder-side-next")).to_have_text("下一次扫背面")
        page.keyboard.press("Space")
        expect(page.locator("#tally")).to_contain_text("申报4=进纸4=图像4")
        expect(page.locator("#feeder-collate")).to_be_enabled()
        page.keyboard.press("c")
        expect(page.locator("#feeder-side-loose")).to_have_text("")
        bench.until(lambda bench: [one.side for one in live_pages(bench)] == ["front", "back"] * 2)
    assert check_books(tmp_path / "bench") == {"captured": 2}


def live_pages(bench: Bench) -> list[Any]:
    """The counting pages of the open batch, in order."""
    batch = bench.station.facts.batch
    return [] if batch is None else bench.station.presses.live_pages(batch.batch)


def test_the_screen_says_that_the_centre_is_away_and_that_the_bench_is(page: Page, tmp_path: Path) -> None:
    with running_bench(tmp_path) as bench:
        page.goto(bench.url, wait_until="domcontentloaded")
        shown(page, "Ready")
        bench.loop.call_soon_threadsafe(bench.bench.station.set_link, "centre", False)
        expect(page.locator("#link-centre")).to_contain_text("go on working")
        page.set_viewport_size({"width": 800, "height": 480})
        for key in ("#capture", "#retake", "#undo", "#toggle", "#word"):
            expect(page.locator(key)).to_be_in_viewport(ratio=1)
    expect(page.locator("#cut")).to_be_visible(timeout=WAIT_MS)


def choose_page(page: Page, number: int) -> None:
    """Choose a page of the strip by the arrow keys."""
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector("body[data-chosen=true]")
        if f"Page {number} of" in (page.locator("#sheet-title").text_content() or ""):
            return
    raise AssertionError(f"page {number} was never reached")


def test_any_page_is_reached_and_mended_by_keys_alone(page: Page, tmp_path: Path) -> None:
    with running_bench(tmp_path) as bench:
        page.goto(bench.url, wait_until="domcontentloaded")
        shown(page, "Ready")
        for number in (1, 2, 3):
            page.keyboard.press("Space")
            expect(page.locator("#n-captured")).to_have_text(str(number))
            shown(page, "Good")
            bench.turn()
        expect(page.locator(".thumb")).to_have_count(3)
        choose_page(page, 1)
        page.keyboard.press("i")  # a page that was left out after page 1
        expect(page.locator("#n-captured")).to_have_text("4")
        page.wait_for_selector("body[data-chosen=false]")
        page.keyboard.press("p")
        page.locator("#page-kinds button").nth(1).click()
        page.click("#page-go")
        expect(page.locator("#n-placeholders")).to_have_text("1")
        expect(page.locator(".thumb")).to_have_count(5)
        choose_page(page, 5)
        page.keyboard.press("m")
        page.fill("#page-number", "0")
        page.click("#page-go")
        expect(page.locator("#page-wrong")).to_contain_text("reason")
        page.locator("#page-reasons button").first.click()
        page.click("#page-go")
        expect(page.locator("#page-dialog")).to_be_hidden()
        page.wait_for_selector("#toast:has-text('moved')")
        page.keyboard.press("u")
        page.wait_for_selector("#toast:has-text('back in its place')")
        page.keyboard.press("d")
        page.fill("#page-reason", "<img src=x onerror=alert(1)>")
        page.keyboard.press("Enter")
        expect(page.locator("#n-captured")).to_have_text("4")
        page.keyboard.press("?")
        expect(page.locator("#keys-dialog")).to_be_visible()
        page.keyboard.press("Escape")
        batch = bench.bench.station.facts.batch
        assert batch is not None
        live = bench.bench.station.presses.live_pages(batch.batch)
        bench.do(bench.bench.station.close_batch(confirmed=True))
        bench.do(bench.bench.station.pages.reopen(batch.batch, [(live[1].page, "fold <b>")], reason="sent back"))
        page.click("#rework-next")
        shown(page, "Do again")
        expect(page.locator("#reasons")).to_contain_text("fold <b>")
        bench.tap()
        expect(page.locator("#rework")).to_contain_text("Nothing is left")
        expect(page.locator("#n-replaced")).to_have_text("1")
    assert [one["reason"] for one in records(tmp_path, "page") if one.get("deleted")] == ["<img src=x onerror=alert(1)>"]


def test_nothing_counts_before_somebody_signed_in_and_the_cookie_is_out_of_reach(page: Page, tmp_path: Path) -> None:
    with running_bench(tmp_path, sign_in=True, operators=OPERATORS) as bench:
        page.goto(bench.url, wait_until="domcontentloaded")
        expect(page.locator("#person-dialog")).to_be_visible()
        bench.tap()
        page.keyboard.press("Escape")
        shown(page, "Sign in")
        page.click("#person")
        page.click("#person-list button:has-text('Li')")
        page.fill("#pin", "000000")
        page.keyboard.press("Enter")
        expect(page.locator("#person-wrong")).to_have_text("Wrong PIN.")
        for digit in PINS["op-li"]:
            page.click(f"#pad button:text-is('{digit}')")
        page.click("#person-go")
        shown(page, "Ready")
        expect(page.locator("#person-name")).to_have_text("Li")
        assert page.evaluate("document.cookie") == ""
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        bench.tap()
        shown(page, "Good")
        page.wait_for_selector("#pages img")
        page.click("#settings")
        page.click("#sign-out")
        shown(page, "Sign in")
    assert check_books(tmp_path) == {"rejected": 1, "captured": 1}
    assert [one["operator"] for one in records(tmp_path, "page")] == ["op-li"]
    assert "Li" not in str(records(tmp_path)), "records carry opaque ids, never names"


def test_training_is_plainly_marked_and_reaches_no_book(page: Page, tmp_path: Path) -> None:
    with running_bench(tmp_path) as bench:
        page.goto(bench.url, wait_until="domcontentloaded")
        shown(page, "Ready")
        page.click("#settings")
        page.click("#training")
        page.click("#training-go")
        expect(page.locator("#practice")).to_contain_text("TRAINING")
        for number in (1, 2, 3):
            bench.loop.call_soon_threadsafe(bench.bench.training.down, "pedal")  # as the pedal's driver does
            bench.loop.call_soon_threadsafe(bench.bench.training.up, "pedal")
            expect(page.locator(".thumb")).to_have_count(number, timeout=WAIT_MS)
        page.keyboard.press("l")
        expect(page.locator("#practice")).to_contain_text("训练中")
        page.click("#practice-end")
        expect(page.locator("#score-dialog")).to_be_visible()
        expect(page.locator("#score-title")).to_contain_text("已改正")
        page.keyboard.press("Enter")
        expect(page.locator("#practice")).to_be_hidden()
        bench.tap()
        expect(page.locator("#n-captured")).to_have_text("1")
    assert check_books(tmp_path) == {"captured": 1}
    assert not (tmp_path / "training").exists()


def test_the_verdict_is_gone_while_a_shot_runs_and_nothing_moves_when_one_comes(page: Page, tmp_path: Path) -> None:
    with running_bench(tmp_path, defects=["", "bright"]) as bench:
        page.goto(bench.url, wait_until="domcontentloaded")
        shown(page, "Ready")
        page.evaluate(
            "() => { window.tones = []; new MutationObserver(() => tones.push(document.body.dataset.tone))"
            ".observe(document.body, { attributes: true, attributeFilter: ['data-tone'] }); }"
        )
        places = (
            "() => ['verdict', 'pages', 'next', 'capture'].map((id) => { const r = document.getElementById(id).getBoundingClientRect();"
        )
        places += " return [r.x, r.y, r.width, r.height].map(Math.round); })"
        bench.tap()
        shown(page, "Good")
        page.wait_for_selector(".thumb")
        before = page.evaluate(places)
        bench.turn()
        bench.tap()
        shown(page, "Bad")
        assert page.evaluate(places) == before
        tones = page.evaluate("tones")
        assert [tone for tone, last in zip(tones, [None, *tones], strict=False) if tone != last] == ["working", "good", "working", "bad"]
        assert page.evaluate("document.body.dataset.sounded") == "bad"


def test_everything_is_in_sight_on_every_screen_and_free_of_barriers(page: Page, tmp_path: Path) -> None:
    with running_bench(tmp_path, defects=["bright"]) as bench:
        page.goto(bench.url, wait_until="domcontentloaded")
        shown(page, "Ready")
        bench.tap()
        shown(page, "Bad")
        page.wait_for_selector(".thumb")
        for width, height in ((1280, 720), (1920, 1080), (1024, 768), (800, 1280)):
            page.set_viewport_size({"width": width, "height": height})
            for place in ("#word", "#do", "#next", "#n-bad", "#pages figure", "#capture", "#retake", "#toggle", "#undo", ".thumb"):
                expect(page.locator(place).first).to_be_in_viewport(ratio=0.99)
            large = page.evaluate("parseFloat(getComputedStyle(document.querySelector('#word')).fontSize)")
            assert large >= 0.055 * min(width, height), "readable from a metre"
            assert page.evaluate(SMALL) == [], (width, height)
        page.evaluate(AXE.read_text())
        for theme in ("dark", "light", "contrast"):
            page.evaluate("(name) => { document.documentElement.dataset.theme = name; }", theme)
            assert page.evaluate(BARRIERS) == [], theme


SMALL = """() => [...document.querySelectorAll('button')].filter((one) => one.offsetParent)
  .map((one) => [one.id, one.getBoundingClientRect()]).filter(([, r]) => r.height < 44 || r.width < 44).map(([id]) => id)"""


def test_text_on_every_tone_has_enough_contrast(page: Page, tmp_path: Path) -> None:
    with running_bench(tmp_path) as bench:
        page.goto(bench.url, wait_until="domcontentloaded")
        shown(page, "Ready")
        ratios = page.evaluate(CONTRAST)
    assert len(ratios) == 7
    assert min(ratios.values()) >= 4.5, ratios


CONTRAST = """() => {
  const light = (rgb) => rgb.match(/[\\d.]+/g).slice(0, 3).map(Number)
    .map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const found = {};
  for (const tone of ["idle", "working", "good", "look", "bad"]) {
    const panel = document.querySelector("#verdict");
    panel.style.transition = "none";
    document.body.dataset.tone = tone;
    const style = getComputedStyle(panel);
    found[tone] = ratio(style.color, style.backgroundColor);
  }
  const capture = getComputedStyle(document.querySelector("#capture"));
  found.capture = ratio(capture.color, capture.backgroundColor);
  const label = getComputedStyle(document.querySelector("#next-label"));
  found.label = ratio(label.color, getComputedStyle(document.querySelector(".count")).backgroundColor);
  return found;
}"""
