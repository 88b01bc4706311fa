"""Every pedal a bench may have, by driver name: its options, what is wrong with them, and how it is built."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from scanner_line.errors import ScannerLineError
from scanner_line.states import CAPTURE
from sensors.catalogue.option import Driver, Mistakes, Option
from sensors.drivers.input_events import KEYS, key_of
from sensors.drivers.pedal_serial import LINES
from sensors.drivers.switch import SETTLE_MS
from sensors.transports.gpio import Pins

WISHES = (CAPTURE, "retake", "mark", "undo")
WORD_CHARS_MAX = 32  # hex digits of what a serial pedal sends for one move


class PedalDriver(Protocol):
    """What stands behind a pedal's table: it tells raw edges; debouncing and meaning are the bench's."""

    @property
    def serial(self) -> str:
        """By what the very device is known."""
        ...

    def start(self, on_edge: Callable[[str, bool, int], None], on_state: Callable[[str], None]) -> None:
        """Begin to tell `on_edge(switch, closed, monotonic_ns)` and `on_state(words)`, in whatever thread; `""` = nothing is wrong."""
        ...

    def close(self) -> None:
        """Give the device back; idempotent."""
        ...


_WISH = Option("wish", "text", "What a press asks for.", CAPTURE, choices=WISHES)
_DEBOUNCE = Option("debounce_ms", "number", "An edge this soon after another is bounce.", SETTLE_MS, low=0, high=200, unit="ms")


def _switch(*options: Option) -> Option:
    return Option("switch", "named", "The pedal's switches by name, such as `left`.", required=True, options=(_WISH, *options))


def _no_switch(options: Mapping[str, Any]) -> Mistakes:
    return [] if options.get("switch") else [(("switch",), "no switch: write switch.NAME = { … }")]


def _evdev_mistakes(options: Mapping[str, Any]) -> Mistakes:
    found = _no_switch(options)
    keys: dict[int, str] = {}
    for name, switch in (options.get("switch") or {}).items():
        key = key_of(str(switch.get("key") or ""))
        if key is None:
            found.append(
                (("switch", name, "key"), f"no key of that name: a number, or one of {', '.join(list(KEYS)[:4])} … KEY_F12, BTN_LEFT")
            )
        elif keys.setdefault(key, name) != name:
            found.append((("switch", name, "key"), f"the switch {keys[key]} has this key already"))
    return found


def _word(text: object) -> bytes | None:
    """The bytes of a hex text; None for what is none."""
    try:
        return bytes.fromhex(str(text or "")) if len(str(text or "")) <= WORD_CHARS_MAX else None
    except ValueError:
        return None


def _serial_mistakes(options: Mapping[str, Any]) -> Mistakes:
    found = _no_switch(options)
    words: dict[bytes, tuple[str, str]] = {}
    lines: dict[str, str] = {}
    for name, switch in (options.get("switch") or {}).items():
        line = switch.get("line")
        if bool(line) == bool(switch.get("down")):
            found.append((("switch", name), "either `down` (the bytes that it sends) or `line` (the line that it closes)"))
        if line and lines.setdefault(line, name) != name:
            found.append((("switch", name, "line"), f"the switch {lines[line]} has this line already"))
        for move in ("down", "up"):
            word = _word(switch.get(move))
            if word is None:
                found.append((("switch", name, move), f'bytes in hex, at most {WORD_CHARS_MAX // 2}, such as "41"'))
            elif word:
                near = next((other for other in words if other.startswith(word) or word.startswith(other)), None)
                if near is not None:
                    found.append((("switch", name, move), f"cannot be told from {' '.join(words[near])}"))
                words[word] = (name, move)
    return found


PEDALS: dict[str, Driver] = {
    "gpio": Driver(
        "gpio",
        "A foot pedal whose switches lie between GPIO pins and ground or supply.",
        (
            _DEBOUNCE,
            Option("active", "text", "Level of a pin while its switch is pressed.", "low", choices=("high", "low")),
            Option("pull", "text", "Pull resistor of the pins.", "up", choices=("up", "down", "none")),
            _switch(Option("pin", "pin", "GPIO number (BCM).", required=True)),
        ),
        (),
        mistakes=_no_switch,
    ),
    "evdev": Driver(
        "evdev",
        "A USB foot pedal, which is a keyboard to the system. It is held exclusively: its keys reach no other program.",
        (
            _DEBOUNCE,
            Option("device", "text", 'A name under /dev/input/by-id, "vendor:product" as lsusb shows it, or a path.', required=True),
            _switch(Option("key", "text", 'The key that it sends, such as "KEY_B" or 48; `probe --pedals` shows it.', required=True)),
        ),
        ("device",),
        mistakes=_evdev_mistakes,
    ),
    "serial": Driver(
        "serial",
        "A foot pedal on a serial port: it sends bytes, or its switches lie between two lines of the port.",
        (
            _DEBOUNCE,
            Option("port", "text", "The serial port, best a name under /dev/serial/by-id.", required=True),
            Option("baud", "integer", "Speed of the port.", 9600, low=300, high=921600),
            _switch(
                Option("down", "text", "Bytes that it sends when pressed, in hex."),
                Option("up", "text", "Bytes that it sends when released, in hex; left out, a press has no length."),
                Option("line", "text", "The line that it closes (to RTS or DTR, which are held on).", choices=LINES),
            ),
        ),
        ("port",),
        mistakes=_serial_mistakes,
    ),
}


def pedal_from(table: Mapping[str, Any], *, pins: Pins = None, on_other: Callable[[str], None] = lambda _: None) -> PedalDriver:
    """The driver of one pedal's table; nothing is opened before `start`. `on_other` is told of keys or bytes that are no switch's.
    ScannerLineError for a driver that there is none of."""
    driver = str(table.get("driver", "gpio"))
    switches: Mapping[str, Mapping[str, Any]] = table.get("switch") or {}
    if driver == "gpio":
        from sensors.drivers.pedal import GpioPedal

        numbers = {name: int(switch["pin"]) for name, switch in switches.items()}
        return GpioPedal(numbers, pins=pins, active=table.get("active", "low"), pull=table.get("pull", "up"))
    if driver == "evdev":
        from sensors.drivers.pedal_evdev import EvdevPedal

        keys = {name: key_of(str(switch["key"])) or 0 for name, switch in switches.items()}
        return EvdevPedal(str(table["device"]), keys, on_other=on_other)
    if driver == "serial":
        from sensors.drivers.pedal_serial import SerialPedal, SerialSwitch

        made = {
            name: SerialSwitch(_word(switch.get("down")) or b"", _word(switch.get("up")) or b"", str(switch.get("line") or ""))
            for name, switch in switches.items()
        }
        return SerialPedal(str(table["port"]), made, baud=int(table.get("baud") or 9600), on_other=on_other)
    raise ScannerLineError(f"unknown pedal driver {driver!r}; known: {', '.join(sorted(PEDALS))}")


def pedals_of(options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The pedal tables of a bench by name; `pedal_pin` and `retake_pin` are two pedals of one switch each."""
    tables = {name: dict(table) for name, table in (options.get("pedal") or {}).items()}
    for key, name, wish in (("pedal_pin", "pedal", CAPTURE), ("retake_pin", "retake-pedal", "retake")):
        if options.get(key) is not None:
            tables[name] = {"driver": "gpio", "switch": {"": {"pin": options[key], "wish": wish}}}
    return tables
