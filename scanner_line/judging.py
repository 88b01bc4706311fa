"""Page checks in worker processes: a hang or a crash in an image library costs one verdict, never the station."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from scanner_line.checker import Checker
from scanner_line.checks import Baseline, Judgement, Measures, judge_page, measure
from scanner_line.errors import JudgeError
from scanner_line.profile import Profile
from scanner_line.scanners.pnm import as_tiff

HANG_S = 10.0  # a page that takes longer is taken for a hang: the worker is killed and started anew
AHEAD_MAX = 8  # scans measured before anybody asks for their verdict


class PageJudge:
    """Measures pages in processes of their own and judges them, one after the other, against the open batch."""

    def __init__(self, profile: Profile, *, hang_s: float = HANG_S, workers: int = 1) -> None:
        """The bench's thresholds; `hang_s` is the longest one page may take. A second worker is of use only to a feeder, whose next sheet
        is there while one is judged."""
        self._profile = profile
        self._hang_s = hang_s
        self._checkers = tuple(Checker() for _ in range(workers))
        self._baseline = Baseline(profile)
        self._ahead: dict[Path, tuple[Checker, asyncio.Future[Measures]]] = {}

    async def start(self) -> None:
        """Start the workers and let them import what they need. JudgeError if one does not come up."""
        await asyncio.gather(*(checker.start() for checker in self._checkers))

    def prime(self, batch: str, known: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Begin anew with the measures of the batch's counting pages."""
        self._baseline = Baseline(self._profile)
        for page, facts in known:
            self._baseline.add(page, Measures.from_json(facts))

    def ahead(self, scan: Path) -> None:
        """Let the least busy worker measure a scan; `judge` asks for the result. Of those that nobody asks for, a few are kept."""
        if scan in self._ahead:
            return
        checker = min(self._checkers, key=lambda one: one.waiting)
        future = checker.submit(_measure_scan, scan, self._profile)
        if future is None:
            return  # the worker died; `judge` replaces it
        if len(self._ahead) >= AHEAD_MAX:
            del self._ahead[next(iter(self._ahead))]
        waited = asyncio.wrap_future(future)
        waited.add_done_callback(_looked_at)
        self._ahead[scan] = (checker, waited)

    async def judge(self, path: Path, *, page: str, replaces: str | None, scan: Path | None = None) -> tuple[Judgement, Mapping[str, Any]]:
        """Measure in a worker, judge against the batch, count the page to it. The facts are its measures as JSON."""
        measures = None if scan is None else await self._measured_ahead(scan)
        if measures is None:
            measures = await self._measure(path)
        baseline = self._baseline
        if replaces is not None:
            baseline.forget(replaces)
        judgement = await asyncio.to_thread(judge_page, measures, baseline, self._profile)
        baseline.add(page, measures)
        return judgement, measures.as_json()

    async def close(self) -> None:
        """End the workers at once; may be called twice."""
        for checker in self._checkers:
            checker.drop()

    async def _measured_ahead(self, scan: Path) -> Measures | None:
        """What was measured of a scan; None where that came to nothing, so that the stored image is to be measured. JudgeError for a
        hang."""
        await self.start()  # those that died
        self.ahead(scan)
        checker, future = self._ahead.pop(scan, (None, None))
        if checker is None or future is None:
            return None
        await asyncio.wait({future}, timeout=self._hang_s)
        if not future.done():
            checker.drop()
            raise JudgeError(f"the checks did not end within {self._hang_s:g} s")
        if not future.cancelled() and isinstance(future.exception(), BrokenProcessPool):
            checker.drop()
        return None if future.cancelled() or future.exception() is not None else future.result()

    async def _measure(self, path: Path) -> Measures:
        """A worker that died is replaced and asked once more; one that hangs is killed."""
        checker = self._checkers[0]
        for last_try in (False, True):
            pool = await checker.start()
            try:
                return await asyncio.wait_for(asyncio.wrap_future(pool.submit(_measure, path, self._profile)), self._hang_s)
            except TimeoutError as error:
                checker.drop(pool)
                raise JudgeError(f"the checks did not end within {self._hang_s:g} s") from error
            except (BrokenProcessPool, RuntimeError) as error:
                checker.drop(pool)
                if last_try:
                    raise JudgeError("the process of the checks died twice") from error
            except OSError as error:
                raise JudgeError(f"the image could not be read: {error}") from error
        raise AssertionError("unreachable")


def _measure(path: Path, profile: Profile) -> Measures:
    return measure(path.read_bytes(), profile)


def _measure_scan(scan: Path, profile: Profile) -> Measures:
    return measure(as_tiff(scan), profile)


def _looked_at(future: "asyncio.Future[Measures]") -> None:
    """Nobody may ever ask for what was measured ahead: its error is no news."""
    if not future.cancelled():
        future.exception()
