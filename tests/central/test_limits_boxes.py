"""The strictest feasible combination of several media: nothing forbidden gets in, nothing allowed is lost, and a conflict is explained."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from central.environment.limits.asked import Asked, mistakes, strictest, why_not
from central.environment.limits.boxes import Box, combine, conflicting
from central.environment.limits.media import CONFIRMATIONS, shipped

GRID_C = [c / 2 for c in range(-8, 9)]
GRID_PCT = [float(p) for p in range(0, 11)]


def _side(values: list[float]) -> st.SearchStrategy[tuple[float | None, float | None]]:
    ends = st.tuples(st.none() | st.sampled_from(values), st.none() | st.sampled_from(values))
    return ends.map(lambda e: e if None in e or e[0] <= e[1] else (e[1], e[0]))  # type: ignore[operator]


boxes = st.builds(lambda t, rh: Box(*t, *rh), _side([c * 1.0 for c in range(-4, 5)]), _side([p * 1.0 for p in range(0, 11)]))
media = st.lists(st.lists(boxes, min_size=1, max_size=4), min_size=1, max_size=4)


@given(media)
@settings(max_examples=150, deadline=None)
def test_a_point_is_allowed_exactly_where_every_medium_is_content(found: list[list[Box]]) -> None:
    combined = combine(found)
    for c in GRID_C:
        for pct in GRID_PCT:
            content = all(any(box.holds(c, pct) for box in alternatives) for alternatives in found)
            assert any(box.holds(c, pct) for box in combined) == content, (c, pct)
    assert all(not a.inside(b) for a in combined for b in combined if a is not b), "no box says what another says already"


@given(media)
@settings(max_examples=150, deadline=None)
def test_those_that_exclude_each_other_are_named_and_no_more(found: list[list[Box]]) -> None:
    named = conflicting(found)
    assert bool(named) == (not combine(found))
    if named:
        assert combine([found[one] for one in named]) == []
        for one in named:
            assert combine([found[other] for other in named if other != one]), "without any of them the rest go together"


def test_paper_and_tape_take_the_tighter_figures_of_each() -> None:
    paper, tape = (shipped()[name] for name in ("jgj25-paper", "jgj25-tape"))
    assert combine([paper.boxes, tape.boxes]) == [Box(14, 24, 45, 60)]
    assert strictest([paper, tape]) == {"swing_c": 2, "swing_pct": 5, "rate_c_h": None, "rate_pct_h": None}


def test_film_keeps_its_pairs_when_it_shares_a_room() -> None:
    film, glass = shipped()["gb11821-bw-negative-long"], shipped()["gb11821-bw-print-long"]
    assert combine([film.boxes]) == [Box(None, 21, 20, 30), Box(None, 15, 20, 40), Box(None, 10, 20, 50)]
    assert combine([film.boxes, glass.boxes]) == [Box(None, 18, 30, 30), Box(None, 15, 30, 40), Box(None, 10, 30, 50)]
    assert not combine([film.boxes])[0].holds(20, 40), "21 degrees allow 30 % at most: the pairs are no wide box"


def test_a_conflict_says_which_media_and_why_in_both_languages() -> None:
    chosen = [shipped()[name] for name in ("jgj25-paper", "mould-threshold", "gb11821-colour-negative-long")]
    words = why_not(chosen)
    assert words is not None
    assert "paper (storeroom) and colour negative (long term) exclude each other" in words["en"]
    assert "14–24 °C" in words["en"] and "≤ 2 °C" in words["en"] and "against mould" not in words["en"]
    assert "纸质档案（库房）与彩色底片（长期保存）互相冲突" in words["zh"]
    only_humid = why_not([shipped()["gb11821-bw-negative-long"], shipped()["naa-paper"]])
    assert only_humid is not None and "no pair of temperature and humidity" in only_humid["en"], "each range alone would do"
    assert why_not([shipped()["jgj25-paper"]]) is None


def test_what_cannot_be_held_or_lies_outside_is_refused_with_words() -> None:
    paper, narrow = shipped()["jgj25-paper"], shipped()["gb11821-bw-negative-long"]
    assert mistakes(Asked(media=["x"], profiles=[paper], set_point_c=20, set_point_pct=50)) == []
    assert mistakes(Asked(media=["x"], profiles=[paper], set_point_c=30))[0][0] == "set_point_c"
    assert mistakes(Asked(media=["x"], profiles=[narrow], set_point_c=20, set_point_pct=40))[0][0] == "set_point_c"
    assert mistakes(Asked(media=[], condensation_margin_k=2))[0][0] == "surface"


def test_every_shipped_profile_says_where_it_comes_from() -> None:
    found = shipped()
    assert len(found) > 50
    for profile in found.values():
        assert profile.confirmation in CONFIRMATIONS and profile.confirmation != "own", profile.id
        assert profile.standard and profile.medium_en and profile.medium_zh, profile.id
        for box in profile.boxes:
            assert box.temperature[0] <= box.temperature[1] and box.humidity[0] <= box.humidity[1], profile.id
        assert any(box.holdable for box in profile.boxes), profile.id
        assert all(source.startswith("http") for source in profile.sources), profile.id
        if not profile.sources:
            assert profile.confirmation in ("unverified", "code", "disagree"), profile.id
