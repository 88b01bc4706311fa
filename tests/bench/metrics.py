"""What a reading costs the metrics as it arrives: pairing, all formulas, the day's sums, and its share of the writing."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from central.environment.metrics.projection import Pair
from central.environment.metrics.store import write_days
from central.store.engine import open_engine, writing
from central.store.migrate import migrate

READINGS, ROUNDS, FLUSH = 40_000, 7, 200  # readings a flush: 100 sensors' two channels
LIMIT_US = 5.0


def figures() -> list[dict[str, Any]]:
    """metrics.reading: microseconds a reading, in a room where mould cannot grow and in a damp one, against 5."""
    made = []
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(Path(folder) / "bench.sqlite")
        migrate(engine)
        for name, rh_pct in (("metrics.reading", 50.0), ("metrics.reading.damp", 92.0)):
            cost = []
            for number in range(ROUNDS):
                pair = Pair(f"room/{name}-{number}", "room", 60_000)
                values = [
                    (60_000 * (k // 2), 20.0 + (k // 2) % 13 / 10 if k % 2 == 0 else rh_pct + (k // 2) % 29 / 10, bool(k % 2))
                    for k in range(READINGS)
                ]
                began = time.perf_counter()
                with writing(engine) as connection:
                    for start in range(0, READINGS, FLUSH):
                        for t_ms, v, humidity in values[start : start + FLUSH]:
                            pair.take(t_ms, v, humidity=humidity)
                        write_days(connection, [(pair.sensor, day) for day in pair.days()])
                cost.append((time.perf_counter() - began) / READINGS * 1e6)
            value = statistics.median(cost)
            row = {"name": name, "value": value, "unit": "us", "spread": [min(cost), max(cost)]}
            made.append(row | {"against": "the limit of 5 us a reading", "ratio": value / LIMIT_US})
        engine.dispose()
    return made
