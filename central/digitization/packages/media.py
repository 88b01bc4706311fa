"""What kind of image a file is, by its first bytes; names and suffixes are nobody's proof."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/tiff": "tif"}
# format name and key of https://www.nationalarchives.gov.uk/PRONOM/
PRONOM = {"image/jpeg": ("JPEG File Interchange Format", "fmt/43"), "image/png": ("PNG", "fmt/12"), "image/tiff": ("TIFF", "fmt/353")}
_MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PN": "image/png", b"II*": "image/tiff", b"MM\x00": "image/tiff"}


def media_of(path: Path) -> str | None:
    """The media type; None for no image that is taken here."""
    with path.open("rb") as file:
        return _MAGIC.get(file.read(3))
