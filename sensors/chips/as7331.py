"""ams OSRAM AS7331: registers, ranges and conversion to irradiance, as pure functions of bytes; runs on MicroPython.

Source: ams OSRAM datasheet DS001047 "AS7331", section 5 (responsivity at gain 2048 and 64 ms), sections 7 and 8 (states, registers).
"""

from sensors.errors import ChipError

ADDRESS = 0x74
STATE = 0x00  # OSR; in the measuring state a read gives OSR, STATUS
ID = 0x02  # AGEN in the configuration state
ID_BYTE = 0x21
CREG1, CREG3 = 0x06, 0x08
RESULTS, RESULT_BYTES = 0x02, 6
CONFIGURE, MEASURE, MEASURE_START = 0x02, 0x03, 0x83
COMMAND_MODE = 0x40  # one measurement at each start, clock 1.024 MHz
NOT_READY = 0x04
OVERFLOW = 0x60  # of the converter, of the result
TIME_MS = 64
TIME_CODE = 6
# gains from the dullest to the keenest; the code is what CREG1 holds
GAINS = ((8, 8), (128, 4), (2048, 0))
START = 1
COUNTS_PER_UW_CM2 = (385.0, 347.0, 794.0)  # UV-A, UV-B, UV-C at gain 2048 and 64 ms
FEW, MANY = 500, 50000
FULL = 0xFFFF
RESOLUTION = 0.003
TOLERANCE = None
RANGE = (0.0, 43000.0)


def creg1(which):
    """The register that sets gain and time."""
    return GAINS[which][1] << 4 | TIME_CODE


def check_id(number):
    """ChipError unless the chip is an AS7331."""
    if number != ID_BYTE:
        raise ChipError("the chip's id is 0x%02x, not an AS7331's 0x21" % number)


def counts(data):
    """(UV-A, UV-B, UV-C) counts of the six result bytes; ChipError when they are not whole."""
    if len(data) != RESULT_BYTES:
        raise ChipError("an answer has %d bytes, not %d" % (RESULT_BYTES, len(data)))
    return tuple(data[at] | data[at + 1] << 8 for at in (0, 2, 4))


def better(which, found, status):
    """The range to measure in again, or the same one when it fits."""
    top = max(found[:2])
    if (top > MANY or status & OVERFLOW) and which > 0:
        return which - 1
    if top < FEW and which < len(GAINS) - 1:
        return which + 1
    return which


def uw_cm2(which, found, status):
    """UV-A and UV-B together in uW/cm2; ChipError when the converter was at its end."""
    if status & OVERFLOW or max(found[:2]) == FULL:
        raise ChipError("the sensor is blinded")
    share = GAINS[which][0] / 2048
    return found[0] / (COUNTS_PER_UW_CM2[0] * share) + found[1] / (COUNTS_PER_UW_CM2[1] * share)
