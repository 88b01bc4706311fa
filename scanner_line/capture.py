"""The way of a press through the bench: all cameras fire, the images become files and pages, the pages are judged."""

import asyncio
from collections.abc import Mapping
from typing import Any

from scanner_line.batches import Batch
from scanner_line.cameras.base import Frame
from scanner_line.checks.results import Judgement
from scanner_line.disk import Disk
from scanner_line.errors import ImageRefused, JudgeError
from scanner_line.presses import RETAKE, Judged, Page, PressBook, Taken
from scanner_line.roles import Judge
from scanner_line.shutter import Shutter
from scanner_line.sources import Taken as Shot
from scanner_line.spool import Spool
from scanner_line.states import Run, Settings, failing_check, worst
from wire.separators import parse


class Capture:
    """Exposes, stores and judges; decides nothing about batches and tells nobody."""

    def __init__(self, *, shutter: Shutter, spool: Spool, presses: PressBook, judge: Judge, disk: Disk, settings: Settings) -> None:
        """All collaborators are the station's own."""
        self._shutter = shutter
        self._spool = spool
        self._presses = presses
        self._judge = judge
        self._disk = disk
        self._settings = settings
        self._judging: set[asyncio.Task[tuple[Judgement, Mapping[str, Any]]]] = set()

    async def expose(self, run: Run) -> Shot:
        """Fire all cameras; with no frame at all the run ends as failed."""
        shots = Shot({}, {"source": "nothing was taken"})
        async for shots in self._shutter.take(run.edge.monotonic_ns):
            break
        if not shots.frames:
            run.end("failed", "camera", shots.words)
        return shots

    async def store(self, run: Run, shots: Shot, batch: Batch) -> None:
        """Files first, then the rows of the run's pages."""
        taken = []
        for side, frame in shots.frames.items():
            kept = await self._disk(self._spool.keep, frame.jpeg)
            taken.append(Taken(kept, frame.width, frame.height, side, self._dpi(frame)))
        reason = None
        if run.wish == RETAKE:
            old = await self._disk(self._presses.last_pages, batch.batch)
            reason = worst([page.verdict for page in old]) or RETAKE
        run.pages = await self._disk(
            self._presses.store, run.press, batch.batch, taken, sides=self._shutter.sides, reason=reason, why=shots.words
        )
        run.number = await self._disk(self._presses.number, run.pages[0])

    async def judge(self, run: Run, *, halved: str | None, timeout_s: float) -> None:
        """Judge the run's pages within the time left since its edge; sets its verdicts and how it ends."""
        for page in run.pages:
            run.judged[page.page] = await self._verdict(run, page, run.edge.left_s(timeout_s))
        if halved is None:
            run.end("captured", "captured")
        else:
            run.halve(halved)

    async def _verdict(self, run: Run, page: Page, timeout_s: float) -> Judged:
        task = asyncio.ensure_future(self._judge.judge(self._spool.path_of(page.sha256), page=page.page, replaces=page.replaces))
        self._judging.add(task)
        task.add_done_callback(self._judging.discard)
        try:
            judgement, facts = await asyncio.wait_for(asyncio.shield(task), timeout_s)
        except TimeoutError:
            run.late[page.page] = task
            limit_s = self._settings.verdict_s
            return Judged("look", [failing_check("time", "the checks did not end in time", "检查未按时完成", limit=limit_s)])
        except JudgeError as error:
            return Judged("look", [failing_check("time", f"the checks could not be made: {error}", "无法完成检查")])
        except ImageRefused as error:
            return Judged("bad", [failing_check("image", f"no page image: {error}", "图像无法读取")])
        run.separator = run.separator or parse(judgement.code)
        return judged(judgement, facts)

    async def late(self, page: str, task: "asyncio.Task[tuple[Judgement, Mapping[str, Any]]]") -> Page | None:
        """Wait for checks that overran their time; the page with its lowered verdict, or None if it stays as it is."""
        try:
            judgement, facts = await asyncio.wait_for(task, self._settings.late_s)
        except (TimeoutError, JudgeError, ImageRefused):
            return None
        return await self._disk(self._presses.lower, page, judged(judgement, facts))

    async def close(self) -> None:
        """Wait for no judgement any more; may be called twice."""
        for task in self._judging:
            task.cancel()
        await asyncio.gather(*self._judging, return_exceptions=True)

    def _dpi(self, frame: Frame) -> float | None:
        given = frame.metadata.get("dpi", self._settings.dpi)
        return float(given) if isinstance(given, int | float) else None


def judged(judgement: Judgement, facts: Mapping[str, Any]) -> Judged:
    """A judgement as the books keep it."""
    return Judged(judgement.verdict, judgement.checks_json(), facts)
