"""The wires of an agent's devices: the Pi's own, or those of the simulated room where a device says `transport = "sim"`."""

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.config import Config, Device
from sensors.transports.wires import DeviceWires, Wires

if TYPE_CHECKING:
    from sensors.transports.node_broker import NodeBroker

LOOK_S = 1.0


class RoomWires:
    """Gives each device its wire."""

    def __init__(self, real: Wires, simulated: Wires | None) -> None:
        self.real = real
        self.simulated = simulated

    def of(self, device: Device) -> Wires:
        """The wires of one device."""
        return self.simulated if device.sim and self.simulated is not None else self.real


async def room_wires(config: Config, stack: contextlib.AsyncExitStack) -> RoomWires:
    """Open what the devices' wires need; the simulated room is loaded only where a device sits in it."""
    real = DeviceWires(nodes=_node_broker(config))
    stack.push_async_callback(real.close)
    groups = (config.sensors, config.contacts, config.outputs)
    if not any(device.sim for group in groups for device in group.values()):
        return RoomWires(real, None)
    from sensors.sim.room import SimRoom
    from sensors.sim.world import RoomWorld

    sim = config.sim
    world = RoomWorld(seed=sim["seed"], temp_c=sim["temp_c"], rh_pct=sim["rh_pct"], people=sim["people"], door_every_s=sim["door_every_s"])
    room = SimRoom(config.data / "sim", world=world, speed=sim["speed"])
    return RoomWires(real, await stack.enter_async_context(room))


def _node_broker(config: Config) -> "NodeBroker | None":
    """The connection for Wi-Fi nodes, with the agent's own name and password; None where no sensor is one."""
    broker = config.broker
    if broker is None or not any(device.options.get("link") == "mqtt" for device in config.sensors.values()):
        return None
    from edge_agent.keys import BROKER_PASSWORD, read_secret
    from sensors.transports.node_broker import NodeBroker

    file, authority = broker["password_file"], broker["tls_ca"]
    return NodeBroker(
        host=broker["host"],
        port=broker["port"],
        site=config.agent["site"],
        agent=config.name,
        password=lambda: read_secret(Path(file), variable=BROKER_PASSWORD) if file else None,
        tls_ca=Path(authority) if authority else None,
    )


def gpio_errors() -> tuple[type[Exception], ...]:
    """What may be raised where a pin cannot be had."""
    from gpiozero.exc import GPIOZeroError

    from sensors.errors import SensorError

    return (GPIOZeroError, SensorError, OSError, ImportError)


class SimCameras:
    """The simulated cameras of an agent: each a process of its own, told when a door that it watches opens."""

    def __init__(self, config: Config) -> None:
        from sensors.sim.camera_process import SimCamera

        folder = config.data / "sim"
        self._watching = {name: frozenset(camera["contacts"]) for name, camera in config.cameras.items() if camera.sim}
        self._cameras = {name: SimCamera(f"{config.name}/{name}", folder / f"{name}.url") for name in self._watching}

    def contact(self, name: str, state: str) -> None:
        """A contact has changed."""
        for camera, contacts in self._watching.items():
            if name in contacts:
                self._cameras[camera].tell("open" if state in ("open", "active") else "closed")

    async def run(self) -> None:
        """Keep them running until cancelled."""
        try:
            while True:
                for camera in self._cameras.values():
                    camera.start()
                await asyncio.sleep(LOOK_S)
        finally:
            for camera in self._cameras.values():
                camera.close()
