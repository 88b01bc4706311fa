"""What validation marks, and what it leaves alone."""

from dataclasses import replace

from sensors.readings import Channel, Instant, Reading, measured, missing
from sensors.validation import PERSISTS, Validator

CHANNEL = Channel("temperature", "Cel", resolution=0.01, tolerance=0.2, low=-40.0, high=125.0)
OPTIONS = {"temperature_rate": 5.0, "humidity_rate": 30.0, "stuck_s": 60.0, "fresh_s": 10.0}
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


def test_silence_is_noticed_by_the_clock() -> None:
    validator = Validator(CHANNEL, OPTIONS)
    assert validator.stale(at(0)) is None
    validator.check(measured("temperature", 20.0, at(5)))
    assert validator.stale(at(14)) is None
    stale = validator.stale(at(16))
    assert stale is not None
    assert (stale.value, stale.quality, stale.why) == (None, "bad", "no value for 11 s")
