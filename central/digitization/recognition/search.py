"""Finds pages by the text that was read on them, bounded in rows and time: the index gives candidates, the texts their order."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from central.digitization.recognition.asking import Chunk, Span, chunks_of, expression, find, relaxed
from central.digitization.recognition.flow import Flow, flow
from central.digitization.recognition.hits import Box, Hit, Piece
from central.digitization.recognition.lines import Line, unpack
from central.digitization.recognition.tables import texts
from central.digitization.recognition.units import Folding, Unit, is_han
from central.digitization.tables import batches, pages
from central.times import rfc3339

TEXTS_MAX = 150  # looked at for one question, the newest first; the best of them are shown
SEARCH_S = 2.0  # for one question to the index
STEPS = 500  # of SQLite's machine between two looks at the clock
SNIPPET = 34  # characters before and after the first place found
TITLE_LINES = 4
_ASK = "SELECT rowid FROM text_index WHERE text_index MATCH ? ORDER BY rowid DESC LIMIT ?"


class TextFound(msgspec.Struct, frozen=True):
    """What the texts answered; `cut`: there may be more that was not looked at; `loose`: only the words' parts were found."""

    items: list[Hit]
    cut: bool
    loose: bool


def _rowids(connection: Connection, question: str) -> tuple[list[int], bool]:
    """(rows of the index, newest first; whether it was cut short)."""
    raw: Any = connection.connection.driver_connection
    until, found = time.monotonic() + SEARCH_S, []
    raw.set_progress_handler(lambda: time.monotonic() > until, STEPS)
    try:
        for row in raw.execute(_ASK, (question, TEXTS_MAX + 1)):
            found.append(row[0])  # noqa: PERF401  what came before the time was over stays
    except sqlite3.OperationalError as error:
        if "interrupt" not in str(error):
            raise
        return found, True
    finally:
        raw.set_progress_handler(None, 0)
    return found[:TEXTS_MAX], len(found) > TEXTS_MAX


def _line_of(run: Flow, at: int) -> int:
    return next((n for n, end in enumerate(run.ends) if at < end), len(run.ends) - 1)


def score(run: Flow, lines: Sequence[Line], spans: Sequence[Span], chunks: int) -> float:
    """How well a page answers: every chunk's places, those in its first or largest lines most."""
    tall = sorted((line.h for line in lines), reverse=True)[: max(len(lines) // 10, 1)]
    total = 0.0
    for chunk in range(chunks):
        mine = [span for span in spans if span.chunk == chunk]
        total += min(len(mine), 5) ** 0.5
        for span in mine[:1]:
            at = _line_of(run, span.start)
            total += (1.0 if at < TITLE_LINES else 0.0) + (1.0 if lines and lines[at].h >= tall[-1] else 0.0)
    return total


def snippet(text: str, spans: Sequence[Span]) -> list[tuple[str, bool]]:
    """The surroundings of the first place as pieces (text, whether it is what was looked for)."""
    if not spans:
        return [(text[: 2 * SNIPPET].replace("\n", " "), False)] if text else []
    low, high = max(spans[0].start - SNIPPET, 0), min(spans[0].end + SNIPPET, len(text))
    made, at = [("…", False)] if low else [], low
    for span in spans:
        if span.start < at or span.end > high:
            continue
        made += [(text[at : span.start], False), (text[span.start : span.end], True)]
        at = span.end
    made += [(text[at:high], False)] + ([("…", False)] if high < len(text) else [])
    return [(piece.replace("\n", " "), mark) for piece, mark in made if piece]


def _width(text: str) -> float:
    return sum(2.0 if is_han(one) else 1.0 for one in text)


def boxes(run: Flow, lines: Sequence[Line], spans: Sequence[Span]) -> list[Box]:
    """Where the places are on the image, by the share of the line that stands before and in each."""
    made = []
    for span in spans:
        for line, start, end in zip(lines, run.starts, run.ends, strict=True):
            low, high = max(span.start, start) - start, min(span.end, end) - start
            whole = _width(line.text)
            if low >= high or not whole:
                continue
            first, last = _width(line.text[:low]) / whole, _width(line.text[:high]) / whole
            if line.h > 1.5 * line.w and len(line.text) > 1:  # written from top to bottom
                made.append(Box(line.x, line.y + round(line.h * first), line.w, max(round(line.h * (last - first)), 1)))
            else:
                made.append(Box(line.x + round(line.w * first), line.y, max(round(line.w * (last - first)), 1), line.h))
    return made


def places(lines: Sequence[Line], chunks: Sequence[Chunk], folding: Folding) -> tuple[Flow, list[Unit], list[Span]]:
    """An image's lines as one text, its units, and where the chunks stand in it."""
    run = flow(lines)
    units = folding.units(run.text)
    return run, units, find(chunks, units, run.text)


def by_text(connection: Connection, question: str, *, folding: Folding, limit: int) -> TextFound:
    """Pages on which every part of the question stands, the best first; replaced and deleted pages are never among them."""
    chunks = chunks_of(question, folding)
    if not chunks:
        return TextFound([], False, False)
    ids, cut = _rowids(connection, expression(chunks))
    parted = relaxed(chunks)
    loose = not ids and not cut and parted != chunks
    if loose:
        chunks, (ids, cut) = parted, _rowids(connection, expression(parted))
    read = {row.sha256: row for row in connection.execute(select(texts).where(texts.c.id.in_(ids)))}
    live = pages.c.replaced_by.is_(None) & ~pages.c.deleted
    rows = connection.execute(
        select(pages.c.id, pages.c.batch_id, pages.c.sha256, pages.c.station, pages.c.verdict, pages.c.t_ms, batches.c.volume)
        .join(batches, batches.c.id == pages.c.batch_id, isouter=True)
        .where(pages.c.sha256.in_(read), live)
        .limit(2 * TEXTS_MAX)
    ).all()
    scored = []
    known: dict[str, tuple[float, list[tuple[str, bool]], list[Box]] | None] = {}
    for row in rows:
        if row.sha256 not in known:
            lines = unpack(read[row.sha256].lines)
            run, _, spans = places(lines, chunks, folding)
            whole = len({span.chunk for span in spans}) == len(chunks)
            known[row.sha256] = (
                (score(run, lines, spans, len(chunks)), snippet(run.text, spans), boxes(run, lines, spans[:20])) if whole else None
            )
        told = known[row.sha256]
        if told is not None:
            rating, pieces, found = told
            scored.append((-rating, -row.t_ms, row, pieces, found))
    scored.sort(key=lambda one: one[:2])
    hits = [
        Hit(
            kind="page",
            id=row.id,
            words=f"{row.volume or row.station}, {row.verdict}",
            batch=row.batch_id,
            volume=row.volume,
            t=rfc3339(row.t_ms),
            width=read[row.sha256].width,
            height=read[row.sha256].height,
            snippet=[Piece(text, mark) for text, mark in pieces],
            boxes=found,
        )
        for _, _, row, pieces, found in scored[:limit]
    ]
    return TextFound(hits, cut or len(scored) > limit, loose and bool(hits))
