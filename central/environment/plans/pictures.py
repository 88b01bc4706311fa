"""A drawing as it is kept: decoded and encoded anew, so that nothing of the file that came but its picture stays."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP")  # raster only: an SVG is a program
BYTES_MAX = 16 * 1024 * 1024
PIXELS_MAX = 60_000_000
SIDE_MAX = 4096
JPEG_QUALITY = 88


class PictureRefused(Exception):
    """The bytes are no picture that may become a plan; the text says why."""


@dataclass(frozen=True)
class Picture:
    """The bytes to keep and their size in pixels."""

    data: bytes
    width: int
    height: int


def redrawn(data: bytes) -> Picture:
    """The picture, at most SIDE_MAX pixels a side, as PNG where that is the smaller one, else as JPEG; PictureRefused if it is none."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > PIXELS_MAX:
                raise PictureRefused(f"{image.width} x {image.height} pixels are too many; at most {PIXELS_MAX // 1_000_000} million")
            image.thumbnail((SIDE_MAX, SIDE_MAX))
            rgba = image.convert("RGBA")
            ground = Image.new("RGB", rgba.size, (255, 255, 255))
            ground.paste(rgba, mask=rgba.getchannel("A"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureRefused("it has too many pixels") from error
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, OverflowError, struct.error) as error:  # of hostile bytes
        raise PictureRefused("a PNG, JPEG or WebP picture is expected") from error
    made = []
    for kind, options in (("PNG", {"optimize": False}), ("JPEG", {"quality": JPEG_QUALITY})):
        out = io.BytesIO()
        ground.save(out, kind, **options)
        made.append(out.getvalue())
    return Picture(min(made, key=len), *ground.size)
