"""The shutter of a bench, the source whose pictures come from cameras: fires all of them for one press and says which delivered."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from scanner_line.cameras.base import Camera, Frame
from scanner_line.errors import CameraError
from scanner_line.sources import End, Taken

GRACE_S = 0.2  # on top of the camera's own timeout, before the station stops waiting for it
START_TIMEOUT_S = 30.0  # opening a camera and locking its exposure


ONE = End("one", "the spread was taken", "已拍摄一次")


class Shutter:
    """All cameras of a bench by side (`left`, `right`, or whatever the one is called), in reading order."""

    many = False

    def __init__(self, cameras: Mapping[str, Camera], *, timeout_s: float) -> None:
        """`timeout_s` is how long one exposure may take."""
        self._cameras = dict(cameras)
        self._timeout_s = timeout_s
        self._faults: dict[str, str] = dict.fromkeys(self._cameras, "not started")
        self._started: set[str] = set()
        self._starting = asyncio.Lock()
        self.ended: End | None = None

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides in reading order."""
        return tuple(self._cameras)

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """The cameras by side."""
        return self._cameras

    @property
    def faults(self) -> dict[str, str]:
        """Side -> what is wrong with its camera. One that was started is tried all the same at the next press."""
        return {side: why for side, why in self._faults.items() if why}

    async def start(self) -> None:
        """Start the cameras that have a fault, anew where they ran before; what fails is kept in `faults` and tried by the next call."""
        async with self._starting:
            for side in self.faults:
                camera = self._cameras[side]
                try:
                    if side in self._started:
                        self._started.discard(side)
                        await asyncio.wait_for(camera.close(), START_TIMEOUT_S)
                    await asyncio.wait_for(camera.start(), START_TIMEOUT_S)
                except CameraError as error:
                    self._faults[side] = str(error) or "no answer"
                except TimeoutError:
                    self._faults[side] = f"did not start within {START_TIMEOUT_S:g} s"
                else:
                    self._started.add(side)
                    self._faults[side] = ""

    async def take(self, after_monotonic_ns: int) -> AsyncIterator[Taken]:
        """One frame of every camera, each exposed after the given moment of `time.monotonic_ns()`; never raises for a camera."""
        self.ended = None
        results = await asyncio.gather(*(self._shoot(side, after_monotonic_ns) for side in self._cameras))
        frames = {side: got for side, got in zip(self._cameras, results, strict=True) if isinstance(got, Frame)}
        failures = {f"{side} camera": got for side, got in zip(self._cameras, results, strict=True) if isinstance(got, str)}
        self.ended = ONE
        yield Taken(frames, failures)

    def stop(self) -> None:
        """Nothing: an exposure ends by itself."""

    async def preview(self, side: str) -> bytes:
        """A small JPEG of what the side's camera sees now; CameraError where it cannot say."""
        if side not in self._started:
            raise CameraError(self._faults.get(side) or f"there is no camera {side}")
        return await self._cameras[side].preview()

    async def _shoot(self, side: str, after_monotonic_ns: int) -> Frame | str:
        if side not in self._started:
            return self._faults[side]
        camera = self._cameras[side]
        try:
            frame = await asyncio.wait_for(camera.capture(after_monotonic_ns, timeout_s=self._timeout_s), self._timeout_s + GRACE_S)
        except CameraError as error:
            why = str(error) or "no picture"
        except TimeoutError:
            why = f"no picture within {self._timeout_s:g} s"
        else:
            why = "" if frame.exposed_ns >= after_monotonic_ns else "the picture was exposed before the press"
        self._faults[side] = why
        return why or frame

    async def close(self) -> None:
        """Give all cameras back; may be called twice."""
        await asyncio.gather(*(camera.close() for camera in self._cameras.values()))
        self._started.clear()
        self._faults = dict.fromkeys(self._cameras, "closed")
