"""The cards that prove at a session's start which camera sees which side, each a code laid under its camera and photographed.

The text of the code: `MUNIMENT CARD LEFT`, `RIGHT` or `OVERHEAD` (or another side's name), optionally followed by ` SERIAL=…`
(URL-quoted), which binds the card to one very camera.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from scanner_line.cameras.bounds import size_of
from scanner_line.errors import CameraError
from wire.separators import card_text

PATTERN = re.compile(r"MUNIMENT CARD ([A-Z0-9_-]{1,40})(?: SERIAL=(\S{1,400}))?")
OVERHEAD = "overhead"  # the card of a bench's only camera, whatever its name
LONG_SIDE_PX = 2400  # more than a code of 40 mm needs on a page of A3


@dataclass(frozen=True, slots=True)
class Card:
    """A card as it was read: the side it is for, in lower case, and the serial number of its camera, where the card names one."""

    side: str
    serial: str | None = None

    @property
    def text(self) -> str:
        """The text to be printed as QR code or Code 128."""
        return str(card_text(self.side, self.serial))

    def fits(self, side: str, *, serial: str, alone: bool) -> bool:
        """Whether it is the card of a camera: of its side (`alone`: the bench's only one also takes `overhead`) and, if named, serial."""
        return self.side in ((side.lower(), OVERHEAD) if alone else (side.lower(),)) and self.serial in (None, serial)


def parse_card(text: str | None) -> Card | None:
    """The card that a code's text stands for; None for any other text."""
    match = PATTERN.fullmatch(text or "")
    if match is None:
        return None
    return Card(match[1].lower(), None if match[2] is None else unquote(match[2]))


def cards_in(image: bytes) -> list[Card]:
    """The cards that a photograph shows; none for bytes that are no image. Decoded small, its header bounded first."""
    import cv2  # 41 MiB: only where a session has to be proven
    import numpy as np
    import zxingcpp

    try:
        longest = max(size_of(image))
    except CameraError:
        return []
    flag: int = cv2.IMREAD_GRAYSCALE
    if longest > 4 * LONG_SIDE_PX:
        flag = cv2.IMREAD_REDUCED_GRAYSCALE_4
    elif longest > 2 * LONG_SIDE_PX:
        flag = cv2.IMREAD_REDUCED_GRAYSCALE_2
    gray = cv2.imdecode(np.frombuffer(image, np.uint8), flag)
    if gray is None:
        return []
    kinds = zxingcpp.BarcodeFormats((zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128))
    found = [parse_card(code.text) for code in zxingcpp.read_barcodes(gray, formats=kinds)]
    return [card for card in found if card is not None]
