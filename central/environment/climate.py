"""Projects channels and readings: rows by the thousand, hourly rollups in exact integers, times corrected when a clock becomes known."""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from central.environment.chunks import WINDOW_MS, window_of
from central.environment.tables import QUALITY, SUM_LIMIT, SUM_SCALE, channel_indexes, channels, reading_policies, rejournals
from central.environment.windows import Windows
from central.ledger.batches import batches_within
from central.ledger.packs import StoredBatch
from central.store.projecting import ActEntry, BatchEntry, Context, Handler, Reading, Record, handle
from wire.topics import valid_name
from wire.units import unit_of

CHANNELS_MAX = 1000  # of one agent
HOUR_MS = 3_600_000
_THINNED = 'INSERT OR REPLACE INTO reading_thinned (channel_id, from_ms, to_ms, "then", n) VALUES (?, ?, ?, ?, ?)'
_ROLLUP = """INSERT INTO rollup_hour (channel_id, hour_ms, n, other, min, max, sum_n, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (channel_id, hour_ms) DO UPDATE SET n = n + excluded.n, other = other + excluded.other,
min = CASE WHEN min IS NULL OR excluded.min < min THEN excluded.min ELSE min END,
max = CASE WHEN max IS NULL OR excluded.max > max THEN excluded.max ELSE max END,
sum_n = sum_n + excluded.sum_n, sum = sum + excluded.sum"""
Row = tuple[int, int, int, int, float | None, int, str | None, int | None]

_reading = msgspec.json.Decoder(Reading)


def channel_id(name: str, taken: Iterable[int]) -> int:
    """31 bits of the name's SHA-256, or the next free number."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") >> 1
    used = set(taken)
    while number in used:
        number = (number + 1) & 0x7FFFFFFF
    return number


def add_to_rollup(rollups: dict[tuple[int, int], list[Any]], rows: Iterable[Row]) -> None:
    """Add readings' rows to rollups {(channel, hour): [n, other, min, max, sum_n, sum]}."""
    for channel, t_ms, _epoch, _seq, v, quality, _why, _raw in rows:
        key = (channel, t_ms - t_ms % HOUR_MS)
        cell = rollups.get(key)
        if cell is None:
            cell = rollups[key] = [0, 0, None, None, 0, 0]
        if quality or v is None:
            cell[1] += 1
            continue
        cell[0] += 1
        if cell[2] is None or v < cell[2]:
            cell[2] = v
        if cell[3] is None or v > cell[3]:
            cell[3] = v
        if -SUM_LIMIT <= v <= SUM_LIMIT:
            cell[4] += 1
            cell[5] += round(v * SUM_SCALE)


def sensor_name(agent: str, told: str, quantity: str) -> str:
    """A sensor's own name, from its identity `{agent}/{name}`, its channel id `{agent}.{name}.{q}` or the bare name."""
    if told.startswith(f"{agent}/"):
        return told.removeprefix(f"{agent}/")
    if told.startswith(f"{agent}.") and told.endswith(f".{quantity}"):
        return told[len(agent) + 1 : -len(quantity) - 1]
    return told


class ClimateProjector:
    """Channels, readings and their rollups."""

    def __init__(self) -> None:
        """Empty; `load` fills it."""
        self._windows = Windows()
        self._ids: dict[str, int] = {}
        self._index: dict[int, dict[int, int]] = {}  # epoch_id -> {i: channel id}, as of the records being projected
        self._about: dict[int, tuple[str, str, str, str, str]] = {}  # channel id -> (channel, q, u, room, agent)
        self._rows: list[Row] = []
        self._last: dict[int, tuple[int, Row]] = {}
        self._again: dict[int, int] = {}  # epoch_id -> until when its readings may be known from another epoch
        self.shifted: set[tuple[int, int]] = set()  # (channel, hour) of what the last correction moved: from there or to there
        self._handlers: dict[str, Handler] = {"channel": self._channel, "epoch": self._epoch}

    def load(self, connection: Connection) -> None:
        """Read the channels; forget what was gathered."""
        self._rows, self._last, self._index = [], {}, {}
        self._windows.forget()
        rows = connection.execute(select(channels)).all()
        self._ids = {row.channel: row.id for row in rows}
        self._about = {row.id: (row.channel, row.q, row.u, row.room, row.agent) for row in rows}
        self._again = {row.epoch_id: row.until_ms for row in connection.execute(select(rejournals))}
        for row in connection.execute(select(channel_indexes).order_by(channel_indexes.c.from_seq)):
            self._index.setdefault(row.epoch_id, {})[row.i] = row.channel_id

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Project declarations, then readings."""
        handle(self._handlers, context, entry)
        if not entry.readings:
            return
        index = self._index.get(entry.epoch_id, {})
        stamp = context.clock.stamp
        corrected = context.clock.corrects(entry)
        epoch_id, rows, unknown = entry.epoch_id, self._rows, 0
        start = len(rows)
        for seq, reading in entry.readings:
            channel = index.get(reading.i)
            if channel is None:
                unknown += 1
                continue
            quality = QUALITY[reading.quality]
            if not corrected:
                rows.append((channel, reading.t, epoch_id, seq, reading.v, quality, reading.why, None))
            else:
                shown = stamp(entry, seq, reading.t, reading.m)
                rows.append((channel, shown.t_ms, epoch_id, seq, reading.v, quality, reading.why, shown.raw_ms))
        if epoch_id in self._again:
            known = {row for row in sorted(rows[start:]) if self._known_already(context, row)}  # in this order each chunk is opened once
            rows[start:] = [row for row in rows[start:] if row not in known]
        if unknown:
            context.problems.append(f"{unknown} readings of channels that were never declared")
        if context.live is not None:
            for row in rows[start:]:
                self._last[row[0]] = (row[1], row)

    def _known_already(self, context: Context, row: Row) -> bool:
        """Whether an agent that began a new epoch journalled a reading again that had been committed in the one before."""
        channel, t_ms, epoch_id, _seq, v, _quality, _why, raw_ms = row
        if (t_ms if raw_ms is None else raw_ms) > self._again[epoch_id]:
            return False
        return self._windows.known(context.connection, channel, t_ms, epoch_id, v)

    def act(self, context: Context, entry: ActEntry) -> None:
        """Set a policy, or let single readings go by one."""
        if entry.kind == "readings.policy" and entry.body:
            self._policy(context, entry)
        elif entry.kind == "readings.thin" and entry.body:
            self._thin(context, entry)

    def _policy(self, context: Context, entry: ActEntry) -> None:
        name, days = entry.body["class"], entry.body["keep_raw_days"]
        context.connection.execute(delete(reading_policies).where(reading_policies.c["class"] == name))
        if days is not None:
            row = {"class": name, "keep_raw_days": days, "then": entry.body["then"]}
            context.connection.execute(insert(reading_policies).values(row))

    def _thin(self, context: Context, entry: ActEntry) -> None:
        self.flush(context)  # what stands before the act in the ledger goes with it
        low, high, then = entry.body["from_ms"], entry.body["to_ms"], entry.body["then"]
        if low % WINDOW_MS or high % WINDOW_MS or low >= high:
            raise ValueError(f"{low} to {high} are not whole days")
        run = context.connection.exec_driver_sql
        for name in entry.body["channels"]:
            channel = self._ids.get(name)
            if channel is None:
                continue
            span = (channel, low, high)
            gone = run("SELECT sum(n) FROM reading_chunks WHERE channel_id = ? AND start_ms >= ? AND start_ms < ?", span).scalar() or 0
            run("DELETE FROM reading_chunks WHERE channel_id = ? AND start_ms >= ? AND start_ms < ?", span)
            gone += run("DELETE FROM readings WHERE channel_id = ? AND t_ms >= ? AND t_ms < ?", span).rowcount
            if then == "drop":
                run("DELETE FROM rollup_hour WHERE channel_id = ? AND hour_ms >= ? AND hour_ms < ?", span)
            run(_THINNED, (*span, then, gone))
            self._windows.moved(channel)
        self._windows.settle(context.connection)

    def flush(self, context: Context) -> None:
        """Write the gathered rows, sensor by sensor, and add them to the rollups."""
        if not self._rows:
            return
        self._rows.sort()  # the first four fields tell any two apart
        self._windows.insert(context.connection, self._rows)
        self._windows.settle(context.connection)
        rollups: dict[tuple[int, int], list[Any]] = {}
        add_to_rollup(rollups, self._rows)
        context.connection.exec_driver_sql(_ROLLUP, [(*key, *cell) for key, cell in rollups.items()])
        names = {code: name for name, code in QUALITY.items()}
        for channel, (t_ms, row) in self._last.items():
            name, q, u, room, agent = self._about[channel]
            data = {"sensor": name, "q": q, "u": u, "v": row[4], "quality": names[row[5]], "t": t_ms, "room": room}
            context.tell("reading", agent=agent, room=room, data=data)
        self._rows, self._last = [], {}

    def correct(self, context: Context, entry: BatchEntry, boot: str, w_ms: int, ok_m_ms: int) -> None:
        """Show the boot's readings of before its clock was disciplined at m + W, and their rollups with them."""
        self.flush(context)
        connection = context.connection
        hours, kept = self.shifted, dict[int, list[StoredBatch]]()
        hours.clear()
        spans = (
            "SELECT b.epoch_id, b.lane, b.from_seq FROM lane_boots b JOIN epochs e ON e.id = b.epoch_id JOIN agents a ON a.id = e.agent_id "
        )
        spans += "WHERE b.lane = 'readings' AND a.name = ? AND b.boot = ? ORDER BY b.epoch_id, b.from_seq"
        for epoch_id, lane, low in connection.exec_driver_sql(spans, (entry.agent, boot)).all():
            ends = "SELECT min(from_seq) FROM lane_boots WHERE epoch_id = ? AND lane = ? AND from_seq > ?"
            high = connection.exec_driver_sql(ends, (epoch_id, lane, low)).scalar() or 2**62
            for batch in batches_within(connection, epoch_id, lane, first=low, last=high - 1, kept=kept):
                for seq, line in enumerate(batch.lines if batch.leaf_idx <= entry.leaf_idx else (), batch.first):
                    if low <= seq < high and line.startswith(b'{"k":"reading"'):
                        hours |= self._shift(connection, epoch_id, seq, line, w_ms, ok_m_ms)
        self._recompute(connection, hours)
        self._windows.settle(connection)

    def _shift(self, connection: Connection, epoch_id: int, seq: int, line: bytes, w_ms: int, ok_m_ms: int) -> set[tuple[int, int]]:
        """Move one reading to m + W; the (channel, hour) pairs whose rollups change."""
        try:
            reading = _reading.decode(line)
        except msgspec.MsgspecError:
            return set()
        shown = reading.m + w_ms
        if reading.m >= ok_m_ms or shown == reading.t:
            return set()
        which = "SELECT channel_id FROM channel_indexes WHERE epoch_id = ? AND i = ? AND from_seq <= ? ORDER BY from_seq DESC LIMIT 1"
        channel = connection.exec_driver_sql(which, (epoch_id, reading.i, seq)).scalar()
        if channel is None:
            return set()
        move = "UPDATE readings SET t_ms = ?, raw_ms = ? WHERE channel_id = ? AND t_ms = ? AND epoch_id = ? AND seq = ?"
        for t_ms in (reading.t, shown):
            self._windows.open(connection, channel, window_of(t_ms))
        self._windows.moved(channel)
        moved = connection.exec_driver_sql(move, (shown, reading.t, channel, reading.t, epoch_id, seq)).rowcount
        return {(channel, t - t % HOUR_MS) for t in (reading.t, shown)} if moved else set()

    def _recompute(self, connection: Connection, hours: set[tuple[int, int]]) -> None:
        rollups: dict[tuple[int, int], list[Any]] = {}
        rows = (
            "SELECT channel_id, t_ms, epoch_id, seq, v, quality, why, raw_ms FROM readings WHERE channel_id = ? AND t_ms >= ? AND t_ms < ?"
        )
        thinned = "SELECT 1 FROM reading_thinned WHERE channel_id = ? AND from_ms <= ? AND to_ms > ?"
        for channel, hour in sorted(hours):
            if connection.exec_driver_sql(thinned, (channel, hour, hour)).scalar() is not None:
                continue  # the hour knows more than the readings that are left
            connection.exec_driver_sql("DELETE FROM rollup_hour WHERE channel_id = ? AND hour_ms = ?", (channel, hour))
            found = connection.exec_driver_sql(rows, (channel, hour, hour + HOUR_MS)).all()
            add_to_rollup(rollups, [tuple(row) for row in found])
        if rollups:
            connection.exec_driver_sql(_ROLLUP, [(*key, *cell) for key, cell in rollups.items()])

    def _epoch(self, context: Context, entry: BatchEntry, _seq: int, record: Record) -> None:
        if entry.lane == "readings":
            self.flush(context)  # what the earlier epoch brought has to be seen
            row = {"epoch_id": entry.epoch_id, "until_ms": record["t"]}
            context.connection.execute(insert(rejournals).values(row).on_conflict_do_update(index_elements=["epoch_id"], set_=row))
            self._again[entry.epoch_id] = record["t"]

    def _channel(self, context: Context, entry: BatchEntry, seq: int, record: Record) -> None:
        sensor = sensor_name(entry.agent, record["sensor"], record["q"])
        if not valid_name(sensor):
            raise ValueError(f"sensor {sensor[:100]!r} is not a name")
        name = f"{entry.agent}.{sensor}.{record['q']}"
        ident = self._ids.get(name)
        if ident is None:
            if sum(about[4] == entry.agent for about in self._about.values()) >= CHANNELS_MAX:
                raise ValueError(f"channel {name} is one more than the {CHANNELS_MAX} of an agent")
            ident = self._ids[name] = channel_id(name, self._ids.values())
        row = {
            "id": ident,
            "channel": name,
            "agent": entry.agent,
            "room": context.room_in(entry.agent, record),
            "sensor": sensor,
            "q": record["q"],
            "u": unit_of(record["q"]),
            "serial": record.get("serial"),
            "resolution": record.get("resolution"),
            "tolerance": record.get("tolerance"),
            "t_ms": record["t"],
        }
        context.connection.execute(insert(channels).values(row).on_conflict_do_update(index_elements=["id"], set_=row))
        place = {"epoch_id": entry.epoch_id, "i": record["i"], "from_seq": seq, "channel_id": ident}
        context.connection.execute(insert(channel_indexes).values(place).on_conflict_do_nothing())
        self._index.setdefault(entry.epoch_id, {})[record["i"]] = ident
        self._about[ident] = (name, row["q"], row["u"], row["room"], entry.agent)
