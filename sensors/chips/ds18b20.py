"""Maxim DS18B20: its nine-byte scratchpad, with CRC and the check for the power-on value; runs on MicroPython.

Source: Analog Devices (Maxim) datasheet "DS18B20", figures 4 and 5, table 1 (temperatures), table 2 (resolutions).
At power-on byte 6 holds 0x0C, after a conversion 0x10 less the low half of the temperature's lowest byte:
https://github.com/cpetrich/counterfeit_DS18B20 and the Linux kernel's drivers/w1/slaves/w1_therm.c.
"""

from sensors.chips.crc import crc8_maxim
from sensors.errors import ChipError

FAMILY = 0x28
SCRATCHPAD_BYTES = 9
POWER_ON_TICKS = 0x0550  # +85 degrees: also a temperature that can be
POWER_ON_MARK = 0x0C
CONFIGURATION = 4
TOLERANCE = 0.5  # -10 to +85 degrees
RANGE = (-55.0, 125.0)
RESOLUTION = 0.0625
TICK_C = 0.0625


def checked(scratchpad):
    """The scratchpad; ChipError when its length or CRC is wrong, or it is empty (nine zeros have a right CRC)."""
    if len(scratchpad) != SCRATCHPAD_BYTES:
        raise ChipError("a scratchpad has %d bytes, not %d" % (SCRATCHPAD_BYTES, len(scratchpad)))
    if crc8_maxim(scratchpad[:8]) != scratchpad[8]:
        raise ChipError("wrong CRC in the scratchpad")
    if scratchpad[CONFIGURATION] & 0x9F != 0x1F:
        raise ChipError("the scratchpad is empty: the wire is shorted")
    return scratchpad


def ticks(scratchpad):
    """The temperature in sixteenths of a degree, undefined bits of a coarser resolution cleared; ChipError when none was measured."""
    checked(scratchpad)
    value = scratchpad[0] | scratchpad[1] << 8
    if value == POWER_ON_TICKS and scratchpad[6] == POWER_ON_MARK:
        raise ChipError("85 degrees from power-on: the chip has measured nothing")
    undefined = 3 - (scratchpad[CONFIGURATION] >> 5 & 3)
    value = value >> undefined << undefined
    return value - 0x10000 if value & 0x8000 else value


def temp_c(count):
    """Degrees Celsius of a count of sixteenths."""
    return count * TICK_C


def resolution_c(scratchpad):
    """The step in degrees that the chip is set to."""
    return TICK_C * (1 << (3 - (scratchpad[CONFIGURATION] >> 5 & 3)))


def scratchpad_of(text):
    """The nine bytes in the kernel's w1_slave text ("72 01 4b 46 7f ff 0e 10 57 : crc=57 YES"); ChipError when there are none."""
    parts = text.split(":")[0].split()
    try:
        return bytes([int(part, 16) for part in parts])
    except ValueError:
        raise ChipError("the kernel's file holds no scratchpad") from None
