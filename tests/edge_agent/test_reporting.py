"""Which samples are journalled: one a period, and at once what a reader would not want to miss."""

from edge_agent.reporting import Reporter
from sensors.readings import Instant, Reading, measured, missing

T = 1_790_000_000_000


def sample(s: float, value: float) -> Reading:
    return measured("temperature", value, Instant(T + int(s * 1000), int(s * 1000)))


def run(reporter: Reporter, samples: list[Reading]) -> list[tuple[float, str]]:
    """(second, why) of what was journalled."""
    told = []
    for reading in samples:
        if why := reporter.due(reading, reading.value):
            reporter.reported(reading, reading.value)
            told.append((reading.m_ms / 1000, why))
    return told


def test_a_quiet_room_gives_one_reading_a_period_on_a_grid_that_does_not_drift() -> None:
    samples = [sample(s + 0.01 * (s % 3), 18 + 0.001 * s) for s in range(181)]
    assert [why for _, why in run(Reporter(60), samples)] == ["first", "period", "period", "period"]


def test_a_fast_change_is_told_at_once_and_only_as_often_as_it_goes_on() -> None:
    samples = [sample(s, 18.0 if s < 10 else 20.0) for s in range(30)]
    assert run(Reporter(60), samples) == [(0.0, "first"), (10.0, "fast")]


def test_going_bad_and_coming_back_are_told_at_once() -> None:
    samples = [sample(0, 18), *(missing("temperature", "silent", Instant(T + s * 1000, s * 1000)) for s in range(1, 5)), sample(5, 18)]
    assert run(Reporter(60), samples) == [(0.0, "first"), (1.0, "quality"), (5.0, "quality")]


def test_what_waited_in_a_node_is_thinned_by_its_own_times() -> None:
    late = [sample(s, 18) for s in range(0, 600, 1)]  # ten minutes handed over in one moment
    assert len(run(Reporter(60), late)) == 10


def test_all_channels_report_in_the_same_second_whatever_happened_to_each() -> None:
    calm = [sample(s + 0.3, 18) for s in range(17, 400)]
    moved = [sample(s + 0.7, 18 if s < 95 else 21) for s in range(42, 400)]
    at = [{int(s) for s, why in run(Reporter(60), samples) if why == "period"} for samples in (calm, moved)]
    assert at == [{60, 120, 180, 240, 300, 360}] * 2


def test_a_sensor_read_once_a_period_is_told_every_time_though_its_pace_wavers() -> None:
    samples = [sample(60 * number + (0.02 if number % 2 else -0.02) + 90, 18) for number in range(10)]
    assert len(run(Reporter(60), samples)) == 10
