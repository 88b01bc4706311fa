"""A simulated room: gives each configured device its simulated wire, drives them all from one world, and switches faults on by name."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from gpiozero.pins.mock import MockFactory, MockPin

from sensors.errors import OptionError
from sensors.sim.chips import Air, Chip, SimI2cBus, SimSht3x, SimSht4x
from sensors.sim.modbus import SimModbusLine, SimTransmitter
from sensors.sim.node_process import NodeProcess
from sensors.sim.register_chips import SimAs7331, SimBme280, SimScd4x, SimVeml7700
from sensors.sim.w1 import SimDs18b20
from sensors.sim.world import RoomWorld
from sensors.transports.gpio import Pins
from sensors.transports.modbus import LineSettings, ModbusLine
from sensors.transports.node_wires import NodeWire, SerialWire
from sensors.transports.w1 import OneWire
from sensors.transports.wires import Options

log = logging.getLogger(__name__)

TICK_S = 0.05
FAULTS_S = 0.5  # how often the file of faults is looked at
BOUNCES = 4  # extra pairs of edges of a contact that bounces
BOUNCE_S = 0.004
FAULTS_FILE = "faults"  # lines "NAME FAULT": switches faults on from outside the process
FAULTS = (
    *("crc", "stuck", "unplugged", "bounce", "cable", "noise", "half", "timeout", "nack", "echo", "swapped", "heater", "power_on"),
    "breath",
)
BREATH_S = 4.0  # how fast a breath is felt
BREATH_C, BREATH_PCT = 1.5, 35.0


class WiredPin(MockPin):  # type: ignore[misc]  # gpiozero ships no types
    """A simulated pin with something wired to it: while `drive` holds a level, the pull resistor does not matter."""

    def __init__(self, factory: Any, info: Any) -> None:
        self._wired: bool | None = None
        super().__init__(factory, info)

    def drive(self, level: bool | None) -> None:
        """Drive the pin; None lets go of it, so that only the pull resistor acts, as when the wire is cut."""
        self._wired = level
        pulled = self.pull == "up"
        self._settle(pulled if level is None else level)

    def drive_high(self) -> None:
        """What the pull resistor does when the driver sets it."""
        self._settle(True if self._wired is None else self._wired)

    def drive_low(self) -> None:
        """The same downwards."""
        self._settle(False if self._wired is None else self._wired)

    def _settle(self, level: bool) -> None:
        if level:
            super().drive_high()
        else:
            super().drive_low()


class SimContact:
    """What is wired to one contact's pin."""

    def __init__(self, pin: WiredPin, options: Options) -> None:
        """options: kind and active of the contact."""
        self._pin = pin
        self._active_level = options["active"] == "high"
        self.kind = str(options["kind"])
        self.faults: set[str] = set()
        self.world = False  # what the world last asked of it
        self._active = False
        self.refresh()

    async def follow(self, active: bool) -> None:
        """Bring the wire to a state, bouncing on the way where that fault is on; a stuck contact stays as it is."""
        if "stuck" in self.faults:
            return
        if "bounce" in self.faults and active != self._active:
            for _ in range(BOUNCES):
                self.set(active)
                await asyncio.sleep(BOUNCE_S)
                self.set(not active)
                await asyncio.sleep(BOUNCE_S)
        self.set(active)

    def set(self, active: bool) -> None:
        """Put the wire into a state at once."""
        self._active = active
        self.refresh()

    def refresh(self) -> None:
        """Drive the pin by the state, or not at all where the wire is cut."""
        self._pin.drive(None if "unplugged" in self.faults else self._active == self._active_level)


class SimRoom:
    """The simulated counterpart of DeviceWires; an async context manager inside whose event loop everything happens.

    Faults, by device name: those of sensors/sim/chips.py (chips), w1.py, modbus.py (transmitters); cable (pulled), noise, half
    (damaged bytes on a node's cable); bounce, stuck, unplugged (a contact); breath (somebody breathes on a sensor: no fault).
    A file `faults` in the folder with lines "NAME FAULT" does the same from outside.
    """

    def __init__(
        self,
        folder: Path,
        *,
        world: RoomWorld,
        speed: float = 1.0,
        node_period_ms: int = 1000,
        node_ring: int = 3600,
        node_command: list[str] | None = None,
    ) -> None:
        """folder: for the wires' paths; speed: how much faster the climate's day runs; node_*: settings of the node's process."""
        self.world = world
        self._folder = folder
        self._speed = speed
        self._node_settings = {"period_ms": node_period_ms, "ring": node_ring, "command": node_command}
        self._started_s = time.monotonic()
        self._chips: dict[str, Chip] = {}
        self._surfaces: dict[str, SimDs18b20] = {}
        self._breathed: dict[str, float] = {}
        self._transmitters: dict[str, SimTransmitter] = {}
        self._contacts: dict[str, SimContact] = {}
        self.nodes: dict[str, NodeProcess] = {}
        self._sim_lines: dict[str, SimModbusLine] = {}
        self._lines: dict[str, ModbusLine] = {}
        self._line_settings: dict[str, LineSettings] = {}
        self._buses: dict[int, SimI2cBus] = {}
        self._pins = MockFactory(pin_class=WiredPin)
        self._from_file: set[tuple[str, str]] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._task = asyncio.create_task(self._run(), name="simulated room")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def at_s(self) -> float:
        """The world's second at this moment."""
        return time.monotonic() - self._started_s

    def climate(self) -> tuple[float, float]:
        """The air at this moment: degrees Celsius and percent."""
        at_s = self.at_s()
        return self.world.climate(at_s, climate_s=at_s * self._speed)

    def air(self, name: str) -> Air:
        """What the device of this name has around it, at each call: the room's air, with a breath where somebody breathes on it."""

        def around() -> dict[str, float]:
            at_s = self.at_s()
            values = self.world.values(at_s, climate_s=at_s * self._speed)
            began_s = self._breathed.get(name)
            if began_s is not None:
                share = 1 - math.exp(-(at_s - began_s) / BREATH_S)
                values["temperature"] += BREATH_C * share
                values["relative_humidity"] = min(values["relative_humidity"] + BREATH_PCT * share, 99.0)
            return values

        return around

    def node(self, driver: str, name: str, options: Options) -> NodeWire:
        """Starts a node's process on a cable of its own, whatever its link, and gives the agent's end of it."""
        return SerialWire(self.serial_port(driver, name, options), int(options["baud"]))

    def serial_port(self, driver: str, name: str, options: Options) -> str:
        """Starts a node's process on a cable and returns the agent's end of it."""
        if name not in self.nodes:
            bus = SimI2cBus()
            bus.chips[0x44] = self._chip(name)
            node = NodeProcess(name, folder=self._folder, bus=bus, **self._node_settings)  # type: ignore[arg-type]
            node.start()
            self.nodes[name] = node
        return str(self.nodes[name].path)

    def modbus(self, driver: str, name: str, options: Options) -> ModbusLine:
        """Puts a transmitter on the line of its `port` (a line of its own where none is named)."""
        settings = LineSettings.of(options)
        port = str(options.get("port") or name).replace("/", "_")
        if port not in self._lines:
            sim = SimModbusLine(self._folder / f"{port}.rs485", timeout_s=settings.timeout_ms / 1000)
            self._sim_lines[port] = sim
            self._lines[port] = ModbusLine(str(sim.path), replace(settings, parity="N"))  # a pseudo-terminal knows no parity
            self._line_settings[port] = settings
        if self._line_settings[port] != settings:
            raise OptionError(f"{name}: {port} is already in use with {self._line_settings[port]}, not {settings}")
        transmitter = self._sim_lines[port].units.setdefault(options["unit"], SimTransmitter())
        transmitter.add(options["maps"], self.air(name))
        self._transmitters[name] = transmitter
        return self._lines[port]

    def i2c(self, driver: str, name: str, options: Options) -> SimI2cBus:
        """Puts a chip on the bus numbered `bus`."""
        bus = self._buses.setdefault(options["bus"], SimI2cBus())
        bus.chips[options["address"]] = self._chip(name, driver)
        return bus

    def onewire(self, driver: str, name: str, options: Options) -> OneWire:
        """Puts a DS18B20 on the bus, under a serial number of its own where none is named."""
        folder = self._folder / "w1"
        serial = str(options["serial"] or f"28-{len(self._surfaces) + 1:012x}")
        self._surfaces[name] = SimDs18b20(folder, serial, self.air(name))
        return OneWire(folder)

    def pins(self, driver: str, name: str, options: Options) -> Pins:
        """The room's pins; a contact's pin follows the world."""
        if driver == "gpio":
            self._contacts[name] = SimContact(self._pins.pin(options["pin"]), options)
        return self._pins

    def contact(self, name: str) -> SimContact:
        """What is wired to a contact."""
        return self._contacts[name]

    def line(self, port: str) -> ModbusLine:
        """The RS-485 line of a port."""
        return self._lines[port]

    def set_fault(self, name: str, fault: str, on: bool = True) -> None:
        """Switch a fault of a device on or off; OptionError for a name or a fault that there is not."""
        if fault not in FAULTS:
            raise OptionError(f"unknown fault {fault!r}; known: {', '.join(FAULTS)}")
        if fault == "cable" and name in self.nodes:
            cable = self.nodes[name].cable
            if on:
                cable.pull()
            else:
                cable.plug()
            return
        if fault in ("noise", "half") and name in self.nodes:
            faults = self.nodes[name].cable.faults
        else:
            devices: Mapping[str, Chip | SimTransmitter | SimContact | SimDs18b20] = {
                **self._chips,
                **self._surfaces,
                **self._transmitters,
                **self._contacts,
            }
            if name not in devices:
                raise OptionError(f"no simulated device {name!r}; known: {', '.join(sorted(devices))}")
            faults = devices[name].faults
        if fault == "breath":
            if on:
                self._breathed[name] = self.at_s()
            else:
                self._breathed.pop(name, None)
        elif on:
            faults.add(fault)
        else:
            faults.discard(fault)
        if name in self._surfaces:
            self._surfaces[name].refresh()

    def chip(self, name: str) -> Chip:
        """The chip of a device."""
        return self._chips[name]

    def _chip(self, name: str, driver: str = "sht4x") -> Chip:
        if name not in self._chips:
            serial, air = 0x10000000 + len(self._chips), self.air(name)

            def climate() -> tuple[float, float]:
                around = air()
                return around["temperature"], around["relative_humidity"]

            made: Mapping[str, Callable[[], Chip]] = {
                "sht3x": lambda: SimSht3x(climate, serial),
                "bme280": lambda: SimBme280(air),
                "scd4x": lambda: SimScd4x(air, serial),
                "veml7700": lambda: SimVeml7700(air),
                "as7331": lambda: SimAs7331(air),
            }
            self._chips[name] = made.get(driver, lambda: SimSht4x(climate, serial))()
        return self._chips[name]

    async def _run(self) -> None:
        look_at_s = 0.0
        while True:
            at_s = self.at_s()
            if at_s >= look_at_s:
                look_at_s = at_s + FAULTS_S
                self._read_faults()
                for surface in self._surfaces.values():
                    surface.refresh()
            states = {"door": self.world.door_open(at_s), "motion": self.world.person_inside(at_s)}
            for contact in list(self._contacts.values()):
                active = states.get(contact.kind, False)
                if contact.world != active:
                    contact.world = active
                    await contact.follow(active)
                contact.refresh()
            await asyncio.sleep(TICK_S)

    def _read_faults(self) -> None:
        wanted: set[tuple[str, str]] = set()
        with contextlib.suppress(FileNotFoundError):
            lines = (self._folder / FAULTS_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
            wanted = {(words[0], words[1]) for words in (line.split() for line in lines) if len(words) == 2}
        for name, fault in wanted ^ self._from_file:
            try:
                self.set_fault(name, fault, (name, fault) in wanted)
            except OptionError as error:
                log.warning("%s: %s", self._folder / FAULTS_FILE, error)
        self._from_file = wanted

    async def close(self) -> None:
        """End the nodes, take every wire away; idempotent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for node in self.nodes.values():
            node.close()
        for line in self._lines.values():
            await line.close()
        for sim in self._sim_lines.values():
            sim.close()
        self._pins.close()
