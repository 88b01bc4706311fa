"""What the agent's core costs with ten sensors read each second: memory, CPU, bytes written to disk."""

import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.system.site import Site, until

SENSORS = 10
WARM_S, MEASURE_S, PARTS = 20.0, 60.0, 6
RSS_LIMIT_MB, CPU_LIMIT = 80.0, 0.05


def _ten_sensors(text: str) -> str:
    head = text.split("[sim]")[0].replace("report_s = 10", "report_s = 60")
    tables = [f'[sensor.s{n}]\ndriver = "sht4x"\ntransport = "sim"\nbus = {n}\n' for n in range(SENSORS)]
    return head + "[sim]\npeople = false\n" + "\n".join(tables)


def figures() -> list[dict[str, Any]]:
    """agent.rss (MB against 80), agent.cpu (share of one core against 0.05), agent.disk (GB a day, against the 2.5 of a row a second)."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), edits={"room-101": _ten_sensors})
        try:
            site.start("broker", "ingest", "web", "room-101")
            until(lambda: len(site.get("/rooms")["items"]) >= 1, "no room arrived")
            core = psutil.Process(site.programs["room-101"].pid)
            time.sleep(WARM_S)
            cpu, rss, written = [], [], []
            for _ in range(PARTS):
                before, io, at = core.cpu_times(), core.io_counters(), time.monotonic()
                time.sleep(MEASURE_S / PARTS)
                after, took = core.cpu_times(), time.monotonic() - at
                cpu.append((after.user + after.system - before.user - before.system) / took)
                written.append((core.io_counters().write_bytes - io.write_bytes) / took * 86400 / 1e9)
                rss.append(core.memory_info().rss / 1e6)
        finally:
            site.stop()
    rows = (
        ("agent.rss", rss, "MB", "the limit of 80 MB", RSS_LIMIT_MB),
        ("agent.cpu", cpu, "of a core", "the limit of 5 % of a core", CPU_LIMIT),
        ("agent.disk", written, "GB/day", "2.5 GB/day, ten sensors journalled each second", 2.5),
    )
    made = []
    for name, values, unit, against, limit in rows:
        mean = sum(values) / len(values)
        made.append(
            {"name": name, "value": mean, "unit": unit, "spread": [min(values), max(values)], "against": against, "ratio": mean / limit}
        )
    return made
