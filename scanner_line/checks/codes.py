"""Reads the QR or Code 128 code of a separator sheet."""

import zxingcpp

from scanner_line.checks.images import Gray

KINDS = zxingcpp.BarcodeFormats((zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128))
TEXT_MAX = 200  # characters; ours are far shorter


def read_code(view: Gray) -> str | None:
    """The text of the first code found that a person could have printed as a separator, else None."""
    for found in zxingcpp.read_barcodes(view, formats=KINDS):
        text = str(found.text)
        if found.valid and text and len(text) <= TEXT_MAX and text.isprintable():
            return text
    return None
