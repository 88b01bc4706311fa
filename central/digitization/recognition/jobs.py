"""The queue of images to be read: filled from what was uploaded, leased one at a time, given up after three tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, literal_column, select, update
from sqlalchemy.dialects.sqlite import insert

from central.digitization.recognition.pressure import Reason
from central.digitization.recognition.tables import text_jobs, texts
from central.digitization.tables import batches, objects, pages

TRIES_MAX = 3
SWEEP = 5000  # rows of objects looked at in one step
WANTED, NORMAL = 0, 1  # turns
STOPPED = Reason("reading it was broken off three times", "识别三次中断，已放弃")
_ROWID: Any = literal_column("objects.rowid")


@dataclass(frozen=True)
class Job:
    """An image to be read; `tries` counts this one."""

    sha256: str
    batch: str
    tries: int


def _candidates() -> Any:
    return select(
        pages.c.sha256,
        func.min(pages.c.batch_id).label("batch_id"),
        func.min(pages.c.arrival).label("arrival"),
        func.coalesce(func.min(batches.c.opened_ms), 0).label("order_ms"),
    ).join(batches, batches.c.id == pages.c.batch_id, isouter=True)


def more(connection: Connection, after: int) -> bool:
    """Whether there are uploaded objects after this row."""
    return (connection.scalar(select(func.max(_ROWID)).select_from(objects)) or 0) > after


def fill(connection: Connection, after: int) -> int:
    """Queue the images of pages among the next uploaded objects after this row; the last row looked at."""
    newest = connection.scalar(select(func.max(_ROWID)).select_from(objects)) or 0
    last = min(after + SWEEP, newest)
    found = (
        _candidates()
        .join(objects, objects.c.sha256 == pages.c.sha256)
        .where(
            after < _ROWID,
            last >= _ROWID,
            objects.c.state == "stored",
            ~select(texts.c.id).where(texts.c.sha256 == objects.c.sha256).exists(),
            ~select(text_jobs.c.sha256).where(text_jobs.c.sha256 == objects.c.sha256).exists(),
        )
        .group_by(pages.c.sha256)
    )
    rows = [row._asdict() | {"state": "waiting", "turn": NORMAL, "tries": 0} for row in connection.execute(found)]
    if rows:
        connection.execute(insert(text_jobs).on_conflict_do_nothing(), rows)
    return last


def take(connection: Connection) -> Job | None:
    """Take the next image: those that somebody waits for first, then the oldest batches; None if none waits."""
    order = (text_jobs.c.turn, text_jobs.c.order_ms, text_jobs.c.batch_id, text_jobs.c.arrival)
    first = select(text_jobs.c.sha256).where(text_jobs.c.state == "waiting").order_by(*order).limit(1).scalar_subquery()
    leased = update(text_jobs).where(text_jobs.c.sha256 == first)
    values = {"state": "leased", "tries": text_jobs.c.tries + 1}
    row = connection.execute(leased.values(values).returning(text_jobs.c.sha256, text_jobs.c.batch_id, text_jobs.c.tries)).first()
    return None if row is None else Job(row.sha256, row.batch_id, row.tries)


def done(connection: Connection, job: Job) -> None:
    """The image was read."""
    connection.execute(delete(text_jobs).where(text_jobs.c.sha256 == job.sha256))


def failed(connection: Connection, job: Job, why: Reason, *, final: bool = False) -> bool:
    """The image was not read: it waits for another try, or is given up; whether it is."""
    over = final or job.tries >= TRIES_MAX
    values = {"state": "failed" if over else "waiting", "words": why.words, "words_zh": why.words_zh}
    connection.execute(update(text_jobs).where(text_jobs.c.sha256 == job.sha256).values(**values))
    return over


def back(connection: Connection, job: Job) -> None:
    """The worker was told to stop: the try does not count."""
    values = {"state": "waiting", "tries": job.tries - 1}
    connection.execute(update(text_jobs).where(text_jobs.c.sha256 == job.sha256).values(**values))


def reclaim(connection: Connection) -> int:
    """What a killed worker had leased waits again, or is given up; how many. Only the one worker may ask."""
    held = text_jobs.c.state == "leased"
    worn = {"state": "failed", "words": STOPPED.words, "words_zh": STOPPED.words_zh}
    given_up = connection.execute(update(text_jobs).where(held, text_jobs.c.tries >= TRIES_MAX).values(**worn)).rowcount
    return given_up + connection.execute(update(text_jobs).where(held).values(state="waiting")).rowcount


def first(connection: Connection, batch: str) -> int:
    """Let the images of a batch go before all others; how many wait."""
    mine = text_jobs.c.sha256.in_(select(pages.c.sha256).where(pages.c.batch_id == batch))
    done_ = connection.execute(update(text_jobs).where(mine, text_jobs.c.state.in_(("waiting", "leased"))).values(turn=WANTED))
    return done_.rowcount


def retry(connection: Connection, batch: str) -> int:
    """Let what was given up of a batch be tried again; how many."""
    mine = text_jobs.c.sha256.in_(select(pages.c.sha256).where(pages.c.batch_id == batch)) & (text_jobs.c.state == "failed")
    values = {"state": "waiting", "tries": 0, "turn": WANTED, "words": None, "words_zh": None}
    return connection.execute(update(text_jobs).where(mine).values(**values)).rowcount


def again(connection: Connection, batch: str) -> int:
    """Read every image of a batch anew, also those that were read; what was read stands until then. How many."""
    found = _candidates().join(objects, objects.c.sha256 == pages.c.sha256).where(pages.c.batch_id == batch, objects.c.state == "stored")
    rows = [row._asdict() | {"state": "waiting", "turn": WANTED, "tries": 0} for row in connection.execute(found.group_by(pages.c.sha256))]
    if rows:
        fresh = {"state": "waiting", "turn": WANTED, "tries": 0, "words": None, "words_zh": None}
        unleased = text_jobs.c.state != "leased"
        connection.execute(insert(text_jobs).on_conflict_do_update(index_elements=["sha256"], set_=fresh, where=unleased), rows)
    return len(rows)


def waiting(connection: Connection) -> bool:
    """Whether any image waits to be read."""
    return connection.scalar(select(text_jobs.c.sha256).where(text_jobs.c.state == "waiting").limit(1)) is not None


def given_up(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Those of these images that could not be read."""
    asked = select(text_jobs.c.sha256).where(text_jobs.c.sha256.in_(digests), text_jobs.c.state == "failed")
    return set(connection.scalars(asked))
