"""The drawing of a sample: the same for everybody, every stratum in it, and not what anybody could wish."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from central.digitization.acceptance import drawing
from central.digitization.acceptance.plans import SHIPPED_BY_ID, Rules, size_of
from central.digitization.acceptance.statistics import wilson

LEAF = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
PAGES = st.lists(
    st.tuples(st.uuids().map(str), st.sampled_from(["a/one", "b/two", "c/three"])), min_size=1, max_size=60, unique_by=lambda page: page[0]
)


@given(PAGES, st.integers(0, 70))
def test_every_stratum_is_drawn_from_in_proportion(pages: list[tuple[str, str]], n: int) -> None:
    sample = drawing.draw(LEAF, pages, n)
    strata, drawn = Counter(stratum for _, stratum in pages), Counter(dict(pages)[page] for page in sample)
    if n == 0:
        assert sample == []
        return
    assert len(sample) == min(max(n, len(strata)), len(pages))
    assert set(drawn) == set(strata)
    for name, size in strata.items():
        assert abs(drawn[name] - len(sample) * size / len(pages)) < len(strata)
    assert sample == [page for page, _ in pages if page in set(sample)], "in the order of the pages"


@given(PAGES, st.integers(1, 20), st.randoms())
def test_the_order_in_which_pages_are_listed_changes_nothing(pages: list[tuple[str, str]], n: int, random: object) -> None:
    shuffled = list(pages)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert set(drawing.draw(LEAF, pages, n)) == set(drawing.draw(LEAF, shuffled, n))


def test_another_leaf_draws_another_sample_and_a_known_one_this() -> None:
    pages = [(f"page-{n:03}", "bench-1/bench-1") for n in range(200)]
    first = drawing.draw(LEAF, pages, 10)
    assert first == ["page-030", "page-050", "page-068", "page-084", "page-085", "page-108", "page-122", "page-144", "page-171", "page-184"]
    assert first != drawing.draw(LEAF[::-1], pages, 10)


def test_a_stranger_runs_the_file_alone(tmp_path: Path) -> None:
    pages = [(f"page-{n}", "s") for n in range(40)]
    told = {
        "leaf_hash": LEAF,
        "n": 4,
        "pages": [{"id": page, "stratum": stratum} for page, stratum in pages],
        "sample": drawing.draw(LEAF, pages, 4),
    }
    file, alone = tmp_path / "drawing.json", tmp_path / "drawing.py"
    alone.write_bytes(Path(drawing.__file__).read_bytes())

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-I", str(alone), str(file)], capture_output=True, text=True, timeout=60, check=False)

    file.write_text(json.dumps(told))
    assert (run().returncode, run().stdout) == (0, "4 of 40 pages: as they must be drawn\n")
    file.write_text(json.dumps(told | {"sample": ["page-1", "page-2", "page-3", "page-4"]}))
    assert run().returncode == 1
    file.write_text("{}")
    assert run().returncode == 2


def test_sizes_of_the_shipped_plans() -> None:
    def sizes(name: str, *lots: int) -> list[int]:
        return [size_of(SHIPPED_BY_ID[name].rules, lot).n for lot in lots]

    assert sizes("as-now", 1, 500) == [0, 0]
    assert sizes("every-page", 0, 1, 500) == [0, 1, 500]
    assert sizes("dat31", 1, 20, 21, 100, 101, 2000) == [1, 1, 2, 5, 6, 100]
    assert sizes("iso2859-ii-1.0", 1, 12, 100, 200, 600, 2000) == [1, 12, 13, 50, 80, 125]
    whole = size_of(Rules(sampling="iso2859", aql="1.0"), 600)
    assert (whole.letter, whole.ac, whole.re) == ("J", 2, 3)


@given(st.integers(0, 500), st.integers(1, 500))
def test_a_wilson_interval_holds_the_share(defects: int, n: int) -> None:
    defects = min(defects, n)
    low, high = wilson(defects, n)
    assert 0 <= low <= defects / n <= high <= 1


def test_wilson_intervals_of_known_cases() -> None:
    low, high = wilson(1, 10)
    assert (round(low, 4), round(high, 4)) == (0.0179, 0.4042)
    assert [round(bound, 4) for bound in wilson(0, 20)] == [0.0, 0.1611]
    assert wilson(0, 0) == (0.0, 1.0)
