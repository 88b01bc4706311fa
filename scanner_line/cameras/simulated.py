"""A camera over a simulated book: the same promises as a real one, real JPEG bytes, real defects."""

import asyncio
import time
from dataclasses import dataclass

from scanner_line.cameras.base import CAPTURE_TIMEOUT_S, Frame
from scanner_line.errors import CameraError
from scanner_line.sim.book import SimulatedBook, jpeg_of
from scanner_line.sim.photograph import Shot, with_comment

EXPOSURE_S = 0.02
READOUT_S = 0.05  # from the end of the exposure to the JPEG in memory
PREVIEW_PX = (480, 640)


@dataclass(slots=True)
class _Ahead:
    """A photograph being made before it is asked for, and what it shows."""

    number: int
    task: asyncio.Task[tuple[bytes, int, int]]


class SimulatedCamera:
    """Photographs the page that lies at its place of the book. With `turns_itself` the page is turned after each shot."""

    def __init__(
        self, book: SimulatedBook, *, serial: str, place: int = 0, size: tuple[int, int] = (0, 0), turns_itself: bool = False
    ) -> None:
        self._book = book
        self._serial = serial
        self._place = place
        self._size = size
        self._turns_itself = turns_itself
        self._open = False
        self._plugged = True
        self._ahead: _Ahead | None = None
        book.on_turn(self._prepare)

    @property
    def serial(self) -> str:
        """The invented serial number."""
        return self._serial

    def unplug(self) -> None:
        """Pull the cable: every capture fails until it is plugged in and started again."""
        self._plugged = self._open = False

    def plug(self) -> None:
        """Put the cable back."""
        self._plugged = True

    async def start(self) -> None:
        """Open the camera and begin on the first page."""
        if not self._plugged:
            raise CameraError(f"camera {self._serial} is not connected")
        self._open = True
        self._prepare()

    async def capture(self, after_monotonic_ns: int, *, timeout_s: float = CAPTURE_TIMEOUT_S) -> Frame:
        """A photograph of the page at hand, exposed after the given moment."""
        if not self._open:
            raise CameraError(f"camera {self._serial} is not connected")
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.sleep(max(0.0, (after_monotonic_ns - time.monotonic_ns()) / 1e9))
                exposed_ns = time.monotonic_ns()
                ahead = self._ahead
                if ahead is None or ahead.number != self._book.page_at(self._place):
                    ahead = self._begin()
                self._ahead = None
                await asyncio.sleep(EXPOSURE_S + READOUT_S)
                jpeg, width, height = await asyncio.shield(ahead.task)
        except TimeoutError:
            raise CameraError(f"camera {self._serial} gave no frame within {timeout_s:g} s") from None
        if not self._open:
            raise CameraError(f"camera {self._serial} was lost during the exposure")
        if self._turns_itself:
            self._book.turn_page()
        metadata = {"SensorTimestamp": exposed_ns, "ExposureTime": round(EXPOSURE_S * 1e6), "AnalogueGain": 1.0, "Model": "simulated"}
        return Frame(with_comment(jpeg, f"simulated {self._serial} {exposed_ns}"), exposed_ns, width, height, metadata)

    async def preview(self) -> bytes:
        """The page at hand, small and without a defect."""
        if not self._open:
            raise CameraError(f"camera {self._serial} is not connected")
        shot = Shot(*PREVIEW_PX, seed=1)
        return (await asyncio.to_thread(jpeg_of, self._book.pages, self._book.page_at(self._place), shot))[0]

    async def close(self) -> None:
        """Stop; what is still being rendered is waited for, since a thread cannot be cancelled."""
        self._open = False
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            await asyncio.gather(ahead.task, return_exceptions=True)

    def _prepare(self) -> None:
        """Begin on the photograph of a newly turned page, so that a press is not kept waiting for the renderer."""
        if self._open and (self._ahead is None or self._ahead.task.done()):
            self._ahead = self._begin()

    def _begin(self) -> _Ahead:
        number = self._book.page_at(self._place)
        shot = self._book.next_shot(self._place, width=self._size[0], height=self._size[1])
        task = asyncio.create_task(asyncio.to_thread(jpeg_of, self._book.pages, number, shot), name=f"camera {self._serial}")
        return _Ahead(number, task)
