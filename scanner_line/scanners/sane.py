"""A scanner behind SANE as the source of a station: flatbed, feeder or duplex feeder, on a cable or in the network.

The station's process loads no backend: each load of sheets is a run of `scanimage` (see `process`), which is killed when it hangs.
"""

import asyncio
import shutil
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scanner_line.batches import now
from scanner_line.cameras.base import Frame
from scanner_line.errors import CameraError, ImageRefused, ScannerError
from scanner_line.scanners.ends import WORDS
from scanner_line.scanners.options import Wanted, arguments, needed, read_options, source_arguments
from scanner_line.scanners.pnm import as_png, inked_height, read_header
from scanner_line.scanners.process import Feed, ask
from scanner_line.sources import End, Taken

FRONT, BACK, ONLY = "front", "back", "page"
SHEET_S = 120.0  # the longest one image may take: a page of A3 at 600 dpi on a slow flatbed
LONG = 1.04  # of the declared length: more is another sheet, not a stretched one
INCH_MM = 25.4
LOST_MAX = 1000  # images whose loss is remembered
SENSOR = "double-feed"  # the backend `fujitsu` shows its ultrasonic sensor as an option of this name


@dataclass(frozen=True, slots=True)
class _Run:
    """What goes between the scanner's run and whoever takes its sheets; `room` is set while no sheet waits."""

    sheets: asyncio.Queue[Taken | End]
    room: asyncio.Event


def end_of(code: str) -> End:
    """The end with this code and its words."""
    return End(code, *WORDS[code])


class SaneSource:
    """One SANE device. A take scans one page from a flatbed, or sheet after sheet from a feeder until it is out of paper."""

    def __init__(
        self,
        device: str,
        *,
        wanted: Wanted,
        folder: Path,
        sheets: int = 0,
        sheet_s: float = SHEET_S,
        config: str | None = None,
        collate: bool = False,
    ) -> None:
        """`device` is SANE's name for it; `folder` takes images on their way; `sheets` a load may have at the most (0: any number);
        `sheet_s` is the longest an image may take; `config` another folder of SANE's configuration; `collate`:
        fronts run first, then backs."""
        self.many = wanted.source != "flatbed"
        self.device = device
        self.fed = 0
        self.ended: End | None = None
        self._wanted = wanted
        self._folder = folder
        self._sheets = sheets
        self._sheet_s = sheet_s
        self._config = config
        self._duplex = "duplex" in wanted.source.lower()
        self._collate = collate and not self._duplex
        self._side_file = folder.with_name(f"{folder.name}.side")
        self.lost: deque[int] = deque(maxlen=LOST_MAX)
        self._base: list[str] | None = None
        self._fault = "not started"
        self._stopping = False
        self._starting = asyncio.Lock()
        self._feed: Feed | None = None

    @property
    def sides(self) -> tuple[str, ...]:
        """Front and back of a duplex scan, or of two runs that are put together; else `page`."""
        return (FRONT, BACK) if self._duplex or self._collate else (ONLY,)

    @property
    def apart(self) -> bool:
        """Whether fronts and backs run apart."""
        return self._collate

    @property
    def run_sides(self) -> tuple[str, ...]:
        """The sides that the next run brings: where fronts and backs run apart, one of them. Outlives a restart."""
        if not self._collate:
            return self.sides
        return (BACK,) if self._side_file.exists() else (FRONT,)

    def turn(self, side: str) -> None:
        """The stack was turned over: the next run brings fronts, or backs. ScannerError where both come at once or only one is seen."""
        if not self._collate or side not in self.sides:
            raise ScannerError("this scanner's fronts and backs do not run apart: set `collate` for the bench")
        if side == BACK:
            self._side_file.parent.mkdir(parents=True, exist_ok=True)
            self._side_file.touch()
        else:
            self._side_file.unlink(missing_ok=True)

    @property
    def faults(self) -> Mapping[str, str]:
        """What keeps the scanner from scanning at all: it is not there, or does not take what the bench asks for."""
        return {self.device: self._fault} if self._fault else {}

    async def start(self) -> None:
        """Ask the device for its options and fit the bench's wishes to them; what does not fit is a fault."""
        async with self._starting:
            if self._feed is not None:
                return
            await asyncio.to_thread(self._sweep)
            try:
                self._base = await self._fit()
            except ScannerError as error:
                self._base, self._fault = None, str(error)
            else:
                self._fault = ""

    async def _fit(self) -> list[str]:
        """The arguments for the device, from the options it has with the wanted source and mode."""
        base = ["-d", self.device]
        source = source_arguments(read_options(await self._ask([*base, "-A"])), self._wanted.source)
        bare = replace(self._wanted, more={}, brightness=None, page_size="10x10", longest_mm=0.0)
        mode = [one for one in arguments(read_options(await self._ask([*base, *source, "-A"])), bare) if one.startswith("--mode")]
        options = read_options(await self._ask([*base, *source, *mode, "-A"]))
        made = [*base, *source, *arguments(options, replace(self._wanted, more={}))]
        for name, value in self._wanted.more.items():
            if name in options and not options[name].active:  # perhaps one of those before it makes it so
                options = read_options(await self._ask([*made, "-A"]))
            made.append(needed(options, name).argument(value))
        return made

    async def _ask(self, words: list[str]) -> str:
        return await ask(words, config=self._config)

    async def take(self, after_monotonic_ns: int) -> AsyncIterator[Taken]:
        """The page on the glass, or the sheets of the feeder; `ended` says how it ended, with words that tell what to do. While one sheet
        is stored and judged the next is made a PNG and the one after it is scanned, no more. A frame's `scan` stays until its taker
        removes it, or the next take begins."""
        self.ended, self._stopping = None, False
        await asyncio.to_thread(self._sweep)
        run = _Run(asyncio.Queue(), asyncio.Event())
        running = asyncio.create_task(self._run(run), name=f"{self.device}: feed")
        try:
            while not isinstance(sheet := await run.sheets.get(), End):
                run.room.set()
                yield sheet
            self.ended = sheet
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            self.ended = self.ended or end_of("stopped")

    async def _run(self, run: _Run) -> None:
        """One run of the scanner: its sheets into the queue, and how it ended behind the last."""
        end = end_of("crashed")
        try:
            if self._base is None:
                await self.start()
            if self._base is None:
                end = End("io-error", self._fault, f"{WORDS['io-error'][1]}（{self._fault}）")
                return
            code = await self._feed_all(await Feed.start(self._base, self._folder, config=self._config), run)
            end = end_of("double-feed" if code == "jam" and await self._two_at_once() else code)
        except (ScannerError, OSError) as error:
            self._fault = str(error)
            end = end_of("io-error")
        finally:
            run.sheets.put_nowait(end)

    async def _feed_all(self, feed: Feed, run: _Run) -> str:
        """Draw in sheet after sheet; the code of how it ended."""
        self._feed = feed
        code, number = "", 0
        try:
            await feed.more(len(self.run_sides))
            while not code:
                paths, failures, code = await self._images(feed)
                if not paths:
                    break
                number += 1
                remarks, refused = await asyncio.to_thread(self._look, paths)
                code = code or ("io-error" if refused else "double-feed" if remarks else self._last(number))
                if not code:
                    await feed.more(len(self.run_sides))
                sheet = await self._made(paths, {**failures, **refused}, remarks)
                self.fed += 1
                if number > 1:
                    await run.room.wait()  # the sheet before this one is being judged: the scanner is one ahead, not two
                run.room.clear()
                run.sheets.put_nowait(sheet)
            given = await feed.end()
            return code or given
        finally:
            self._feed = None
            await feed.kill()
            await asyncio.to_thread(self._clear)

    async def _images(self, feed: Feed) -> tuple[dict[str, Path], dict[str, str], str]:
        """The next sheet's files by side, what failed by side, and a code where the run is to end; no files at the end."""
        paths: dict[str, Path] = {}
        for side in self.run_sides:
            try:
                path = await feed.next(self._sheet_s)
            except TimeoutError:
                await feed.kill()
                return paths, {side: WORDS["no-answer"][0]} if paths else {}, "no-answer"
            if path is None:
                return paths, {side: "the scanner gave no image of this side"} if paths else {}, ""
            paths[side] = path
        return paths, {}, ""

    def _last(self, number: int) -> str:
        """Why this sheet is the last to be asked for; empty if it is not."""
        if not self.many:
            return "one"
        if self._stopping:
            return "stopped"
        return "count" if number == self._sheets else ""

    async def _made(self, paths: Mapping[str, Path], failures: Mapping[str, str], remarks: Mapping[str, tuple[str, str]]) -> Taken:
        frames, failed = {}, dict(failures)
        for side, path in paths.items():
            if side in failed:
                self.lost.append(now()[0])
                continue
            try:
                png, width, height = await asyncio.to_thread(as_png, path, dpi=self._wanted.resolution)
            except (ImageRefused, OSError) as error:
                failed[side] = str(error)
                self.lost.append(now()[0])
            else:
                metadata = {"dpi": float(self._wanted.resolution), "device": self.device}
                scan = path.rename(path.with_name(f"{self.fed}-{side}.scan"))
                frames[side] = Frame(png, time.monotonic_ns(), width, height, metadata, scan)
            path.unlink(missing_ok=True)
        return Taken(frames, failed, remarks if frames else {})

    def _look(self, paths: Mapping[str, Path]) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
        """By side: what there is to say of a sheet longer than the batch's pages may be, and why an image is none."""
        expected_mm = self._wanted.size_mm[1]
        longest_mm, refused = 0.0, {}
        for side, path in paths.items():
            try:
                raster = read_header(path)
                length_mm = raster.height * INCH_MM / self._wanted.resolution
                if length_mm > expected_mm * LONG:
                    length_mm = inked_height(path, raster) * INCH_MM / self._wanted.resolution
            except (ImageRefused, OSError) as error:
                refused[side] = str(error)
            else:
                longest_mm = max(longest_mm, length_mm)
        if longest_mm <= expected_mm * LONG:
            return {}, refused
        words = (
            f"{longest_mm:.0f} mm long where a page has {expected_mm:.0f}: two sheets at once?",
            f"长 {longest_mm:.0f} 毫米，页面应为 {expected_mm:.0f} 毫米：是否重张进纸？",
        )
        return dict.fromkeys(paths, words), refused

    async def _two_at_once(self) -> bool:
        """Whether the backend says that what it calls a jam was a double feed."""
        try:
            sensor = read_options(await ask(["-d", self.device, "-A"], config=self._config)).get(SENSOR)
        except ScannerError:
            return False
        return sensor is not None and sensor.value == "yes"

    def stop(self) -> None:
        """Ask for no further sheet; those the scanner has drawn in already still come."""
        self._stopping = True

    async def preview(self, side: str) -> bytes:
        """There is none: a scanner sees nothing before it scans."""
        raise CameraError("a scanner has no preview")

    async def close(self) -> None:
        """End the run under way; may be called twice."""
        feed, self._feed = self._feed, None
        if feed is not None:
            await feed.kill()
        self._base, self._fault = None, "closed"

    def _sweep(self) -> None:
        """Begin with an empty folder: what lies there belongs to a run that ended."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)

    def _clear(self) -> None:
        """After a run: remove what belongs to no sheet that was handed out."""
        for path in self._folder.glob("*.pnm*"):
            path.unlink(missing_ok=True)
