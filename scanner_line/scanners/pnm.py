"""What SANE gives, a PNM file, as a PNG without loss: the same pixels, with the resolution written in."""

import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from scanner_line.errors import ImageRefused

HEADER = re.compile(rb"(P[456])\s(?:#[^\n]{0,200}\n\s*)*(\d{1,6})\s+(\d{1,6})(?:\s+(\d{1,5}))?\s")
HEADER_BYTES = 512
PIXELS_MAX = 200_000_000
PNG = (
    cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_SUB,
    cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE,
)  # fmt: skip  # on the grain of scanned paper smaller than zlib's level 6 at a fifth of its time
INCH_M = 0.0254
SIGNATURE_BYTES, IHDR_BYTES = 8, 25


@dataclass(frozen=True, slots=True)
class Raster:
    """The header of a PNM file: pixels across and down, bytes a line, where they begin."""

    width: int
    height: int
    line_bytes: int
    begins: int


def read_header(path: Path) -> Raster:
    """The header of a scanned PNM file; ImageRefused if it is none, is cut short or is larger than a page can be."""
    with path.open("rb") as file:
        match = HEADER.match(file.read(HEADER_BYTES))
    if match is None:
        raise ImageRefused("the scanner gave no PNM image")
    width, height = int(match[2]), int(match[3])
    deep = 2 if match[4] and int(match[4]) > 255 else 1
    line = (width + 7) // 8 if match[1] == b"P4" else width * deep * (3 if match[1] == b"P6" else 1)
    if not 0 < width * height <= PIXELS_MAX:
        raise ImageRefused(f"{width} x {height} pixels are no page")
    if path.stat().st_size < match.end() + line * height:
        raise ImageRefused("the scanned image is cut short")
    return Raster(width, height, line, match.end())


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
    """The file's pixels as PNG (8 or 16 bits, grey or colour; black-and-white as grey), and its width and height in pixels."""
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ImageRefused("the scanned image cannot be decoded")
    done, made = cv2.imencode(".png", pixels, PNG)
    if not done:
        raise ImageRefused("the scanned image cannot be written as PNG")
    return with_dpi(made.tobytes(), dpi), pixels.shape[1], pixels.shape[0]


def with_dpi(png: bytes, dpi: float) -> bytes:
    """A PNG that states its resolution: a pHYs chunk (PNG specification, 11.3.4.3) after its header, in pixels a metre."""
    a_metre = round(dpi / INCH_M)
    body = b"pHYs" + struct.pack(">IIB", a_metre, a_metre, 1)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    at = SIGNATURE_BYTES + IHDR_BYTES
    return png[:at] + chunk + png[at:]
