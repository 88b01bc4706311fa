"""Lets one process at a time be the ledger's writer: a lock on a file in the data folder, which ends with its process."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AGAIN_S = 0.1


class AlreadyWritten(Exception):
    """Another process is the ledger's writer; the text says which."""


@contextmanager
def only_writer(data: Path, *, wait_s: float = 0.0) -> Iterator[None]:
    """Be the only writer of this data folder's ledger; AlreadyWritten where another one is still there after `wait_s`."""
    path, until = data / "ingest.lock", time.monotonic() + wait_s
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    other = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
                    raise AlreadyWritten(f"{path}: ingest (process {other}) is running on this data; stop it first") from error
                time.sleep(AGAIN_S)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
