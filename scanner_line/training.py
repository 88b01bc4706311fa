"""Training at a bench: a practice station over a folder of its own, whose pages reach no book, no outbox and no centre.

Pedals and screen are routed to it while it is on; its cameras give drawn pages, or real ones, and spoil some of them.
"""

import asyncio
import hashlib
import logging
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from random import SystemRandom
from typing import Any

import cv2
import numpy as np

from scanner_line.cameras.base import CAPTURE_TIMEOUT_S, Camera, Frame
from scanner_line.checks.images import Gray, as_gray
from scanner_line.errors import CameraError, TrainingError
from scanner_line.lesson import KINDS, OF_REAL_SHEETS, Lesson, Showing, words_of
from scanner_line.pages import END, INSERT, RETAKE
from scanner_line.presses import Aim
from scanner_line.roles import Judge
from scanner_line.shutter import Shutter
from scanner_line.sim.book import RenderedPages, jpeg_of
from scanner_line.sim.pages import Volume
from scanner_line.sim.photograph import SIZES_PX, Shot, encode, spoil, with_comment
from scanner_line.states import CAPTURE, Edge
from scanner_line.station import Station

PAGES = 26
BOOK, CAMERAS = "book", "cameras"
SKEW_DEG = 4.0
log = logging.getLogger(__name__)


class NoOutbox:
    """Where the records of a training go: nowhere."""

    def add(self, lane: str, record: dict[str, Any], files: Any = ()) -> None:
        """Forget it."""


class PracticeJudge:
    """The bench's own judge, lent for a training: it is neither started nor stopped by it."""

    def __init__(self, judge: Judge) -> None:
        """The judge of the bench, which has no batch open meanwhile."""
        self.prime, self.ahead, self.judge = judge.prime, judge.ahead, judge.judge

    async def start(self) -> None:
        """Nothing: it runs."""

    async def close(self) -> None:
        """Nothing: the bench needs it."""


class Course:
    """What the practice cameras share: the lesson, the drawn book, and what the shot on its way shows."""

    def __init__(self, lesson: Lesson, *, pages: RenderedPages | None) -> None:
        """`pages` is None where real sheets lie under the cameras."""
        self.lesson = lesson
        self.pages = pages
        self.showing: Showing | None = None


class PracticeCamera:
    """A camera over the practice book, or over a real camera whose pictures it spoils."""

    def __init__(self, course: Course, *, side: int, real: Camera | None) -> None:
        """`side` counts from 0 in reading order."""
        self._course = course
        self._side = side
        self._real = real
        self._shots = 0

    @property
    def serial(self) -> str:
        """The real camera's, or one that says what this is."""
        return self._real.serial if self._real is not None else f"training-{self._side + 1}"

    async def start(self) -> None:
        """Nothing: a real camera was started by the bench."""

    async def close(self) -> None:
        """Nothing: a real camera goes on working for the bench."""

    async def capture(self, after_monotonic_ns: int, *, timeout_s: float = CAPTURE_TIMEOUT_S) -> Frame:
        """The page that the lesson shows now, spoilt where it says so."""
        showing = self._course.showing
        if showing is None:
            raise CameraError("training: the book is at its end; mend what is wrong and end the training")
        if showing.fails:
            raise CameraError(words_of(showing.fails)["words"])
        self._shots += 1
        number, bad = showing.numbers[self._side], showing.spoilt if showing.side == self._side else None
        if self._course.pages is None:
            frame = await self._spoilt(after_monotonic_ns, timeout_s, bad)
        else:
            exposed_ns = max(after_monotonic_ns, time.monotonic_ns())
            shot = Shot(*SIZES_PX[3], bad, seed=number * 1000 + self._shots)
            jpeg, width, height = await asyncio.to_thread(jpeg_of, self._course.pages, number - 1, shot)
            frame = Frame(with_comment(jpeg, f"training {self._side} {self._shots} {exposed_ns}"), exposed_ns, width, height)
        self._course.lesson.shown(hashlib.sha256(frame.jpeg).hexdigest(), number, spoilt=bad is not None)
        return frame

    async def preview(self) -> bytes:
        """The real camera's; none of a drawn book."""
        if self._real is None:
            raise CameraError("training: there is no preview of drawn pages")
        return await self._real.preview()

    async def _spoilt(self, after_monotonic_ns: int, timeout_s: float, defect: str | None) -> Frame:
        if self._real is None:
            raise CameraError("training: there is no camera at this side")
        frame = await self._real.capture(after_monotonic_ns, timeout_s=timeout_s)
        if defect is None:
            return frame
        jpeg = await asyncio.to_thread(spoil_jpeg, frame.jpeg, defect, seed=self._shots)
        return Frame(jpeg, frame.exposed_ns, frame.width, frame.height, frame.metadata)


def spoil_jpeg(jpeg: bytes, defect: str, *, seed: int) -> bytes:
    """A real photograph with a defect put in; CameraError if it cannot be decoded."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise CameraError("the picture cannot be decoded")
    seen: Gray = as_gray(image)
    height, width = seen.shape[:2]
    if defect == "skew":
        warp = cv2.getRotationMatrix2D((width / 2, height / 2), SKEW_DEG, 0.94)
        seen = as_gray(cv2.warpAffine(seen, warp, (width, height), borderMode=cv2.BORDER_REPLICATE))
    return encode(spoil(seen, Shot(width, height, None if defect == "skew" else defect, seed=seed)))


class PracticeStation(Station):
    """A station that tells the course what each press means before the cameras fire."""

    course: Course

    def down(
        self, pedal: str, wish: str = CAPTURE, *, edge: Edge | None = None, page: str | None = None, after: str | None = END
    ) -> "asyncio.Task[str]":
        """As a station's; the lesson goes on only where the press is taken."""
        lesson, idle = self.course.lesson, self.state == "idle" and not self._turn.locked()
        aim = self.aim if self.aim is not None and wish == CAPTURE else Aim(wish, page, after)
        if idle:
            meant: dict[str, Callable[[], Showing | None]] = {
                RETAKE: lambda: lesson.retake(self._number(aim.page)),
                INSERT: lambda: lesson.capture() if aim.after == END else lesson.insert(self._number(aim.after)),
                CAPTURE: lesson.capture,
            }
            self.course.showing = meant[aim.wish]() if aim.wish in meant else None
        task = super().down(pedal, wish, edge=edge, page=page, after=after)
        if idle and aim.wish == CAPTURE:
            task.add_done_callback(lambda done: lesson.back() if not done.cancelled() and done.result() == "control" else None)
        return task

    def _number(self, page: str | None) -> int | None:
        """Which page of the practice book a page of the batch shows: of a placeholder, the one that it stands for."""
        found = None if page is None else self.presses.page(page)
        before = None
        for one in [] if found is None else self.presses.live_pages(found.batch):
            shown = self.course.lesson.number_of(one.sha256 or "")
            if one.page == page:
                return shown if shown is not None else (before or 0) + 1
            before = shown if shown is not None else before
        return None


class Training:
    """Switches a bench between the real station and a practice one. What pedals press, it passes on to the one that is on."""

    def __init__(
        self,
        real: Station,
        *,
        folder: Path,
        practice: Callable[[Path, Mapping[str, Camera]], PracticeStation],
        changed: Callable[[], None] = lambda: None,
        feeder: bool = False,
        seed: Callable[[], int] = lambda: SystemRandom().randrange(2**31),
    ) -> None:
        """`practice(folder, cameras)` makes a station over a folder with these cameras and no outbox; `changed` is told of a start or an
        end."""
        self._real = real
        self._folder = folder
        self._make = practice
        self._changed = changed
        self._seed = seed
        self._kinds = tuple(kind for kind in KINDS if kind != ("camera" if feeder else "jam"))
        self._practice: PracticeStation | None = None
        self._score: dict[str, Any] | None = None
        self._switching = asyncio.Lock()

    @property
    def on(self) -> bool:
        """Whether somebody trains."""
        return self._practice is not None

    @property
    def station(self) -> Station:
        """The station that pedals and screen mean now."""
        return self._practice or self._real

    def refusal(self) -> tuple[str, str] | None:
        """(code, words) for whoever presses the real station meanwhile."""
        return ("training", "the bench is in training") if self.on else None

    def down(self, pedal: str, wish: str = CAPTURE, *, edge: Edge | None = None) -> object:
        """A pedal went down."""
        return self.station.down(pedal, wish, edge=edge)

    def up(self, pedal: str, *, at_ns: int | None = None) -> None:
        """A pedal came up."""
        self.station.up(pedal, at_ns=at_ns)

    async def start(self, *, material: str = BOOK) -> None:
        """Begin; TrainingError while a batch is open, a press runs, or a training is on."""
        async with self._switching:
            if self.on:
                raise TrainingError("a training is on already")
            if self._real.facts.batch is not None or self._real.state != "idle":
                raise TrainingError("close the batch first: a training begins between two batches")
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            sides, seed = self._real.source.sides, self._seed()
            source = self._real.source
            real = source.cameras if material == CAMERAS and isinstance(source, Shutter) else {}
            kinds = [kind for kind in self._kinds if material == BOOK or kind in OF_REAL_SHEETS]
            volume, drawn = Volume(seed % 1000 + 2), material == BOOK

            def is_blank(number: int) -> bool:
                return drawn and volume.is_blank(number - 1)

            lesson = Lesson(
                PAGES, len(sides), kinds=kinds, seed=seed, blank=(lambda n: volume.is_blank(n - 1)) if drawn else (lambda _: False)
            )
            course = Course(lesson, pages=RenderedPages(volume) if drawn else None)
            cameras = {side: PracticeCamera(course, side=at, real=real.get(side)) for at, side in enumerate(sides)}
            practice = self._make(self._folder, cameras)
            practice.course = course
            for name, up in self._real.links.items():
                practice.set_link(name, up)
            await practice.start()
            self._practice, self._score = practice, None
            log.info("%s: training with %s", self._real.name, "real sheets" if real else "drawn pages")
            self._changed()

    async def stop(self) -> None:
        """End, count what was mended, forget the pages; TrainingError where none is on."""
        async with self._switching:
            practice = self._practice
            if practice is None:
                raise TrainingError("no training is on")
            if practice.state != "idle":
                raise TrainingError("a press is still on its way")
            self._score = await asyncio.to_thread(self._count, practice)
            self._practice = None
            await practice.close()
            practice.spool.close()
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            self._changed()

    async def close(self) -> None:
        """End without a score; may be called twice."""
        practice, self._practice = self._practice, None
        if practice is not None:
            await practice.close()
            practice.spool.close()
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def view(self) -> dict[str, Any]:
        """For the screen: whether it is on, how many shots are left, and the last score."""
        lesson = None if self._practice is None else self._practice.course.lesson
        left = 0 if lesson is None else lesson.left
        return {"on": self.on, "left": left, "done": self.on and left == 0, "score": self._score}

    @staticmethod
    def _count(practice: PracticeStation) -> dict[str, Any]:
        batch = practice.facts.batch or practice.facts.closed
        pages = [] if batch is None else practice.presses.live_pages(batch.batch)
        scored = practice.course.lesson.score([page.sha256 or "" for page in pages])
        return {
            "id": str(uuid.uuid4()),
            "total": len(scored),
            "mended": sum(mended for _, mended in scored),
            "defects": [{"kind": defect.kind, "page": defect.page, "mended": mended} for defect, mended in scored],
        }
