"""The course of a training: who mends every defect has a full score, who turns pages blindly has nothing that needed a hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner_line.lesson import BREAKS, KINDS, OF_REAL_SHEETS, ORDER, SPOILT, Lesson, Showing


class Trainee:
    """Captures what the lesson shows into a batch of pictures; `digest` stands for a picture."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.batch: list[str] = []
        self.taken = 0

    def look(self, showing: Showing) -> list[str]:
        digests = []
        for side, number in enumerate(showing.numbers):
            self.taken += 1
            digests.append(f"{self.taken}")
            self.lesson.shown(digests[-1], number, spoilt=showing.spoilt is not None and showing.side == side)
        return digests

    def number(self, at: int) -> int:
        found = self.lesson.number_of(self.batch[at])
        assert found is not None
        return found

    def turn_on(self, *, mend: bool) -> None:
        sides = self.lesson.sides
        while (showing := self.lesson.capture()) is not None:
            if showing.fails:
                continue  # nothing came: the same opening lies there still
            self.batch += self.look(showing)
            if mend and showing.spoilt:
                again = self.lesson.retake(showing.numbers[0])
                assert again is not None
                self.batch[-sides:] = self.look(again)
        if mend:
            self.put_in_order()

    def put_in_order(self) -> None:
        by_number: dict[int, str] = {}
        for at in range(len(self.batch)):
            by_number.setdefault(self.number(at), self.batch[at])  # of a page taken twice one goes
        for number in range(1, self.lesson.pages + 1):
            if number not in by_number:
                showing = self.lesson.insert(number - 1 or None)
                assert showing is not None
                assert number in showing.numbers
                for digest, shown in zip(self.look(showing), showing.numbers, strict=True):
                    by_number.setdefault(shown, digest)
        self.batch = [by_number[number] for number in sorted(by_number)]


seeds, sides_of = st.integers(0, 10_000), st.integers(1, 2)
kinds = st.lists(st.sampled_from(KINDS), unique=True, min_size=1)
numbers = st.integers(1, 60)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sides=st.integers(1, 2),
    chosen=kinds,
    pages=st.integers(1, 60),
    blank=st.sets(st.integers(1, 60), max_size=12),
)
def test_all_mended_is_a_full_score_and_nothing_mended_is_none(
    seed: int, sides: int, chosen: list[str], pages: int, blank: set[int]
) -> None:
    careful, blind = (
        Trainee(Lesson(pages, sides, kinds=chosen, seed=seed, blank=lambda number: number in blank)) for _ in ("careful", "blind")
    )
    careful.turn_on(mend=True)
    score = careful.lesson.score(careful.batch)
    assert {defect.kind for defect, _ in score} == set(chosen)
    assert all(mended for _, mended in score), score
    spoilt = [defect.page for defect, _ in score if defect.kind in SPOILT]
    assert not blank.intersection(spoilt), "a defect where nothing could be seen of it"
    blind.turn_on(mend=False)
    assert {defect.kind for defect, mended in blind.lesson.score(blind.batch) if mended} == set(chosen) & set(BREAKS)


@pytest.mark.parametrize("kind", ORDER)
def test_each_defect_of_the_order_is_found_by_itself(kind: str) -> None:
    lesson = Lesson(12, 1, kinds=[kind], seed=4)
    trainee = Trainee(lesson)
    trainee.turn_on(mend=False)
    ((defect, mended),) = lesson.score(trainee.batch)
    assert (defect.kind, mended) == (kind, False)
    trainee.put_in_order()
    assert [one for _, one in lesson.score(trainee.batch)] == [True]


def test_defects_that_were_never_met_are_not_counted() -> None:
    lesson = Lesson(26, 1, seed=2)
    trainee = Trainee(lesson)
    assert lesson.score([]) == []
    showing = lesson.capture()
    assert showing is not None
    trainee.batch += trainee.look(showing)
    assert lesson.score(trainee.batch) == []


def test_a_held_pedal_takes_no_opening_away() -> None:
    lesson = Lesson(8, 1, kinds=["camera"], seed=1)
    first = lesson.capture()
    lesson.back()
    assert lesson.capture() == first


def test_with_real_sheets_only_what_can_be_put_into_a_picture_is_asked_for() -> None:
    assert set(OF_REAL_SHEETS) < set(KINDS)
    assert not set(OF_REAL_SHEETS) & set(ORDER)
