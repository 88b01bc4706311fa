"""Brings the files that records speak of to the centre, two at a time, clips of the newest events first, for as long as it takes."""

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent import clock
from edge_agent.backoff import Backoff
from edge_agent.errors import JournalError, KeyFileError
from edge_agent.file_queue import FileRef
from edge_agent.journal import Journal, Record
from edge_agent.tus import Attempt, Ending, TusClient
from wire.records import record

log = logging.getLogger(__name__)
AT_ONCE = 2
LOOK_S = 5.0  # how often the queue is looked at when nobody says that something was added
FULL_WAIT_S = 300.0  # where a centre without room does not say when to ask again
WAITING_MAX = 1_000  # digests whose backoff is remembered


@dataclass(frozen=True, slots=True)
class CentreAddress:
    """Where uploads go: the centre's URL, the agent's token, and for https a CA of its own, if it has one."""

    url: str
    token_file: Path
    tls_ca: Path | None = None


@dataclass(slots=True)
class _Wait:
    """A digest that waits after a failed attempt."""

    until: float
    backoff: Backoff = field(default_factory=lambda: Backoff(first_s=1.0, most_s=300.0))


class Uploader:
    """Threads that take files from the journal's queue. A record's file goes out once the centre has the record.

    A failed attempt makes its file wait (with backoff), not the others; an attempt that never reached the centre makes all wait.
    """

    def __init__(self, journal: Journal, *, centre: CentreAddress, at_once: int = AT_ONCE, first_wait_s: float = 1.0) -> None:
        self._journal, self._centre, self._at_once, self._first_wait_s = journal, centre, at_once, first_wait_s
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._waits: dict[str, _Wait] = {}
        self._all_wait = _Wait(until=0.0, backoff=Backoff(first_s=first_wait_s, most_s=120.0))
        self._told: set[str] = set()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads; UploadError or OSError where the centre's address or its certificate authority cannot be used."""
        centre = self._centre
        for number in range(self._at_once):
            client = TusClient(centre.url, token_file=centre.token_file, tls_ca=centre.tls_ca)
            thread = threading.Thread(target=self._work, args=(client,), name=f"upload-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def notify(self) -> None:
        """A file was queued, or an acknowledgement made one due; from any thread."""
        with self._changed:
            self._changed.notify_all()

    def close(self, timeout_s: float = 10.0) -> None:
        """Stop after the chunk in flight; may be called again."""
        self._stop.set()
        self.notify()
        for thread in self._threads:
            thread.join(timeout_s)
        self._threads.clear()

    def _work(self, client: TusClient) -> None:
        try:
            while not self._stop.is_set():
                file = self._take()
                if file is None:
                    continue
                try:
                    attempt = client.send(file, stopped=self._stop.is_set)
                except KeyFileError as error:
                    attempt = Attempt(Ending.AWAY, str(error))
                self._finish(file, attempt)
        finally:
            client.close()

    def _take(self) -> FileRef | None:
        """The next file to send; None after a while without one."""
        with self._changed:
            now = time.monotonic()
            waiting = [wait.until for wait in self._waits.values() if wait.until > now]
            if self._all_wait.until > now:
                self._changed.wait(self._all_wait.until - now)
                return None
            try:
                without = self._busy | {sha256 for sha256, wait in self._waits.items() if wait.until > now}
                due = self._journal.files.due(1, without=without)
            except JournalError as error:
                self._tell("journal", f"the queue cannot be read: {error}")
                due = []
            if not due:
                self._changed.wait(min([LOOK_S, *(until - now for until in waiting)]))
                return None
            self._busy.add(due[0].sha256)
            return due[0]

    def _finish(self, file: FileRef, attempt: Attempt) -> None:
        try:
            self._note(file, attempt)
        except JournalError as error:  # it stays queued; offering it again costs one request
            self._tell("journal", f"the journal does not take that {file.sha256} is {attempt.ending.value}: {error}")
            self._wait(file.sha256, 0.0)
        finally:
            with self._changed:
                self._busy.discard(file.sha256)
                self._changed.notify_all()

    def _note(self, file: FileRef, attempt: Attempt) -> None:
        files = self._journal.files
        if attempt.ending is Ending.SENT:
            files.mark_sent(file.sha256)
            with self._changed:
                self._waits.pop(file.sha256, None)
                self._all_wait.backoff.reset()
                self._told.discard("away")
                self._told.discard("full")
        elif attempt.ending is Ending.REFUSED:
            files.mark_refused(file.sha256, attempt.why)
            log.error("upload of %s refused for good: %s", file.path, attempt.why)
        elif attempt.ending is Ending.LOST:
            self._lose(file, attempt.why)
        elif attempt.ending is Ending.FULL:
            self._tell("full", f"the centre has no room, uploads wait: {attempt.why}")
            self._wait_all(attempt.again_s or FULL_WAIT_S)
        elif attempt.ending is Ending.AWAY:
            self._tell("away", f"uploads wait: {attempt.why}")
            self._wait_all(attempt.again_s)
        elif attempt.ending is Ending.NOT_NOW:
            self._wait(file.sha256, attempt.again_s)

    def _lose(self, file: FileRef, why: str) -> None:
        """A file that a record speaks of is gone: said in the events lane, since nobody may find it missing by chance."""
        log.error("a file is lost: %s", why)
        t_ms, m_ms = clock.now()
        agent = self._journal.agent
        words = {"en": f"A file is lost before it was uploaded: {why}", "zh": f"文件在上传前丢失：{why}", "sha256": file.sha256}

        def made(epoch: str, seq: int) -> Record:
            fields = {"rule": "file-lost", "state": "active", "subject": f"{agent}/uploads", "priority": "high", "words": words}
            alarm: Record = record("alarm", t_ms, m_ms, id=f"{agent}:{epoch}:{seq}", **fields)
            return alarm

        self._journal.append("events", [made])
        self._journal.files.mark_lost(file.sha256, file.path, why)

    def _wait(self, sha256: str, at_least_s: float) -> None:
        with self._changed:
            if len(self._waits) >= WAITING_MAX:
                self._waits.pop(next(iter(self._waits)))
            fresh = _Wait(until=0.0, backoff=Backoff(first_s=self._first_wait_s, most_s=300.0))
            wait = self._waits.setdefault(sha256, fresh)
            wait.until = time.monotonic() + max(at_least_s, wait.backoff.next_s())

    def _wait_all(self, at_least_s: float) -> None:
        with self._changed:
            self._all_wait.until = time.monotonic() + max(at_least_s, self._all_wait.backoff.next_s())

    def _tell(self, kind: str, text: str) -> None:
        """Log each kind of trouble once, until it is over."""
        if kind not in self._told:
            self._told.add(kind)
            log.warning("%s", text)
