"""A bench as a process of its own that works without end: to be killed. Prints the outcome of each press once it is known.

Its second argument says what it works with: `cameras` (presses and all page operations) or `feeder` (runs of sheets).
"""

import asyncio
import sys
from pathlib import Path

from scanner_line.errors import BatchError
from scanner_line.orders import obey
from scanner_line.pages import INSERT
from scanner_line.presses import RETAKE
from scanner_line.states import CAPTURE
from tests.scanner_line.bench import Bench
from tests.scanner_line.feed import TestFeeder


async def work(folder: Path) -> None:
    """Press, insert, delete, move, place, undo, retake each fifth, close a batch each thirtieth and take it up again; two cameras."""
    bench = Bench(folder, sides=("left", "right"))
    for camera in bench.cameras.values():
        camera.shots = bench.spool.connection.execute("SELECT count(*) FROM pages").fetchone()[0]
    await bench.station.start()
    print("ready", flush=True)
    for n in range(10_000):
        if n % 30 == 29:
            await obey(bench.station, "batch.close", {"confirm": True})
            closed = bench.station.facts.closed
            if closed is not None and n % 60 == 29:
                await obey(bench.station, "batch.rework", {"batch": closed.batch, "pages": [], "reason": "again"})
        batch = bench.station.facts.batch
        pages = [] if batch is None else [page.page for page in bench.presses.live_pages(batch.batch)]
        try:
            await operate(bench, pages, n)
        except BatchError as error:
            print(error, file=sys.stderr)
        some = pages[n % len(pages)] if pages else None
        wish = {4: RETAKE, 2: INSERT}.get(n % 5, CAPTURE)
        outcome = await bench.station.take_page(wish, pedal="pedal", page=some if wish == RETAKE else None, after=some)
        print(outcome, flush=True)


async def operate(bench: Bench, pages: list[str], n: int) -> None:
    """The n-th operation on the pages there are."""
    some = pages[n * 7 % len(pages)] if pages else None
    if n % 7 == 3 and some:
        await bench.station.delete(some, reason="by n")
    elif n % 7 == 4 and len(pages) > 3:
        await bench.station.move([pages[0], pages[2]], after=pages[-1], reason="by n")
    elif n % 7 == 5 and pages:
        await bench.station.place("missing", after=some)
        print("control", flush=True)
    elif n % 7 == 6 and pages:
        await bench.station.undo()


async def feed(folder: Path) -> None:
    """Runs of seven sheets, front and back."""
    feeder = TestFeeder()
    bench = Bench(folder, source=lambda _: feeder)
    first = bench.spool.connection.execute("SELECT count(*) FROM pages").fetchone()[0]
    await bench.station.start()
    print("ready", flush=True)
    for n in range(10_000):
        feeder.load(7, first=first + 10 * n)
        print(await bench.station.press("pedal"), flush=True)


if __name__ == "__main__":
    asyncio.run({"cameras": work, "feeder": feed}[sys.argv[2]](Path(sys.argv[1])))
