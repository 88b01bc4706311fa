"""How values stand in 16-bit Modbus registers: formats, byte orders, scale and offset; pure."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensors.errors import ChipError

FORMATS = ("int16", "uint16", "int32", "uint32", "float32")
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
_WIDTH = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2}
_CODE = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}
DIGITS = 5  # more than any transmitter resolves; hides the noise of binary scaling


@dataclass(frozen=True, slots=True)
class ValueMap:
    """One value of a device: where it stands and how it is written there.

    quantity: as in wire/units.py; function: 3 or 4; register: address counted from 0; order: the four bytes of two registers as they
    arrive, where ABCD is most significant first (for one register BADC and DCBA mean that its bytes are swapped); the value is
    raw * scale + offset; raw_low, raw_high: outside of them the device tells that it has no value (a broken 4-20 mA loop);
    invalid: the one raw number that means the same; low, high, tolerance: of the value, in the quantity's unit.
    """

    quantity: str
    register: int
    function: int = 3
    format: str = "int16"
    order: str = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    raw_low: float | None = None
    raw_high: float | None = None
    invalid: int | None = None
    low: float | None = None
    high: float | None = None
    tolerance: float | None = None

    @classmethod
    def of(cls, name: str, table: Mapping[str, Any], *, function: int) -> "ValueMap":
        """The map of a `channel` table called `name`; function: where the table names none."""
        given = {key: value for key, value in table.items() if key in cls.__slots__ and value is not None}
        return cls(**{"quantity": name, "function": function, **given})

    @property
    def width(self) -> int:
        """How many registers it takes."""
        return _WIDTH[self.format]

    @property
    def registers(self) -> range:
        """The registers that it takes."""
        return range(self.register, self.register + self.width)

    @property
    def resolution(self) -> float | None:
        """The value of one count; None for a float."""
        return None if self.format == "float32" else abs(self.scale)

    def decode(self, words: list[int]) -> tuple[float, float]:
        """(value, raw number) of this value's registers; ChipError when they hold none."""
        if len(words) != self.width:
            raise ChipError(f"{len(words)} registers instead of {self.width}")
        (raw,) = struct.unpack(_CODE[self.format], self.arranged(b"".join(word.to_bytes(2, "big") for word in words)))
        if not math.isfinite(raw):
            raise ChipError("the registers hold no number")
        if raw == self.invalid:
            raise ChipError(f"the device says {raw:g}, its sign for no value")
        if (self.raw_low is not None and raw < self.raw_low) or (self.raw_high is not None and raw > self.raw_high):
            raise ChipError(f"the device says {raw:g}, outside of {_bounds(self.raw_low, self.raw_high)}: a broken loop?")
        return round(raw * self.scale + self.offset, DIGITS), float(raw)

    def arranged(self, data: bytes) -> bytes:
        """The bytes of one or two registers, put into the other order: its own inverse."""
        pairs = [data[at : at + 2] for at in range(0, len(data), 2)]
        if self.order in ("BADC", "DCBA"):
            pairs = [pair[::-1] for pair in pairs]
        if self.order in ("CDAB", "DCBA"):
            pairs = pairs[::-1]
        return b"".join(pairs)

    def encode(self, value: float) -> list[int]:
        """The registers of a device that shows this value; a number that does not fit is held at the format's end."""
        raw = (value - self.offset) / self.scale
        if self.format == "float32":
            data = struct.pack(">f", raw)
        else:
            bits, signed = 16 * self.width, self.format.startswith("i")
            low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
            data = struct.pack(_CODE[self.format], min(max(round(raw), low), high))
        arranged = self.arranged(data)
        return [int.from_bytes(arranged[at : at + 2], "big") for at in range(0, len(arranged), 2)]


def _bounds(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"


@dataclass(frozen=True, slots=True)
class Span:
    """One request: `count` registers from `register` on, by one function."""

    function: int
    register: int
    count: int


SPAN_MAX = 120  # of the 125 that an answer may hold (Modbus Application Protocol V1.1b3, 6.3)


def spans(maps: list[ValueMap], *, gap: int) -> list[Span]:
    """The fewest requests that read all values; at most `gap` unwanted registers are read along between two wanted ones."""
    found: list[Span] = []
    for function, first, end in sorted((value.function, value.registers.start, value.registers.stop) for value in maps):
        last = found[-1] if found else None
        if last is not None and last.function == function and first <= last.register + last.count + gap:
            count = max(last.count, end - last.register)
            if count <= SPAN_MAX:
                found[-1] = Span(function, last.register, count)
                continue
        found.append(Span(function, first, end - first))
    return found
