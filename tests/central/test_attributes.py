"""Single sampling by attributes: figures of MIL-STD-105E, what must hold of every cell, and the switching rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.digitization.acceptance.attributes import (
    AQLS,
    AQLS_ALL,
    CODE_LETTERS,
    LETTERS,
    REDUCED_SIZES,
    SIZES,
    Past,
    code_letter,
    next_severity,
    single_plan,
)

SEVERITIES = ("normal", "tightened", "reduced")
LOT_LETTERS = LETTERS[:-1]


@pytest.mark.parametrize(
    ("lot", "level", "letter"),
    [
        (2, "II", "A"), (8, "III", "B"), (9, "II", "B"), (90, "II", "E"), (91, "II", "F"), (150, "II", "F"), (151, "II", "G"),
        (281, "II", "H"), (1200, "II", "J"), (1201, "II", "K"), (3201, "II", "L"), (500_000, "II", "P"), (500_001, "II", "Q"),
        (500_001, "III", "R"), (280, "I", "E"), (10_000, "S-1", "C"), (35_000, "S-4", "H"), (1200, "S-3", "E"),
    ],
)  # fmt: skip
def test_code_letters_of_table_i(lot: int, level: str, letter: str) -> None:
    assert code_letter(lot, level) == letter


@pytest.mark.parametrize(
    ("severity", "letter", "aql", "expected"),
    [
        ("normal", "G", "1.0", (50, 1, 2)),  # arrow down to H
        ("normal", "F", "1.0", (13, 0, 1)),  # arrow up to E
        ("normal", "J", "1.0", (80, 2, 3)),
        ("normal", "L", "2.5", (200, 10, 11)),
        ("normal", "L", "4.0", (200, 14, 15)),
        ("normal", "K", "0.65", (125, 2, 3)),
        ("normal", "A", "10", (5, 1, 2)),  # no way up: down to C
        ("normal", "R", "0.015", (800, 0, 1)),  # no way down: up to P
        ("normal", "N", "10", (125, 21, 22)),  # arrows up to K
        ("normal", "E", "250", (13, 44, 45)),
        ("tightened", "F", "1.0", (20, 0, 1)),
        ("tightened", "G", "1.0", (80, 1, 2)),  # two arrows down
        ("tightened", "H", "1.0", (80, 1, 2)),
        ("tightened", "K", "1.0", (125, 2, 3)),
        ("tightened", "R", "0.025", (3150, 1, 2)),  # the one plan of letter S
        ("tightened", "A", "10", (8, 1, 2)),
        ("tightened", "R", "0.015", (1250, 0, 1)),
        ("reduced", "G", "1.0", (20, 0, 2)),
        ("reduced", "K", "1.0", (50, 1, 4)),
        ("reduced", "A", "25", (2, 1, 2)),
        ("reduced", "B", "40", (2, 2, 4)),
        ("reduced", "C", "100", (2, 5, 8)),
        ("reduced", "F", "100", (5, 10, 13)),
    ],
)
def test_plans_of_the_master_tables(severity: str, letter: str, aql: str, expected: tuple[int, int, int]) -> None:
    plan = single_plan(letter, aql, severity)  # type: ignore[arg-type]
    assert (plan.n, plan.ac, plan.re) == expected


@pytest.mark.parametrize(
    "lot_and_size", [(91, 20), (150, 20), (151, 32), (280, 32), (281, 50), (501, 80), (1200, 80), (1201, 125), (3200, 125)]
)
def test_sample_sizes_of_level_ii(lot_and_size: tuple[int, int]) -> None:
    lot, size = lot_and_size
    assert SIZES[LETTERS.index(code_letter(lot, "II"))] == size


@given(st.sampled_from(LOT_LETTERS), st.sampled_from(AQLS_ALL), st.sampled_from(SEVERITIES))
def test_every_cell_leads_to_a_plan_with_its_letters_own_size(letter: str, aql: str, severity: str) -> None:
    plan = single_plan(letter, aql, severity)  # type: ignore[arg-type]
    sizes = REDUCED_SIZES if severity == "reduced" else SIZES
    assert plan.n == sizes[LETTERS.index(plan.letter)]
    assert 0 <= plan.ac < plan.re
    assert severity == "reduced" or plan.re == plan.ac + 1


@given(st.sampled_from(LOT_LETTERS), st.sampled_from(AQLS))
def test_tightened_inspection_never_forgives_more(letter: str, aql: str) -> None:
    normal, tightened = single_plan(letter, aql), single_plan(letter, aql, "tightened")
    assert tightened.ac / tightened.n <= normal.ac / normal.n or tightened.n > normal.n


@given(st.integers(1, 2_000_000), st.integers(1, 2_000_000), st.sampled_from(list(CODE_LETTERS)))
def test_a_larger_lot_never_has_an_earlier_letter(one: int, other: int, level: str) -> None:
    small, large = sorted((one, other))
    assert LETTERS.index(code_letter(small, level)) <= LETTERS.index(code_letter(large, level))


def past(accepted: bool, severity: str = "normal", *, first: bool = True, defects: int = 0, between: bool = False) -> Past:
    return Past(severity, accepted, first, defects, between)


def test_two_of_five_rejected_tighten_and_five_accepted_loosen() -> None:
    assert next_severity([], reduced=True) == "normal"
    assert next_severity([past(False)], reduced=True) == "normal"
    assert next_severity([past(False), past(True), past(True), past(True), past(False)], reduced=True) == "tightened"
    assert next_severity([past(False), past(True), past(True), past(True), past(True), past(False)], reduced=True) == "normal"
    assert next_severity([past(False), past(False, first=False)], reduced=True) == "normal", "a lot submitted again does not count"
    tight = [past(True, "tightened") for _ in range(4)]
    assert next_severity(tight, reduced=True) == "tightened"
    assert next_severity([*tight, past(True, "tightened")], reduced=True) == "normal"
    assert next_severity([*tight, past(False, "tightened")], reduced=True) == "tightened"
    assert next_severity([past(False), past(False), *[past(True, "tightened")] * 5, past(True)], reduced=True) == "normal"


def test_reduced_inspection_only_where_allowed_and_while_it_goes_well() -> None:
    calm = [past(True) for _ in range(10)]
    assert next_severity(calm, reduced=True) == "reduced"
    assert next_severity(calm, reduced=False) == "normal"
    assert next_severity([*calm[1:], past(True, defects=1)], reduced=True) == "normal"
    assert next_severity([*calm, past(True, "reduced")], reduced=True) == "reduced"
    assert next_severity([*calm, past(True, "reduced", defects=1, between=True)], reduced=True) == "normal"
    assert next_severity([*calm, past(False, "reduced")], reduced=True) == "normal"


@pytest.mark.parametrize(
    "wrong", [lambda: code_letter(0, "II"), lambda: code_letter(5, "IV"), lambda: single_plan("S", "1.0"), lambda: single_plan("A", "1")]
)
def test_what_no_table_has_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="no "):
        wrong()  # type: ignore[operator]
