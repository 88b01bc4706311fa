"""Keeps texts and their full-text index together: one transaction writes both, and erases both."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from central.digitization.recognition.flow import flow
from central.digitization.recognition.lines import Line, language_of, pack, unpack
from central.digitization.recognition.tables import texts
from central.digitization.recognition.units import VERSION, Folding, joined, tokens
from central.times import now_ms

_ADD = "INSERT INTO text_index (rowid, body, singles, numbers) VALUES (?, ?, ?, ?)"
# the index keeps no text: it is told which words go
_DROP = "INSERT INTO text_index (text_index, rowid, body, singles, numbers) VALUES ('delete', ?, ?, ?, ?)"
_EMPTY = "INSERT INTO text_index (text_index) VALUES ('delete-all')"
OUT = 0  # the `tokens` of a text that is not in the index
RENEWED_AT_ONCE = 100


def words_of(lines: Sequence[Line], folding: Folding) -> tuple[str, str, str]:
    """(words, single Chinese characters, numbers without connectors) of an image's lines, as the index gets them."""
    text = flow(lines).text
    units = folding.units(text)
    singles = sorted({unit.text for unit in units if unit.han})
    return " ".join(tokens(units)), " ".join(singles), " ".join(joined(units, text))


class TextIndex:
    """Writes and erases texts."""

    def __init__(self, folding: Folding) -> None:
        """Folding is shared with who asks."""
        self._folding = folding

    def put(
        self, connection: Connection, sha256: str, *, size: tuple[int, int], lines: Sequence[Line], by: tuple[str, str], took_ms: int
    ) -> None:
        """Store what (engine, version) `by` read on an image of (width, height) `size` pixels, in place of what was read before."""
        self.forget(connection, sha256)
        row = {
            "sha256": sha256,
            "engine": by[0],
            "version": by[1],
            "width": size[0],
            "height": size[1],
            "language": language_of(lines),
            "lines": pack(lines),
            "characters": sum(len(line.text) for line in lines),
            "took_ms": took_ms,
            "done_ms": now_ms(),
            "tokens": VERSION,
        }
        ident = connection.execute(insert(texts).values(row).returning(texts.c.id)).scalar_one()
        connection.exec_driver_sql(_ADD, (ident, *words_of(lines, self._folding)))

    def forget(self, connection: Connection, sha256: str) -> bool:
        """Erase an image's text, from the index too; whether there was one."""
        row = connection.execute(select(texts.c.id, texts.c.lines, texts.c.tokens).where(texts.c.sha256 == sha256)).first()
        if row is None:
            return False
        if row.tokens != OUT:
            connection.exec_driver_sql(_DROP, (row.id, *words_of(unpack(row.lines), self._folding)))
        connection.execute(delete(texts).where(texts.c.id == row.id))
        return True

    def outdated(self, connection: Connection) -> bool:
        """Whether the index holds words as an earlier version made them."""
        return connection.scalar(select(texts.c.id).where(texts.c.tokens.not_in((VERSION, OUT))).limit(1)) is not None

    def empty(self, connection: Connection) -> None:
        """Take all words out of the index; `renew` puts them in again."""
        connection.exec_driver_sql(_EMPTY)
        connection.execute(update(texts).values(tokens=OUT))

    def renew(self, connection: Connection, *, after: int = 0) -> int:
        """Put the next texts that are out of the index into it again; the last one's id, 0 when there are no more."""
        rows = connection.execute(
            select(texts.c.id, texts.c.lines).where(texts.c.tokens == OUT, texts.c.id > after).order_by(texts.c.id).limit(RENEWED_AT_ONCE)
        ).all()
        for row in rows:
            connection.exec_driver_sql(_ADD, (row.id, *words_of(unpack(row.lines), self._folding)))
        ids = [row.id for row in rows]
        connection.execute(update(texts).where(texts.c.id.in_(ids)).values(tokens=VERSION))
        return ids[-1] if ids else 0
