"""What a sensor node's chips measure: the channels that its hello declares, and its samples as readings."""

from dataclasses import dataclass
from typing import Any, Self

from sensors.chips import sht4x
from sensors.drivers.sht4x import sht4x_readings
from sensors.readings import SUSPECT, Channel, Instant, Reading, measured, missing
from wire.units import QUANTITIES, unit_of

TEXT_MAX = 64
CHANNELS_MAX = 16
THOUSANDTHS_MAX = 2**31
WHY = {
    "crc": "wrong CRC from the chip",
    "absent": "the chip does not answer",
    "flash": "the sample was damaged in the node's flash",
    "range": "the chip gave no possible value",
}
TEMPERATURE, HUMIDITY = "temperature", "relative_humidity"

# chip: its quantities with resolution, tolerance, lowest, highest; figures of the datasheets, as in sensors/chips/
CHIPS: dict[str, dict[str, tuple[float | None, float | None, float | None, float | None]]] = {
    "sht4x": {
        TEMPERATURE: (sht4x.TEMPERATURE_RESOLUTION, sht4x.TEMPERATURE_TOLERANCE, *sht4x.TEMPERATURE_RANGE),
        HUMIDITY: (sht4x.HUMIDITY_RESOLUTION, sht4x.HUMIDITY_TOLERANCE, 0.0, 100.0),
    },
    "sht3x": {TEMPERATURE: (0.01, 0.2, -40.0, 125.0), HUMIDITY: (0.01, 2.0, 0.0, 100.0)},
    "bme280": {TEMPERATURE: (0.01, 1.0, -40.0, 85.0), HUMIDITY: (0.008, 3.0, 0.0, 100.0), "air_pressure": (0.01, 1.0, 300.0, 1100.0)},
    "scd4x": {"co2": (1.0, None, 0.0, 40000.0)},
    "veml7700": {"illuminance": (None, None, 0.0, None)},
    "as7331": {"uv_irradiance": (None, None, 0.0, None)},
    "ds18b20": {TEMPERATURE: (0.0625, 0.5, -55.0, 125.0)},
}


@dataclass(frozen=True, slots=True)
class NodeChannels:
    """The node's channels, in the order of a sample's values."""

    channels: tuple[Channel, ...]

    @classmethod
    def of(cls, chips: str) -> Self:
        """The channels of chips named in one text, such as "sht4x,veml7700"; unknown names are passed over."""
        names = [name.strip() for name in chips.split(",")]
        return cls(_channels([(name, "", list(CHIPS[name])) for name in names if name in CHIPS]))

    def told(self, hello: dict[str, Any]) -> "NodeChannels":
        """The channels of a hello; the same as before where it does not say."""
        told = hello.get("chips")
        if isinstance(told, list):
            chips = [(str(chip[0]), str(chip[1]), chip[2]) for chip in told if isinstance(chip, list) and len(chip) == 3]
            found = _channels([chip for chip in chips if isinstance(chip[2], list)])
            return NodeChannels(found) if found else self
        return NodeChannels(_channels([("sht4x", str(hello.get("chip", "")), [TEMPERATURE, HUMIDITY])]))  # firmware 0.1

    def readings(self, message: dict[str, Any], at: Instant) -> list[Reading]:
        """One sample's readings: thousandths of the unit, or what was wrong, a channel."""
        values = message.get("v")
        if values is None:
            return self._ticks(message, at)
        if not isinstance(values, list) or len(values) != len(self.channels):
            values = ["a sample of other channels"] * len(self.channels)
        return [_reading(channel, value, at) for channel, value in zip(self.channels, values, strict=True)]

    def _ticks(self, message: dict[str, Any], at: Instant) -> list[Reading]:
        """A sample of firmware 0.1: an SHT4x's own counts."""
        ticks, fault = (message.get("t"), message.get("h")), message.get("fault")
        if fault is None and len(self.channels) == 2 and all(type(word) is int and 0 <= word <= 0xFFFF for word in ticks):
            return sht4x_readings(int(ticks[0] or 0), int(ticks[1] or 0), at)
        return [_reading(channel, str(fault), at) for channel in self.channels]


def _reading(channel: Channel, value: Any, at: Instant) -> Reading:
    if type(value) is not int or not -THOUSANDTHS_MAX <= value < THOUSANDTHS_MAX:
        return missing(channel.quantity, WHY.get(str(value), f"the node reports {str(value)[:TEXT_MAX]}"), at)
    number = value / 1000
    if channel.quantity != HUMIDITY or 0.0 <= number <= 100.0:
        return measured(channel.quantity, number, at, raw=number)
    cropped = measured(channel.quantity, min(max(number, 0.0), 100.0), at, raw=number)
    return cropped.marked(SUSPECT, f"the chip gave {number:.1f} %, cropped")


def _channels(chips: list[tuple[str, str, list[Any]]]) -> tuple[Channel, ...]:
    """The channels of (chip, serial, quantities); a quantity that we do not know or have already is passed over."""
    found: dict[str, Channel] = {}
    for name, serial, quantities in chips:
        for quantity in quantities:
            if isinstance(quantity, str) and quantity in QUANTITIES and quantity not in found and len(found) < CHANNELS_MAX:
                figures = CHIPS.get(name, {}).get(quantity, (None, None, None, None))
                found[quantity] = Channel(quantity, unit_of(quantity), *figures, serial[:TEXT_MAX])
    return tuple(found.values())
