"""The worker: reads one image after the other, below everything else, and judges the page numbers of batches that are complete."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError

from central.config import CentralConfig
from central.digitization.recognition import jobs, sequencing
from central.digitization.recognition.index import TextIndex
from central.digitization.recognition.jobs import Job
from central.digitization.recognition.pressure import Reason, busy, measure
from central.digitization.recognition.reading import Found, Interrupted, Reader, ReaderLost
from central.digitization.recognition.tables import batch_numbers, recognition_state
from central.digitization.recognition.units import Folding
from central.digitization.recognition.worker_state import State
from central.digitization.tables import objects
from central.store.engine import reading, writing
from central.store.single import AlreadyWritten
from central.times import now_ms

log = logging.getLogger(__name__)
IDLE_S = 1.0
SAID_S = 15.0  # how often an idle worker says that it is there
SWEEP_AGAIN_S = 3600.0
JUDGE_AGAIN_S = 5.0  # when no batch was complete
LOST = "the reader ended in the middle of it ({}): the image may need more memory than it may have"
LOST_ZH = "识别程序中途结束（{}）：图像所需内存可能超过限额"
GONE = Reason("the image's bytes are not here", "图像文件不在")


class AlreadyRunning(AlreadyWritten):
    """Another worker is there."""


@contextmanager
def only_worker(data: Path) -> Iterator[None]:
    """Be the only worker of this data folder; AlreadyRunning where another one is."""
    descriptor = os.open(data / "recognise.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(f"{data}: recognition is running on this data already") from error
        yield
    finally:
        os.close(descriptor)


class Worker:
    """Takes images from the queue until it is told to stop. `load` is the machine's load average, `reader` reads images."""

    def __init__(
        self, config: CentralConfig, engine: Engine, stop: threading.Event, *, reader: Reader | None = None, load: Callable[[], float]
    ) -> None:
        self._config, self._engine, self._stop, self._load = config, engine, stop, load
        settings = config.recognition
        self._reader = reader or Reader(stop, memory_mb=settings.memory_mb, page_s=settings.page_s)
        self._index = TextIndex(Folding())
        self._after = 0  # the row of objects up to which the queue was filled
        self._swept_at = time.monotonic()
        self._said = State("idle", 0)
        self._said_at = 0.0
        self._judge_at = 0.0

    def run(self) -> None:
        """Work until `stop` is set; what was leased then waits again."""
        self._renew_index()
        with writing(self._engine) as connection:
            jobs.reclaim(connection)
        try:
            while not self._stop.is_set():
                try:
                    worked = self.step()
                except OperationalError as error:  # locked or full: nothing was lost, a lease runs out or is taken back at the next start
                    log.warning("the store could not be used: %s", error.orig)
                    worked = False
                if not worked:
                    self._stop.wait(IDLE_S)
        finally:
            self._reader.close()

    def step(self) -> bool:
        """Fill the queue, judge what is complete, read one image; whether there was anything to do."""
        filled = self._fill()
        judged = self._judge()
        with reading(self._engine) as connection:
            waiting = jobs.waiting(connection)
        if not waiting:
            self._say("idle")
            return filled or judged
        if not self._wait_for_quiet():
            return True
        with writing(self._engine) as connection:
            job = jobs.take(connection)
        if job is None:
            return False
        self._say("reading")
        self._read(job)
        return True

    def _renew_index(self) -> None:
        """After a change of how words are made, a little at a time."""
        with reading(self._engine) as connection:
            outdated = self._index.outdated(connection)
        if outdated:
            with writing(self._engine) as connection:
                self._index.empty(connection)
        last = 0
        while not self._stop.is_set():
            with writing(self._engine) as connection:
                last = self._index.renew(connection, after=last)
            if not last:
                return

    def _fill(self) -> bool:
        if time.monotonic() - self._swept_at > SWEEP_AGAIN_S:
            self._after, self._swept_at = 0, time.monotonic()
        with reading(self._engine) as connection:
            if not jobs.more(connection, self._after):
                return False
        with writing(self._engine) as connection:
            self._after = jobs.fill(connection, self._after)
        return True

    def _judge(self) -> bool:
        if time.monotonic() < self._judge_at:
            return False
        with reading(self._engine) as connection:
            found = (sequencing.judge(connection, batch, upto) for batch, upto in sequencing.due(connection))
            judged = next((one for one in found if one is not None), None)
        if judged is None:
            self._judge_at = time.monotonic() + JUDGE_AGAIN_S
            return False
        with writing(self._engine) as connection:
            acts = sequencing.keep(connection, judged)
        log.info("batch %s: %d of %d pages have a number, %d were told", judged.batch, judged.numbered, len(judged.rows), acts)
        return True

    def _wait_for_quiet(self) -> bool:
        """Stand back while capture or ingest are busy, at most `patience_s`: then one page is read anyway. False when told to stop."""
        settings, until = self._config.recognition, time.monotonic() + self._config.recognition.patience_s
        while not self._stop.is_set():
            with reading(self._engine) as connection:
                pressure = measure(connection, self._config.objects / "partial", load=self._load)
            why = busy(pressure, quiet_s=settings.quiet_s, load_max=settings.load_pct / 100)
            if why is None or time.monotonic() >= until:
                return True
            self._say("paused", why)
            self._stop.wait(min(max(until - time.monotonic(), 0.0), IDLE_S))
        return False

    def _read(self, job: Job) -> None:
        began = time.monotonic()
        with reading(self._engine) as connection:
            path = connection.scalar(select(objects.c.path).where(objects.c.sha256 == job.sha256, objects.c.state == "stored"))
        if path is None or not (self._config.objects / path).is_file():
            self._failed(job, GONE)
            return
        try:
            found = self._reader.read(self._config.objects / path)
        except Interrupted:
            with writing(self._engine) as connection:
                jobs.back(connection, job)
            return
        except ReaderLost as error:
            self._failed(job, Reason(LOST.format(error), LOST_ZH.format(error)))
            return
        if isinstance(found, Reason):
            self._failed(job, found, final=True)
            return
        self._keep(job, found)
        log.info("%s: %d lines in %.1f s", job.sha256[:12], len(found.lines), time.monotonic() - began)

    def _keep(self, job: Job, found: Found) -> None:
        with writing(self._engine) as connection:
            size = (found.width, found.height)
            self._index.put(connection, job.sha256, size=size, lines=found.lines, by=self._reader.by, took_ms=found.took_ms)
            jobs.done(connection, job)
            self._judge_again(connection, job)

    def _failed(self, job: Job, why: Reason, *, final: bool = False) -> None:
        with writing(self._engine) as connection:
            given_up = jobs.failed(connection, job, why, final=final)
            self._judge_again(connection, job)
        log.warning("%s was not read%s: %s", job.sha256[:12], ", and is given up" if given_up else "", why.words)

    def _judge_again(self, connection: Connection, job: Job) -> None:
        self._judge_at = 0.0
        connection.execute(delete(batch_numbers).where(batch_numbers.c.batch_id == job.batch))

    def _say(self, state: str, why: Reason | None = None) -> None:
        """Tell the pages what the worker does, at a change and now and then."""
        words, words_zh = (why.words, why.words_zh) if why else (None, None)
        engine, version = self._reader.by
        told = State(state, now_ms(), words, words_zh, engine, version)
        same = (told.state, told.words, told.version) == (self._said.state, self._said.words, self._said.version)
        if same and time.monotonic() - self._said_at < SAID_S:
            return
        self._said, self._said_at = told, time.monotonic()
        row = {"value": msgspec.json.encode(told).decode()}
        with writing(self._engine) as connection:
            done = insert(recognition_state).values(key="worker", **row)
            connection.execute(done.on_conflict_do_update(index_elements=["key"], set_=row))


def run(config: CentralConfig, engine: Engine, stop: threading.Event) -> None:
    """Recognise until `stop` is set. AlreadyRunning while another worker is there."""
    os.nice(19)
    with only_worker(config.data):
        log.info("recognition started, sqlite %s", sqlite3.sqlite_version)
        Worker(config, engine, stop, load=lambda: os.getloadavg()[0]).run()
    log.info("recognition stopped")
