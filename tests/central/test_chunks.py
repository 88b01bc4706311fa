"""Chunks give back any day's readings to the last bit, are small, and refuse bytes that were tampered with."""

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.environment.chunks import ROWS_MAX, WINDOW_MS, Row, decode, encode
from central.store.columns import ColumnReader, Columns, PackError

DAY = 1_790_000_000_000 - 1_790_000_000_000 % WINDOW_MS

values = st.one_of(
    st.none(),
    st.integers(-4000, 9999).map(lambda n: n / 100),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([-0.0, 0.1 + 0.2, 5e-324, 1e308]),
)
rows = st.lists(
    st.tuples(
        st.integers(0, WINDOW_MS - 1).map(lambda t: DAY + t),
        st.integers(1, 2**31),
        st.integers(1, 2**53),
        values,
        st.integers(0, 2),
        st.sampled_from([None, "crc", "", "超时", "no answer"]),
        st.one_of(st.none(), st.integers(0, 2**53)),
    ),
    min_size=1,
    max_size=80,
)


def key(row: Row) -> tuple[int, int, int]:
    return row[:3]


@given(rows)
@settings(max_examples=150, deadline=None)
def test_any_readings_come_back_bit_by_bit(given_rows: list[Row]) -> None:
    wanted = sorted(given_rows, key=key)
    assert repr(decode(DAY, encode(DAY, wanted))) == repr(wanted)  # repr tells -0.0 from 0.0


@given(st.lists(st.integers(-(2**61), 2**61 - 1), max_size=50), st.integers(0, 2))
@settings(max_examples=100, deadline=None)
def test_any_numbers_come_back(numbers: list[int], order: int) -> None:
    made = Columns()
    made.text(b"before")
    made.numbers([n >> order for n in numbers], order=order)
    read = ColumnReader(made.pack())
    assert (read.text(), read.numbers()) == (b"before", [n >> order for n in numbers])
    read.end()


def day(jitter_ms: int = 3) -> list[Row]:
    """A day of minutes as an agent sends it: every twentieth record is this channel's, the value walks by hundredths."""
    dice, v = random.Random(7), 2000
    made: list[Row] = []
    for minute in range(1440):
        v += dice.choice((-2, -1, -1, 0, 0, 0, 1, 1, 2))
        made.append((DAY + minute * 60_000 + dice.randrange(jitter_ms + 1), 5, 1000 + minute * 20 + minute // 5, v / 100, 0, None, None))
    return made


def test_a_day_of_minutes_takes_less_than_two_bytes_a_reading() -> None:
    wanted = day()
    body = encode(DAY, wanted)
    assert decode(DAY, body) == wanted
    assert len(body) < 2 * len(wanted)


@given(st.integers(0, 2000), st.integers(1, 255))
@settings(max_examples=100, deadline=None)
def test_a_body_that_was_changed_anywhere_is_refused(place: int, change: int) -> None:
    body = bytearray(encode(DAY, day()[:300]))
    place %= len(body)
    body[place] ^= change
    with pytest.raises(PackError):
        decode(DAY, bytes(body))


@given(st.binary(max_size=200))
def test_bytes_that_are_no_body_are_refused(body: bytes) -> None:
    with pytest.raises(PackError):
        decode(DAY, body)


def test_a_body_that_claims_too_much_is_refused_before_it_takes_the_memory() -> None:
    made = Columns()
    made.numbers([ROWS_MAX + 1, 0])
    with pytest.raises(PackError, match="a chunk of"):
        decode(DAY, made.pack())
    bomb = Columns()
    bomb.text(bytes(30_000_000))
    body = bytearray(bomb.pack())
    body[5:9] = (1000).to_bytes(4, "little")
    body[1:5] = zlib.crc32(body[5:]).to_bytes(4, "little")
    with pytest.raises(PackError, match="other bytes"):
        ColumnReader(bytes(body))


def test_what_is_no_day_of_readings_is_not_encoded() -> None:
    for wrong in ([], [(DAY - 1, 1, 1, 1.0, 0, None, None)], [(DAY + WINDOW_MS, 1, 1, 1.0, 0, None, None)]):
        with pytest.raises(ValueError, match="one day"):
            encode(DAY, wrong)
