"""Columns of whole numbers as few bytes: differences, zigzag, byte planes, and LZMA over them all; every reading of it bounded.

A pack of columns is `version (1 byte) | CRC-32 of all that follows (4, little-endian) | payload length (4) | raw LZMA2 stream`.
In the payload stand

    numbers   order (1 byte) | count (4) | width (1: 0, 1, 2, 4 or 8) | width planes of count bytes, the lowest first
    bytes     length (4) | the bytes
    floats    numbers [scale], then numbers: v * 10**scale, differences of order 1; with scale 255 the 64 bits of each float, order 0

A plane holds one byte of every number, so that the high ones, mostly nought, cost nothing. `order` says how often neighbours were
subtracted (0 to 2); what remains is zigzag-coded: n >= 0 as 2n, n < 0 as -2n - 1.
"""

import lzma
import struct
import sys
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate
from operator import sub

VERSION = 1
COUNT_MAX = 2_000_000  # numbers in one column
PAYLOAD_MAX = 64 * 1024 * 1024
SCALES = 7  # decimals 0 to 6
SCALED_MAX = 1e9
FLOATS = 255
WIDTHS = {1: "B", 2: "H", 4: "I", 8: "Q"}
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 8 * 1024 * 1024, "lc": 0, "lp": 0, "pb": 0}]
_HEAD = struct.Struct("<BII")
_BIG = sys.byteorder == "big"


class PackError(ValueError):
    """These bytes are no pack of columns, or one that lies about itself."""


def _differences(values: list[int], order: int) -> list[int]:
    for _ in range(order):
        values = [*values[:1], *map(sub, values[1:], values)]
    return values


def _bits(values: Sequence[float]) -> list[int]:
    return list(struct.unpack(f"<{len(values)}q", struct.pack(f"<{len(values)}d", *values)))


def _scaled(values: Sequence[float]) -> tuple[int, list[int]]:
    """The least decimals at which every value is a whole number and comes back bit by bit; else the floats' own bits."""
    wanted = _bits(values)
    if all(abs(v) < SCALED_MAX for v in values):
        for scale in range(SCALES):
            factor = 10**scale
            whole = [round(v * factor) for v in values]
            if _bits([n / factor for n in whole]) == wanted:
                return scale, whole
    return FLOATS, wanted


class Columns:
    """Collects columns; `pack` gives the bytes."""

    def __init__(self) -> None:
        """Empty."""
        self._parts: list[bytes] = []

    def numbers(self, values: Sequence[int], *, order: int = 0) -> None:
        """Add whole numbers; ValueError where one, or a difference, does not fit 63 bits."""
        rest = [(n << 1) if n >= 0 else ((-n) << 1) - 1 for n in _differences(list(values), order)]
        most = max(rest, default=0)
        if len(rest) > COUNT_MAX or most >= 1 << 64:
            raise ValueError(f"{len(rest)} numbers up to {most} do not fit a column")
        width = 0 if not most else next(w for w in WIDTHS if most < 1 << 8 * w)
        self._parts.append(struct.pack("<BIB", order, len(rest), width))
        if width:
            plain = array(WIDTHS[width], rest)
            if _BIG:
                plain.byteswap()
            raw = plain.tobytes()
            self._parts.extend(raw[plane::width] for plane in range(width))

    def best(self, values: Sequence[int], orders: Sequence[int] = (0, 1, 2)) -> None:
        """Add whole numbers by the order that leaves the least variety."""
        self.numbers(values, order=min(orders, key=lambda order: len(zlib.compress(repr(_differences(list(values), order)).encode(), 1))))

    def floats(self, values: Sequence[float]) -> None:
        """Add numbers with a point; every bit of them comes back."""
        scale, whole = _scaled(values)
        self.numbers([scale])
        self.numbers(whole, order=0 if scale == FLOATS else 1)

    def text(self, data: bytes) -> None:
        """Add bytes as they are."""
        self._parts.append(struct.pack("<I", len(data)) + data)

    def pack(self) -> bytes:
        """Everything that was added, compressed."""
        payload = b"".join(self._parts)
        if len(payload) > PAYLOAD_MAX:
            raise ValueError(f"{len(payload)} bytes are too many for one pack")
        rest = struct.pack("<I", len(payload)) + lzma.compress(payload, format=lzma.FORMAT_RAW, filters=_FILTERS)
        return struct.pack("<BI", VERSION, zlib.crc32(rest)) + rest


class ColumnReader:
    """Reads a pack's columns in the order in which they were added; PackError at the first thing that is not right."""

    def __init__(self, body: bytes) -> None:
        """Unpack."""
        if len(body) < _HEAD.size:
            raise PackError("a pack without its head")
        version, crc, length = _HEAD.unpack_from(body)
        if version != VERSION or length > PAYLOAD_MAX:
            raise PackError(f"a pack of version {version} and {length} bytes")
        if zlib.crc32(body[5:]) != crc:
            raise PackError("a pack with other bytes than were written")
        try:
            unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=_FILTERS)
            self._data = unpacker.decompress(body[_HEAD.size :], max_length=length + 1)
        except lzma.LZMAError as error:
            raise PackError(f"a broken pack: {error}") from error
        if len(self._data) != length:
            raise PackError("a pack with other bytes than were put into it")
        self._at = 0

    def _take(self, n: int) -> bytes:
        data = self._data[self._at : self._at + n]
        if len(data) != n:
            raise PackError("a pack that ends early")
        self._at += n
        return data

    def numbers(self, count: int | None = None) -> list[int]:
        """The next column; PackError if it does not have `count` numbers."""
        order, found, width = struct.unpack("<BIB", self._take(6))
        if order > 2 or found > COUNT_MAX or (width and width not in WIDTHS) or (count is not None and found != count):
            raise PackError(f"a column of {found} numbers, {width} bytes wide, order {order}")
        if not width:
            values = [0] * found
        else:
            raw = bytearray(found * width)
            for plane in range(width):
                raw[plane::width] = self._take(found)
            plain = array(WIDTHS[width])
            plain.frombytes(bytes(raw))
            if _BIG:
                plain.byteswap()
            values = [(n >> 1) ^ -(n & 1) for n in plain]
        for _ in range(order):
            values = list(accumulate(values))
        return values

    def floats(self, count: int | None = None) -> list[float]:
        """The next numbers with a point; PackError if there are not `count` of them."""
        (scale,) = self.numbers(1)
        coded = self.numbers(count)
        if not (0 <= scale < SCALES or scale == FLOATS):
            raise PackError(f"values of scale {scale}")
        try:
            if scale == FLOATS:
                return list(struct.unpack(f"<{len(coded)}d", struct.pack(f"<{len(coded)}q", *coded)))
            return [n / 10**scale for n in coded]
        except (struct.error, OverflowError) as error:
            raise PackError("values that are no floats") from error

    def text(self) -> bytes:
        """The next bytes."""
        (length,) = struct.unpack("<I", self._take(4))
        return self._take(length)

    def end(self) -> None:
        """PackError if something is left over."""
        if self._at != len(self._data):
            raise PackError("a pack with something left over")
