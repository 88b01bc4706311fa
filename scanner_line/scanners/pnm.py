"""What SANE gives, a PNM file, as a PNG without loss: the same pixels, with the resolution written in."""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from isal import isal_zlib

from scanner_line.errors import ImageRefused

HEADER = re.compile(rb"(P[456])\s(?:#[^\n]{0,200}\n\s*)*(\d{1,6})\s+(\d{1,6})(?:\s+(\d{1,5}))?\s")
HEADER_BYTES = 512
HIGHEST = {255: 8, 65535: 16}  # values of a channel, and its bits
PIXELS_MAX = 200_000_000
SIGNATURE = b"\x89PNG\r\n\x1a\n"
UP = 2  # PNG's filter that takes the line above from a line
GRAY, TRUE_COLOUR = 0, 2
LEVEL = 1  # of ISA-L: on scanned paper as small as zlib's first level, in a quarter of its time
INCH_M = 0.0254
TIFF_HEADER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Raster:
    """The header of a PNM file: pixels across and down, channels, bits of each, bytes a line, where they begin."""

    width: int
    height: int
    channels: int
    bits: int
    line_bytes: int
    begins: int


def read_header(path: Path) -> Raster:
    """The header of a scanned PNM file; ImageRefused if it is none, is cut short or is larger than a page can be."""
    with path.open("rb") as file:
        match = HEADER.match(file.read(HEADER_BYTES))
    if match is None:
        raise ImageRefused("the scanner gave no PNM image")
    width, height = int(match[2]), int(match[3])
    channels = 3 if match[1] == b"P6" else 1
    bits = 1 if match[1] == b"P4" else HIGHEST.get(int(match[4] or 0), 0)
    if not bits:
        raise ImageRefused("the scanner gave a PNM image of unusual depth")
    line = (width * bits * channels + 7) // 8
    if not 0 < width * height <= PIXELS_MAX:
        raise ImageRefused(f"{width} x {height} pixels are no page")
    begins = match.end(3) + 1 if bits == 1 else match.end()
    if path.stat().st_size < begins + line * height:
        raise ImageRefused("the scanned image is cut short")
    return Raster(width, height, channels, bits, line, begins)


def inked_height(path: Path, raster: Raster) -> int:
    """How many lines there are up to the last that is not of one and the same value, as padding after a sheet's end is; in pixels."""
    with path.open("rb") as file:
        for line in range(raster.height - 1, -1, -1):
            file.seek(raster.begins + line * raster.line_bytes)
            data = file.read(raster.line_bytes)
            if data.count(data[:1]) != len(data):
                return line + 1
    return raster.height


def as_png(path: Path, *, dpi: float) -> tuple[bytes, int, int]:
    """The file's pixels as PNG (8 or 16 bits, grey or colour; black-and-white as grey) that states its resolution, and its width and
    height in pixels. ImageRefused if it is no PNM image that SANE gives."""
    raster = read_header(path)
    lines = np.fromfile(path, np.uint8, raster.line_bytes * raster.height, offset=raster.begins).reshape(raster.height, raster.line_bytes)
    if raster.bits == 1:
        lines = np.where(np.unpackbits(lines, axis=1, count=raster.width) > 0, np.uint8(0), np.uint8(255))
    filtered = np.empty((raster.height, lines.shape[1] + 1), np.uint8)
    filtered[:, 0] = UP
    filtered[0, 1:] = lines[0]
    np.subtract(lines[1:], lines[:-1], out=filtered[1:, 1:])
    colour = TRUE_COLOUR if raster.channels == 3 else GRAY
    header = struct.pack(">IIBBBBB", raster.width, raster.height, max(8, raster.bits), colour, 0, 0, 0)
    a_metre = round(dpi / INCH_M)
    chunks = (
        (b"IHDR", header),
        (b"pHYs", struct.pack(">IIB", a_metre, a_metre, 1)),
        (b"IDAT", isal_zlib.compress(filtered, LEVEL)),
        (b"IEND", b""),
    )
    return SIGNATURE + b"".join(part for kind, body in chunks for part in _chunk(kind, body)), raster.width, raster.height


def _chunk(kind: bytes, body: bytes) -> tuple[bytes, bytes, bytes]:
    """A chunk of a PNG (specification, 5.3), in parts."""
    return struct.pack(">I", len(body)) + kind, body, struct.pack(">I", isal_zlib.crc32(body, isal_zlib.crc32(kind)))


def as_tiff(path: Path) -> bytes:
    """The file's pixels as they are behind the header of a TIFF (6.0, 7 and 8), for whoever opens no PNM; ImageRefused unless they have
    eight bits."""
    raster = read_header(path)
    if raster.bits != 8:
        raise ImageRefused("not of eight bits")
    size, many = raster.line_bytes * raster.height, raster.channels
    begins = TIFF_HEADER_BYTES + 2 + 9 * 12 + 4 + 6
    entries = (
        (256, 4, 1, raster.width),
        (257, 4, 1, raster.height),
        (258, 3, many, begins - 6 if many == 3 else 8 << 16),
        (259, 3, 1, 1 << 16),
        (262, 3, 1, (2 if many == 3 else 1) << 16),
        (273, 4, 1, begins),
        (277, 3, 1, many << 16),
        (278, 4, 1, raster.height),
        (279, 4, 1, size),
    )
    head = b"MM" + struct.pack(">HIH", 42, TIFF_HEADER_BYTES, len(entries)) + b"".join(struct.pack(">HHII", *entry) for entry in entries)
    with path.open("rb") as file:
        file.seek(raster.begins)
        return b"".join((head, struct.pack(">IHHH", 0, 8, 8, 8), file.read(size)))
