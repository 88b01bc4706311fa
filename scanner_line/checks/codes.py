"""Reads the QR or Code 128 code of a separator sheet."""

import cv2
import zxingcpp

from scanner_line.checks.images import Gray, as_gray
from wire.separators import TEXT_CHARS_MAX

KINDS = zxingcpp.BarcodeFormats((zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128))
CODE_PX = 2000  # long side in which a separator sheet's code is still many pixels a module


def read_code(view: Gray) -> str | None:
    """The text of the first code found that a person could have printed as a separator, else None."""
    if max(view.shape) > CODE_PX:
        scale = CODE_PX / max(view.shape)
        view = as_gray(cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    for found in zxingcpp.read_barcodes(view, formats=KINDS):
        text = str(found.text)
        if found.valid and text and len(text) <= TEXT_CHARS_MAX and text.isprintable():
            return text
    return None
