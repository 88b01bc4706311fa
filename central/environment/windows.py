"""Where readings lie: a channel's last two days as rows, every earlier day as one chunk; by what there is, not by when it came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection

from central.environment.chunks import ROWS_MAX, WINDOW_MS, Row, decode, encode, window_of
from central.environment.tables import SUM_LIMIT, SUM_SCALE

OPEN = 2  # days of a channel, the newest that have readings, that stay as rows
HOUR_MS = 3_600_000
FullRow = tuple[int, int, int, int, float | None, int, str | None, int | None]  # channel id, then a Row
_INSERT = "INSERT OR IGNORE INTO readings (channel_id, t_ms, epoch_id, seq, v, quality, why, raw_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ROWS = """SELECT t_ms, epoch_id, seq, v, quality, why, raw_ms FROM readings WHERE channel_id = ? AND t_ms >= ? AND t_ms < ?
ORDER BY t_ms, epoch_id, seq"""
_SAME = "SELECT 1 FROM readings WHERE channel_id = ? AND t_ms = ? AND epoch_id <> ? AND v IS ? LIMIT 1"
_NEXT = "SELECT min(t_ms) FROM readings WHERE channel_id = ? AND t_ms >= ?"
_BODY = "SELECT body FROM reading_chunks WHERE channel_id = ? AND start_ms = ?"
_BODIES = "SELECT start_ms, body FROM reading_chunks WHERE channel_id = ? AND start_ms > ? AND start_ms < ? ORDER BY start_ms"
_CHUNK = """INSERT INTO reading_chunks (channel_id, start_ms, n, first_ms, last_ms, good, min, max, sum_n, sum, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_NO_CHUNK = "DELETE FROM reading_chunks WHERE channel_id = ? AND start_ms = ?"
_NO_ROWS = "DELETE FROM readings WHERE channel_id = ? AND t_ms >= ? AND t_ms < ?"
_NEWEST = "SELECT start_ms FROM reading_chunks WHERE channel_id = ? ORDER BY start_ms DESC LIMIT ?"


def rows_between(connection: Connection, channel_id: int, *, from_ms: int, to_ms: int) -> list[Row]:
    """Every reading of a channel within [from, to), in order of time, epoch and sequence."""
    made: list[Row] = []
    for start_ms, body in connection.exec_driver_sql(_BODIES, (channel_id, from_ms - WINDOW_MS, to_ms)):
        rows = decode(start_ms, body)
        made.extend(rows if from_ms <= rows[0][0] and rows[-1][0] < to_ms else [row for row in rows if from_ms <= row[0] < to_ms])
    fresh = [tuple(row) for row in connection.exec_driver_sql(_ROWS, (channel_id, from_ms, to_ms))]
    mixed = bool(made and fresh and fresh[0][0] < made[-1][0])
    made.extend(fresh)
    if mixed:
        made.sort(key=itemgetter(0, 1, 2))
    return made


def chunk_before(connection: Connection, channel_id: int, *, before_ms: int, after_ms: int) -> Row | None:
    """The last reading in chunks at or before a moment and not before another."""
    query = "SELECT start_ms, body FROM reading_chunks WHERE channel_id = ? AND first_ms <= ? AND start_ms <= ? AND start_ms > ? "
    query += "ORDER BY start_ms DESC LIMIT 1"
    found = connection.exec_driver_sql(query, (channel_id, before_ms, before_ms, after_ms - WINDOW_MS)).first()
    if found is None:
        return None
    rows = [row for row in decode(found[0], found[1]) if after_ms <= row[0] <= before_ms]
    return rows[-1] if rows else None


def header(rows: Iterable[Row]) -> tuple[int, float | None, float | None, int, int]:
    """(good values, min, max, how many are in the sum, the sum of them in millionths) of readings."""
    good = [row[3] for row in rows if row[4] == 0 and row[3] is not None]
    summed = [round(v * SUM_SCALE) for v in good if -SUM_LIMIT <= v <= SUM_LIMIT]
    return len(good), min(good, default=None), max(good, default=None), len(summed), sum(summed)


class Windows:
    """Puts readings where they belong. The newest days stay rows; a day that an `OPEN`th newer one follows becomes a chunk.

    Late readings and corrected times open the chunks they touch; `settle` closes what is to be closed again. What lies where depends on the
    readings alone, however they came: which days of a channel have any, and whether a day has more than a chunk may hold.
    """

    def __init__(self) -> None:
        """Empty; what a channel has is looked up when it is first touched."""
        self._open: dict[int, set[int]] = {}
        self._loose: set[int] = set()  # channels that may have to be settled
        self._seen: tuple[tuple[int, int], dict[tuple[int, float | None], set[int]]] = (
            (0, -1),
            {},
        )  # the chunk last looked into by `known`

    def forget(self) -> None:
        """Look everything up again: another transaction begins after one was rolled back."""
        self._open, self._loose, self._seen = {}, set(), ((0, -1), {})

    def _days(self, connection: Connection, channel: int) -> set[int]:
        """The days of which a channel has rows."""
        known = self._open.get(channel)
        if known is None:
            known, at = set(), -(2**62)
            while (found := connection.exec_driver_sql(_NEXT, (channel, at)).scalar()) is not None:
                known.add(window_of(found))
                at = window_of(found) + WINDOW_MS
            self._open[channel] = known
        return known

    def open(self, connection: Connection, channel: int, window: int) -> None:
        """Make sure that this day, if it is there, lies in rows."""
        days = self._days(connection, channel)
        if window in days:
            return
        body = connection.exec_driver_sql(_BODY, (channel, window)).scalar()
        if body is not None:
            connection.exec_driver_sql(_INSERT, [(channel, *row) for row in decode(window, body)])
            connection.exec_driver_sql(_NO_CHUNK, (channel, window))
        days.add(window)
        self._loose.add(channel)

    def insert(self, connection: Connection, rows: Sequence[FullRow]) -> None:
        """Add readings that are not there yet; sorted ones. Call `settle` afterwards."""
        for channel, group in groupby(rows, key=itemgetter(0)):
            days = self._days(connection, channel)
            touched = {row[1] // WINDOW_MS * WINDOW_MS for row in group}
            for window in touched - days:
                self.open(connection, channel, window)
        connection.exec_driver_sql(_INSERT, list(rows))

    def known(self, connection: Connection, channel: int, t_ms: int, epoch_id: int, v: float | None) -> bool:
        """Whether another epoch brought this value of this moment."""
        if connection.exec_driver_sql(_SAME, (channel, t_ms, epoch_id, v)).scalar() is not None:
            return True
        key = channel, window_of(t_ms)
        if self._seen[0] != key:
            body = connection.exec_driver_sql(_BODY, key).scalar()
            found: dict[tuple[int, float | None], set[int]] = {}
            for row in decode(key[1], body) if body is not None else ():
                found.setdefault((row[0], row[3]), set()).add(row[1])
            self._seen = key, found
        return bool(self._seen[1].get((t_ms, v), set()) - {epoch_id})

    def moved(self, channel: int) -> None:
        """Rows of this channel were moved or removed: look again which days it has."""
        self._open.pop(channel, None)
        self._loose.add(channel)

    def settle(self, connection: Connection) -> None:
        """Close what is to be a chunk, open what is no longer."""
        self._seen = ((0, -1), {})
        for channel in sorted(self._loose):
            days = self._days(connection, channel)
            chunks = connection.exec_driver_sql(_NEWEST, (channel, OPEN)).scalars().all()
            newest = sorted(days.union(chunks))[-OPEN:]
            for window in newest:
                self.open(connection, channel, window)
            for window in sorted(days.difference(newest)):
                self._close(connection, channel, window)
        self._loose = set()

    def _close(self, connection: Connection, channel: int, window: int) -> None:
        span = (channel, window, window + WINDOW_MS)
        count = connection.exec_driver_sql(
            "SELECT count(*) FROM readings WHERE channel_id = ? AND t_ms >= ? AND t_ms < ?", span
        ).scalar_one()
        if count > ROWS_MAX:
            return
        rows = [tuple(row) for row in connection.exec_driver_sql(_ROWS, span)]
        if rows:
            good, low, high, sum_n, total = header(rows)
            try:
                body = encode(window, rows)
            except ValueError:  # of a day whose reasons alone are more than a chunk holds: it stays as it is
                return
            row = (channel, window, len(rows), rows[0][0], rows[-1][0], good, low, high, sum_n, total, body)
            connection.exec_driver_sql(_CHUNK, row)
            connection.exec_driver_sql(_NO_ROWS, span)
        self._open[channel].discard(window)


def day_from(connection: Connection, channel_id: int, *, from_ms: int, to_ms: int) -> tuple[int, list[Row]] | None:
    """(the end of the next day that has readings, or to_ms; its readings within [from, to)); None if there are none."""
    query = "SELECT start_ms FROM reading_chunks WHERE channel_id = ? AND start_ms > ? AND last_ms >= ? ORDER BY start_ms LIMIT 1"
    chunk = connection.exec_driver_sql(query, (channel_id, from_ms - WINDOW_MS, from_ms)).scalar()
    row = connection.exec_driver_sql(_NEXT, (channel_id, from_ms)).scalar()
    starts = [window_of(found) for found in (chunk, row) if found is not None]
    if not starts or min(starts) >= to_ms:
        return None
    end = min(min(starts) + WINDOW_MS, to_ms)
    return end, rows_between(connection, channel_id, from_ms=max(from_ms, min(starts)), to_ms=end)
