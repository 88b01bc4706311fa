"""Separator sheets: a code that opens or closes a batch when it is photographed, instead of becoming a page.

The text of the code: `MUNIMENT BATCH OPEN`, optionally followed by ` VOLUME=…` (URL-quoted) and ` PAGES=…`; or `MUNIMENT BATCH CLOSE`.
Any other code on a page is the page's own business.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from scanner_line.batches import DECLARED_MAX, VOLUME_CHARS_MAX

PATTERN = re.compile(r"MUNIMENT BATCH (?:(OPEN)(?: VOLUME=(\S{1,1000}))?(?: PAGES=(\d{1,6}))?|CLOSE)")


@dataclass(frozen=True, slots=True)
class Separator:
    """What a separator sheet asks: to open a batch (of a volume, with so many pages) or to close the one that is open."""

    opens: bool
    volume: str | None = None
    declared: int | None = None

    @property
    def text(self) -> str:
        """The text to be printed as QR code or Code 128."""
        if not self.opens:
            return "MUNIMENT BATCH CLOSE"
        volume = "" if self.volume is None else f" VOLUME={quote(self.volume, safe='')}"
        pages = "" if self.declared is None else f" PAGES={self.declared}"
        return f"MUNIMENT BATCH OPEN{volume}{pages}"


def parse(text: str | None) -> Separator | None:
    """The separator that a code's text stands for; None for any other text, or one whose values are out of bounds."""
    match = PATTERN.fullmatch(text or "")
    if match is None:
        return None
    if match[1] is None:
        return Separator(opens=False)
    volume = None if match[2] is None else unquote(match[2])
    declared = None if match[3] is None else int(match[3])
    if volume is not None and not (1 <= len(volume) <= VOLUME_CHARS_MAX and volume.isprintable()):
        return None
    if declared is not None and not 1 <= declared <= DECLARED_MAX:
        return None
    return Separator(opens=True, volume=volume, declared=declared)
