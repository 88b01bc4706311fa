"""The page checks, on pages rendered in both languages: sound ones pass, each defect is caught by the check named for it."""

import cv2
import numpy as np
import pytest

from scanner_line.checks import CHECK_NAMES, Baseline, Judgement, Measures, judge_page, measure
from scanner_line.errors import ImageRefused, ProfileError
from scanner_line.profile import Profile
from scanner_line.sim.pages import BLANK_EVERY, render_separator
from scanner_line.sim.photograph import Shot, photograph

PROFILE = Profile()
BATCH = range(6)


@pytest.fixture(scope="module")
def batch(photo):
    """A batch of six sound pages, and their judgements as a bench made them one after the other."""
    baseline = Baseline(PROFILE)
    judged = []
    for number in BATCH:
        measures = measure(photo(number), PROFILE)
        judged.append(judge_page(measures, baseline, PROFILE))
        baseline.add(str(number), measures)
    return baseline, judged


def judged(data: bytes, baseline: Baseline) -> Judgement:
    return judge_page(measure(data, PROFILE), baseline, PROFILE)


def test_sound_pages_are_good_from_the_first_on(batch):
    assert [j.verdict for j in batch[1]] == ["good"] * len(BATCH)


def test_every_check_is_listed_in_both_languages(batch):
    for judgement in batch[1]:
        assert tuple(check.name for check in judgement.checks) == CHECK_NAMES
        for entry in judgement.checks_json():
            assert set(entry) >= {"name", "value", "limit", "ok", "words", "words_zh"}
            assert entry["words"] and entry["words_zh"]
            assert entry["ok"] or entry["limit"] is not None


@pytest.mark.parametrize(
    ("defect", "check", "verdict"),
    [
        ("blur", "sharpness", "bad"),
        ("shake", "sharpness", "bad"),
        ("skew", "skew", "bad"),
        ("bright", "exposure", "bad"),
        ("dark", "exposure", "bad"),
        ("finger", "finger", "look"),
        ("glare", "glare", "look"),
        ("cut", "crop", "look"),
    ],
)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_defect_is_caught_by_its_own_check(batch, photo, defect, check, verdict, seed):
    judgement = judged(photo(9 + seed, defect, seed=seed), batch[0])
    assert judgement.verdict == verdict
    assert check in [failed.name for failed in judgement.failed]


def test_a_page_that_was_not_turned_is_a_double(batch, photo):
    for data in (photo(6, "double"), photo(5, seed=99)):
        judgement = judged(data, batch[0])
        assert judgement.verdict == "look"
        assert [failed.name for failed in judgement.failed] == ["duplicate"]


def test_a_double_from_far_back_is_found_and_a_replaced_page_is_not_counted(photo):
    baseline = Baseline(PROFILE)
    for number in BATCH:
        baseline.add(str(number), measure(photo(number), PROFILE))
    again = measure(photo(0, seed=0), PROFILE)
    assert not judge_page(again, baseline, PROFILE).check("duplicate").ok
    baseline.forget("0")
    assert judge_page(again, baseline, PROFILE).check("duplicate").ok


def test_a_blank_verso_is_a_page_and_two_of_them_are_no_double(batch, photo):
    blank = BLANK_EVERY - 1
    baseline = Baseline(PROFILE)
    for number in (*BATCH, blank):
        baseline.add(str(number), measure(photo(number), PROFILE))
    judgement = judged(photo(blank + BLANK_EVERY), baseline)
    assert judgement.verdict == "good"
    assert judgement.check("blank").value < PROFILE.blank_ink
    assert judgement.check("sharpness").value is None


def test_a_separator_sheet_gives_its_text(batch):
    sheet = photograph(render_separator("MUNIMENT BATCH CLOSE"), Shot(1140, 1520, seed=4))
    assert judged(sheet, batch[0]).code == "MUNIMENT BATCH CLOSE"


def test_the_first_page_of_a_batch_is_already_judged_for_sharpness(photo):
    assert judged(photo(0, "blur"), Baseline(PROFILE)).check("sharpness").ok is False


def test_a_page_of_another_size_is_looked_at(batch, photo):
    picture = cv2.imdecode(np.frombuffer(photo(10), np.uint8), cv2.IMREAD_COLOR)
    data = cv2.imencode(".jpg", cv2.resize(picture, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA))[1].tobytes()
    assert not judged(data, batch[0]).check("consistency").ok
    gray = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))[1].tobytes()
    assert not judged(gray, batch[0]).check("consistency").ok


def test_skew_is_measured_to_a_tenth_of_a_degree(photo):
    picture = cv2.imdecode(np.frombuffer(photo(1), np.uint8), cv2.IMREAD_COLOR)
    lying = measure(photo(1), PROFILE).skew
    assert lying is not None
    for turn in (-2.0, -0.7, 0.7, 2.0):
        warp = cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), turn, 0.95)
        turned = cv2.warpAffine(picture, warp, (picture.shape[1], picture.shape[0]), borderValue=(50, 50, 50))
        found = measure(cv2.imencode(".jpg", turned)[1].tobytes(), PROFILE).skew
        assert found == pytest.approx(lying + turn, abs=0.11)


def test_measures_survive_json(photo):
    measures = measure(photo(2), PROFILE)
    assert Measures.from_json(measures.as_json()) == measures


@pytest.mark.parametrize(
    "data",
    [b"", b"not an image", b"\xff\xd8\xff\xe0" + bytes(2000), b"\x89PNG\r\n\x1a\n" + bytes(100), b"GIF89a" + bytes(200)],
)
def test_bytes_that_are_no_page_are_refused(data):
    with pytest.raises(ImageRefused):
        measure(data, PROFILE)


def test_a_file_cut_short_is_refused(photo):
    with pytest.raises(ImageRefused, match="too early"):
        measure(photo(0)[: len(photo(0)) // 2], PROFILE)


def test_a_decompression_bomb_is_refused_by_its_header():
    width = height = 30_000
    header = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    with pytest.raises(ImageRefused):
        measure(header + b"\xa1\xb2\xc3\xd4" + bytes(1000) + b"IEND", PROFILE)
    small = cv2.imencode(".png", np.full((800, 800), 200, np.uint8))[1].tobytes()
    with pytest.raises(ImageRefused, match="megapixels"):
        measure(small * 1, Profile(max_megapixels=0.5))


def test_a_profile_names_every_mistake():
    with pytest.raises(ProfileError) as caught:
        Profile.from_table({"skew_max": 2, "sharpness_min": 9, "fatal": ["smell"], "glare_max": "much"})
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "did you mean skew_max_deg" in lines[0]
    assert Profile.from_table({"skew_max_deg": 3, "fatal": ["skew"]}).fatal == frozenset({"skew"})


def test_two_forms_of_one_print_are_no_doubles(photo):
    """Filled forms share all their lines; only what is written on them differs."""
    baseline = Baseline(PROFILE)
    forms = [number for number in range(6, 60, 7) if number % BLANK_EVERY != BLANK_EVERY - 1]
    for number in forms:
        measures = measure(photo(number), PROFILE)
        assert judge_page(measures, baseline, PROFILE).check("duplicate").ok, number
        baseline.add(str(number), measures)
    for number in forms:
        assert not judge_page(measure(photo(number, seed=number + 100), PROFILE), baseline, PROFILE).check("duplicate").ok, number


def test_a_page_that_moved_along_its_lines_is_not_sharp(photo):
    """The strokes across the movement are wiped out altogether: what is left of the page is sharp."""
    picture = cv2.imdecode(np.frombuffer(photo(0), np.uint8), cv2.IMREAD_COLOR)
    moved = cv2.filter2D(picture, -1, np.full((1, 11), 1 / 11, np.float32))
    data = cv2.imencode(".jpg", moved, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
    assert judged(data, Baseline(PROFILE)).check("sharpness").ok is False
