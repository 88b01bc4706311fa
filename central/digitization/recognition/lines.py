"""Lines of text as they stand on an image, and how they are kept: a compressed list."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

LINES_MAX = 4000  # of one image
LINE_CHARS_MAX = 2000
RAW_BYTES_MAX = 8 * 1024 * 1024
_LEVEL = 9


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One line: its box in pixels of the image as stored (left, top, width, height), how sure the engine is (0..1), the text."""

    x: int
    y: int
    w: int
    h: int
    confidence: float
    text: str


class BrokenLines(Exception):
    """What is kept of an image's lines cannot be read."""


def pack(lines: Sequence[Line]) -> bytes:
    """The lines as bytes for the table."""
    return zlib.compress(msgspec.json.encode(lines), _LEVEL)


def unpack(data: bytes) -> list[Line]:
    """The lines of the table's bytes; BrokenLines if they are none."""
    try:
        raw = zlib.decompressobj().decompress(data, RAW_BYTES_MAX)
        return msgspec.json.decode(raw, type=list[Line])
    except (zlib.error, msgspec.MsgspecError) as error:
        raise BrokenLines(str(error)) from error


def text_of_lines(lines: Sequence[Line]) -> str:
    """The text, a line each."""
    return "\n".join(line.text for line in lines)


def language_of(lines: Sequence[Line]) -> str:
    """zh, en, mixed, or none: by how many characters are Chinese and how many Latin letters."""
    text = "".join(line.text for line in lines)
    han = sum("㐀" <= one <= "鿿" or "豈" <= one <= "﫿" or ord(one) >= 0x20000 for one in text)
    latin = sum(one.isalpha() and ord(one) < 0x250 for one in text) / 4  # a Chinese character says about as much as four letters
    if not han and not latin:
        return "none"
    share = han / (han + latin)
    return "zh" if share > 0.8 else "en" if share < 0.2 else "mixed"
