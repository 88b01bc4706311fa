"""Every driver by name: what it measures or switches, the options it takes, and how it is built on a wire."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sensors.errors import OptionError
from sensors.readings import Sensor
from sensors.transports.wires import Wires

CONTACT_KINDS = ("door", "motion", "leak", "smoke", "exit")


@dataclass(frozen=True, slots=True)
class Option:
    """What may stand at one key of a driver's table.

    kind: text, integer, number, boolean or pin (a BCM number, 0-27); low and high bound numbers, both included; `on_device` marks an
    option that a real wire needs and a simulated one does not.
    """

    name: str
    kind: str
    words: str
    default: Any = None
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    on_device: bool = False


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver: `address` names the options that together say where on which wire it sits, so that no two may have the same."""

    name: str
    words: str
    options: tuple[Option, ...]
    address: tuple[str, ...]
    quantities: tuple[str, ...] = ()


CLIMATE = ("temperature", "relative_humidity")
_RATES = (
    Option("temperature_rate", "number", "Fastest change of temperature taken for real.", 5.0, low=0.01, high=1000, unit="Cel/min"),
    Option("humidity_rate", "number", "Fastest change of humidity taken for real.", 30.0, low=0.01, high=1000, unit="%/min"),
    Option("stuck_s", "number", "A value unchanged for this long is suspect; 0 = never.", 14400.0, low=0, high=604800, unit="s"),
)

SENSORS: dict[str, Driver] = {
    driver.name: driver
    for driver in (
        Driver(
            "node",
            "A sensor node with Muniment's firmware on a serial port (USB or UART).",
            (
                Option("port", "text", "The node's serial port; prefer /dev/serial/by-id/….", on_device=True),
                Option("baud", "integer", "Bits per second; USB ports ignore it.", 115200, low=1200, high=1_000_000),
                Option("silent_s", "number", "Without a sample for this long, readings are missing.", 10.0, low=1, high=3600, unit="s"),
                *_RATES,
            ),
            ("port",),
            CLIMATE,
        ),
        Driver(
            "modbus_th",
            "A temperature and humidity transmitter on RS-485 that speaks Modbus RTU.",
            (
                Option("port", "text", "The RS-485 adapter's serial port; several devices may share it.", on_device=True),
                Option("unit", "integer", "The device's Modbus address.", 1, low=1, high=247),
                Option("baud", "integer", "Bits per second.", 9600, low=1200, high=115200),
                Option("parity", "text", "Parity: none, even or odd.", "N", choices=("N", "E", "O")),
                Option("stop_bits", "integer", "Stop bits.", 1, low=1, high=2),
                Option("timeout_ms", "integer", "How long an answer may take.", 500, low=20, high=10000, unit="ms"),
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
                *_RATES,
            ),
            ("port", "unit"),
            CLIMATE,
        ),
        Driver(
            "sht4x",
            "A Sensirion SHT40, SHT41, SHT43 or SHT45 on the Pi's own I2C bus.",
            (
                Option("bus", "integer", "Number of the I2C bus.", 1, low=0, high=63),
                Option("address", "integer", "I2C address, 0x44 to 0x46.", 0x44, low=0x44, high=0x46),
                *_RATES,
            ),
            ("bus", "address"),
            CLIMATE,
        ),
    )
}

CONTACTS: dict[str, Driver] = {
    "gpio": Driver(
        "gpio",
        "A contact between a GPIO pin and ground or supply: door, motion, leak, smoke, exit request.",
        (
            Option("pin", "pin", "GPIO number (BCM).", required=True),
            Option("kind", "text", "What the contact tells.", "door", choices=CONTACT_KINDS),
            Option(
                "active", "text", "Level of the pin when the door is open, or the contact tells something.", "high", choices=("high", "low")
            ),
            Option("pull", "text", "Pull resistor of the pin.", "up", choices=("up", "down", "none")),
            Option("settle_ms", "number", "Edges this soon after another fold into it.", 50.0, low=0, high=10000, unit="ms"),
        ),
        ("pin",),
    )
}

_LEVEL = Option("active", "text", "Level that switches it on; relay boards are often low.", "high", choices=("high", "low"))
OUTPUTS: dict[str, Driver] = {
    "gpio_lamp": Driver(
        "gpio_lamp",
        "A three-colour tower lamp, one GPIO pin a colour.",
        (*(Option(colour, "pin", f"GPIO number (BCM) of the {colour} light.") for colour in ("red", "yellow", "green")), _LEVEL),
        ("red", "yellow", "green"),
    ),
    "gpio_buzzer": Driver(
        "gpio_buzzer", "A buzzer on a GPIO pin.", (Option("pin", "pin", "GPIO number (BCM).", required=True), _LEVEL), ("pin",)
    ),
}


def with_defaults(driver: Driver, options: Mapping[str, Any]) -> dict[str, Any]:
    """The driver's options with defaults filled in; other keys are left out. OptionError when a required one is missing."""
    values = {option.name: options.get(option.name, option.default) for option in driver.options}
    for option in driver.options:
        if option.required and values[option.name] is None:
            raise OptionError(f"driver {driver.name}: {option.name} is missing: {option.words}")
    return values


def build_sensor(driver: str, name: str, options: Mapping[str, Any], *, wires: Wires, taken: str = "") -> Sensor:
    """A sensor on its wire; `wires` is DeviceWires() or the simulated room. Nothing is opened before the first `read`.

    taken: what `Sensor.taken` said when its readings were last stored, so that none is handed out again after a restart.
    """
    values = with_defaults(_known(SENSORS, driver), options)
    if driver == "node":
        from sensors.drivers.node import NodeSensor

        return NodeSensor(name, values, port=wires.serial_port(driver, name, values), taken=taken)
    if driver == "modbus_th":
        from sensors.drivers.modbus_th import ModbusTransmitter

        return ModbusTransmitter(name, values, line=wires.modbus(driver, name, values))
    from sensors.drivers.sht4x import Sht4xSensor

    return Sht4xSensor(name, values, bus=wires.i2c(driver, name, values))


ContactCallback = Callable[[str, int, int], None]


def build_contact(driver: str, name: str, options: Mapping[str, Any], *, wires: Wires, on_change: ContactCallback) -> Any:
    """A contact; `on_change(state, t_ms, m_ms)` is called in the event loop that is running now, the first time with the present state."""
    from sensors.drivers.contacts import GpioContact

    values = with_defaults(_known(CONTACTS, driver), options)
    return GpioContact(name, values, pins=wires.pins(driver, name, values), on_change=on_change)


def build_output(driver: str, name: str, options: Mapping[str, Any], *, wires: Wires) -> Any:
    """A TowerLamp or a Sounder."""
    from sensors.drivers.outputs import Sounder, TowerLamp

    values = with_defaults(_known(OUTPUTS, driver), options)
    pins = wires.pins(driver, name, values)
    if driver == "gpio_lamp":
        return TowerLamp(red=values["red"], yellow=values["yellow"], green=values["green"], pins=pins, active=values["active"])
    return Sounder(values["pin"], pins=pins, active=values["active"])


def _known(table: Mapping[str, Driver], driver: str) -> Driver:
    if driver not in table:
        raise OptionError(f"unknown driver {driver!r}; known: {', '.join(sorted(table))}")
    return table[driver]
