"""A bench killed with SIGKILL at any moment, again and again: no press lost or told twice, no page lost, no file left over."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scanner_line.bench import Bench, check_books, records
from tests.scanner_line.feed import TestFeeder

ROUNDS = 8


@pytest.mark.parametrize("kind", ["cameras", "feeder"])
def test_kills_at_random_moments_lose_nothing_that_was_told(tmp_path: Path, kind: str) -> None:
    draw = random.Random(7)
    told = 0
    for _ in range(ROUNDS):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.scanner_line.killed_bench", str(tmp_path), kind], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(draw.uniform(0.05, 0.4))  # the moment of the kill is what is tried
        finally:
            process.kill()
            told += len(process.stdout.read().split())
            process.stdout.close()
            process.wait(10)

    async def afterwards() -> None:
        bench = Bench(tmp_path, sides=("left", "right"), source=(lambda _: TestFeeder()) if kind == "feeder" else None)
        await bench.station.start()
        await bench.close()

    asyncio.run(afterwards())
    outcomes = check_books(tmp_path)
    assert told <= outcomes.total() <= told + ROUNDS
    if kind == "cameras":
        assert outcomes["captured"] > ROUNDS
    else:
        assert len(records(tmp_path, "page")) > ROUNDS
    batches = records(tmp_path, "batch")
    assert batches[0]["state"] == "open"
    assert batches[0].get("reason") is None
