"""The way of one sheet or spread through the bench: its images become files and pages, the pages are judged."""

import asyncio
from collections.abc import Mapping
from typing import Any

from scanner_line.batches import Batch
from scanner_line.cameras.base import Frame
from scanner_line.cards import parse_card
from scanner_line.checks.results import Judgement
from scanner_line.disk import Disk
from scanner_line.errors import ImageRefused, JudgeError
from scanner_line.presses import RETAKE, Judged, Page, Picture, PressBook
from scanner_line.roles import Judge
from scanner_line.sources import Source, Taken
from scanner_line.spool import Spool
from scanner_line.states import Run, Settings, failing_check, worst
from wire.separators import parse


class Capture:
    """Stores and judges; decides nothing about batches and tells nobody."""

    def __init__(self, *, source: Source, spool: Spool, presses: PressBook, judge: Judge, disk: Disk, settings: Settings) -> None:
        """All collaborators are the station's own."""
        self._source = source
        self._spool = spool
        self._presses = presses
        self._judge = judge
        self._disk = disk
        self._settings = settings
        self._judging: set[asyncio.Task[tuple[Judgement, Mapping[str, Any]]]] = set()

    async def store(self, run: Run, taken: Taken, batch: Batch) -> None:
        """Files first, then the rows of the sheet's pages. A run whose images all belong nowhere has no pages."""
        pictures = []
        run.scans = {side: frame.scan for side, frame in taken.frames.items() if frame.scan is not None}
        for side in self._source.sides:
            frame = taken.frames.get(side)
            if frame is not None:
                kept = await self._disk(self._spool.keep, frame.jpeg)
                pictures.append(Picture(kept, frame.width, frame.height, side, self._dpi(frame)))
        reason = run.reason
        if run.aim.wish == RETAKE and reason is None:
            old = await self._disk(self._old, run, batch)
            reason = worst([page.verdict for page in old]) or RETAKE
        run.pages = await self._disk(
            self._presses.store,
            run.press,
            batch.batch,
            pictures,
            sides=self._source.sides,
            aim=run.aim,
            reason=reason,
            why=taken.words,
            sheet=run.sheet,
        )
        used = {page.side for page in run.pages}
        for picture in pictures:
            if picture.side not in used:
                await self._disk(self._spool.drop, picture.kept.sha256)
        if run.pages:
            run.number = await self._disk(self._presses.number, run.pages[0])

    def _old(self, run: Run, batch: Batch) -> list[Page]:
        """The pages that a retake replaces."""
        page = None if run.aim.page is None else self._presses.page(run.aim.page)
        if page is None:
            return self._presses.last_pages(batch.batch)
        return self._presses.spread(batch.batch, page.spread)

    async def judge(self, run: Run, *, halved: str | None, timeout_s: float) -> None:
        """Judge the run's pages within the time left since its edge; sets its verdicts and how it ends."""
        for page in run.pages:
            run.judged[page.page] = await self._verdict(run, page, run.edge.left_s(timeout_s))
        for scan in run.scans.values():
            scan.unlink(missing_ok=True)  # checks that are late measure the stored image
        run.scans = {}
        if halved is None:
            run.end("captured", "captured")
        else:
            run.halve(halved)

    def ahead(self, taken: Taken) -> None:
        """Let the checks begin with a sheet that waits behind the one being judged."""
        for frame in taken.frames.values():
            if frame.scan is not None:
                self._judge.ahead(frame.scan)

    async def _verdict(self, run: Run, page: Page, timeout_s: float) -> Judged:
        path, scan = self._spool.path_of(page.sha256 or ""), run.scans.get(page.side)
        task = asyncio.ensure_future(self._judge.judge(path, page=page.page, replaces=page.replaces, scan=scan))
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
        run.card = run.card or parse_card(judgement.code) is not None
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
