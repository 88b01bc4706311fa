"""What validation marks, and what it leaves alone."""

from dataclasses import replace

from sensors.neighbours import Neighbours
from sensors.readings import Channel, Instant, Reading, measured, missing
from sensors.validation import PERSISTS, Validator

CHANNEL = Channel("temperature", "Cel", resolution=0.01, tolerance=0.2, low=-40.0, high=125.0)
OPTIONS = {"temperature_rate": 5.0, "humidity_rate": 30.0, "stuck_s": 60.0}
T0 = 1795522214987


def at(second: float) -> Instant:
    return Instant(T0 + round(second * 1000), 5000 + round(second * 1000))


def run(values: list[float | None], *, step_s: float = 1.0, channel: Channel = CHANNEL) -> list[Reading]:
    validator = Validator(channel, OPTIONS)
    moments = [at(number * step_s) for number in range(len(values))]
    made = [
        missing("temperature", "the chip does not answer", moment) if value is None else measured("temperature", value, moment, raw=7)
        for value, moment in zip(values, moments, strict=True)
    ]
    return [validator.check(reading) for reading in made]


def qualities(readings: list[Reading]) -> str:
    return "".join(reading.quality[0] for reading in readings)


def test_ordinary_values_pass_unchanged() -> None:
    readings = run([20.0, 20.01, 20.02, 20.0])
    assert qualities(readings) == "gggg"
    assert [reading.value for reading in readings] == [20.0, 20.01, 20.02, 20.0]
    assert readings[0].raw == 7


def test_a_value_out_of_range_is_taken_away_and_its_number_kept_in_words() -> None:
    readings = run([20.0, 126.0, -45.0, 20.01])
    assert qualities(readings) == "gbbg"
    assert [reading.value for reading in readings[1:3]] == [None, None]
    assert readings[1].why == "out of range: 126 Cel"
    assert readings[1].raw == 7, "what the device sent stays"


def test_one_wild_value_is_suspect_and_the_next_true_one_is_not() -> None:
    readings = run([20.0, 60.0, 20.01])
    assert qualities(readings) == "gsg"
    assert readings[1].value == 60.0
    assert readings[1].why == "jumped from 20 to 60 Cel"


def test_a_jump_that_lasts_was_real() -> None:
    assert qualities(run([20.0, *[30.0 + number / 100 for number in range(PERSISTS + 1)]])) == "g" + "s" * (PERSISTS - 1) + "gg"


def test_a_slow_change_is_no_jump_and_a_gap_allows_a_larger_one() -> None:
    assert qualities(run([20.0 + number * 0.08 for number in range(100)])) == "g" * 100
    assert qualities(run([20.0, 34.0], step_s=180)) == "gg"


def test_a_fine_sensor_that_repeats_itself_exactly_is_stuck_and_a_coarse_one_is_not_yet() -> None:
    readings = run([20.0] * 70)
    assert qualities(readings) == "g" * 60 + "s" * 10
    assert readings[-1].why == "exactly 20 Cel for 69 s: stuck?"
    assert readings[-1].value == 20.0
    assert qualities(run([20.0] * 70, channel=replace(CHANNEL, resolution=0.1))) == "g" * 70


def test_missing_values_stay_missing_and_disturb_nothing() -> None:
    readings = run([20.0, None, None, 20.01])
    assert qualities(readings) == "gbbg"
    assert readings[1].value is None


def test_late_readings_are_judged_by_range_alone() -> None:
    validator = Validator(CHANNEL, OPTIONS)
    assert validator.check(measured("temperature", 20.0, at(100))).quality == "good"
    assert validator.check(measured("temperature", 33.0, at(10))).quality == "good"
    assert validator.check(measured("temperature", 300.0, at(11))).quality == "bad"
    assert validator.check(measured("temperature", 20.01, at(101))).quality == "good"


def beside(step: float, *, resolution: float = 0.01) -> list[Reading]:
    """A sensor that stands still for 70 s beside one that moves by `step` each second."""
    neighbours = Neighbours()
    still = Validator(
        replace(CHANNEL, resolution=resolution), {**OPTIONS, "stuck_s": 60 * 0.01 / resolution}, sensor="a", neighbours=neighbours
    )
    other = Validator(CHANNEL, OPTIONS, sensor="b", neighbours=neighbours)
    found = []
    for second in range(70):
        other.check(measured("temperature", 20 + step * second, at(second)))
        found.append(still.check(measured("temperature", 20.0, at(second))))
    return found


def test_standing_still_is_suspect_only_where_a_neighbour_moved() -> None:
    assert qualities(beside(0.01)) == "g" * 60 + "s" * 10
    assert beside(0.01)[-1].why == "exactly 20 Cel for 69 s, while a neighbour moved by 0.69: stuck?"
    assert qualities(beside(0.0002)) == "g" * 70, "the whole room stands still"
    assert qualities(beside(0.002, resolution=0.1)) == "g" * 70, "a coarse sensor need not have seen it"
    assert qualities(beside(0.01, resolution=0.1))[-1] == "s"


def test_darkness_may_last() -> None:
    dark = Validator(Channel("illuminance", "lx", resolution=0.0084), OPTIONS)
    assert {dark.check(measured("illuminance", 0.0, at(second))).quality for second in range(100)} == {"good"}
