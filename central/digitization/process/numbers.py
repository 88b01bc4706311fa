"""A volume's number: what the separator sheets can carry, without blanks at its ends."""

from __future__ import annotations

import unicodedata

from wire import separators

COUNT_MAX = separators.DECLARED_MAX


def checked_number(given: str) -> str:
    """The number as it is kept; ValueError where a separator sheet could not carry it."""
    number = unicodedata.normalize("NFC", given).strip()
    read = separators.parse(separators.Separator(True, number).text) if number else None
    if read is None or read.volume != number:
        raise ValueError(f"{given[:40]!r} is no number of a volume: 1 to {separators.VOLUME_CHARS_MAX} characters that can be seen")
    return number
