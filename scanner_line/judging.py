"""Page checks in a worker process: a hang or a crash in an image library costs one verdict, never the station."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from scanner_line.checks import Baseline, Judgement, Measures, judge_page, measure
from scanner_line.errors import JudgeError
from scanner_line.profile import Profile

HANG_S = 10.0  # a page that takes longer is taken for a hang: the worker is killed and started anew
START_S = 60.0  # importing the image libraries on a Pi with a cold SD card


class PageJudge:
    """Measures pages one after the other in a process of its own and judges them against the open batch."""

    def __init__(self, profile: Profile, *, hang_s: float = HANG_S) -> None:
        """The bench's thresholds; `hang_s` is the longest one page may take."""
        self._profile = profile
        self._hang_s = hang_s
        self._pool: ProcessPoolExecutor | None = None
        self._pid: int | None = None
        self._baseline = Baseline(profile)

    async def start(self) -> None:
        """Start the worker and let it import what it needs. JudgeError if it does not come up."""
        await self._worker()

    def prime(self, batch: str, known: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Begin anew with the measures of the batch's counting pages."""
        self._baseline = Baseline(self._profile)
        for page, facts in known:
            self._baseline.add(page, Measures.from_json(facts))

    async def judge(self, path: Path, *, page: str, replaces: str | None) -> tuple[Judgement, Mapping[str, Any]]:
        """Measure in the worker, judge against the batch, count the page to it. The facts are its measures as JSON."""
        measures = await self._measure(path)
        baseline = self._baseline
        if replaces is not None:
            baseline.forget(replaces)
        judgement = await asyncio.to_thread(judge_page, measures, baseline, self._profile)
        baseline.add(page, measures)
        return judgement, measures.as_json()

    async def close(self) -> None:
        """End the worker at once; may be called twice."""
        self._kill()

    async def _measure(self, path: Path) -> Measures:
        """A worker that died is replaced and asked once more; one that hangs is killed."""
        for last_try in (False, True):
            pool = await self._worker()
            try:
                return await asyncio.wait_for(asyncio.wrap_future(pool.submit(_measure, path, self._profile)), self._hang_s)
            except TimeoutError as error:
                self._drop(pool)
                raise JudgeError(f"the checks did not end within {self._hang_s:g} s") from error
            except (BrokenProcessPool, RuntimeError) as error:
                self._drop(pool)
                if last_try:
                    raise JudgeError("the process of the checks died twice") from error
            except OSError as error:
                raise JudgeError(f"the image could not be read: {error}") from error
        raise AssertionError("unreachable")

    async def _worker(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(1, mp_context=context, initializer=_end_with_the_station)
            self._pool = pool
            try:
                self._pid = await asyncio.wait_for(asyncio.wrap_future(pool.submit(os.getpid)), START_S)
            except (TimeoutError, BrokenProcessPool) as error:
                self._drop(pool)
                raise JudgeError("the process of the checks does not start") from error
        return self._pool

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        if self._pool is pool:
            self._kill()

    def _kill(self) -> None:
        pool, pid, self._pool, self._pid = self._pool, self._pid, None, None
        if pool is None:
            return
        if pid is not None:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        pool.shutdown(wait=False, cancel_futures=True)


def _measure(path: Path, profile: Profile) -> Measures:
    return measure(path.read_bytes(), profile)


def _end_with_the_station() -> None:
    """In the worker: end when the station's process is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlive_nobody, args=(parent,), daemon=True).start()


def _outlive_nobody(parent: Any) -> None:
    parent.join()
    os._exit(1)
