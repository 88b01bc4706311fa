"""A temperature and humidity transmitter on RS-485 (Modbus RTU): there is no common register map, so all of it is options."""

import math
import struct
from collections.abc import Mapping
from typing import Any

from sensors.errors import ChipError, SensorError
from sensors.readings import Channel, Reading, measured, missing, now
from sensors.transports.modbus import ModbusLine
from wire.units import unit_of

QUANTITIES = (("temperature", "temperature_register"), ("relative_humidity", "humidity_register"))
WIDTH = {"int16": 1, "int32": 2, "float32": 2}
DIGITS = 5  # more than any transmitter resolves; hides the noise of binary scaling


class RegisterMap:
    """How a transmitter writes its values into 16-bit registers; pure."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """options: format, order, signed, scale of the driver's table."""
        self.width = WIDTH[options["format"]]
        self.resolution = None if options["format"] == "float32" else float(options["scale"])
        self._float = options["format"] == "float32"
        self._little = options["order"] == "little"
        self._signed = bool(options["signed"])
        self._scale = float(options["scale"])

    def decode(self, words: list[int]) -> tuple[float, float]:
        """(value, raw count) of one quantity's registers; ChipError when they hold no number."""
        if len(words) != self.width:
            raise ChipError(f"{len(words)} registers instead of {self.width}")
        if self.width == 2:
            data = struct.pack(">2H", *(words[::-1] if self._little else words))
        else:
            data = struct.pack("<H" if self._little else ">H", words[0])
        if self._float:
            (raw,) = struct.unpack(">f", data)
            if not math.isfinite(raw):
                raise ChipError("the registers hold no number")
        else:
            raw = int.from_bytes(data, "big", signed=self._signed)
        return round(raw * self._scale, DIGITS), float(raw)


class ModbusTransmitter:
    """A polled sensor; one request when both values lie side by side, else two."""

    pushed = False
    taken = ""  # the device keeps no samples

    def __init__(self, name: str, options: Mapping[str, Any], *, line: ModbusLine) -> None:
        """options: the driver's table; line: shared with others on the same port."""
        self.name = name
        self._line = line
        self._unit = int(options["unit"])
        self._function = int(options["function"])
        self._map = RegisterMap(options)
        self._addresses = {quantity: int(options[register]) for quantity, register in QUANTITIES}

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Temperature and humidity; a transmitter does not tell its tolerance or serial number."""
        return tuple(Channel(quantity, unit_of(quantity), self._map.resolution) for quantity in self._addresses)

    async def read(self) -> list[Reading]:
        """Both values now; a value that could not be had is missing, with the reason."""
        first, second = sorted(self._addresses.values())
        width = self._map.width
        spans = [(first, 2 * width)] if second == first + width else [(first, width), (second, width)]
        registers: dict[int, int] = {}
        why = ""
        for address, count in spans:
            try:
                words = await self._line.read_registers(self._unit, function=self._function, address=address, count=count)
            except SensorError as error:
                why = str(error)
            else:
                registers.update(enumerate(words, start=address))
        return [self._reading(quantity, address, registers, why) for quantity, address in self._addresses.items()]

    def _reading(self, quantity: str, address: int, registers: dict[int, int], why: str) -> Reading:
        words = [registers[number] for number in range(address, address + self._map.width) if number in registers]
        if not words:
            return missing(quantity, why, now())
        try:
            value, raw = self._map.decode(words)
        except ChipError as error:
            return missing(quantity, str(error), now())
        return measured(quantity, value, now(), raw=raw)

    async def close(self) -> None:
        """The line belongs to the wires; nothing to release here."""
