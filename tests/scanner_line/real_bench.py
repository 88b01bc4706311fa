"""A whole bench in a thread of its own: simulated pins and cameras, the real checks in their process, the screen on a free port."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from scanner_line.bench import Bench
from scanner_line.operators import Operator
from scanner_line.sim.operator import Shift
from sensors.transports.gpio import simulated_pins
from tests.scanner_line.bench import RecordTable

PEDAL, RETAKE_PEDAL = 23, 24
LAMP = {"red": 5, "yellow": 6, "green": 13}
T = TypeVar("T")


class RunningBench:
    """The bench and the loop it runs in; `do` runs a coroutine there, `look` a plain call."""

    def __init__(self, bench: Bench, loop: asyncio.AbstractEventLoop, pins: Any) -> None:
        self.bench, self.loop, self.pins = bench, loop, pins

    @property
    def url(self) -> str:
        return self.bench.screen.url

    def do(self, work: Coroutine[Any, Any, T], timeout_s: float = 60) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_s)

    def turn(self, pages: int = 1) -> None:
        """Turn the simulated book's page, or back."""

        async def turn() -> None:
            assert self.bench.book is not None
            self.bench.book.turn_page(pages)

        self.do(turn())

    def lit(self) -> list[str]:
        """The colours of the lamp whose pins are high at this moment."""
        return [colour for colour, number in LAMP.items() if self.pins.pin(number).state]

    def until(self, true: Callable[[Bench], object], timeout_s: float = 60) -> None:
        """Wait for something to become true of the bench; it is asked at each change."""

        async def wait() -> None:
            changed = self.bench.station.listen()
            try:
                async with asyncio.timeout(timeout_s):
                    while not true(self.bench):
                        await changed.wait()
                        changed.clear()
            finally:
                self.bench.station.unlisten(changed)

        self.do(wait(), timeout_s + 5)

    def tap(self, pin: int = PEDAL) -> None:
        """Foot down and up again on a pedal's pin, and the bench at rest afterwards."""
        time.sleep(0.05)  # a foot is not back sooner than the contact settles
        before = sum(self.bench.station.facts.outcomes.values())
        self.pins.pin(pin).drive_low()
        self.loop.call_soon_threadsafe(self.loop.call_later, 0.1, self.pins.pin(pin).drive_high)
        self.until(lambda bench: sum(bench.station.facts.outcomes.values()) > before and bench.station.state == "idle")


@contextmanager
def running_bench(
    folder: Path,
    *,
    sides: Sequence[str] = ("page",),
    camera: Mapping[str, Any] | None = None,
    defects: Sequence[str] = (),
    operator: Shift | None = None,
    operators: Sequence[Operator] = (),
    **options: Any,
) -> Iterator[RunningBench]:
    """Run a bench until the block ends. `defects` name what happens at the first shots (an empty word: nothing)."""
    loop, ready, ended = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    made: list[RunningBench] = []
    failure: list[BaseException] = []

    async def life() -> None:
        pins = simulated_pins()
        table = {"driver": "picamera2", "transport": "sim", "defects": list(defects) or 0.0, **(camera or {})}
        bench = Bench(
            "bench-1",
            {
                "pedal_pin": PEDAL,
                "retake_pin": RETAKE_PEDAL,
                "lamp": LAMP,
                "buzzer_pin": 19,
                "screen": "127.0.0.1:0",
                "verdict_s": 30.0,  # a busy machine must not turn verdicts into `look` where they are what is asked about
                "camera_s": 30.0,
                "camera": dict.fromkeys(sides, table),
                **options,
            },
            agent="bench-1",
            folder=folder,
            outbox=RecordTable,
            pins=pins,
            operator=operator is not None,
            operators=operators,
            shift=operator,
        )
        running = None
        try:
            await bench.start()
            running = asyncio.create_task(bench.run(), name="bench")
            made.append(RunningBench(bench, loop, pins))
            ready.set()
            await ended.wait()
        finally:
            if running is not None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            await bench.close()

    def live() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                runner.run(life())
            except BaseException as error:  # handed to the test's own thread
                failure.append(error)
            finally:
                ready.set()

    thread = threading.Thread(target=live, name="bench")
    thread.start()
    try:
        if not ready.wait(60) or failure:
            raise failure[0] if failure else TimeoutError("the bench did not start")
        yield made[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(30)
    if failure:
        raise failure[0]
