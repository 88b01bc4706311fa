"""Every driver by name, and how it is built on a wire; sensors' options are in sensors/catalogue/, contacts' and outputs' here."""

from collections.abc import Callable, Mapping
from typing import Any

from sensors.catalogue.modbus import resolved, value_maps
from sensors.catalogue.option import Driver, Option
from sensors.catalogue.sensors import SENSORS
from sensors.errors import OptionError
from sensors.readings import Sensor
from sensors.transports.i2c import I2cBus
from sensors.transports.wires import Wires

__all__ = [
    "CONTACTS",
    "OUTPUTS",
    "SENSORS",
    "Driver",
    "Option",
    "build_chip",
    "build_contact",
    "build_output",
    "build_sensor",
    "with_defaults",
]

CONTACT_KINDS = ("door", "motion", "leak", "smoke", "exit", "mains", "ups")
RELAY_KINDS = ("dehumidifier", "humidifier", "fan", "siren", "light")


CONTACTS: dict[str, Driver] = {
    "gpio": Driver(
        "gpio",
        "A contact between a GPIO pin and ground or supply: door, motion, leak, smoke, exit request, mains failure, UPS alarm.",
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
    "gpio_relay": Driver(
        "gpio_relay",
        "A relay on a GPIO pin that switches a dehumidifier, humidifier or fan by a control, a siren by alarms, or a light by hand.",
        (
            Option("pin", "pin", "GPIO number (BCM).", required=True),
            Option("kind", "text", "What it switches.", required=True, choices=RELAY_KINDS),
            _LEVEL,
            Option("start_state", "text", "From the agent's start until there is a good value.", "off", choices=("off", "on")),
            Option("exit_state", "text", "Left like this when the agent stops.", "off", choices=("off", "on")),
            Option(
                "from_priority",
                "text",
                "A siren sounds for alarms of at least this priority.",
                "urgent",
                choices=("low", "medium", "high", "urgent"),
            ),
        ),
        ("pin",),
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

        return NodeSensor(name, values, wire=wires.node(driver, name, values), taken=taken)
    if driver in ("modbus", "modbus_th"):
        return _modbus(driver, name, values, wires)
    if driver == "ds18b20":
        from sensors.drivers.ds18b20 import Ds18b20Sensor

        return Ds18b20Sensor(name, values, wire=wires.onewire(driver, name, values))
    return build_chip(driver, name, values, bus=wires.i2c(driver, name, values))


def _modbus(driver: str, name: str, values: dict[str, Any], wires: Wires) -> Sensor:
    from sensors.drivers.modbus import ModbusDevice
    from sensors.drivers.modbus_th import transmitter_maps

    if driver == "modbus_th":
        values["gap"] = 0
        maps = transmitter_maps(values)
    else:
        values = resolved(values)
        maps = value_maps(values)
    values["maps"] = maps
    return ModbusDevice(name, maps, unit=values["unit"], line=wires.modbus(driver, name, values), gap=values["gap"])


def build_chip(driver: str, name: str, options: Mapping[str, Any], *, bus: I2cBus) -> Sensor:
    """A chip on a bus that is already there."""
    return _chip_class(driver)(name, options, bus=bus)


def _chip_class(driver: str) -> Callable[..., Sensor]:
    """The class of a chip on I2C; only the one that is wanted is loaded."""
    if driver == "sht3x":
        from sensors.drivers.sht3x import Sht3xSensor

        return Sht3xSensor
    if driver == "bme280":
        from sensors.drivers.bme280 import Bme280Sensor

        return Bme280Sensor
    if driver == "scd4x":
        from sensors.drivers.scd4x import Scd4xSensor

        return Scd4xSensor
    if driver == "veml7700":
        from sensors.drivers.veml7700 import Veml7700Sensor

        return Veml7700Sensor
    if driver == "as7331":
        from sensors.drivers.as7331 import As7331Sensor

        return As7331Sensor
    from sensors.drivers.sht4x import Sht4xSensor

    return Sht4xSensor


ContactCallback = Callable[[str, int, int], None]


def build_contact(driver: str, name: str, options: Mapping[str, Any], *, wires: Wires, on_change: ContactCallback) -> Any:
    """A contact; `on_change(state, t_ms, m_ms)` is called in the event loop that is running now, the first time with the present state."""
    from sensors.drivers.contacts import GpioContact

    values = with_defaults(_known(CONTACTS, driver), options)
    return GpioContact(name, values, pins=wires.pins(driver, name, values), on_change=on_change)


def build_output(driver: str, name: str, options: Mapping[str, Any], *, wires: Wires) -> Any:
    """A TowerLamp, a Sounder or a Relay."""
    from sensors.drivers.outputs import Relay, Sounder, TowerLamp

    values = with_defaults(_known(OUTPUTS, driver), options)
    pins = wires.pins(driver, name, values)
    if driver == "gpio_lamp":
        return TowerLamp(red=values["red"], yellow=values["yellow"], green=values["green"], pins=pins, active=values["active"])
    if driver == "gpio_relay":
        return Relay(
            values["pin"], pins=pins, active=values["active"], on=values["start_state"] == "on", exit_on=values["exit_state"] == "on"
        )
    return Sounder(values["pin"], pins=pins, active=values["active"])


def _known(table: Mapping[str, Driver], driver: str) -> Driver:
    if driver not in table:
        raise OptionError(f"unknown driver {driver!r}; known: {', '.join(sorted(table))}")
    return table[driver]
