"""What may be read of recognition: a page's text, for other domains and for the pages of the console."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select

from central.digitization.queries import places_of
from central.digitization.recognition.lines import Line, text_of_lines, unpack
from central.digitization.recognition.suggesting import PAGES, Suggestion, suggest
from central.digitization.recognition.tables import descriptions, texts
from central.digitization.tables import pages
from central.times import rfc3339, rfc3339_or_none


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


class Described(msgspec.Struct, frozen=True):
    """What the first pages suggest, and what a person made of it: state open, confirmed, edited or dismissed."""

    batch: str
    suggestion: Suggestion
    state: str
    title: str | None
    number: str | None
    by: str | None
    t: str | None


def _first_lines(connection: Connection, batch: str) -> list[list[Line]]:
    """The lines of a batch's first pages that count, in order; fewer while they are not read."""
    places = places_of(connection, batch)
    live = select(pages.c.id, texts.c.lines).join(texts, texts.c.sha256 == pages.c.sha256)
    live = live.where(pages.c.batch_id == batch, pages.c.replaced_by.is_(None), ~pages.c.deleted)
    wanted = [ident for ident, place in sorted(places.items(), key=lambda one: one[1]) if place <= PAGES]
    found = {row.id: row.lines for row in connection.execute(live.where(pages.c.id.in_(wanted)))}
    return [unpack(found[ident]) if ident in found else [] for ident in wanted]


def described(connection: Connection, batch: str) -> Described:
    """Suggestions for a batch, and what was made of them; nothing is applied by itself."""
    row = connection.execute(select(descriptions).where(descriptions.c.batch_id == batch)).first()
    suggestion = suggest(_first_lines(connection, batch))
    if row is None:
        return Described(batch, suggestion, "open", None, None, None, None)
    return Described(batch, suggestion, row.state, row.title, row.number, row.by, rfc3339_or_none(row.t_ms))
