"""Sheets that a machine reads: the texts of the codes on separator sheets and on the cards that prove where a camera looks.

A separator opens or closes a batch when it is photographed or fed, instead of becoming a page: ``MUNIMENT BATCH OPEN``, optionally
followed by `` VOLUME=...`` (URL-quoted UTF-8) and `` PAGES=...``; or ``MUNIMENT BATCH CLOSE``. A card: ``MUNIMENT CARD LEFT``, RIGHT or
OVERHEAD, optionally followed by `` SERIAL=...`` of the very camera. Any other code on a page is the page's own business.
"""

DECLARED_MAX = 100_000
VOLUME_CHARS_MAX = 120
TEXT_CHARS_MAX = 40 + 9 * VOLUME_CHARS_MAX + 13  # three quoted bytes for each of a Chinese number's characters
_OPEN = "MUNIMENT BATCH OPEN"
_CLOSE = "MUNIMENT BATCH CLOSE"
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"  # RFC 3986, section 2.3
_HIDDEN = ((0, 31), (127, 159), (0x200B, 0x200F), (0x2028, 0x202F), (0x2060, 0x206F), (0xD800, 0xDFFF), (0xFEFF, 0xFEFF))


class Separator:
    """What a separator sheet asks: to open a batch (of a volume, with so many pages) or to close the one that is open."""

    def __init__(self, opens, volume=None, declared=None):
        """`opens` is whether it opens a batch; `volume` is the volume's number as text, `declared` how many pages it shall have."""
        self.opens = opens
        self.volume = volume
        self.declared = declared

    def __eq__(self, other):
        return isinstance(other, Separator) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        return "Separator(opens=%r, volume=%r, declared=%r)" % self._key()

    def _key(self):
        return (self.opens, self.volume, self.declared)

    @property
    def text(self):
        """The text to be printed as QR code or Code 128."""
        if not self.opens:
            return _CLOSE
        volume = "" if self.volume is None else " VOLUME=" + quote(self.volume)
        pages = "" if self.declared is None else " PAGES=%d" % self.declared
        return _OPEN + volume + pages


def parse(text):
    """The separator that a code's text stands for; None for any other text, or one whose values are out of bounds."""
    if not text or len(text) > TEXT_CHARS_MAX:
        return None
    if text == _CLOSE:
        return Separator(False)
    if text != _OPEN and not text.startswith(_OPEN + " "):
        return None
    volume = declared = None
    for word in [] if text == _OPEN else text[len(_OPEN) + 1 :].split(" "):
        if word.startswith("VOLUME=") and volume is None and declared is None:
            volume = _volume(word[7:])
            if volume is None:
                return None
        elif word.startswith("PAGES=") and declared is None:
            declared = _count(word[6:])
            if declared is None:
                return None
        else:
            return None
    return Separator(True, volume, declared)


def card_text(side, serial=None):
    """The text of the card that lies where the camera of a side (left, right, overhead) looks; `serial` binds it to that camera."""
    return "MUNIMENT CARD %s%s" % (side.upper(), "" if serial is None else " SERIAL=" + quote(serial))


def quote(text):
    """A text as letters, digits, `_.-~` and %XX for every other byte of its UTF-8."""
    return "".join([chr(byte) if byte in _PLAIN else "%%%02X" % byte for byte in text.encode()])


def _volume(quoted):
    """The volume's number that was quoted, of characters that can all be seen; None if it is none."""
    raw = quoted.encode()
    out = bytearray()
    at = 0
    while at < len(raw):
        if raw[at] == 37:  # %
            try:
                out.append(int(raw[at + 1 : at + 3].decode(), 16) if at + 3 <= len(raw) else -1)
            except ValueError:
                return None
            at += 3
        else:
            out.append(raw[at])
            at += 1
    try:
        text = bytes(out).decode()
    except ValueError:
        return None
    if not 1 <= len(text) <= VOLUME_CHARS_MAX:
        return None
    for char in text:
        for low, high in _HIDDEN:
            if low <= ord(char) <= high:
                return None
    return text


def _count(digits):
    """A number of pages within its bounds, else None."""
    if not 1 <= len(digits) <= 6:
        return None
    for char in digits:
        if char not in "0123456789":
            return None
    return int(digits) if 1 <= int(digits) <= DECLARED_MAX else None
