"""Sensirion SHT4x (SHT40, 41, 43, 45): commands, CRC and conversion, as pure functions of bytes; runs on MicroPython.

Source: Sensirion datasheet "SHT4x", sections 4.4 (CRC), 4.5 (commands), 4.6 (conversion of signal output).
"""

from sensors.chips import crc
from sensors.chips.crc import crc8 as crc8

ADDRESS = 0x44
MEASURE_HIGH = b"\xfd"  # high repeatability: 0.04 degC, 0.08 %RH (3 sigma: datasheet tables 1 and 2)
SERIAL = b"\x89"
SOFT_RESET = b"\x94"
MEASURE_MS = 9  # high repeatability takes at most 8.3 ms
FRAME_BYTES = 6  # two words of two bytes, each followed by its CRC
TEMPERATURE_RESOLUTION = 0.01
HUMIDITY_RESOLUTION = 0.01
TEMPERATURE_TOLERANCE = 0.2  # SHT40, typical
HUMIDITY_TOLERANCE = 1.8
TEMPERATURE_RANGE = (-40.0, 125.0)
HEAT_200MW_1S = b"\x39"  # the heater on for 1 s at 200 mW, then a measurement of high repeatability (section 4.9)
HEAT_MS = 1100  # at most
HEAT_SETTLE_S = 60.0  # until the chip has the air's temperature again: our choice, several times its time constant


def words(frame):
    """The two 16-bit words of a six-byte answer; ChipError when the length or a CRC is wrong."""
    first, second = crc.words(frame, 2)
    return first, second


def temp_c(ticks):
    """Temperature in degrees Celsius of a 16-bit signal output."""
    return -45 + 175 * ticks / 65535


def rh_pct(ticks):
    """Relative humidity in percent of a 16-bit signal output; from -6 to 119, not cropped."""
    return -6 + 125 * ticks / 65535


def serial_text(frame):
    """The chip's serial number as 8 hex digits, from the answer to SERIAL."""
    high, low = words(frame)
    return "%04x%04x" % (high, low)
