"""Keeps every sensor's days of metrics as readings arrive; what arrives late has its days computed again from the readings as they are.

A day's row is a function of the readings of that day and of the mould's state before it, whatever the order in which they came:
values in order of time are added to the day at hand; all others mark their days, and `flush` folds those days anew, some at a time.
"""

import math
import time
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from central.environment.climate import sensor_name
from central.environment.metrics.cells import (
    DAY_MS,
    INTERVAL_MS,
    TOLERANCE_C,
    TOLERANCE_PCT,
    Day,
    Fold,
    Merger,
    Setting,
    States,
    merged,
    utc_day,
)
from central.environment.metrics.source import latest, values
from central.environment.metrics.store import (
    day_after,
    day_before,
    read_day,
    remove_day,
    setting_of,
    setting_of_day,
    upsert_rows,
    write_days,
    write_dirty,
)
from central.environment.metrics.tables import metric_agents, metric_dirty, metric_sensors
from central.environment.tables import channel_indexes, channels
from central.health.queries import report_s_of
from central.store.projecting import ActEntry, BatchEntry, Context, Handler, Record, handle

QUANTITIES = {"temperature": False, "relative_humidity": True}  # whether it is the humidity
HOUR_MS = 3_600_000
TOLERANCE_MAX = 50.0
NEVER = -(2**62)
BUDGET_S = 0.5  # one late value in damp air may tell upon every day since


class Pair:
    """One sensor's temperature and humidity, and its day at hand."""

    __slots__ = (
        "agent",
        "changed",
        "dirty",
        "fold",
        "interval_ms",
        "merger",
        "rh_id",
        "sensor",
        "temp_id",
        "tolerance_c",
        "tolerance_pct",
        "touched",
        "waits",
    )

    def __init__(self, sensor: str, agent: str, interval_ms: int) -> None:
        """Nothing was measured yet."""
        self.sensor, self.agent, self.interval_ms = sensor, agent, interval_ms
        self.temp_id: int | None = None
        self.rh_id: int | None = None
        self.tolerance_c, self.tolerance_pct = TOLERANCE_C, TOLERANCE_PCT
        self.merger, self.fold = Merger(self.setting.gap_ms), Fold(self.setting)
        self.changed: dict[int, Day] = {}  # days that ended since the last flush
        self.dirty: dict[int, int | None] = {}  # days to fold anew -> the interval told when a value of theirs came late
        self.touched = False
        self.waits = False  # whether some of `dirty` stand in the table, too

    @property
    def setting(self) -> Setting:
        """By what a day that begins now is folded."""
        return setting_of(self.interval_ms, self.tolerance_c, self.tolerance_pct)

    def tells(self, tolerance: Any, *, humidity: bool) -> None:
        """What a channel declares as its accuracy; of one that declares none the usual one counts."""
        told = float(tolerance) if isinstance(tolerance, int | float) and 0 <= tolerance <= TOLERANCE_MAX else None
        if humidity:
            self.tolerance_pct = TOLERANCE_PCT if told is None else told
        else:
            self.tolerance_c = TOLERANCE_C if told is None else told

    def take(self, t_ms: int, value: float | None, *, humidity: bool) -> None:
        """One channel's value, None where it is not good."""
        self.touched = True
        merger, fold = self.merger, self.fold
        own = merger.rh_ms if humidity else merger.temp_ms
        other = merger.temp_ms if humidity else merger.rh_ms
        if t_ms <= own or t_ms < other:
            self.mark(t_ms)
            if t_ms > own:
                merger.take(t_ms, value, humidity=humidity)
            return
        day = fold.day
        if (day is None or not 0 <= t_ms - day.day_ms < DAY_MS) and self.temp_id is not None and self.rh_id is not None:
            self._enter(t_ms)
        done = fold.feed(merger.take(t_ms, value, humidity=humidity))
        if done is not None:
            self.changed[done.day_ms] = done

    def mark(self, t_ms: int) -> None:
        """A value of this moment came, went or changed: the days that it may tell upon are folded anew."""
        gap_ms, day_ms = setting_of(self.interval_ms).gap_ms, utc_day(t_ms)
        if self.dirty.get(day_ms) is None:
            self.dirty[day_ms] = self.interval_ms
        for beside in (utc_day(t_ms - gap_ms), utc_day(t_ms + gap_ms)):
            self.dirty.setdefault(beside, None)

    def days(self) -> list[Day]:
        """The days to write; empties what was gathered."""
        made, day = list(self.changed.values()), self.fold.day
        self.changed = {}
        if day is not None:
            made.append(day)
        return [day for day in made if day.n or day.open_ms is not None]

    def _enter(self, t_ms: int) -> None:
        """The interval and the tolerances of a day are those told when it began."""
        fold = self.fold
        fold.close(t_ms)
        setting = self.setting
        if setting is not fold.setting:
            fold.setting = setting
            self.merger.hold_ms = fold.setting.gap_ms


def _until(context: Context) -> float:
    """Until when days may be folded anew in this turn; a rebuild has all the time that there is."""
    return math.inf if context.live is None else time.monotonic() + BUDGET_S


class MetricsProjector:
    """Metrics of every sensor that measures temperature and humidity."""

    def __init__(self, shifted: Collection[tuple[int, int]] = ()) -> None:
        """Empty; `load` fills it. `shifted`: (channel id, hour) of the readings that the last correction of a clock moved."""
        self._shifted = shifted
        self._pairs: dict[str, Pair] = {}
        self._by_channel: dict[int, tuple[Pair, bool]] = {}
        self._index: dict[int, dict[int, tuple[Pair, bool] | None]] = {}  # epoch_id -> {i: (pair, whether the humidity)}
        self._intervals: dict[str, int] = {}  # by agent
        self._own: dict[str, dict[str, int]] = {}  # agent -> {sensor: its own interval}
        self._handlers: dict[str, Handler] = {"channel": self._channel, "config": self._config}

    def load(self, connection: Connection) -> None:
        """Read the sensors and their days at hand; forget what was gathered."""
        self._pairs, self._by_channel, self._index = {}, {}, {}
        told = connection.execute(select(metric_agents)).all()
        self._intervals = {row.agent: row.interval_ms for row in told}
        self._own = {row.agent: msgspec.json.decode(row.own) for row in told}
        tolerances = {row.id: row.tolerance for row in connection.execute(select(channels.c.id, channels.c.tolerance))}
        for row in connection.execute(select(metric_sensors)).all():
            pair = self._pair(row.sensor, row.agent)
            self._bind(pair, row.temp_id, row.rh_id)
            pair.tells(tolerances.get(row.temp_id), humidity=False)
            pair.tells(tolerances.get(row.rh_id), humidity=True)
            merger = pair.merger
            merger.temp_ms, merger.temp = NEVER if row.temp_ms is None else row.temp_ms, row.temp
            merger.rh_ms, merger.rh = NEVER if row.rh_ms is None else row.rh_ms, row.rh
            self._resume(connection, pair)
        for waiting in connection.execute(select(metric_dirty)):
            pair = self._pairs[waiting.sensor]
            pair.dirty[waiting.day_ms], pair.waits = waiting.told_ms, True
        for row in connection.execute(select(channel_indexes).order_by(channel_indexes.c.from_seq)):
            self._index.setdefault(row.epoch_id, {})[row.i] = self._by_channel.get(row.channel_id)

    def batch(self, context: Context, entry: BatchEntry) -> None:
        """Take declarations, then readings."""
        handle(self._handlers, context, entry)
        if not entry.readings:
            return
        index, stamp = self._index.get(entry.epoch_id, {}), context.clock.stamp
        corrected = context.clock.corrects(entry)
        for seq, reading in entry.readings:
            place = index.get(reading.i)
            if place is not None:
                pair, humidity = place
                t_ms = stamp(entry, seq, reading.t, reading.m).t_ms if corrected else reading.t
                pair.take(t_ms, reading.v if reading.quality == "good" else None, humidity=humidity)

    def act(self, context: Context, entry: ActEntry) -> None:
        """No act changes what was measured."""

    def flush(self, context: Context) -> None:
        """Write the days that went on, and fold anew those that late values touch: as many as there is time for, the rest next time."""
        until = _until(context)
        touched = [pair for pair in self._pairs.values() if pair.touched or pair.dirty]
        for pair in sorted(touched, key=lambda pair: len(pair.dirty)):  # who has much to do comes last
            self._settle(context.connection, pair, until)

    @property
    def pending(self) -> bool:
        """Whether days wait to be folded anew."""
        return any(pair.dirty for pair in self._pairs.values())

    def correct(self, context: Context, entry: BatchEntry, boot: str, w_ms: int, ok_m_ms: int) -> None:
        """Fold anew the days in which the boot's early readings stood, and those in which they stand now."""
        connection = context.connection
        moved: dict[str, Pair] = {}
        for ident, hour_ms in self._shifted:
            place = self._by_channel.get(ident)
            if place is not None:
                moved[place[0].sensor] = place[0]
                place[0].mark(hour_ms)
                place[0].mark(hour_ms + HOUR_MS)
        for _, pair in sorted(moved.items()):
            for channel, humidity in ((pair.temp_id, False), (pair.rh_id, True)):
                last = None if channel is None else latest(connection, channel)
                t_ms, value = (NEVER, None) if last is None else last
                if humidity:
                    pair.merger.rh_ms, pair.merger.rh = t_ms, value
                else:
                    pair.merger.temp_ms, pair.merger.temp = t_ms, value
            self._settle(connection, pair, _until(context))

    def _settle(self, connection: Connection, pair: Pair, until: float) -> None:
        write_days(connection, [(pair.sensor, day) for day in pair.days()])
        merger = pair.merger
        row: dict[str, Any] = {"sensor": pair.sensor, "agent": pair.agent, "temp_id": pair.temp_id, "rh_id": pair.rh_id}
        row |= {"temp_ms": None if merger.temp_ms == NEVER else merger.temp_ms, "temp": merger.temp}
        row |= {"rh_ms": None if merger.rh_ms == NEVER else merger.rh_ms, "rh": merger.rh}
        upsert_rows(connection, metric_sensors, [row])
        if pair.dirty:
            while pair.dirty and time.monotonic() < until:
                day_ms = min(pair.dirty)
                self._again(connection, pair, day_ms, pair.dirty.pop(day_ms))
            self._resume(connection, pair)
        if pair.waits or pair.dirty:
            pair.waits = write_dirty(connection, pair.sensor, pair.dirty)
        pair.touched = False

    def _again(self, connection: Connection, pair: Pair, day_ms: int, told_ms: int | None) -> None:
        """Fold one day from the readings; where the mould ends it differently, the next day is to follow."""
        before, was = day_before(connection, pair.sensor, day_ms), read_day(connection, pair.sensor, day_ms)
        new = setting_of(told_ms or INTERVAL_MS, pair.tolerance_c, pair.tolerance_pct)
        setting = new if was is None else setting_of_day(was)
        begin = States() if before is None else before.states()
        fold, merger = Fold(setting, states=begin), pair.merger
        from_ms, to_ms = day_ms - setting.gap_ms, day_ms + DAY_MS + setting.gap_ms
        temps = [] if pair.temp_id is None else values(connection, pair.temp_id, from_ms=from_ms, to_ms=to_ms)
        humidities = [] if pair.rh_id is None else values(connection, pair.rh_id, from_ms=from_ms, to_ms=to_ms)
        for event in merged(temps, humidities, hold_ms=setting.gap_ms):
            if event.t_ms >= day_ms + DAY_MS:
                fold.close(event.t_ms)
                break
            if event.t_ms >= day_ms:
                fold.feed(event)
        day = fold.day
        if day is not None and day.open_ms is not None and day.open_ms < max(merger.temp_ms, merger.rh_ms):
            fold.end()  # what follows comes after a gap
        if day is not None and (day.n or day.open_ms is not None):
            write_days(connection, [(pair.sensor, day)])
            ends = day.states()
        else:
            remove_day(connection, pair.sensor, day_ms)
            ends = begin
        following = day_after(connection, pair.sensor, day_ms)
        if following is not None and ends != (begin if was is None else was.states()):
            pair.dirty.setdefault(following, None)

    def _resume(self, connection: Connection, pair: Pair) -> None:
        """Go on from the last day that is written."""
        day = day_before(connection, pair.sensor, 2**62)
        setting = pair.setting if day is None else setting_of_day(day)
        pair.fold = Fold(setting, states=States() if day is None else day.states())
        pair.fold.day = day
        pair.merger.hold_ms = setting.gap_ms

    def _pair(self, sensor: str, agent: str) -> Pair:
        pair = self._pairs.get(sensor)
        if pair is None:
            pair = self._pairs[sensor] = Pair(sensor, agent, self._interval_of(sensor, agent))
        return pair

    def _interval_of(self, sensor: str, agent: str) -> int:
        return self._own.get(agent, {}).get(sensor.rpartition("/")[2]) or self._intervals.get(agent, INTERVAL_MS)

    def _bind(self, pair: Pair, temp_id: int | None, rh_id: int | None) -> None:
        pair.temp_id, pair.rh_id = temp_id, rh_id
        for channel, humidity in ((temp_id, False), (rh_id, True)):
            if channel is not None:
                self._by_channel[channel] = (pair, humidity)

    def _channel(self, context: Context, entry: BatchEntry, _seq: int, record: Record) -> None:
        humidity = QUANTITIES.get(record["q"])
        index = self._index.setdefault(entry.epoch_id, {})
        if humidity is None:
            index[record["i"]] = None
            return
        name = sensor_name(entry.agent, record["sensor"], record["q"])
        which = select(channels.c.id).where(channels.c.channel == f"{entry.agent}.{name}.{record['q']}")
        channel = context.connection.scalar(which)
        if channel is None:
            return  # refused as a channel; said so there
        pair = self._pair(f"{entry.agent}/{name}", entry.agent)
        self._bind(pair, pair.temp_id if humidity else channel, channel if humidity else pair.rh_id)
        pair.tells(record.get("tolerance"), humidity=humidity)
        index[record["i"]] = (pair, humidity)
        pair.touched = True

    def _config(self, context: Context, entry: BatchEntry, _seq: int, record: Record) -> None:
        facts, agent = record["facts"], entry.agent
        told, sensors = report_s_of(facts, ""), facts.get("sensors")
        if told is None:
            return
        usual = self._intervals[agent] = round(told * 1000)
        given = {name: report_s_of(facts, name) for name in (sensors if isinstance(sensors, dict) else ())}
        own = {name: round(s * 1000) for name, s in given.items() if s is not None and round(s * 1000) != usual}
        self._own[agent] = own
        row = {"agent": agent, "interval_ms": usual, "own": msgspec.json.encode(own, order="sorted").decode()}
        upsert_rows(context.connection, metric_agents, [row])
        for pair in self._pairs.values():
            if pair.agent == agent:
                pair.interval_ms = self._interval_of(pair.sensor, agent)
