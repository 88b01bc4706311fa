"""A USB foot pedal, which is a keyboard to the system: found by its identity, held exclusively, opened again when it comes back."""

import contextlib
import fcntl
import os
import re
import select
import stat
import struct
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sensors.drivers.input_events import KEY_MAX, EventDecoder, KeyEdge, devices_in, keys_down, name_of
from sensors.drivers.pedal import OnEdge, OnState

# <linux/input.h>, encoded as asm-generic/ioctl.h does (x86, arm, arm64)
EVIOCGRAB, EVIOCSCLOCKID = 0x40044590, 0x400445A0
EVIOCGKEY = 0x80000000 | ((KEY_MAX // 8 + 1) << 16) | 0x4518
AGAIN_S = 1.0
READ_BYTES = 64 * 24
IDS = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})")
NATIVE_WIDE = struct.calcsize("l") == 8
DEV, PROC = Path("/dev/input"), Path("/proc/bus/input/devices")


class EvdevPedal:
    """Calls `on_edge(switch, closed, monotonic_ns)` in its own thread, and `on_state(words)` when it goes (words) and comes back ("")."""

    def __init__(
        self,
        device: str,
        keys: Mapping[str, int],
        *,
        wide: bool = NATIVE_WIDE,
        again_s: float = AGAIN_S,
        dev: Path = DEV,
        proc: Path = PROC,
        on_other: Callable[[str], None] = lambda _: None,
    ) -> None:
        """device: a path, `vendor:product` in hex, or a name under /dev/input/by-id; keys: code by switch; again_s: between two tries;
        wide: whether events carry 64-bit seconds; on_other: told, in the same thread, of a key that no switch has."""
        self.device = device
        self._switches = {key: switch for switch, key in keys.items()}
        self._wide = wide
        self._again_s = again_s
        self._dev, self._proc = dev, proc
        self._on_other = on_other
        self._wake, self._woken = os.pipe()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._down: set[int] = set()
        self._told: str | None = None

    @property
    def serial(self) -> str:
        """How the very device is named."""
        return self.device

    def paths(self) -> list[Path]:
        """The event nodes of the device that are there now."""
        match = IDS.fullmatch(self.device)
        if match is None:
            path = Path(self.device) if self.device.startswith("/") else self._dev / "by-id" / Path(self.device).name
            return [path] if path.exists() else []
        try:
            known = devices_in(self._proc.read_text(errors="replace"))
        except OSError:
            return []
        wanted = (match[1].lower(), match[2].lower())
        return [self._dev / event for one in known if (one.vendor, one.product) == wanted and one.keyboard for event in one.events]

    def start(self, on_edge: OnEdge, on_state: OnState) -> None:
        """Begin to look for it; a pedal that is not there yet is waited for."""
        self._thread = threading.Thread(target=self._run, args=(on_edge, on_state), name=f"pedal {self.device}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give the device back; idempotent."""
        if self._stop.is_set():
            return
        self._stop.set()
        os.write(self._woken, b".")
        if self._thread is not None:
            self._thread.join(5)
        os.close(self._wake)
        os.close(self._woken)

    def _run(self, on_edge: OnEdge, on_state: OnState) -> None:
        while not self._stop.is_set():
            why = self._session(on_edge, on_state)
            for key in sorted(self._down):  # no foot is on a pedal that is gone
                on_edge(self._switches[key], False, time.monotonic_ns())
            self._down.clear()
            if not self._stop.is_set():
                self._tell(on_state, why)
                self._stop.wait(self._again_s)

    def _tell(self, on_state: OnState, words: str) -> None:
        if words != self._told:
            self._told = words
            on_state(words)

    def _session(self, on_edge: OnEdge, on_state: OnState) -> str:
        """Read the device until it is gone or `close` is called; why it cannot be read."""
        paths = self.paths()
        if not paths:
            return f"the pedal {self.device} is not connected"
        with contextlib.ExitStack() as stack:
            decoders: dict[int, tuple[EventDecoder, bool]] = {}
            for path in paths:
                try:
                    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                    stack.callback(os.close, handle)
                    decoders[handle] = EventDecoder(wide=self._wide), _hold(handle)
                except OSError as error:
                    return f"the pedal {self.device} cannot be opened: {error.strerror or error}"
            self._tell(on_state, "")
            while True:
                ready, _, _ = select.select([self._wake, *decoders], [], [])
                if self._wake in ready:
                    return ""
                for handle in ready:
                    try:
                        data = os.read(handle, READ_BYTES)
                    except BlockingIOError:
                        continue
                    except OSError:
                        data = b""
                    if not data:
                        return f"the pedal {self.device} was unplugged"
                    self._decode(handle, data, *decoders[handle], on_edge)

    def _decode(self, handle: int, data: bytes, decoder: EventDecoder, timed: bool, on_edge: OnEdge) -> None:
        now_ns = time.monotonic_ns()
        for found in decoder.feed(data):
            if isinstance(found, KeyEdge):
                self._edge(found.key, found.down, min(now_ns, found.at_us * 1000) if timed else now_ns, on_edge)
            else:
                self._resync(handle, on_edge)

    def _resync(self, handle: int, on_edge: OnEdge) -> None:
        """Events were lost: the keys are taken as the device tells them to be now; where it does not, as up."""
        bitmap = bytearray(KEY_MAX // 8 + 1)
        try:
            fcntl.ioctl(handle, EVIOCGKEY, bitmap)
        except OSError:
            bitmap = bytearray()
        held = keys_down(bytes(bitmap))
        for key in self._switches:
            if (key in held) != (key in self._down):
                self._edge(key, key in held, time.monotonic_ns(), on_edge)

    def _edge(self, key: int, down: bool, at_ns: int, on_edge: OnEdge) -> None:
        switch = self._switches.get(key)
        if switch is None:
            if down:
                self._on_other(f"{name_of(key)} ({key})")
            return
        (self._down.add if down else self._down.discard)(key)
        on_edge(switch, down, at_ns)


def _hold(handle: int) -> bool:
    """Take an event device for this program alone, its times on the monotonic clock; whether it carries such times.

    Without the grab its keys would type into whatever has the focus. A pipe or pty is no event device and has neither."""
    try:
        fcntl.ioctl(handle, EVIOCGRAB, 1)
    except OSError as error:
        if os.isatty(handle) or not stat.S_ISCHR(os.fstat(handle).st_mode):
            return False
        raise OSError(error.errno, "another program holds it") from None
    try:
        fcntl.ioctl(handle, EVIOCSCLOCKID, struct.pack("i", time.CLOCK_MONOTONIC))
    except OSError:
        return False
    return True
