"""Calibrations from the acts that record them, and instruments from the channels' declarations: another serial is another instrument."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from central.environment.climate import sensor_name
from central.environment.instruments.correction import Correction, from_points
from central.environment.instruments.tables import calibrations, instruments
from central.store.projecting import ActEntry, BatchEntry, Context, Handler, Record, handle
from wire.topics import valid_name

SWAPS_MAX = 1000  # of one channel
TEXTS = {"date": 10, "due": 10, "person": 120, "certificate": 100, "note": 2000, "serial": 200}


class InstrumentProjector:
    """Which instrument a channel's values come from, and how it was calibrated."""

    def __init__(self) -> None:
        """Empty; `load` fills it."""
        self._last: dict[str, tuple[int, str | None]] = {}  # channel -> (n, serial) of its instrument
        self._handlers: dict[str, Handler] = {"channel": self._channel}

    def load(self, connection: Connection) -> None:
        """Read the present instruments."""
        rows = connection.execute(select(instruments).order_by(instruments.c.channel, instruments.c.n))
        self._last = {row.channel: (row.n, row.serial) for row in rows}

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Project a batch's declarations."""
        handle(self._handlers, context, entry)

    def flush(self, context: Context) -> None:
        """Nothing is gathered."""

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project a calibration; one whose body was erased changes nothing."""
        if entry.kind == "calibration.record" and entry.body:
            self._calibration(context.connection, entry)

    def _channel(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        sensor = sensor_name(entry.agent, record["sensor"], record["q"])
        if not valid_name(sensor):
            raise ValueError("not the name of a sensor")
        channel, told = f"{entry.agent}.{sensor}.{record['q']}", record.get("serial")
        serial = str(told)[:200] if told else None
        n, known = self._last.get(channel, (0, None))
        if n and (serial is None or serial == known):
            return  # what tells no serial is no news
        if n and known is None:  # the first one told at last who it is
            which = (instruments.c.channel == channel) & (instruments.c.n == n)
            context.connection.execute(update(instruments).where(which).values(serial=serial))
        elif n < SWAPS_MAX:
            n += 1
            row = {"channel": channel, "n": n, "serial": serial}
            row["from_ms"] = context.clock.stamp(entry, seq, record["t"], record["m"]).t_ms
            context.connection.execute(insert(instruments).values(row))
        self._last[channel] = (n, serial)

    def _calibration(self, connection: Connection, entry: ActEntry) -> None:
        body = entry.body
        points = msgspec.convert(body.get("points") or [], list[tuple[float, float]])[:2]
        made = from_points(points) if points else Correction(float(body.get("offset", 0.0)), float(body.get("gain", 1.0)))
        texts = {name: str(body[name])[:most] if body.get(name) else None for name, most in TEXTS.items()}
        if texts["date"] is None or texts["person"] is None:
            raise ValueError("a calibration has a date and a person")
        row: dict[str, Any] = {
            **texts,
            "leaf_idx": entry.leaf_idx,
            "channel": str(body["channel"])[:160],
            "points": msgspec.json.encode(points).decode(),
        }
        row |= {"offset": made.offset, "gain": made.gain, "t_ms": entry.t_ms, "actor": entry.actor}
        connection.execute(insert(calibrations).values(row))
