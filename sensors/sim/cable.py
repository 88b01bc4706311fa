"""A simulated serial wire with two ends at steady paths: two pseudo-terminals and the cable between them, which can be pulled."""

import asyncio
import os
import tty
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

CHUNK_BYTES = 4096


class Pty:
    """One pseudo-terminal in raw mode, its device linked at `path`; the bytes written to the device arrive at `on_bytes`."""

    def __init__(self, path: Path, on_bytes: Callable[[bytes], None]) -> None:
        """path: where the link to the device is put."""
        self.path = path
        self._on_bytes = on_bytes
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)  # held open: so raw mode stays and one side's closing does not end the other's
        os.set_blocking(self._master, False)
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(path)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._master, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, CHUNK_BYTES)
        except BlockingIOError:
            return
        self._on_bytes(data)

    def send(self, data: bytes) -> None:
        """Bytes for whoever reads the device; what finds no room in its buffer is lost, as on a wire."""
        if self._master >= 0:
            try:
                os.write(self._master, data)
            except BlockingIOError:
                return

    def close(self) -> None:
        """Hang up: both sides see the device vanish; idempotent."""
        if self._master >= 0:
            self._loop.remove_reader(self._master)
            self.path.unlink(missing_ok=True)
            os.close(self._slave)
            os.close(self._master)
            self._master = self._slave = -1


class Cable:
    """A serial cable between two programs; `faults`: `noise` flips a bit in each chunk, `half` drops the second half of each."""

    def __init__(self, first: Path, second: Path) -> None:
        """first, second: where the two ends can be opened while the cable is in."""
        self._paths = (first, second)
        self._ends: tuple[Pty, Pty] | None = None
        self.faults: set[str] = set()

    @property
    def is_in(self) -> bool:
        """Whether the cable is plugged in."""
        return self._ends is not None

    def plug(self) -> None:
        """Put the cable in; both paths can be opened from now on."""
        if self._ends is None:
            first, second = self._paths
            self._ends = (Pty(first, lambda data: self._carry(1, data)), Pty(second, lambda data: self._carry(0, data)))

    def pull(self) -> None:
        """Pull it: both programs get a hang-up, the paths vanish, bytes under way are lost. Idempotent."""
        if self._ends is not None:
            for end in self._ends:
                end.close()
            self._ends = None

    def _carry(self, to: int, data: bytes) -> None:
        if self._ends is None:
            return
        if "half" in self.faults:
            data = data[: len(data) // 2]
        if "noise" in self.faults and data:
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 0x01]) + data[middle + 1 :]
        self._ends[to].send(data)


class SharedLine:
    """An RS-485 line: what one end says all others hear, the agent hears itself too, as with many adapters."""

    def __init__(self, agent: Path, nodes: Sequence[Path]) -> None:
        """agent, nodes: where the ends can be opened while the line is there."""
        self._paths = (agent, *nodes)
        self._ends: tuple[Pty, ...] = ()
        self.faults: set[str] = set()
        self.spoken: list[tuple[int, bytes]] = []  # (end, bytes) in the order of speaking; end 0 is the agent's

    def plug(self) -> None:
        """Put it there; nothing more the second time."""
        if not self._ends:
            self._ends = tuple(Pty(path, partial(self._carry, end)) for end, path in enumerate(self._paths))

    def pull(self) -> None:
        """Take it away; idempotent."""
        for end in self._ends:
            end.close()
        self._ends = ()

    def _carry(self, end: int, data: bytes) -> None:
        self.spoken.append((end, data))
        if "half" in self.faults:
            data = data[: len(data) // 2]
        for number, other in enumerate(self._ends):
            if number != end or end == 0:
                other.send(data)
