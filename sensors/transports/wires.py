"""Where drivers get their wires from: the one seam between a real room and a simulated one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sensors.errors import OptionError
from sensors.transports.gpio import Pins, device_pins

if TYPE_CHECKING:
    from sensors.transports.i2c import I2cBus
    from sensors.transports.modbus import ModbusLine
    from sensors.transports.node_broker import NodeBroker
    from sensors.transports.node_wires import NodeLine, NodeWire
    from sensors.transports.w1 import OneWire

Options = Mapping[str, Any]


class Wires(Protocol):
    """Gives a device, named by driver, name and options, the wire that it sits on."""

    def serial_port(self, driver: str, name: str, options: Options) -> str:
        """The path of the device's serial port."""

    def node(self, driver: str, name: str, options: Options) -> "NodeWire":
        """The way to a sensor node: a port of its own, a shared line, or the broker."""

    def modbus(self, driver: str, name: str, options: Options) -> "ModbusLine":
        """The RS-485 line of the device, shared by all devices on one port."""

    def i2c(self, driver: str, name: str, options: Options) -> "I2cBus":
        """The I2C bus of the device, shared by all devices on one bus."""

    def onewire(self, driver: str, name: str, options: Options) -> "OneWire":
        """The 1-Wire bus of the device."""

    def pins(self, driver: str, name: str, options: Options) -> Pins:
        """The pin factory of the device."""

    async def close(self) -> None:
        """Release every wire that was given; idempotent."""


class DeviceWires:
    """The real wires of a Pi. Nothing is opened before a device is built or, on serial lines, read."""

    def __init__(self, *, nodes: "NodeBroker | None" = None) -> None:
        """nodes: the agent's connection for its Wi-Fi nodes, where it has a broker."""
        self._nodes = nodes
        self._node_lines: dict[str, NodeLine] = {}
        self._lines: dict[str, ModbusLine] = {}
        self._buses: dict[int, I2cBus] = {}
        self._onewire: OneWire | None = None
        self._pins: Pins = None

    def serial_port(self, driver: str, name: str, options: Options) -> str:
        """The path at `port`; OptionError where it is missing."""
        port = options.get("port")
        if not port:
            raise OptionError(f"{name}: driver {driver} needs a port, such as /dev/ttyUSB0")
        return str(port)

    def node(self, driver: str, name: str, options: Options) -> "NodeWire":
        """By `link` and `address`; OptionError for what cannot be had here."""
        from sensors.transports.node_wires import NodeLine, PolledWire, SerialWire

        if options["link"] == "mqtt":
            from sensors.transports.node_broker import BrokerWire

            if self._nodes is None:
                raise OptionError(f'{name}: link = "mqtt" needs the table [broker]')
            return BrokerWire(self._nodes, options["node"] or name)
        port, baud = self.serial_port(driver, name, options), int(options["baud"])
        if not options["address"]:
            return SerialWire(port, baud)
        line = self._node_lines.setdefault(port, NodeLine(port, baud))
        if line.baud != baud:
            raise OptionError(f"{name}: {port} is already in use with {line.baud} bits per second, not {baud}")
        return PolledWire(line, int(options["address"]))

    def modbus(self, driver: str, name: str, options: Options) -> "ModbusLine":
        """The line of `port`; OptionError when two devices on one port want it set differently."""
        from sensors.transports.modbus import LineSettings, ModbusLine

        port = self.serial_port(driver, name, options)
        settings = LineSettings.of(options)
        line = self._lines.setdefault(port, ModbusLine(port, settings))
        if line.settings != settings:
            raise OptionError(f"{name}: {port} is already in use with {line.settings}, not {settings}")
        return line

    def i2c(self, driver: str, name: str, options: Options) -> "I2cBus":
        """The bus numbered `bus`."""
        from sensors.transports.i2c import SmBus

        number = int(options["bus"])
        if number not in self._buses:
            self._buses[number] = SmBus(number)
        return self._buses[number]

    def onewire(self, driver: str, name: str, options: Options) -> "OneWire":
        """The kernel's 1-Wire bus."""
        from sensors.transports.w1 import OneWire

        if self._onewire is None:
            self._onewire = OneWire()
        return self._onewire

    def pins(self, driver: str, name: str, options: Options) -> Pins:
        """The Pi's pins."""
        if self._pins is None:
            self._pins = device_pins()
        return self._pins

    async def close(self) -> None:
        """Close lines, buses and pins; idempotent."""
        for line in self._lines.values():
            await line.close()
        for node_line in self._node_lines.values():
            node_line.close()
        if self._nodes is not None:
            await self._nodes.close()
        for bus in self._buses.values():
            bus.close()
        if self._pins is not None:
            self._pins.close()
        self._lines, self._buses, self._pins = {}, {}, None
