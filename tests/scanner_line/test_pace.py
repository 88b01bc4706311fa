"""The pace an operator is shown."""

from scanner_line.pace import pages_per_h


def test_a_page_each_four_and_a_half_seconds_is_eight_hundred_an_hour() -> None:
    assert pages_per_h([n * 4500 for n in range(20)]) == 800


def test_a_pause_is_not_counted_as_work_and_few_pages_say_nothing() -> None:
    assert pages_per_h([0, 10_000, 20_000, 400_000, 410_000]) == round(4 * 3600 / 60)
    assert pages_per_h([0, 1000]) is None
    assert pages_per_h([5, 5, 5, 5, 5]) is None
