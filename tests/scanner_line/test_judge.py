"""`judge FOLDER`: the contract's shape and exit codes, and no file that can stop it."""

import io
import json

import pytest

from scanner_line.checks import CHECK_NAMES
from scanner_line.judge import main
from scanner_line.profile import Profile


def run(folder, **options):
    out, errors = io.StringIO(), io.StringIO()
    code = main(folder, out=out, errors=errors, **options)
    return code, out.getvalue(), errors.getvalue()


@pytest.fixture
def volume(tmp_path, photo):
    for number in range(7):
        (tmp_path / f"page-{number:03d}.jpg").write_bytes(photo(number))
    return tmp_path


@pytest.mark.parametrize("as_bench", [False, True])
def test_sound_pages_end_with_zero(volume, as_bench):
    code, text, _ = run(volume, as_json=True, as_bench=as_bench)
    pages = json.loads(text)["pages"]
    assert code == 0
    assert [page["file"] for page in pages] == [f"page-{number:03d}.jpg" for number in range(7)]
    assert {page["verdict"] for page in pages} == {"good"}
    for page in pages:
        assert [check["name"] for check in page["checks"]] == list(CHECK_NAMES)
        for check in page["checks"]:
            assert set(check) >= {"name", "value", "limit", "ok", "words"}
            assert check["value"] is not None or check["ok"]


@pytest.mark.parametrize("as_bench", [False, True])
def test_each_bad_file_is_a_bad_page_and_the_others_are_judged(volume, photo, as_bench):
    (volume / "page-002b.jpg").write_bytes(photo(2)[:20_000])
    (volume / "page-003b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(300))
    (volume / "page-004b.tif").write_bytes(b"")
    (volume / "page-005b.jpg").write_bytes(photo(12, "blur"))
    (volume / "page-006b.jpg").write_bytes(photo(6, seed=77))
    (volume / "thumbs.db").write_bytes(b"no page")
    code, text, _ = run(volume, as_json=True, as_bench=as_bench)
    verdicts = {page["file"]: page["verdict"] for page in json.loads(text)["pages"]}
    assert code == 1
    assert [name for name, verdict in verdicts.items() if verdict == "bad"] == [
        "page-002b.jpg",
        "page-003b.png",
        "page-004b.tif",
        "page-005b.jpg",
    ]
    assert verdicts["page-006b.jpg"] == "look"
    assert "thumbs.db" not in verdicts


def test_half_a_batch_out_of_focus_does_not_become_the_norm(tmp_path, photo):
    for number in range(6):
        (tmp_path / f"{number}.jpg").write_bytes(photo(number))
        (tmp_path / f"{number}-blurred.jpg").write_bytes(photo(number + 20, "blur"))
    _, text, _ = run(tmp_path, as_json=True)
    verdicts = {page["file"]: page["verdict"] for page in json.loads(text)["pages"]}
    assert {name for name, verdict in verdicts.items() if verdict == "bad"} == {
        f"{number}-blurred.jpg" for number in range(6) if (number + 20) % 9 != 8
    }


def test_the_table_names_measure_threshold_and_words(volume):
    code, text, _ = run(volume)
    assert code == 0
    assert "good page-000.jpg" in text
    assert "sharpness" in text and "as sharp as the other pages" in text
    assert text.splitlines()[-1] == "7 pages: 7 good, 0 to look at, 0 bad"


def test_wrong_input_ends_with_two(tmp_path):
    assert run(tmp_path / "missing")[0] == 2
    code, out, errors = run(tmp_path)
    assert (code, out) == (2, "")
    assert "no page image" in errors


def test_what_is_fatal_is_the_profiles_word(volume, photo):
    (volume / "page-009.jpg").write_bytes(photo(9, "skew"))
    assert run(volume)[0] == 1
    assert run(volume, profile=Profile(fatal=frozenset()))[0] == 0


def test_a_profile_may_come_from_a_file(volume, tmp_path_factory):
    file = tmp_path_factory.mktemp("profile") / "bench.toml"
    file.write_text("[profile]\nskew_max_deg = 0.2\nskew_bad_deg = 0.2\nsharpness_min = 1.0\nsharpness_bad = 1.0\n")
    assert run(volume, profile=file)[0] == 1
    file.write_text("skew_max = 2\nglare_max = 9\n")
    code, out, errors = run(volume, profile=file)
    assert (code, out) == (2, "")
    assert [line.split(":")[0] for line in errors.splitlines()] == ["skew_max", "glare_max"]
    assert run(volume, profile=file.with_name("none.toml"))[0] == 2
