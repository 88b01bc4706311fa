"""SHT4x decoding against the datasheet's own figures."""

import pytest

from sensors.chips import sht4x
from sensors.errors import ChipError
from sensors.sim.chips import SimSht4x


def answer(first: int, second: int) -> bytes:
    parts = [word.to_bytes(2, "big") for word in (first, second)]
    return b"".join(part + bytes([sht4x.crc8(part)]) for part in parts)


def test_the_datasheets_crc_example() -> None:
    assert sht4x.crc8(b"\xbe\xef") == 0x92


@pytest.mark.parametrize(("ticks", "temp_c", "rh_pct"), [(0, -45.0, -6.0), (65535, 130.0, 119.0), (0x6666, 25.0, 44.0)])
def test_conversion_at_the_ends_and_in_the_middle(ticks: int, temp_c: float, rh_pct: float) -> None:
    assert sht4x.temp_c(ticks) == pytest.approx(temp_c, abs=0.005)
    assert sht4x.rh_pct(ticks) == pytest.approx(rh_pct, abs=0.005)


def test_a_whole_answer() -> None:
    assert sht4x.words(answer(0x6666, 0x8000)) == (0x6666, 0x8000)
    assert sht4x.serial_text(answer(0x1234, 0xABCD)) == "1234abcd"


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("bit", range(8))
def test_any_flipped_bit_is_noticed(place: int, bit: int) -> None:
    damaged = bytearray(answer(0x6666, 0x8000))
    damaged[place] ^= 1 << bit
    with pytest.raises(ChipError, match="wrong CRC"):
        sht4x.words(bytes(damaged))


@pytest.mark.parametrize("length", [0, 3, 5, 7])
def test_half_an_answer_is_refused(length: int) -> None:
    with pytest.raises(ChipError, match="6 bytes"):
        sht4x.words((answer(1, 2) + b"\0")[:length])


def test_the_simulated_chip_says_what_the_air_is_like() -> None:
    chip = SimSht4x(lambda: (21.5, 47.25), serial=0x0BADCAFE)
    chip.write(sht4x.SERIAL)
    assert sht4x.serial_text(chip.read(6)) == "0badcafe"
