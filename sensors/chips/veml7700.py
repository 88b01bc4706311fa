"""Vishay VEML7700: registers, ranges and conversion to lux, as pure functions; runs on MicroPython.

Source: Vishay datasheet 84286 "VEML7700" (registers, 0.0042 lx a count at gain 2 and 800 ms) and application note 84323
"Designing the VEML7700" (ranging, correction of the bent course above 1000 lx).
"""

from sensors.errors import ChipError

ADDRESS = 0x10
CONFIGURATION, ALS, ID = 0x00, 0x04, 0x07
ID_BYTE = 0x81
SHUT_DOWN = 0x0001
FULL = 0xFFFF
FINEST_LX = 0.0042
# (gain, integration in ms, the two's bits in CONFIGURATION), from the brightest to the darkest range
RANGES = (
    (0.125, 25, 2 << 11 | 12 << 6),
    (0.125, 100, 2 << 11),
    (1, 100, 0),
    (2, 400, 1 << 11 | 2 << 6),
)
START = 1
FEW, MANY = 100, 10000  # the application note's counts at which a finer or a coarser range is better
SETTLE_MS = 5  # after power-on 2.5 ms
RESOLUTION = 0.0084  # of the darkest range
TOLERANCE = None  # the datasheet states none in lux
RANGE = (0.0, 140000.0)


def wait_ms(which):
    """How long a range needs for a whole integration, with what clocks are off by."""
    return RANGES[which][1] * 5 // 4 + SETTLE_MS


def lx_per_count(which):
    """Lux of one count in a range."""
    gain, time_ms, _ = RANGES[which]
    return FINEST_LX * (800 / time_ms) * (2 / gain)


def better(which, counts):
    """The range to measure in again, or the same one when it fits."""
    if counts > MANY and which > 0:
        return which - 1
    if counts < FEW and which < len(RANGES) - 1:
        return which + 1
    return which


def lux(which, counts):
    """Illuminance in lux; ChipError when the converter is at its end."""
    if counts == FULL:
        raise ChipError("the sensor is blinded")
    value = counts * lx_per_count(which)
    if RANGES[which][0] < 1 and value > 1000:
        value = (((6.0135e-13 * value - 9.3924e-9) * value + 8.1488e-5) * value + 1.0023) * value
    return value
