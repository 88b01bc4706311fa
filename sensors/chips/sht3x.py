"""Sensirion SHT3x-DIS (SHT30, 31, 35): commands, status and conversion, as pure functions of bytes; runs on MicroPython.

Source: Sensirion datasheet "SHT3x-DIS", sections 4.3 (single shot), 4.10 and 4.11 (heater, status), 4.12 (CRC), 4.13 (conversion).
"""

from sensors.chips.crc import words

ADDRESS = 0x44
MEASURE_HIGH = b"\x24\x00"  # high repeatability, no clock stretching: the chip does not acknowledge while it measures
STATUS = b"\xf3\x2d"
CLEAR_STATUS = b"\x30\x41"
SERIAL = b"\x37\x80"  # "Read-out of serial number", Sensirion's SHT3x driver
SOFT_RESET = b"\x30\xa2"
HEATER_ON = b"\x30\x6d"
HEATER_OFF = b"\x30\x66"
MEASURE_MS = 16  # high repeatability takes at most 15.5 ms
FRAME_BYTES = 6
STATUS_BYTES = 3
HEATER_BIT = 0x2000
TEMPERATURE_RESOLUTION = 0.01
HUMIDITY_RESOLUTION = 0.01
TEMPERATURE_TOLERANCE = 0.2  # SHT31, typical
HUMIDITY_TOLERANCE = 2.0
TEMPERATURE_RANGE = (-40.0, 125.0)


def measured(frame):
    """(temperature, humidity) as 16-bit signal outputs; ChipError when the answer is damaged."""
    temperature, humidity = words(frame, 2)
    return temperature, humidity


def temp_c(ticks):
    """Temperature in degrees Celsius of a 16-bit signal output."""
    return -45 + 175 * ticks / 65535


def rh_pct(ticks):
    """Relative humidity in percent of a 16-bit signal output, 0 to 100 by construction."""
    return 100 * ticks / 65535


def heater_on(frame):
    """Whether the heater is on, from the answer to STATUS; ChipError when it is damaged."""
    return bool(words(frame, 1)[0] & HEATER_BIT)


def serial_text(frame):
    """The chip's serial number as 8 hex digits, from the answer to SERIAL."""
    high, low = words(frame, 2)
    return "%04x%04x" % (high, low)
