"""How far recognition is: of one batch and in all, what failed, what the numbers of a batch's pages say."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, case, func, select

from central.digitization.recognition.tables import batch_numbers, page_numbers, recognition_state, text_jobs, texts
from central.digitization.recognition.worker_state import State
from central.digitization.tables import batches, pages
from central.times import now_ms, rfc3339, rfc3339_or_none

PACE_MS = 15 * 60_000  # what pages a minute is taken from
ALIVE_MS = 90_000  # a worker that said nothing for so long is not there
FAILURES_MAX = 100
GAPS_MAX = 200
MINUTE_MS = 60_000


class Progress(msgspec.Struct, frozen=True):
    """Recognition in all. state: off, stopped (enabled, but no worker says anything), reading, paused (words say why), idle."""

    state: str
    words: str | None
    words_zh: str | None
    engine: str | None
    waiting: int
    failed: int
    read: int
    pages_per_min: float | None
    estimated_end: str | None
    last: str | None


class Failure(msgspec.Struct, frozen=True):
    """An image that was given up."""

    page: str
    batch: str
    volume: str | None
    tries: int
    words: str | None
    words_zh: str | None


class Gap(msgspec.Struct, frozen=True):
    """What is odd in a batch's page numbers at a page; `after`: the page before it; `missing`: first and last number not there."""

    page: str
    after: str | None
    seq: int
    kind: str
    read: str | None
    missing: tuple[int, int] | None
    words: str
    words_zh: str


class BatchProgress(msgspec.Struct, frozen=True):
    """Recognition of one batch: its images, how many were read, are waiting, were given up; and its page numbers once they were judged."""

    batch: str
    images: int
    read: int
    waiting: int
    failed: int
    engines: list[str]
    numbered: int | None
    trusted: bool | None
    judged: str | None
    odd: list[Gap]


def state_of(connection: Connection) -> State | None:
    """What the worker said last."""
    value = connection.scalar(select(recognition_state.c.value).where(recognition_state.c.key == "worker"))
    return None if value is None else msgspec.json.decode(value, type=State)


def _pace(connection: Connection, now: int, *, waiting: bool) -> float | None:
    """Pages a minute over the last quarter of an hour: while images wait with its pauses, else from its first page to its last."""
    columns = (func.count(), func.min(texts.c.done_ms), func.max(texts.c.done_ms), func.sum(texts.c.took_ms))
    count, first, last, took = connection.execute(select(*columns).where(texts.c.done_ms > now - PACE_MS)).one()
    if not count:
        return None
    span_ms = max((now if waiting else last) - first + took / count, took, 1)
    return round(float(count / span_ms * MINUTE_MS), 1)


def progress(connection: Connection, *, enabled: bool) -> Progress:
    """Recognition in all."""
    now, said = now_ms(), state_of(connection)
    counted = connection.execute(select(text_jobs.c.state, func.count().label("n")).group_by(text_jobs.c.state))
    tally: dict[str, int] = {row.state: row.n for row in counted}
    waiting = tally.get("waiting", 0) + tally.get("leased", 0)
    pace = _pace(connection, now, waiting=bool(waiting))
    alive = said is not None and now - said.t_ms < ALIVE_MS
    state = said.state if said is not None and alive else "stopped" if enabled else "off"
    return Progress(
        state=state,
        words=said.words if said and alive else None,
        words_zh=said.words_zh if said and alive else None,
        engine=f"{said.engine} {said.version}".strip() or None if said else None,
        waiting=waiting,
        failed=tally.get("failed", 0),
        read=connection.scalar(select(func.count()).select_from(texts)) or 0,
        pages_per_min=pace,
        estimated_end=rfc3339(now + round(waiting / pace * MINUTE_MS)) if waiting and pace and alive else None,
        last=rfc3339_or_none(connection.scalar(select(func.max(texts.c.done_ms)))),
    )


def failures(connection: Connection, batch: str | None = None) -> list[Failure]:
    """Images that were given up, of one batch or of all."""
    query = (
        select(func.min(pages.c.id).label("page"), pages.c.batch_id, batches.c.volume, text_jobs)
        .join(pages, pages.c.sha256 == text_jobs.c.sha256)
        .join(batches, batches.c.id == pages.c.batch_id, isouter=True)
        .where(text_jobs.c.state == "failed")
        .group_by(pages.c.batch_id, text_jobs.c.sha256)
        .order_by(pages.c.batch_id, func.min(pages.c.arrival))
        .limit(FAILURES_MAX)
    )
    if batch is not None:
        query = query.where(pages.c.batch_id == batch)
    return [Failure(row.page, row.batch_id, row.volume, row.tries, row.words, row.words_zh) for row in connection.execute(query)]


def odd_of(connection: Connection, batch: str) -> list[Gap]:
    """What is odd in a batch's page numbers, in order."""
    rows = connection.execute(select(page_numbers).where(page_numbers.c.batch_id == batch).order_by(page_numbers.c.seq)).all()
    made = []
    for before, row in zip([None, *rows], rows, strict=False):
        if row.kind is not None and row.kind != "restart":
            missing = None if row.first is None else (row.first, row.last)
            after = before.page if before is not None else None
            made.append(Gap(row.page, after, row.seq, row.kind, row.read, missing, row.words, row.words_zh))
    return made[:GAPS_MAX]


def batch_progress(connection: Connection, batch: str) -> BatchProgress:
    """Recognition of one batch; images that stand for several pages count once."""
    images = select(pages.c.sha256).where(pages.c.batch_id == batch, pages.c.sha256.is_not(None)).distinct().subquery()
    counted = connection.execute(
        select(
            func.count(),
            func.count(texts.c.id),
            func.coalesce(func.sum(case((text_jobs.c.state.in_(("waiting", "leased")), 1), else_=0)), 0),
            func.coalesce(func.sum(case((text_jobs.c.state == "failed", 1), else_=0)), 0),
        )
        .select_from(images)
        .join(texts, texts.c.sha256 == images.c.sha256, isouter=True)
        .join(text_jobs, text_jobs.c.sha256 == images.c.sha256, isouter=True)
    ).one()
    engines = select(texts.c.engine, texts.c.version).join(images, images.c.sha256 == texts.c.sha256).distinct().limit(5)
    judged = connection.execute(select(batch_numbers).where(batch_numbers.c.batch_id == batch)).first()
    return BatchProgress(
        batch=batch,
        images=counted[0],
        read=counted[1],
        waiting=counted[2],
        failed=counted[3],
        engines=[f"{row.engine} {row.version}" for row in connection.execute(engines)],
        numbered=judged.numbered if judged else None,
        trusted=judged.trusted if judged else None,
        judged=rfc3339(judged.judged_ms) if judged else None,
        odd=odd_of(connection, batch) if judged and judged.trusted else [],
    )
