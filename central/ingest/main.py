"""The ingest process: wires receiver and writer together and runs until it is told to stop."""

import logging
import sqlite3
import threading
import time
from contextlib import closing

from central.config import CentralConfig
from central.ingest.receive import Receiver
from central.ingest.writer import Writer
from central.keys import load_or_make_key
from central.store.engine import BUSY_TIMEOUT_S, open_engine

log = logging.getLogger(__name__)
BATCHES_A_COMMIT = 64
WAIT_S = 0.05  # how soon an act of a person is noticed


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def run(config: CentralConfig, stop: threading.Event) -> None:
    """Ingest until `stop` is set; what was committed by then is acknowledged, nothing else is."""
    key = load_or_make_key(config.key_file)
    engine = open_engine(config.database)
    watch = sqlite3.connect(config.database, timeout=BUSY_TIMEOUT_S)
    with closing(watch):
        writer = Writer(config=config, engine=engine, key=key, now_ms=_now_ms)
        receiver = Receiver(site=config.site, broker=config.broker)
        receiver.start()
        log.info("ingest of site %s started", config.site)
        version = -1
        try:
            while not stop.is_set():
                arrivals = receiver.next(WAIT_S, BATCHES_A_COMMIT)
                seen = watch.execute("PRAGMA data_version").fetchone()[0]  # changes with every commit of another process, too
                if arrivals or seen != version or writer.due():
                    receiver.publish(writer.write([arrival for arrival, _, _ in arrivals]))
                    receiver.confirm(arrivals)
                    version = seen  # as it was before the write: what came in between is seen at the next turn
        finally:
            receiver.close()
            engine.dispose()
    log.info("ingest of site %s stopped", config.site)
