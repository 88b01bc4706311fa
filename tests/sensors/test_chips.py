"""Decoding of chips' bytes against the examples of their datasheets and against other people's implementations."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.chips import as7331, bme280, crc, ds18b20, scd4x, sht3x, veml7700
from sensors.errors import ChipError, TransportError
from sensors.sim.chips import SimI2cBus, SimSht3x
from sensors.sim.node_process import interpreter
from sensors.sim.register_chips import TRIM_H, TRIM_P, TRIM_T, SimBme280
from sensors.sim.w1 import SimDs18b20

ROOT = Path(__file__).parent.parent.parent
TRIMS = (TRIM_T, TRIM_P, TRIM_H)


def test_crcs_of_the_datasheets() -> None:
    assert crc.crc8(b"\xbe\xef") == 0x92, "Sensirion SHT3x, 4.12"
    assert crc.crc8_maxim(bytes.fromhex("021cb801000000")) == 0xA2, "Maxim application note 27"


def test_bosch_s_worked_example() -> None:
    fine = bme280.fine(TRIMS, 519888)
    assert fine == 128422, "BMP280 datasheet, 3.12"
    assert bme280.temp_c(fine) == 25.08
    assert bme280.pressure_hpa(TRIMS, fine, 415148) == pytest.approx(1006.5327, abs=0.0005)


def humidity_in_floats(fine: int, raw: int) -> float:
    """Bosch's other formula, in floating point: BME280 datasheet, 8.1."""
    h1, h2, h3, h4, h5, h6 = TRIM_H
    value = fine - 76800.0
    value = (raw - (h4 * 64.0 + h5 / 16384.0 * value)) * (h2 / 65536.0 * (1.0 + h6 / 67108864.0 * value * (1.0 + h3 / 67108864.0 * value)))
    return value * (1.0 - h1 * value / 524288.0)


@given(raw=st.integers(20000, 40000), temperature=st.integers(400000, 600000))
def test_humidity_in_integers_agrees_with_bosch_s_formula_in_floats(raw: int, temperature: int) -> None:
    fine = bme280.fine(TRIMS, temperature)
    assert bme280.rh_pct(TRIMS, fine, raw) == pytest.approx(humidity_in_floats(fine, raw), abs=0.05)


class Smbus:
    """What RPi.bme280 asks of a bus, on a simulated one."""

    def __init__(self, bus: SimI2cBus) -> None:
        self._bus = bus

    def write_byte_data(self, address: int, register: int, value: int) -> None:
        self._bus.write(address, bytes([register, value]))

    def read_byte_data(self, address: int, register: int) -> int:
        return self._bus.write_read(address, bytes([register]), 1)[0]

    def read_word_data(self, address: int, register: int) -> int:
        return int.from_bytes(self._bus.write_read(address, bytes([register]), 2), "little")

    def read_i2c_block_data(self, address: int, register: int, count: int) -> list[int]:
        return list(self._bus.write_read(address, bytes([register]), count))


def test_another_driver_reads_the_same_from_the_simulated_bme280() -> None:
    import bme280 as theirs

    air = {"temperature": 21.37, "relative_humidity": 47.2, "air_pressure": 1002.5}
    bus = SimI2cBus()
    bus.chips[0x76] = SimBme280(lambda: air)
    smbus = Smbus(bus)
    found = theirs.sample(smbus, 0x76, theirs.load_calibration_params(smbus, 0x76))
    assert found.temperature == pytest.approx(21.37, abs=0.02)
    assert found.humidity == pytest.approx(47.2, abs=0.1)
    assert found.pressure == pytest.approx(1002.5, abs=0.05)


@pytest.mark.parametrize(("number", "words"), [(0x58, "BMP280"), (0xFF, "0xff"), (0x00, "0x00")])
def test_what_is_no_bme280_is_told(number: int, words: str) -> None:
    with pytest.raises(ChipError, match=words):
        bme280.check_id(number)


@pytest.mark.parametrize("frame", ["8000008000008000", "50000050000080", "ffffffffffffffff"])
def test_a_bme280_that_measured_nothing_has_no_value(frame: str) -> None:
    with pytest.raises(ChipError):
        bme280.raw(bytes.fromhex(frame))


def test_the_scd4x_s_datasheet_examples() -> None:
    assert scd4x.co2_ppm(bytes.fromhex("01f4336667a25eb93c")) == 500
    assert scd4x.serial_text(bytes.fromhex("f896319f07c23bbe89")) == "f8969f073bbe"
    assert scd4x.ready(bytes([0x80, 0x06, crc.crc8(b"\x80\x06")]))
    assert not scd4x.ready(bytes.fromhex("8000a2"))
    with pytest.raises(ChipError, match="no value yet"):
        scd4x.co2_ppm(bytes.fromhex("0000816667a25eb93c"))


def test_sht3x_conversion_and_status() -> None:
    assert sht3x.temp_c(0) == -45 and sht3x.temp_c(65535) == 130
    assert sht3x.rh_pct(0) == 0 and sht3x.rh_pct(65535) == 100
    status = (0x2000).to_bytes(2, "big")
    assert sht3x.heater_on(status + bytes([crc.crc8(status)]))
    assert not sht3x.heater_on(b"\x00\x00\x81")


def test_an_sht3x_refuses_to_be_read_while_it_measures() -> None:
    chip = SimSht3x(lambda: (21.5, 47.25), serial=0x0BADCAFE)
    chip.faults.add("timeout")
    chip.write(sht3x.MEASURE_HIGH)
    with pytest.raises(TransportError, match="busy"):
        chip.read(6)
    chip.faults.discard("timeout")
    chip.write(sht3x.MEASURE_HIGH)
    time.sleep(sht3x.MEASURE_MS / 1000)
    assert sht3x.measured(chip.read(6))[0] == pytest.approx((21.5 + 45) / 175 * 65535, abs=0.6)


@pytest.mark.parametrize(
    ("ticks", "temp_c"),
    [
        (0x07D0, 125.0),
        (0x0550, 85.0),
        (0x0191, 25.0625),
        (0x00A2, 10.125),
        (0x0008, 0.5),
        (0x0000, 0.0),
        (0xFFF8, -0.5),
        (0xFF5E, -10.125),
        (0xFE6F, -25.0625),
        (0xFC90, -55.0),
    ],
)
def test_the_ds18b20_s_table(ticks: int, temp_c: float) -> None:
    pad = ticks.to_bytes(2, "little") + bytes([0x4B, 0x46, 0x7F, 0xFF, 0x10 - (ticks & 0xF), 0x10])
    assert ds18b20.temp_c(ds18b20.ticks(pad + bytes([crc.crc8_maxim(pad)]))) == temp_c


def test_the_kernel_s_text_and_what_is_wrong_in_it() -> None:
    text = "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"
    assert ds18b20.temp_c(ds18b20.ticks(ds18b20.scratchpad_of(text))) == 23.125
    assert ds18b20.resolution_c(ds18b20.scratchpad_of(text)) == 0.0625
    for wrong, why in (
        ("50 05 4b 46 7f ff 0c 10 1c : crc=1c YES", "85 degrees from power-on"),
        ("00 00 00 00 00 00 00 00 00 : crc=00 YES", "shorted"),
        ("72 01 4b 46 7f ff 0e 10 58 : crc=57 NO", "wrong CRC"),
        ("72 01 4b 46", "9 bytes, not 4"),
        ("garbage", "no scratchpad"),
    ):
        with pytest.raises(ChipError, match=why):
            ds18b20.ticks(ds18b20.scratchpad_of(wrong))


def test_another_library_reads_the_same_from_the_simulated_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "W1THERMSENSOR_NO_KERNEL_MODULE", "1")
    from w1thermsensor import Sensor, W1ThermSensor

    SimDs18b20(tmp_path, "28-0316a2791bff", lambda: {"surface": -3.3})
    monkeypatch.setattr(W1ThermSensor, "BASE_DIRECTORY", tmp_path)
    assert W1ThermSensor(Sensor.DS18B20, "0316a2791bff").get_temperature() == pytest.approx(-3.3, abs=0.03)


def test_veml7700_lux() -> None:
    # Vishay's formula, as the figures come out of Adafruit's adafruit_veml7700 2.2.2 at gain 1/8 and 100 ms
    assert veml7700.lx_per_count(1) == pytest.approx(0.5376)
    assert veml7700.lux(1, 5000) == pytest.approx(3131.94, abs=0.1)
    assert veml7700.lux(2, 777) == pytest.approx(777 * 0.0672)
    assert veml7700.lux(3, 150) == pytest.approx(150 * 0.0084)
    with pytest.raises(ChipError, match="blinded"):
        veml7700.lux(0, 0xFFFF)


def test_as7331_irradiance() -> None:
    # counts / (responsivity * gain / 2048 * time / 64 ms), as in Adafruit's adafruit_as7331 1.0.2
    assert as7331.uw_cm2(2, (3850, 347, 0), 0x08) == pytest.approx(11.0)
    assert as7331.uw_cm2(1, (3850, 0, 0), 0x08) == pytest.approx(160.0)
    with pytest.raises(ChipError, match="blinded"):
        as7331.uw_cm2(0, (10, 10, 0), 0x40)


@given(data=st.binary(max_size=12))
def test_no_bytes_break_a_decoder(data: bytes) -> None:
    decoders: list[Any] = [
        sht3x.measured,
        sht3x.heater_on,
        scd4x.co2_ppm,
        scd4x.ready,
        ds18b20.ticks,
        bme280.raw,
        as7331.counts,
        lambda bytes_: ds18b20.ticks(ds18b20.scratchpad_of(bytes_.decode("latin-1"))),
    ]
    for decode in decoders:
        try:
            decode(data)
        except ChipError as error:
            assert str(error)


def test_every_chip_decodes_the_same_under_micropython() -> None:
    (command,) = interpreter()
    assert command.endswith("micropython"), "this test wants the real interpreter"
    script = Path(__file__).with_name("check_chips.py")
    said = []
    for program, variable, path in ((command, "MICROPYPATH", f"{ROOT}:.frozen"), (sys.executable, "PYTHONPATH", str(ROOT))):
        environment = {**os.environ, variable: path}
        done = subprocess.run([program, str(script)], env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == said[1]
    assert "25.0800" in said[0] and "shorted" in said[0]
