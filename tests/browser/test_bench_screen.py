"""The bench's screen in a real browser: presses, verdicts, retakes, batches, both languages, and the bench gone and back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.scanner_line.bench import check_books, records
from tests.scanner_line.real_bench import running_bench

pytestmark = pytest.mark.browser
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WAIT_MS = 30_000


@pytest.fixture
def page() -> Iterator[Page]:
    """A page whose console stays free of errors."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
        context.set_default_timeout(WAIT_MS)
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
