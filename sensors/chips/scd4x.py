"""Sensirion SCD4x (SCD40, 41): commands and conversion of carbon dioxide, as pure functions of bytes; runs on MicroPython.

Its temperature and humidity are for its own compensation: they are warmed by the chip and never shown as the room's.
Source: Sensirion datasheet "SCD4x", sections 3.5 (periodic measurement), 3.8.2 (data ready), 3.9.2 (serial number), 3.11 (CRC).
"""

from sensors.chips.crc import words
from sensors.errors import ChipError

ADDRESS = 0x62
START = b"\x21\xb1"
READ = b"\xec\x05"
READY = b"\xe4\xb8"
STOP = b"\x3f\x86"
SERIAL = b"\x36\x82"
COMMAND_MS = 1
STOP_MS = 500
PERIOD_MS = 5000
READ_BYTES = 9
READY_BYTES = 3
READY_MASK = 0x07FF
RESOLUTION = 1.0
TOLERANCE = 50.0  # SCD40: 50 ppm + 5 % of the value; SCD41 40 ppm + 5 %
RANGE = (1.0, 40000.0)


def ready(frame):
    """Whether a fresh value waits, from the answer to READY."""
    return bool(words(frame, 1)[0] & READY_MASK)


def co2_ppm(frame):
    """Carbon dioxide in ppm, from the answer to READ; ChipError when it is damaged or the chip has no value yet."""
    ppm = words(frame, 3)[0]
    if ppm == 0:
        raise ChipError("the chip has no value yet")
    return ppm


def serial_text(frame):
    """The chip's serial number as 12 hex digits, from the answer to SERIAL."""
    return "%04x%04x%04x" % tuple(words(frame, 3))
