"""What a session's tests are made of: photographs of printed cards and plain pages, and frames with a camera's metadata."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import zxingcpp
from PIL import Image, ImageDraw

from scanner_line.cameras.base import Frame

SIZE = (1140, 1520)  # as the pages of conftest.py
STILL: Mapping[str, Any] = {"ExposureTime": 20000, "AnalogueGain": 2.0, "ColourGains": [1.8, 1.5], "LensPosition": 3.2}


def photograph(*codes: str, paper: tuple[int, int, int] = (222, 219, 210), patch: tuple[int, int, int] = (128, 128, 128)) -> bytes:
    """A sheet with these QR codes under a camera; a grey patch stands in its upper left corner."""
    image = Image.new("RGB", SIZE, paper)
    ImageDraw.Draw(image).rectangle((0, 0, 90, 120), fill=patch)
    for number, text in enumerate(codes):
        made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
        code = Image.fromarray(np.asarray(made.to_image(scale=8)))
        image.paste(code.convert("RGB"), (200, 150 + 450 * number))
    file = BytesIO()
    image.rotate(3, fillcolor=(60, 60, 60)).save(file, "JPEG", quality=88)
    return file.getvalue()


def frame(jpeg: bytes, *, size: tuple[int, int] = SIZE, **metadata: Any) -> Frame:
    """A frame of a camera that is locked as STILL, but for what is given."""
    return Frame(jpeg, 1, *size, {**STILL, **metadata})
