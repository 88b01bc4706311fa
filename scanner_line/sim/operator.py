"""A simulated operator at a bench: presses the pedal's pin, turns the pages, takes bad ones again, opens and closes batches.

The operator sees what a person sees (the verdict, the count) and uses what a person uses: pedals on their pins, the screen's buttons.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from scanner_line.errors import BatchError
from scanner_line.presses import RETAKE
from scanner_line.states import State
from scanner_line.station import Station
from sensors.transports.gpio import Pins

TAP_S = 0.12
ANSWER_S = 10.0  # without a verdict by then the operator tries again
TRIES = 3  # at one page, before it is left as it is
MISHAPS = frozenset({"finger", "glare", "crop"})  # `look` for one of these is worth a second picture


@dataclass(frozen=True, slots=True)
class Shift:
    """How the operator works: pages a batch, seconds a page (reading the lamp, turning), seconds between two batches."""

    pages: int = 22
    page_s: float = 1.5
    pause_s: float = 60.0


class SimulatedOperator:
    """Works until cancelled. An open batch is carried on where it stands."""

    def __init__(
        self, station: Station, *, turn: Callable[[int], None], pins: Pins, pedal_pin: int, hold_s: float, shift: Shift | None = None
    ) -> None:
        """`turn(n)` turns n pages on in the simulated book; `pins` are the bench's simulated pins, active low; `hold_s` is how long the
        pedal has to be held for a control."""
        self._station = station
        self._turn = turn
        self._pin = pins.pin(pedal_pin)
        self._hold_s = hold_s
        self._shift = shift or Shift()
        self._pages = 0

    async def run(self) -> None:
        """Batch after batch."""
        batch = self._station.facts.batch
        if batch is not None:
            self._turn(batch.counts.captured // len(self._station.source.sides))
        while True:
            await self._batch()
            await asyncio.sleep(self._shift.pause_s)

    async def _batch(self) -> None:
        station = self._station
        if station.facts.batch is None:
            volume = time.strftime("%Y-%m%d-%H%M")
            try:
                await station.open_batch(declared=self._shift.pages, volume=volume)
            except BatchError:
                await asyncio.sleep(self._shift.page_s)  # somebody else was quicker
        while station.facts.batch is not None and station.facts.batch.counts.captured < self._due():
            begun = time.monotonic()
            await self._page()
            await asyncio.sleep(max(0.5, self._shift.page_s - (time.monotonic() - begun)))
        for _ in range(2):  # the second time confirms, if the bench asks
            if station.facts.batch is not None:
                await self._tap(self._hold_s + 0.2)
                await asyncio.sleep(0.3)

    def _due(self) -> int:
        batch = self._station.facts.batch
        return self._shift.pages if batch is None or batch.declared is None else batch.declared

    async def _page(self) -> None:
        """One spread, with retakes as they are needed, then the page is turned."""
        await self._tap(TAP_S)
        for _ in range(TRIES):
            last = self._station.last
            mishap = (
                last is not None
                and last.outcome in ("captured", "failed")
                and (last.verdict == "bad" or (last.verdict == "look" and any(check["name"] in MISHAPS for check in last.failing)))
            )
            if not mishap:
                break
            await asyncio.sleep(self._shift.page_s * 0.5)
            await asyncio.wait_for(self._station.press("screen", RETAKE), ANSWER_S)
        if self._station.last is not None and self._station.last.outcome == "captured":
            self._turn(1)

    async def _tap(self, down_s: float) -> None:
        """Press the pedal for so long and wait for what comes of it."""
        changed = self._station.listen()
        try:
            self._pin.drive_low()
            await asyncio.sleep(down_s)
            self._pin.drive_high()
            async with asyncio.timeout(ANSWER_S):
                while self._station.state is not State.IDLE:
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            return
        finally:
            self._station.unlisten(changed)
