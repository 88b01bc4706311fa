"""The ingest process: wires receiver and writer together and runs until it is told to stop."""

import logging
import sqlite3
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

from central.config import CentralConfig
from central.ingest.receive import Receiver
from central.ingest.writer import Writer
from central.keys import load_or_make_key
from central.store.engine import BUSY_TIMEOUT_S, open_engine
from central.store.single import only_writer

log = logging.getLogger(__name__)
BATCHES_A_COMMIT = 64
WAITING = "SELECT EXISTS (SELECT 1 FROM acts WHERE leaf_idx IS NULL) OR EXISTS (SELECT 1 FROM commands WHERE sent_ms IS NULL)"
COMMIT_BYTES = 40_000  # what a small commit takes in the WAL
WAL_BYTES = 16 * 1024 * 1024
WAL_PAGES_MAX = 20_000  # the writer itself moves the WAL only when it grew to 80 MB
WAIT_S = 0.05  # how soon an act of a person is noticed
SWITCH_S = 0.0005  # between the receiving thread and the writer; Python's own 5 ms would be most of an acknowledgement's time
LOCK_S = 20.0  # an ingest that was told to stop may still be finishing


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class _WalMover:
    """Moves the WAL into the database beside the writer, so that no commit, and no acknowledgement, has to wait for it."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._written = 0
        self._due, self._stopping = threading.Event(), False
        self._thread = threading.Thread(target=self._work, name="wal", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wrote(self, payload_bytes: int) -> None:
        """Count a commit; after some MB of them the thread is woken."""
        self._written += COMMIT_BYTES + 2 * payload_bytes  # ledger and projections each take about as much as came
        if self._written > WAL_BYTES:
            self._written = 0
            self._due.set()

    def _work(self) -> None:
        with closing(sqlite3.connect(self._database, timeout=BUSY_TIMEOUT_S)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            while not self._stopping:
                if self._due.wait(1.0):
                    self._due.clear()
                    try:
                        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                    except sqlite3.OperationalError as error:
                        log.warning("the WAL stays as it is: %s", error)  # nothing is lost: the writer moves it when it grows too long

    def close(self) -> None:
        """End; idempotent."""
        self._stopping = True
        self._due.set()
        self._thread.join(BUSY_TIMEOUT_S)


def run(config: CentralConfig, stop: threading.Event) -> None:
    """Ingest until `stop` is set; what was committed by then is acknowledged, nothing else is. AlreadyWritten while another one runs."""
    with only_writer(config.data, wait_s=LOCK_S):
        _run(config, stop)


def _run(config: CentralConfig, stop: threading.Event) -> None:
    sys.setswitchinterval(SWITCH_S)
    key = load_or_make_key(config.key_file)
    engine = open_engine(config.database, checkpoint_pages=WAL_PAGES_MAX)
    mover = _WalMover(config.database)
    watch = sqlite3.connect(config.database, timeout=BUSY_TIMEOUT_S)
    with closing(watch):
        writer = Writer(config=config, engine=engine, key=key, now_ms=_now_ms)
        receiver = Receiver(site=config.site, broker=config.broker)
        receiver.start()
        mover.start()
        log.info("ingest of site %s started", config.site)
        version = -1
        try:
            while not stop.is_set():
                arrivals = receiver.next(WAIT_S, BATCHES_A_COMMIT)
                seen = watch.execute("PRAGMA data_version").fetchone()[0]  # changes with every commit of another process, too
                waiting = seen != version and watch.execute(WAITING).fetchone()[0]
                if arrivals or waiting or writer.due():
                    receiver.publish(writer.write([arrival for arrival, _, _ in arrivals]))
                    receiver.confirm(arrivals)
                    mover.wrote(sum(len(arrival.payload) for arrival, _, _ in arrivals))
                    version = seen  # as it was before the write: what came in between is seen at the next turn
        finally:
            receiver.close()
            mover.close()
            engine.dispose()
    log.info("ingest of site %s stopped", config.site)
