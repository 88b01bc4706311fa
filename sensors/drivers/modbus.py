"""Any device that speaks Modbus RTU: a transmitter or an input module, its values where its map says."""

from collections.abc import Sequence

from sensors.errors import ChipError, SensorError, SilentError
from sensors.readings import Channel, Reading, measured, missing, now
from sensors.registers import ValueMap, spans
from sensors.transports.modbus import ModbusLine
from wire.units import unit_of


class ModbusDevice:
    """A polled sensor; values that lie together come in one request."""

    pushed = False
    taken = ""  # the device keeps no samples

    def __init__(self, name: str, maps: Sequence[ValueMap], *, unit: int, line: ModbusLine, gap: int = 0) -> None:
        """maps: its values, a quantity once each; unit: its address; line: shared with others on the same port; gap: see `spans`."""
        self.name = name
        self.line = line
        self._unit = unit
        self._maps = tuple(maps)
        self._spans = spans(list(maps), gap=gap)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Its values; a transmitter tells neither its tolerance nor its serial number, so the map has to."""
        return tuple(
            Channel(value.quantity, unit_of(value.quantity), value.resolution, value.tolerance, value.low, value.high)
            for value in self._maps
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What an installer should know of the line."""
        return ("the adapter echoes what it sends; the echo is dropped",) if self.line.echoes else ()

    async def read(self) -> list[Reading]:
        """All values now; one that could not be had is missing, with the reason."""
        registers: dict[tuple[int, int], int] = {}
        whys: dict[tuple[int, int], str] = {}
        silent = ""
        for span in self._spans:
            numbers = [(span.function, number) for number in range(span.register, span.register + span.count)]
            if silent:  # asking on would keep the line from its other devices for a timeout each
                whys.update(dict.fromkeys(numbers, silent))
                continue
            try:
                words = await self.line.read_registers(self._unit, function=span.function, address=span.register, count=span.count)
            except SensorError as error:
                silent = str(error) if isinstance(error, SilentError) else ""
                whys.update(dict.fromkeys(numbers, str(error)))
            else:
                registers.update(zip(numbers, words, strict=True))
        return [self._reading(value, registers, whys) for value in self._maps]

    @staticmethod
    def _reading(value: ValueMap, registers: dict[tuple[int, int], int], whys: dict[tuple[int, int], str]) -> Reading:
        places = [(value.function, number) for number in value.registers]
        if places[0] in whys:
            return missing(value.quantity, whys[places[0]], now())
        try:
            number, raw = value.decode([registers[place] for place in places])
        except ChipError as error:
            return missing(value.quantity, str(error), now())
        return measured(value.quantity, number, now(), raw=raw)

    async def close(self) -> None:
        """The line belongs to the wires; nothing to release here."""
