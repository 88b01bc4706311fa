"""A bench as a process of its own that presses without end: to be killed. Prints the outcome of each press once it is known."""

import asyncio
import sys
from pathlib import Path

from scanner_line.orders import obey
from scanner_line.presses import RETAKE
from scanner_line.states import CAPTURE
from tests.scanner_line.bench import Bench


async def work(folder: Path) -> None:
    """Press, retake each fifth, open and close a batch each twentieth; two cameras."""
    bench = Bench(folder, sides=("left", "right"))
    for camera in bench.cameras.values():
        camera.shots = bench.spool.connection.execute("SELECT count(*) FROM pages").fetchone()[0]
    await bench.station.start()
    print("ready", flush=True)
    for n in range(10_000):
        if n % 20 == 19:
            await obey(bench.station, "batch.close", {"confirm": True})
        outcome = await bench.station.press("pedal", RETAKE if n % 5 == 4 else CAPTURE)
        print(outcome, flush=True)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1])))
