"""Bosch BME280: registers, trimming values and compensation in integers, as pure functions of bytes; runs on MicroPython.

Source: Bosch datasheet "BME280" BST-BME280-DS001, sections 4.2.2 (trimming), 4.2.3 (compensation), 5.4 (registers).
"""

from sensors.errors import ChipError

ADDRESS = 0x76
ID = 0xD0
ID_BME280, ID_BMP280 = 0x60, (0x56, 0x57, 0x58)
TRIM_LOW, TRIM_LOW_BYTES = 0x88, 26  # T1..P9, one unused, H1
TRIM_HIGH, TRIM_HIGH_BYTES = 0xE1, 7
CONTROL_HUMIDITY = 0xF2
STATUS = 0xF3
CONTROL = 0xF4
DATA, DATA_BYTES = 0xF7, 8
HUMIDITY_X1 = 0x01
FORCED_X1 = 0x25  # temperature x1, pressure x1, forced mode: one measurement, then sleep
MEASURING = 0x08
MEASURE_MS = 10  # 9.3 ms at most for x1 of all three (section 9.1)
SKIPPED_20, SKIPPED_16 = 0x80000, 0x8000  # what the data registers hold before anything was measured
RESOLUTION = 0.01
TEMPERATURE_TOLERANCE, HUMIDITY_TOLERANCE, PRESSURE_TOLERANCE = 1.0, 3.0, 1.0
TEMPERATURE_RANGE = (-40.0, 85.0)
PRESSURE_RANGE = (300.0, 1100.0)


def check_id(number):
    """ChipError unless the chip is a BME280."""
    if number in ID_BMP280:
        raise ChipError("the chip is a BMP280, which measures no humidity")
    if number != ID_BME280:
        raise ChipError("the chip's id is 0x%02x, not a BME280's 0x60" % number)


def _unsigned(data, at):
    return data[at] | data[at + 1] << 8


def _signed(data, at):
    value = _unsigned(data, at)
    return value - 0x10000 if value & 0x8000 else value


def trim(low, high):
    """The chip's 18 trimming values as a tuple, from the bytes at TRIM_LOW and TRIM_HIGH; ChipError when they cannot be any."""
    if len(low) != TRIM_LOW_BYTES or len(high) != TRIM_HIGH_BYTES:
        raise ChipError("the trimming values are not whole")
    t1, p1 = _unsigned(low, 0), _unsigned(low, 6)
    if t1 in (0, 0xFFFF) or p1 in (0, 0xFFFF):
        raise ChipError("the trimming values are empty: no chip, or a damaged one")
    h4 = high[3] << 4 | high[4] & 0x0F
    h5 = high[5] << 4 | high[4] >> 4
    h6 = high[6]
    return (
        (t1, _signed(low, 2), _signed(low, 4)),
        tuple([p1] + [_signed(low, at) for at in range(8, 24, 2)]),  # MicroPython has no starred items in a tuple
        (
            low[25],
            _signed(high, 0),
            high[2],
            h4 - 0x1000 if h4 & 0x800 else h4,
            h5 - 0x1000 if h5 & 0x800 else h5,
            h6 - 0x100 if h6 & 0x80 else h6,
        ),
    )


def raw(data):
    """(temperature, pressure, humidity) as the converter gave them; ChipError when nothing was measured."""
    if len(data) != DATA_BYTES:
        raise ChipError("an answer has %d bytes, not %d" % (DATA_BYTES, len(data)))
    pressure = data[0] << 12 | data[1] << 4 | data[2] >> 4
    temperature = data[3] << 12 | data[4] << 4 | data[5] >> 4
    humidity = data[6] << 8 | data[7]
    if temperature == SKIPPED_20 or pressure == SKIPPED_20 or humidity == SKIPPED_16:
        raise ChipError("the chip has measured nothing since it started")
    if 0xFFFFF in (temperature, pressure) or humidity == 0xFFFF:
        raise ChipError("the converter is at its end, or nobody answered")
    return temperature, pressure, humidity


def fine(trims, temperature):
    """The datasheet's t_fine, which the other two need."""
    t1, t2, t3 = trims[0]
    first = ((temperature >> 3) - (t1 << 1)) * t2 >> 11
    second = ((((temperature >> 4) - t1) * ((temperature >> 4) - t1)) >> 12) * t3 >> 14
    return first + second


def temp_c(t_fine):
    """Degrees Celsius in steps of 0.01."""
    return ((t_fine * 5 + 128) >> 8) / 100


def pressure_hpa(trims, t_fine, pressure):
    """Hectopascal; ChipError where the trimming values would divide by zero."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = trims[1]
    v1 = t_fine - 128000
    v2 = v1 * v1 * p6 + (v1 * p5 << 17) + (p4 << 35)
    v1 = (v1 * v1 * p3 >> 8) + (v1 * p2 << 12)
    v1 = ((1 << 47) + v1) * p1 >> 33
    if v1 == 0:
        raise ChipError("the trimming values give no pressure")
    value = 1048576 - pressure
    value = ((value << 31) - v2) * 3125 // v1
    v1 = p9 * (value >> 13) * (value >> 13) >> 25
    v2 = p8 * value >> 19
    value = (value + v1 + v2 >> 8) + (p7 << 4)
    return value / 25600


def rh_pct(trims, t_fine, humidity):
    """Percent; not cropped, so that a value beyond 0 to 100 can be told."""
    h1, h2, h3, h4, h5, h6 = trims[2]
    value = t_fine - 76800
    left = ((humidity << 14) - (h4 << 20) - h5 * value + 16384) >> 15
    right = (((value * h6 >> 10) * ((value * h3 >> 11) + 32768) >> 10) + 2097152) * h2 + 8192 >> 14
    value = left * right
    value -= ((value >> 15) * (value >> 15) >> 7) * h1 >> 4
    return (value >> 12) / 1024
