"""What a bench asks of a camera: one frame whose exposure began after the press."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

CAPTURE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One photograph as the camera gave it.

    `exposed_ns` is when the exposure began, in nanoseconds of `time.monotonic_ns()`; width and height are in pixels. `scan` is a PNM file
    of the same pixels where there is one, which is judged faster; who has judged the frame removes it.
    """

    jpeg: bytes
    exposed_ns: int
    width: int
    height: int
    metadata: Mapping[str, object] = field(default_factory=dict)
    scan: Path | None = None


class Camera(Protocol):
    """A camera over one place of a bench, bound by its serial number, never by the order it was found in."""

    @property
    def serial(self) -> str:
        """The number by which this very camera is known again."""

    async def start(self) -> None:
        """Open the device and lock exposure, white balance and focus; CameraError when that fails."""

    async def capture(self, after_monotonic_ns: int, *, timeout_s: float = CAPTURE_TIMEOUT_S) -> Frame:
        """A frame whose exposure began at or after the given moment of `time.monotonic_ns()`; CameraError when none comes in time."""

    async def preview(self) -> bytes:
        """A small JPEG of what the camera sees now, for the bench's screen."""

    async def close(self) -> None:
        """Give the device back; may be called twice."""
