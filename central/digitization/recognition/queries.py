"""What may be read of recognition: a page's text, for other domains and for the pages of the console."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select

from central.digitization.recognition.lines import Line, text_of_lines, unpack
from central.digitization.recognition.tables import texts
from central.times import rfc3339


class PageText(msgspec.Struct, frozen=True):
    """What was read on an image; boxes are in pixels of the image as stored, `width` x `height` of them, lines in reading order."""

    sha256: str
    engine: str
    version: str
    width: int
    height: int
    language: str
    took_ms: int
    done: str
    lines: list[Line]

    @property
    def text(self) -> str:
        """All of it, a line each."""
        return text_of_lines(self.lines)


def text_of(connection: Connection, sha256: str) -> PageText | None:
    """The text of an image by its digest; None while nobody has read it."""
    row = connection.execute(select(texts).where(texts.c.sha256 == sha256)).first()
    if row is None:
        return None
    return PageText(
        sha256=row.sha256,
        engine=row.engine,
        version=row.version,
        width=row.width,
        height=row.height,
        language=row.language,
        took_ms=row.took_ms,
        done=rfc3339(row.done_ms),
        lines=unpack(row.lines),
    )
