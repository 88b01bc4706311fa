"""What a reading takes on the disk, with and without the ledger, and how long a year's chart takes at the server."""

import base64
import random
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from central.config import BrokerConfig, CentralConfig, Limits, WebConfig
from central.enrol import enrol
from central.environment.series import Channel, Span, series
from central.environment.tables import channels
from central.environment.windows import Windows
from central.ingest.writer import Arrival, Writer
from central.keys import load_or_make_key, public_bytes
from central.ledger.batches import next_pack, pack
from central.store.engine import open_engine, reading, writing
from central.store.migrate import migrate
from wire import chain, codec, topics
from wire.records import record

SITE = "bench"
DAY_MS, MINUTE = 86_400_000, 60_000
T = 1_790_000_000_000 - 1_790_000_000_000 % DAY_MS
STANDING, MEASURED = 3, 4  # days before the measured ones: what lies open, once, is not a reading's price
KEPT = ("readings", "reading_chunks", "rollup_hour")
WITH, WITHOUT = 12.0, 4.0  # bytes a reading
SENSORS, CHARTS, CHART_MS = 100, 15, 10.0


def _config(data: Path) -> CentralConfig:
    return CentralConfig(
        site=SITE,
        data=data,
        broker=BrokerConfig(host="127.0.0.1", port=1883, user="central", password_file=data / "password", tls_ca=None),
        web=WebConfig(bind="127.0.0.1:0", public_url="http://127.0.0.1", workers=1),
        limits=Limits(silence_s=300, upload_mb=64, reserve_mb=2, ledger_reserve_mb=1, upload_wait_s=900, escalate_s=86400, live_rows=1000),
    )


class _Agent:
    """An agent of so many sensors of two quantities, a report a minute, its channels in one batch; times waver by some milliseconds."""

    def __init__(self, sensors: int) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.dice = random.Random(11)
        self.values = [[2000 + 10 * n, 5000 + 20 * n] for n in range(sensors)]
        self.seq, self.head = 0, chain.start(SITE, "room-101", "readings", "e1")

    def batch(self, lines: list[bytes]) -> Arrival:
        prev, first = self.head, self.seq + 1
        self.head, self.seq = chain.head_of(prev, lines), self.seq + len(lines)
        sig = self.key.sign(chain.batch_text(SITE, "room-101", "readings", "e1", self.seq, self.head.hex()))
        header = {"v": 1, "epoch": "e1", "first": first, "n": len(lines), "oldest": 1, "prev": prev.hex(), "head": self.head.hex()}
        header |= {"key": chain.key_id(public_bytes(self.key)), "seen": 0, "sig": base64.b64encode(sig).decode()}
        return Arrival(topics.lane_topic(SITE, "room-101", "readings"), codec.encode_batch(header, lines))

    def channels(self) -> Arrival:
        units = (("temperature", "Cel"), ("relative_humidity", "%"))
        return self.batch(
            [
                codec.encode_record(record("channel", T, 1, i=2 * n + k, sensor=f"s{n}", q=q, u=u, room="room-101"))
                for n in range(len(self.values))
                for k, (q, u) in enumerate(units)
            ]
        )

    def minute(self, k: int) -> Arrival:
        lines = []
        for n, pair in enumerate(self.values):
            m = 1_000_000 + k * MINUTE + 37 * n + self.dice.randrange(4)
            for which in (0, 1):
                pair[which] += (
                    self.dice.choice((-2, -1, -1, 0, 0, 0, 0, 1, 1, 2)) * (1 + which) + (3000 + 2000 * which - pair[which]) // 1000
                )
                lines.append(codec.encode_record(record("reading", T - 1_000_000 + m, m, i=2 * n + which, v=pair[which] / 100)))
        return self.batch(lines)


def _sizes(path: Path) -> tuple[int, int]:
    """(bytes of all tables, bytes of the readings' own) of a database, pages that are free left out."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        mine = db.execute(f"SELECT sum(pgsize) FROM dbstat WHERE name IN {KEPT} OR name LIKE '%reading_chunks%'").fetchone()[0]  # noqa: S608
        (whole,) = db.execute("SELECT sum(pgsize) FROM dbstat WHERE name <> 'live'").fetchone()
    return whole, mine


def _grown(sensors: int) -> tuple[float, float]:
    """Bytes a reading, with the ledger and without: what the measured days added, divided by their readings."""
    with tempfile.TemporaryDirectory(prefix="muniment-bench-") as folder:
        data = Path(folder)
        config, agent = _config(data), _Agent(sensors)
        engine = open_engine(config.database)
        migrate(engine)
        key, at = load_or_make_key(config.key_file), 0
        out, broker = config.enrolled, config.broker_folder
        enrol(engine, key=key, name="room-101", room="room-101", public_key=public_bytes(agent.key), out=out, broker_folder=broker)
        writer = Writer(config=config, engine=engine, key=key, now_ms=lambda: T + at * MINUTE)
        writer.write([agent.channels()])
        found = []
        for days in (STANDING, MEASURED):
            end = at + days * 1440
            while at < end:
                step = min(64, end - at)
                writer.write([agent.minute(k) for k in range(at, at + step)])
                at += step
            with writing(engine) as connection:
                while (number := next_pack(connection, now_ms=2**62)) is not None:
                    pack(connection, number, site=SITE)
            found.append(_sizes(config.database))
        engine.dispose()
    n = MEASURED * 1440 * 2 * sensors
    return (found[1][0] - found[0][0]) / n, (found[1][1] - found[0][1]) / n


def _bytes() -> list[dict[str, Any]]:
    made = []
    for sensors in (10, 1):
        whole, own = _grown(sensors)
        name = "readings.bytes" if sensors == 10 else "readings.bytes.few"
        words = f"{2 * sensors} channels of one agent, a report a minute"
        for suffix, value, limit, what in (("", whole, WITH, "with the ledger"), (".bare", own, WITHOUT, "without the ledger")):
            row = {"name": name + suffix, "value": value, "unit": "bytes", "spread": [value, value]}
            made.append(row | {"against": f"the limit of {limit:.0f} bytes a reading {what}; {words}", "ratio": value / limit})
    return made


def _year() -> dict[str, Any]:
    """The chart of one sensor's year among 100 sensors' years, read cold and warm by turns of the sensor."""
    with tempfile.TemporaryDirectory(prefix="muniment-bench-") as folder:
        engine = open_engine(Path(folder) / "bench.db")
        migrate(engine)
        dice = random.Random(3)
        start = T - 365 * DAY_MS
        names = [f"room-101.s{n}.temperature" for n in range(SENSORS)]
        with writing(engine) as connection:
            for n, name in enumerate(names):
                about = {"agent": "room-101", "room": "room-101", "sensor": f"s{n}", "q": "temperature", "u": "Cel", "t_ms": start}
                connection.execute(insert(channels).values(id=n, channel=name, **about))
                hours = []
                for hour in range(365 * 24):
                    low = 18 + dice.randrange(300) / 100
                    if hour % 700 != 350:  # a gap now and then
                        total = round((low + 0.2) * 60 * 1_000_000)
                        hours.append((n, start + hour * 3_600_000, 60, 0, low, low + 0.4, 60, total))
                connection.exec_driver_sql("INSERT INTO rollup_hour VALUES (?, ?, ?, ?, ?, ?, ?, ?)", hours)
            windows = Windows()  # the last week of one sensor as readings too, so that these tables are not empty
            rows = [(0, T - 7 * DAY_MS + k * MINUTE, 1, k + 1, 20 + k % 9 / 10, 0, None, None) for k in range(7 * 1440)]
            windows.insert(connection, rows)
            windows.settle(connection)
        times = []
        for turn in range(CHARTS):
            n = turn * 7 % SENSORS
            with reading(engine) as connection:
                begun = time.perf_counter()
                made = series(
                    connection, Channel(n, names[n], "temperature", "Cel"), Span(from_ms=start, to_ms=T, points=600, gap_ms=900_000)
                )
                times.append((time.perf_counter() - begun) * 1000)
            if not 400 <= len(made.points) <= 600 or len(made.gaps) < 12:
                raise ValueError(f"{len(made.points)} points and {len(made.gaps)} gaps are not a year's chart")
        engine.dispose()
    value = statistics.median(times)
    row = {"name": "chart.year", "value": value, "unit": "ms", "spread": [min(times), max(times)]}
    return row | {"against": f"the limit of {CHART_MS:.0f} ms; one of {SENSORS} sensors, a value a minute", "ratio": value / CHART_MS}


def figures() -> list[dict[str, Any]]:
    """readings.bytes (at most 12; .bare without the ledger, at most 4; .few: one sensor), chart.year (under 10 ms)."""
    return [*_bytes(), _year()]
