"""Sensirion SHT4x (SHT40, 41, 43, 45): commands, CRC and conversion, as pure functions of bytes; runs on MicroPython.

Source: Sensirion datasheet "SHT4x", sections 4.4 (CRC), 4.5 (commands), 4.6 (conversion of signal output).
"""

from sensors.errors import ChipError

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
_CRC_POLYNOMIAL = 0x31
_CRC_START = 0xFF


def crc8(data):
    """CRC-8 over bytes: polynomial 0x31, start 0xFF, not reflected; crc8(b"\\xbe\\xef") is 0x92."""
    crc = _CRC_START
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1) ^ _CRC_POLYNOMIAL if crc & 0x80 else crc << 1
            crc &= 0xFF
    return crc


def words(frame):
    """The two 16-bit words of a six-byte answer; ChipError when the length or a CRC is wrong."""
    if len(frame) != FRAME_BYTES:
        raise ChipError("an answer has %d bytes, not %d" % (FRAME_BYTES, len(frame)))
    for start in (0, 3):
        if crc8(frame[start : start + 2]) != frame[start + 2]:
            raise ChipError("wrong CRC in the answer")
    return frame[0] << 8 | frame[1], frame[3] << 8 | frame[4]


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
