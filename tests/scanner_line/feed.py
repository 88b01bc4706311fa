"""A feeder for tests: sheets that the test lays in, how the run ends, and a gate before each sheet."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from io import BytesIO

from PIL import Image

from scanner_line.cameras.base import Frame
from scanner_line.errors import CameraError
from scanner_line.sources import End, Taken

EMPTY = End("empty", "the feeder is empty: load paper", "进纸器已空")
STOPPED = End("stopped", "stopped", "已停止")
JAM = End("jam", "paper jam: take the sheet out", "卡纸")


class TestFeeder:
    """A source of many sheets. `sheets` are what lies in it: side -> image, a missing side failed."""

    __test__ = False
    many = True

    def __init__(self, sides: tuple[str, ...] = ("front", "back")) -> None:
        self.sides = sides
        self.sheets: deque[Mapping[str, bytes]] = deque()
        self.end = EMPTY
        self.ended: End | None = None
        self.gate: asyncio.Event | None = None
        self.remarks: Mapping[str, tuple[str, str]] = {}
        self._stop = False

    @property
    def faults(self) -> Mapping[str, str]:
        return {}

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def preview(self, side: str) -> bytes:
        raise CameraError(f"a feeder sees nothing on its {side}")

    def stop(self) -> None:
        self._stop = True

    def load(self, count: int, *, first: int = 1) -> None:
        """Lay in so many sheets, each different."""
        for number in range(first, first + count):
            self.sheets.append({side: png(f"{side} {number}") for side in self.sides})

    async def take(self, after_monotonic_ns: int) -> AsyncIterator[Taken]:
        self.ended, self._stop = None, False
        while self.sheets and not self._stop:
            if self.gate is not None:
                await self.gate.wait()
            sheet = self.sheets.popleft()
            frames = {
                side: Frame(image, max(after_monotonic_ns, time.monotonic_ns()), 64, 90, {"dpi": 300.0}) for side, image in sheet.items()
            }
            yield Taken(frames, {side: "no picture" for side in self.sides if side not in sheet}, self.remarks)
        self.ended = STOPPED if self._stop else self.end


def png(words: str) -> bytes:
    """A small valid PNG, different for each text."""
    made = BytesIO()
    image = Image.new("L", (64, 90), 255)
    for at, letter in enumerate(words.encode()):
        image.putpixel((at % 64, at // 64), letter)
    image.save(made, "PNG")
    return made.getvalue()
