"""A watched folder as the source of a station: each whole file that a vendor's software leaves there is one press and one page."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping

from scanner_line.cameras.base import Frame
from scanner_line.errors import CameraError, SpoolError
from scanner_line.scanners.ledger import REFUSED, TAKEN, FolderLedger
from scanner_line.scanners.watching import DONE, REFUSED_FOLDER, FolderWatch, Found
from scanner_line.sources import End, Taken
from scanner_line.spool import Spool
from scanner_line.states import State
from scanner_line.station import Station

PEDAL = "folder"  # stands in the press records
SIDE = "page"
POLL_S = 0.5
WAIT_S = 60.0  # how long a press by a person waits for the next file
AGAIN_S, AGAIN_MAX_S = 2.0, 300.0  # until a file is tried again that the station did not take
ONE = End("one", "the file was taken", "已接收文件")
NO_FILE = End(
    "empty", f"no file came within {WAIT_S:g} s: scan the page in the scanner's own program", "没有收到文件：请在扫描软件中扫描该页"
)
NOT_WHOLE = End(
    "image", "the file is no whole page image: it was laid into the folder `refused`", "文件不完整或不是图像：已移到 refused 文件夹"
)
log = logging.getLogger(__name__)


class FolderSource:
    """Files of one folder, one a press. `work` presses the station for each; a person's press (a retake) takes the next file that comes."""

    many = True  # a held pedal opens or closes the batch and waits for no file
    sides = (SIDE,)

    def __init__(self, watch: FolderWatch, *, spool: Spool, move: bool, old: bool, wait_s: float = WAIT_S) -> None:
        """`move` puts files that are pages into `done/`; `old` takes those, too, that lay there before the very first start."""
        self.ended: End | None = None
        self._watch = watch
        self._ledger = FolderLedger(spool, str(watch.folder.absolute()))
        self._move = move
        self._old = old
        self._wait_s = wait_s
        self._known: dict[tuple[str, int, int], str] = {}
        self._fault = "not started"
        self._offered: Found | None = None
        self._wanted: asyncio.Future[Found | None] | None = None

    @property
    def faults(self) -> Mapping[str, str]:
        """Why the folder cannot be read."""
        return {str(self._watch.folder): self._fault} if self._fault else {}

    async def start(self) -> None:
        """Look at the folder, end what a restart left, note what is old."""
        try:
            self._known = await asyncio.to_thread(self._begin)
        except (OSError, SpoolError) as error:
            self._fault = f"the folder cannot be used: {error}"
        else:
            self._fault = ""

    def _begin(self) -> dict[tuple[str, int, int], str]:
        present = self._watch.files()
        old = self._ledger.begin(() if self._old else present)
        if old:
            log.info("%s: %d files lay there before the first start; they are left alone", self._watch.folder, old)
        self._ledger.settle()
        known = self._ledger.known()
        if self._move:
            self._watch.put_away_taken(known)
        return known

    async def take(self, after_monotonic_ns: int) -> AsyncIterator[Taken]:
        """The file that is offered; at a person's press the next one that comes."""
        self.ended = None
        found = self._offered if self._offered is not None else await self._next_one()
        if found is None:
            self.ended = NO_FILE
            yield Taken({}, {SIDE: NO_FILE.words})
        elif found.refused is not None:
            self.ended = NOT_WHOLE
            yield Taken({}, {SIDE: f"{found.seen.key}: {found.refused}"})
        else:
            self.ended = ONE
            facts = {"file": found.seen.key} | ({} if found.dpi is None else {"dpi": found.dpi})
            yield Taken({SIDE: Frame(found.data, time.monotonic_ns(), found.width, found.height, facts)})

    async def _next_one(self) -> Found | None:
        self._wanted = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._wanted
        except TimeoutError:
            return None
        finally:
            self._wanted = None

    def stop(self) -> None:
        """A press that waits for a file waits no longer."""
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    async def preview(self, side: str) -> bytes:
        """There is none."""
        raise CameraError("a folder has no preview")

    async def close(self) -> None:
        """Nothing is held open."""
        self.stop()

    async def work(self, station: Station) -> None:
        """Press the station for every file, until cancelled."""
        while True:
            try:
                found = None if self._fault else await asyncio.to_thread(self._watch.next, self._known)
                if found is not None:
                    await self._deliver(station, found)
                    continue
            except OSError as error:
                self._fault = f"the folder cannot be used: {error}"
            except SpoolError as error:
                log.warning("%s: %s", self._watch.folder, error)
            await asyncio.sleep(POLL_S)

    async def _deliver(self, station: Station, found: Found) -> None:
        if found.refused is None and await asyncio.to_thread(self._ledger.taken_before, found.seen, found.sha256):
            await self._end(found, TAKEN)  # the same bytes under the same name, written once more
            return
        await asyncio.to_thread(self._ledger.take, found.seen, found.sha256)
        pause_s = AGAIN_S
        while True:
            outcome = await self._press(station, found)
            if found.refused is not None and outcome == "failed":
                await self._end(found, REFUSED)
                return
            if outcome in ("captured", "control") or (outcome == "failed" and await self._stored(found)):
                await self._end(found, TAKEN)
                return
            await asyncio.sleep(pause_s)  # the disk is full, nobody is signed in: said aloud once, not at every look
            pause_s = min(pause_s * 2, AGAIN_MAX_S)

    async def _press(self, station: Station, found: Found) -> str:
        """How the press ended that took this file: the station's own, or a person's that was waiting for it."""
        changed = station.listen()
        try:
            while not _idle(station):
                if self._wanted is not None and not self._wanted.done():
                    before = station.facts.outcomes
                    self._wanted.set_result(found)
                    while not _idle(station):
                        changed.clear()
                        await changed.wait()
                    after = station.facts.outcomes
                    return next((outcome for outcome in after if after[outcome] > before.get(outcome, 0)), "failed")
                changed.clear()
                await changed.wait()
            self._offered = found
            return await asyncio.shield(station.press(PEDAL))  # a press on its way ends, whoever waits for it
        finally:
            self._offered = None
            station.unlisten(changed)

    async def _stored(self, found: Found) -> bool:
        """Whether a page of the file was stored although its press failed: the station judges it later."""
        return bool(await asyncio.to_thread(self._ledger.stored_since, found.seen))

    async def _end(self, found: Found, state: str) -> None:
        seen = found.seen
        await asyncio.to_thread(self._ledger.end, seen, state)
        self._known[seen.key, seen.size, seen.mtime_ns] = state
        try:
            if state == REFUSED:
                words = f"{NOT_WHOLE.words_zh}\n{NOT_WHOLE.words}\n{found.refused}"
                await asyncio.to_thread(self._watch.put_away, seen, REFUSED_FOLDER, words=words)
            elif self._move:
                await asyncio.to_thread(self._watch.put_away, seen, DONE)
        except OSError as error:
            log.warning("%s: %s could not be put away: %s", self._watch.folder, seen.key, error)


def _idle(station: Station) -> bool:
    return station.state is State.IDLE
