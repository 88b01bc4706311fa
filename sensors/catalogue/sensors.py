"""Every sensor driver by name, with its options."""

from collections.abc import Mapping
from typing import Any

from sensors.catalogue.modbus import LINE, MODBUS
from sensors.catalogue.option import Driver, Option

CLIMATE = ("temperature", "relative_humidity")
STUCK = Option(
    "stuck_s",
    "number",
    "A value exactly unchanged for this long is suspect, in proportion longer for coarse sensors, and only where neighbours moved "
    "(if there are any); 0 = never.",
    14400.0,
    low=0,
    high=604800,
    unit="s",
)
_TEMPERATURE_RATE = Option(
    "temperature_rate", "number", "Fastest change of temperature taken for real.", 5.0, low=0.01, high=1000, unit="Cel/min"
)
RATES = (
    _TEMPERATURE_RATE,
    Option("humidity_rate", "number", "Fastest change of humidity taken for real.", 30.0, low=0.01, high=1000, unit="%/min"),
    STUCK,
)
_LINE = (
    Option("port", "text", "The RS-485 adapter's serial port; several devices may share it.", on_device=True),
    Option("timeout_ms", "integer", "How long an answer may take.", 500, low=20, high=10000, unit="ms"),
)


def _on_i2c(low: int, high: int) -> tuple[Option, ...]:
    words = f"I2C address, 0x{low:02x}." if low == high else f"I2C address, 0x{low:02x} to 0x{high:02x}."
    return (
        Option("bus", "integer", "Number of the I2C bus.", 1, low=0, high=63),
        Option("address", "integer", words, low, low=low, high=high),
    )


def _chip(name: str, words: str, addresses: tuple[int, int], quantities: tuple[str, ...], *more: Option) -> Driver:
    return Driver(name, words, (*_on_i2c(*addresses), *more), ("bus", "address"), quantities)


_HEATER = Option(
    "heater_every_h",
    "number",
    "How often the chip's heater drives off damp that crept in, after long times near 100 %; "
    "samples of the minute after are dropped, so set bad_s to 90 or more; 0 = never.",
    0.0,
    low=0,
    high=8760,
    unit="h",
)


def _of_node(options: Mapping[str, Any]) -> tuple[str, ...]:
    """What the chips that a node's table names measure; anything where it names none that we know."""
    from sensors.drivers.node_channels import NodeChannels

    return tuple(channel.quantity for channel in NodeChannels.of(str(options.get("chips") or "sht4x")).channels)


SENSORS: dict[str, Driver] = {
    driver.name: driver
    for driver in (
        Driver(
            "node",
            "A sensor node with Muniment's firmware: on a serial port, on a line shared by several, or on the broker.",
            (
                Option("link", "text", "How it is reached: by a serial port or over MQTT.", "serial", choices=("serial", "mqtt")),
                Option("port", "text", 'The node\'s serial port; prefer /dev/serial/by-id/…. Not with link = "mqtt".'),
                Option("address", "integer", "Its address on a shared RS-485 line; 0 = alone on its port.", 0, low=0, high=247),
                Option("node", "text", "Its name on the broker (default: the sensor's name)."),
                Option(
                    "chips", "text", 'What it carries, such as "sht4x,veml7700": which channels are missing before it was heard.', "sht4x"
                ),
                Option("baud", "integer", "Bits per second; USB ports ignore it.", 115200, low=1200, high=1_000_000),
                Option("silent_s", "number", "Without a sample for this long, readings are missing.", 10.0, low=1, high=3600, unit="s"),
                *RATES,
            ),
            ("port", "address"),
            measures=_of_node,
            line=lambda options: {"baud": options["baud"]} if options.get("address") and options.get("baud") else {},
        ),
        MODBUS,
        Driver(
            "modbus_th",
            "A temperature and humidity transmitter on RS-485 that speaks Modbus RTU (`modbus` can do all of this and more).",
            (
                *_LINE,
                Option("unit", "integer", "The device's Modbus address.", 1, low=1, high=247),
                Option("baud", "integer", "Bits per second.", 9600, low=1200, high=115200),
                Option("parity", "text", "Parity: none, even or odd.", "N", choices=("N", "E", "O")),
                Option("stop_bits", "integer", "Stop bits.", 1, low=1, high=2),
                Option("function", "integer", "Function code: 3 reads holding, 4 reads input registers.", 3, low=3, high=4),
                Option("temperature_register", "integer", "Address of the temperature, counted from 0.", 0, low=0, high=65535),
                Option("humidity_register", "integer", "Address of the humidity, counted from 0.", 1, low=0, high=65535),
                Option(
                    "format",
                    "text",
                    "16-bit integer, 32-bit integer or 32-bit float in two registers.",
                    "int16",
                    choices=("int16", "int32", "float32"),
                ),
                Option(
                    "order",
                    "text",
                    "Which half of a 32-bit value comes first; the bytes of a 16-bit one.",
                    "big",
                    choices=("big", "little"),
                ),
                Option("signed", "boolean", "Whether integers are two's complement.", True),
                Option(
                    "scale", "number", "Value of one count of an integer; a float is multiplied by it too.", 0.1, low=0.00001, high=1000
                ),
                *RATES,
            ),
            ("port", "unit"),
            CLIMATE,
            line=lambda options: {name: options[name] for name in LINE if options.get(name) is not None},
        ),
        _chip("sht4x", "A Sensirion SHT40, SHT41, SHT43 or SHT45 on the Pi's own I2C bus.", (0x44, 0x46), CLIMATE, *RATES, _HEATER),
        _chip("sht3x", "A Sensirion SHT30, SHT31 or SHT35 on the Pi's own I2C bus.", (0x44, 0x45), CLIMATE, *RATES),
        _chip(
            "bme280",
            "A Bosch BME280 on the Pi's own I2C bus, away from the Pi's heat.",
            (0x76, 0x77),
            (*CLIMATE, "air_pressure"),
            *RATES,
        ),
        _chip(
            "scd4x",
            "A Sensirion SCD40 or SCD41: carbon dioxide only, since it warms its own air.",
            (0x62, 0x62),
            ("co2",),
            STUCK,
        ),
        _chip("veml7700", "A Vishay VEML7700: illuminance.", (0x10, 0x10), ("illuminance",)),
        _chip("as7331", "An ams OSRAM AS7331: ultraviolet irradiance, UV-A and UV-B together.", (0x74, 0x77), ("uv_irradiance",)),
        Driver(
            "ds18b20",
            "A Maxim DS18B20 on the kernel's 1-Wire bus, for the temperature of a surface.",
            (
                Option("serial", "text", "Its folder under /sys/bus/w1/devices, such as 28-0316a2791bff; left out, the only one."),
                _TEMPERATURE_RATE,
                STUCK,
            ),
            ("serial",),
            ("temperature",),
        ),
    )
}
