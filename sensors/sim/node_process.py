"""A sensor node as its own process under the real MicroPython, on a simulated cable and a simulated I2C bus."""

import asyncio
import logging
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import wire
from sensors.errors import TransportError
from sensors.sim.cable import Cable, SharedLine
from sensors.sim.chips import SimI2cBus

log = logging.getLogger(__name__)

ROOT = Path(wire.__file__).resolve().parent.parent  # where `firmware`, `wire` and `sensors` lie side by side
LINE_BYTES_MAX = 256
STOP_S = 2.0
RESTART_S = 1.0


def interpreter() -> list[str]:
    """The command that runs a node: MicroPython beside this Python, else on the PATH, else this Python."""
    beside = Path(sys.executable).parent / "micropython"
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if found:
        return [found]
    log.warning("no micropython here: the sensor node runs under CPython instead")
    return [sys.executable]


class NodeProcess:
    """Starts the firmware, serves its I2C bus, and starts it again when it has ended: power that stays on."""

    def __init__(
        self,
        name: str,
        *,
        folder: Path,
        bus: SimI2cBus,
        period_ms: int = 1000,
        ring: int = 3600,
        command: list[str] | None = None,
        arguments: Sequence[str] = (),
        cable: "Cable | SharedLine | None" = None,
    ) -> None:
        """folder: for the cable's two ends; period_ms: between samples; ring: samples kept; command: another interpreter;
        arguments: more of firmware/board_unix.py's; cable: one that is there already, its end for the node at NAME.node-tty."""
        self.cable = cable or Cable(folder / f"{name}.tty", folder / f"{name}.node-tty")
        self.bus = bus
        self._node_path = folder / f"{name}.node-tty"
        self._path = folder / f"{name}.tty"
        self.led = False
        self.flashes = 0  # how often the LED went on
        self._arguments = ["-m", "firmware.node", "--serial", str(self._node_path.absolute()), "--name", name]
        self._arguments += ["--period-ms", str(period_ms), "--ring", str(ring), *arguments]
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._restart: asyncio.TimerHandle | None = None

    @property
    def path(self) -> Path:
        """The agent's end of the cable."""
        return self._path

    @property
    def pid(self) -> int | None:
        """Process id of the running node."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Plug the cable in and power the node."""
        self.cable.plug()
        self._command = self._command or interpreter()
        ours, theirs = socket.socketpair()
        with theirs:
            # its own process group, so that Ctrl-C reaches only the agent; not its own session, or a pulled cable would end it
            self._process = subprocess.Popen(
                [*self._command, *self._arguments],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                cwd=ROOT,
                env=_environment(),
                process_group=0,
            )
        ours.setblocking(False)
        self._socket, self._buffer = ours, b""
        asyncio.get_running_loop().add_reader(ours, self._readable)

    def _readable(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(LINE_BYTES_MAX)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines[-1]
        if not data or len(self._buffer) > LINE_BYTES_MAX:
            self._unpower()
            log.warning("the simulated node at %s ended; starting it again", self._path)
            self._restart = asyncio.get_running_loop().call_later(RESTART_S, self.start)
            return
        for line in lines[:-1]:
            self._socket.send(self._transfer(line))

    def _transfer(self, line: bytes) -> bytes:
        """One I2C transfer, or the LED; see firmware/board_unix.py for the lines."""
        if line[:2] == b"l ":
            self.led = line[2:] == b"1"
            self.flashes += self.led
            return b"ok\n"
        try:
            direction, address, rest = line.decode().split(" ")
            if direction == "w":
                self.bus.write(int(address, 16), bytes.fromhex(rest))
                return b"ok\n"
            return b"ok " + self.bus.read(int(address, 16), int(rest)).hex().encode() + b"\n"
        except (TransportError, ValueError):
            return b"no\n"

    def _unpower(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(STOP_S)
            self._process = None

    def close(self) -> None:
        """Power off and pull the cable; idempotent."""
        if self._restart is not None:
            self._restart.cancel()
        self._unpower()
        self.cable.pull()


def _environment() -> dict[str, str]:
    """The environment without what would point the node's imports elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in ("MICROPYPATH", "PYTHONPATH")}
