"""The chips of a node: each is asked for its values in turn; adding a chip is one entry in the table below.

A maker takes (board, options, module) and gives a chip with `quantities`, `serial()` and `measure()`. Only the modules of the chips that a
node has are imported, so that only they need to be on it.
"""

import asyncio
import binascii
import sys
import time

from sensors.chips.crc import words
from sensors.errors import ChipError

SERIAL_S = 0.002  # an SHT4x needs 1 ms before it answers with its serial number
CHANNELS_MAX = 12
LOOKS = 5  # how often a BME280 that is slower than its datasheet is looked at again
SKIP_ROM, READ_ROM, CONVERT, READ_SCRATCHPAD = 0xCC, 0x33, 0x44, 0xBE  # DS18B20 datasheet, ROM and function commands
CONVERT_MS = 760  # 12 bits take at most 750 ms
FAULTS = ("", "crc", "absent", "flash", "range")
CRC, ABSENT, FLASH, RANGE = 1, 2, 3, 4
FAULT_BASE = -2147483648  # a stored value of FAULT_BASE + n is FAULTS[n]


class Chip:
    """One chip: asked for its serial number at the start and for its values in turn."""

    quantities: tuple[str, ...] = ()

    def serial(self):
        """Its serial number; empty where it has none."""
        return ""

    async def measure(self):
        """One value a quantity; ChipError or OSError."""
        raise OSError("not a chip")


class Humid(Chip):
    """An SHT3x or SHT4x: one command, a wait, two words."""

    quantities = ("temperature", "relative_humidity")

    def __init__(self, board, options, chip):
        """options: address (the chip's usual one where left out); chip: its module."""
        self._chip = chip
        self._i2c = board.i2c
        self._address = options.get("address", chip.ADDRESS)

    def serial(self):
        """The chip's serial number, empty when it does not answer."""
        try:
            self._i2c.writeto(self._address, self._chip.SERIAL)
            time.sleep(SERIAL_S)
            return self._chip.serial_text(self._i2c.readfrom(self._address, self._chip.FRAME_BYTES))
        except (ChipError, OSError):
            return ""

    async def measure(self):
        """Temperature in Cel and relative humidity in %, not cropped."""
        chip = self._chip
        self._i2c.writeto(self._address, chip.MEASURE_HIGH)
        await asyncio.sleep(chip.MEASURE_MS / 1000)
        temperature, humidity = words(self._i2c.readfrom(self._address, chip.FRAME_BYTES), 2)
        return chip.temp_c(temperature), chip.rh_pct(humidity)


class Registers(Chip):
    """What chips with registers have in common."""

    def __init__(self, board, options, chip):
        """See Humid."""
        self._chip = chip
        self._i2c = board.i2c
        self._address = options.get("address", chip.ADDRESS)
        self._set = False

    def _read(self, register, count):
        self._i2c.writeto(self._address, bytes([register]), False)
        return self._i2c.readfrom(self._address, count)

    def _write(self, register, *values):
        self._i2c.writeto(self._address, bytes((register,) + values))

    async def _measure(self):
        raise OSError("not a chip")

    async def measure(self):
        """The chip's values; after a failure its settings are made anew, since it may have lost its power."""
        try:
            return await self._measure()
        except (ChipError, OSError):
            self._set = False
            raise


class Bme280(Registers):
    """A BME280: temperature, humidity, pressure by one forced measurement."""

    quantities = ("temperature", "relative_humidity", "air_pressure")

    async def _measure(self):
        chip = self._chip
        if not self._set:
            chip.check_id(self._read(chip.ID, 1)[0])
            self._trims = chip.trim(self._read(chip.TRIM_LOW, chip.TRIM_LOW_BYTES), self._read(chip.TRIM_HIGH, chip.TRIM_HIGH_BYTES))
            self._set = True
        self._write(chip.CONTROL_HUMIDITY, chip.HUMIDITY_X1)
        self._write(chip.CONTROL, chip.FORCED_X1)
        for _ in range(LOOKS):
            await asyncio.sleep(chip.MEASURE_MS / 1000)
            if not self._read(chip.STATUS, 1)[0] & chip.MEASURING:
                break
        else:
            raise OSError("still measuring")
        temperature, pressure, humidity = chip.raw(self._read(chip.DATA, chip.DATA_BYTES))
        fine = chip.fine(self._trims, temperature)
        return chip.temp_c(fine), chip.rh_pct(self._trims, fine, humidity), chip.pressure_hpa(self._trims, fine, pressure)


class Veml7700(Registers):
    """A VEML7700: illuminance in the range that fits the light."""

    quantities = ("illuminance",)

    async def _use(self, which):
        configuration = self._chip.RANGES[which][2]
        self._write(self._chip.CONFIGURATION, configuration & 0xFF, configuration >> 8)
        self._range, self._set = which, True
        await asyncio.sleep(self._chip.wait_ms(which) / 1000)

    async def _measure(self):
        chip = self._chip
        if not self._set:
            if self._read(chip.ID, 2)[0] != chip.ID_BYTE:
                raise ChipError("the chip is no VEML7700")
            await self._use(chip.START)
        for _ in chip.RANGES:
            data = self._read(chip.ALS, 2)
            counts = data[0] | data[1] << 8
            fitting = chip.better(self._range, counts)
            if fitting == self._range:
                break
            await self._use(fitting)
        return (chip.lux(self._range, counts),)


class Ds18b20(Chip):
    """A DS18B20 alone on a 1-Wire pin, powered by three wires."""

    quantities = ("temperature",)

    def __init__(self, board, options, chip):
        """The board's `onewire()` gives a bus with reset, writebyte, readbyte."""
        self._chip = chip
        self._wire = board.onewire()

    def serial(self):
        """Its ROM code; empty when it does not answer."""
        try:
            self._command(READ_ROM, False)
            return binascii.hexlify(bytes([self._wire.readbyte() for _ in range(8)])).decode()
        except OSError:
            return ""

    def _command(self, command, skip=True):
        if not self._wire.reset():
            raise OSError("nobody on the wire")
        if skip:
            self._wire.writebyte(SKIP_ROM)
        self._wire.writebyte(command)

    async def measure(self):
        """Temperature in Cel."""
        self._command(CONVERT)
        await asyncio.sleep(CONVERT_MS / 1000)
        self._command(READ_SCRATCHPAD)
        scratchpad = bytes([self._wire.readbyte() for _ in range(self._chip.SCRATCHPAD_BYTES)])
        return (self._chip.temp_c(self._chip.ticks(scratchpad)),)


# chip: (class, its module in sensors/chips/)
MAKERS = {
    "sht3x": (Humid, "sht3x"),
    "sht4x": (Humid, "sht4x"),
    "bme280": (Bme280, "bme280"),
    "veml7700": (Veml7700, "veml7700"),
    "ds18b20": (Ds18b20, "ds18b20"),
}
SHARED = ("crc",)  # what the modules in sensors/chips/ themselves import


def module(name):
    """A module of sensors/chips/, loaded when it is first wanted."""
    __import__("sensors.chips." + name)
    return sys.modules["sensors.chips." + name]


class Chips:
    """All chips of one node, their channels side by side."""

    def __init__(self, board, settings):
        """settings: a list of {"chip", "give"?, and the chip's own options}; ValueError for what the node cannot have."""
        self._parts = []
        self.channels: list[str] = []  # quantities, in the order of the values
        for options in settings:
            name = options.get("chip")
            if name not in MAKERS:
                raise ValueError("unknown chip %r; known: %s" % (name, ", ".join(sorted(MAKERS))))
            maker, source = MAKERS[name]
            chip = maker(board, options, module(source))
            wanted = options.get("give") or chip.quantities
            places = [place for place, quantity in enumerate(chip.quantities) if quantity in wanted]
            for place in places:
                if chip.quantities[place] in self.channels:
                    raise ValueError("two chips give %s: choose with `give`" % chip.quantities[place])
                self.channels.append(chip.quantities[place])
            self._parts.append((name, chip, places))
        if not 1 <= len(self.channels) <= CHANNELS_MAX:
            raise ValueError("a node has 1 to %d channels, not %d" % (CHANNELS_MAX, len(self.channels)))

    def identity(self):
        """What the hello tells of each chip: [name, serial, quantities]."""
        return [[name, chip.serial(), [chip.quantities[place] for place in places]] for name, chip, places in self._parts]

    async def measure(self):
        """One value a channel in thousandths of its unit, or a fault (see FAULT_BASE)."""
        values = []
        for _, chip, places in self._parts:
            try:
                found = await chip.measure()
                values += [packed(found[place]) for place in places]
            except ChipError:
                values += [FAULT_BASE + CRC] * len(places)
            except OSError:
                values += [FAULT_BASE + ABSENT] * len(places)
        return values


def packed(value):
    """A value in whole thousandths, as the rings keep it; None and what does not fit are faults."""
    if value is None:
        return FAULT_BASE + ABSENT
    if not -1000000.0 < value < 2000000.0:  # far outside every quantity; inside 32 bits in thousandths
        return FAULT_BASE + RANGE
    return round(value * 1000)


def unpacked(stored):
    """What a sample says of a stored value: thousandths, or the fault's name."""
    fault = stored - FAULT_BASE
    return FAULTS[fault] if 0 <= fault < len(FAULTS) else stored
