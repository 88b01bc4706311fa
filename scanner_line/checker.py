"""One process that measures pages, replaced when it dies or hangs."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from scanner_line.errors import JudgeError

Made = TypeVar("Made")
START_S = 60.0  # importing the image libraries on a Pi with a cold SD card


class Checker:
    """A worker process and its queue. It ends when the process that made it is gone, however it went."""

    def __init__(self) -> None:
        """Nothing is started yet."""
        self.waiting = 0
        self._pool: ProcessPoolExecutor | None = None
        self._pid: int | None = None

    async def start(self) -> ProcessPoolExecutor:
        """The running process, started if there is none. JudgeError if it does not come up."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(1, mp_context=context, initializer=_end_with_the_station)
            self._pool = pool
            try:
                self._pid = await asyncio.wait_for(asyncio.wrap_future(pool.submit(os.getpid)), START_S)
            except (TimeoutError, BrokenProcessPool) as error:
                self.drop(pool)
                raise JudgeError("the process of the checks does not start") from error
        return self._pool

    def submit(self, work: Callable[..., Made], *given: Any) -> Future[Made] | None:
        """Put work into the queue of the running process; None if none runs."""
        if self._pool is None:
            return None
        try:
            future = self._pool.submit(work, *given)
        except RuntimeError:  # BrokenProcessPool: it died
            self.drop()
            return None
        self.waiting += 1
        future.add_done_callback(self._less)
        return future

    def _less(self, _future: Future[Any]) -> None:
        self.waiting -= 1

    def drop(self, pool: ProcessPoolExecutor | None = None) -> None:
        """End the process at once, and what it has in its queue; nothing if it is not the one given any more."""
        if self._pool is None or (pool is not None and pool is not self._pool):
            return
        pool, pid, self._pool, self._pid = self._pool, self._pid, None, None
        if pid is not None:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        pool.shutdown(wait=False, cancel_futures=True)


def _end_with_the_station() -> None:
    """In the worker: end when the station's process is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlive_nobody, args=(parent,), daemon=True).start()


def _outlive_nobody(parent: Any) -> None:
    parent.join()
    os._exit(1)
