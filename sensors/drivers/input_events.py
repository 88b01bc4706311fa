"""Linux input events as bytes: what a keyboard's event device hands out, and which keys it tells to be down. Pure.

Layouts and codes are those of <linux/input.h> and <linux/input-event-codes.h>.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

NARROW, WIDE = "<iiHHi", "<qqHHi"  # struct input_event with 32-bit and with 64-bit seconds; every Pi is little-endian
EV_SYN, EV_KEY = 0, 1
SYN_REPORT, SYN_DROPPED = 0, 3
UP, DOWN, REPEAT = 0, 1, 2
KEY_MAX = 0x2FF
KEYS: Mapping[str, int] = {
    "KEY_ESC": 1,
    **{f"KEY_{number % 10}": 1 + number for number in range(1, 11)},
    "KEY_TAB": 15,
    **{f"KEY_{letter}": 16 + place for place, letter in enumerate("QWERTYUIOP")},
    "KEY_ENTER": 28,
    "KEY_LEFTCTRL": 29,
    **{f"KEY_{letter}": 30 + place for place, letter in enumerate("ASDFGHJKL")},
    "KEY_LEFTSHIFT": 42,
    **{f"KEY_{letter}": 44 + place for place, letter in enumerate("ZXCVBNM")},
    "KEY_LEFTALT": 56,
    "KEY_SPACE": 57,
    **{f"KEY_F{number}": 58 + number for number in range(1, 11)},
    "KEY_F11": 87,
    "KEY_F12": 88,
    "KEY_HOME": 102,
    "KEY_UP": 103,
    "KEY_PAGEUP": 104,
    "KEY_LEFT": 105,
    "KEY_RIGHT": 106,
    "KEY_END": 107,
    "KEY_DOWN": 108,
    "KEY_PAGEDOWN": 109,
    "BTN_LEFT": 0x110,
    "BTN_RIGHT": 0x111,
    "BTN_MIDDLE": 0x112,
}


@dataclass(frozen=True, slots=True)
class KeyEdge:
    """A key went down or came up; `at_us` is the event's own time in microseconds of the clock its device was set to."""

    key: int
    down: bool
    at_us: int


class Lost:
    """The kernel dropped events: which keys are down has to be asked anew."""


class EventDecoder:
    """Bytes in, key edges out. Autorepeat is no edge; after SYN_DROPPED everything up to the next report is void."""

    def __init__(self, *, wide: bool) -> None:
        """wide: 64-bit seconds (24 bytes an event), as on every 64-bit system; else 16 bytes."""
        self._layout = struct.Struct(WIDE if wide else NARROW)
        self._rest = b""
        self._void = False

    def feed(self, data: bytes) -> Iterator[KeyEdge | Lost]:
        """The edges in these bytes, which may end in the middle of an event."""
        data = self._rest + data
        whole = len(data) - len(data) % self._layout.size
        self._rest = data[whole:]
        for seconds, micros, kind, code, value in self._layout.iter_unpack(data[:whole]):
            if kind == EV_SYN and code == SYN_DROPPED:
                self._void = True
            elif self._void:
                if kind == EV_SYN and code == SYN_REPORT:
                    self._void = False
                    yield Lost()
            elif kind == EV_KEY and value in (UP, DOWN):
                yield KeyEdge(code, value == DOWN, seconds * 1_000_000 + micros)


def keys_down(bitmap: bytes) -> set[int]:
    """The keys that a bitmap as of EVIOCGKEY tells to be down."""
    return {8 * place + bit for place, byte in enumerate(bitmap) for bit in range(8) if byte >> bit & 1}


def key_of(name: str) -> int | None:
    """The code of a key by its name in the kernel's header, or by its number; None for neither."""
    if name.isascii() and name.isdecimal() and len(name) <= 4:
        return int(name) if 0 < int(name) <= KEY_MAX else None
    return KEYS.get(name.upper())


def name_of(key: int) -> str:
    """The name of a key, or its number."""
    return next((name for name, code in KEYS.items() if code == key), str(key))


@dataclass(frozen=True, slots=True)
class InputDevice:
    """One input device as /proc/bus/input/devices tells of it; `events` are its event nodes (`event3`)."""

    vendor: str
    product: str
    name: str
    serial: str
    events: tuple[str, ...]
    keyboard: bool


def devices_in(text: str) -> list[InputDevice]:
    """The devices of /proc/bus/input/devices."""
    found = []
    for block in text.split("\n\n"):
        lines = [(line[:1], line[3:]) for line in block.splitlines() if line[1:2] == ":"]
        ids = dict(word.split("=", 1) for letter, rest in lines if letter == "I" for word in rest.split() if "=" in word)
        told = {letter + rest.split("=", 1)[0]: rest.split("=", 1)[1] for letter, rest in lines if "=" in rest}
        handlers = told.get("HHandlers", "").split()
        events = tuple(word for word in handlers if word.startswith("event"))
        if events:
            found.append(
                InputDevice(
                    ids.get("Vendor", "").lower(),
                    ids.get("Product", "").lower(),
                    told.get("NName", "").strip('"'),
                    told.get("UUniq", ""),
                    events,
                    "kbd" in handlers or "mouse0" in handlers,
                )
            )
    return found
