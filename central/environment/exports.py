"""Raw readings as files: CSV by lines, Parquet by row groups, both written while they are read, in bounded memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Engine

from central.environment.queries import QUALITY_NAMES
from central.environment.series import Channel, raw_values
from central.times import now_ms, rfc3339

GROUP = 20_000  # rows of a Parquet row group: some megabytes while it is written
CSV_HEAD = "time,t_ms,sensor,q,u,value,quality,why\r\n"
META = b"muniment"  # the key of the schema's metadata: JSON {site, from, to, made, channels: {sensor: {q, u}}}


def _safe(text: str | None) -> str:
    """A text as a CSV cell that no spreadsheet takes for a formula."""
    return "'" + text if text and text[0] in "=+-@\t\r" else text or ""


def csv_lines(engine: Engine, channels: Sequence[Channel], *, from_ms: int, to_ms: int) -> Iterator[str]:
    """Every raw value of the channels, one channel after the other, as CSV lines."""
    yield CSV_HEAD
    for channel in channels:
        for row in raw_values(engine, channel, from_ms=from_ms, to_ms=to_ms):
            out = io.StringIO()
            value = "" if row.v is None else repr(row.v)
            cells = (rfc3339(row.t_ms), row.t_ms, channel.name, channel.q, channel.u, value, QUALITY_NAMES.get(row.quality, "bad"))
            csv.writer(out).writerow((*cells, _safe(row.why)))
            yield out.getvalue()


class _Sink(io.RawIOBase):
    """A file that gives away what was written to it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        """What was written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _groups(engine: Engine, channel: Channel, *, from_ms: int, to_ms: int) -> Iterable[list[Any]]:
    rows = raw_values(engine, channel, from_ms=from_ms, to_ms=to_ms)
    while group := list(islice(rows, GROUP)):
        yield group


def parquet_parts(engine: Engine, channels: Sequence[Channel], *, site: str, from_ms: int, to_ms: int) -> Iterator[bytes]:
    """Every raw value of the channels as the parts of one Parquet file.

    Columns: time (timestamp[ms, UTC]), sensor, value (null where the quality says why), quality, why; rows are ordered by sensor as asked
    for, then by time. Quantities and units stand in the schema's metadata under `muniment`.
    """
    import pyarrow as pa  # loaded only where somebody exports: 60 MB of libraries
    import pyarrow.parquet as pq

    word = pa.dictionary(pa.int32(), pa.string())
    fields = [("time", pa.timestamp("ms", tz="UTC")), ("sensor", word), ("value", pa.float64()), ("quality", word), ("why", pa.string())]
    about = {
        "site": site,
        "from": rfc3339(from_ms),
        "to": rfc3339(to_ms),
        "made": rfc3339(now_ms()),
        "channels": {channel.name: {"q": channel.q, "u": channel.u} for channel in channels},
    }
    schema = pa.schema(fields, metadata={META: msgspec.json.encode(about)})
    sink = _Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        for channel in channels:
            for rows in _groups(engine, channel, from_ms=from_ms, to_ms=to_ms):
                columns = [
                    pa.array([row.t_ms for row in rows], pa.int64()).cast(fields[0][1]),
                    pa.DictionaryArray.from_arrays(pa.array([0] * len(rows), pa.int32()), pa.array([channel.name])),
                    pa.array([row.v for row in rows], pa.float64()),
                    pa.array([QUALITY_NAMES.get(row.quality, "bad") for row in rows]).dictionary_encode(),
                    pa.array([row.why for row in rows], pa.string()),
                ]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
                yield sink.taken()
    yield sink.taken()
