"""What the preservation metrics of a room's sensors came to over a span, and month by month."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

import msgspec
from sqlalchemy import Connection, select

from central.environment.limits import queries as limits
from central.environment.metrics.cells import DAY_MS, TOLERANCE_C, TOLERANCE_PCT, Day, Setting, finished, merged, utc_day
from central.environment.metrics.en15757 import SPAN_MS, En15757, band
from central.environment.metrics.series import Asked, Summary, held, summary_of
from central.environment.metrics.source import hours, values
from central.environment.metrics.store import DEFAULT, days_between, setting_of, setting_of_day
from central.environment.metrics.tables import metric_sensors
from central.environment.metrics.within import Bounds, Limits, Within
from central.environment.tables import channels

HOUR_MS = 3_600_000
RAW_DAYS_MAX = 100  # longer spans are held against the limits by their hourly means
SPAN_DAYS_MAX = 3 * 366


class Sensor(msgspec.Struct, frozen=True):
    """A sensor that measures temperature and humidity: {agent}/{name}, and its two channels."""

    sensor: str
    temperature: str
    relative_humidity: str
    temp_id: int
    rh_id: int
    tolerance_c: float = TOLERANCE_C
    tolerance_pct: float = TOLERANCE_PCT

    def setting(self, interval_ms: int) -> Setting:
        """How its values become durations, with the tolerances that its channels told."""
        return setting_of(interval_ms, self.tolerance_c, self.tolerance_pct)


class Month(msgspec.Struct, frozen=True):
    """One UTC month of the span; figures are None where nothing was measured."""

    month: str  # 2026-03
    coverage: float
    twpi_years: float | None
    lifetime_multiplier: float | None
    mkt_c: float | None
    temp_c: float | None
    rh_pct: float | None
    emc_pct: float | None
    dew_point_c: float | None
    mould_index: float | None
    absolute_humidity_g_m3: float | None
    swing_c: float | None  # the largest within a day
    swing_pct: float | None
    within_limits: float | None = None


class SensorMetrics(msgspec.Struct, frozen=True):
    """One sensor's metrics; `basis` says whether the limits were held against every value or against hourly means."""

    sensor: str
    temperature: str
    relative_humidity: str
    basis: str
    summary: Summary
    months: list[Month]


def sensors_of_room(connection: Connection, room: str) -> list[Sensor]:
    """A room's sensors with both channels, by name."""
    temp, rh = channels.alias(), channels.alias()
    joined = metric_sensors.join(temp, temp.c.id == metric_sensors.c.temp_id).join(rh, rh.c.id == metric_sensors.c.rh_id)
    columns = metric_sensors.c.sensor, temp.c.channel, rh.c.channel, temp.c.id, rh.c.id, temp.c.tolerance, rh.c.tolerance
    rows = connection.execute(select(*columns).select_from(joined).where(temp.c.room == room).order_by(metric_sensors.c.sensor))
    return [
        Sensor(
            sensor=sensor,
            temperature=temperature,
            relative_humidity=humidity,
            temp_id=temp_id,
            rh_id=rh_id,
            tolerance_c=TOLERANCE_C if of_temp is None else of_temp,
            tolerance_pct=TOLERANCE_PCT if of_rh is None else of_rh,
        )
        for sensor, temperature, humidity, temp_id, rh_id, of_temp, of_rh in rows
    ]


def whole_days(from_ms: int, to_ms: int, *, now_ms: int) -> tuple[int, int]:
    """The span widened to whole UTC days, ending now at the latest."""
    end = min(utc_day(to_ms + DAY_MS - 1), now_ms)
    return utc_day(from_ms), max(end, utc_day(from_ms))


def limits_over(connection: Connection, room: str, *, from_ms: int, to_ms: int) -> list[tuple[int, Sequence[Bounds]]]:
    """(from when, boxes) of a room's limits as they followed each other within a span."""
    return [(t_ms, then.boxes) for t_ms, then in limits.limits_over(connection, room, from_ms=from_ms, to_ms=to_ms)]


def _within(
    climates: Iterable[tuple[int, float, float, int]], spans: Sequence[tuple[int, Sequence[Bounds]]], sensor: Sensor
) -> tuple[Within | None, dict[str, float]]:
    """The shares of a whole span, and of its months, each time held against the limits in force at it."""

    def counter(boxes: Sequence[Bounds] = ()) -> Limits:
        return Limits(boxes, tolerance_c=sensor.tolerance_c, tolerance_pct=sensor.tolerance_pct)

    starts = [from_ms for from_ms, _boxes in spans]
    counted: dict[str, list[Limits]] = {}
    for day_ms, group in groupby(climates, key=lambda climate: utc_day(climate[0])):
        month = counted.setdefault(_month(day_ms), [counter(boxes) for _from, boxes in spans])
        for t_ms, temp_c, rh_pct, held_ms in group:
            month[max(bisect_right(starts, t_ms) - 1, 0)].add(temp_c, rh_pct, held_ms)
    total, shares = counter(), {}
    for name, month in counted.items():
        own = counter()
        for one in month:
            own.take(one)
        total.take(own)
        found = own.result()
        if found is not None:
            shares[name] = found.share
    return total.result(), shares


def climates_of(
    connection: Connection, sensor: Sensor, *, from_ms: int, to_ms: int, interval_ms: int
) -> Iterator[tuple[int, float, float, int]]:
    """(t_ms, temp_c, rh_pct, held_ms) of every value of a sensor in a span."""
    setting = setting_of(interval_ms)
    edges = {"from_ms": from_ms - setting.gap_ms, "to_ms": to_ms + setting.gap_ms}
    temps, humidities = (values(connection, channel, **edges) for channel in (sensor.temp_id, sensor.rh_id))
    events = list(merged(temps, humidities, hold_ms=setting.gap_ms))
    return (row for row in held(events, setting) if from_ms <= row[0] < to_ms)


def hourly_climates(connection: Connection, sensor: Sensor, *, from_ms: int, to_ms: int) -> list[tuple[int, float, float, int]]:
    """The same by hour: means of both channels, of hours in which both had good values."""
    humidities = dict(hours(connection, sensor.rh_id, from_ms=from_ms, to_ms=to_ms))
    temps = hours(connection, sensor.temp_id, from_ms=from_ms, to_ms=to_ms)
    return [(hour_ms, mean, humidities[hour_ms], HOUR_MS) for hour_ms, mean in temps if hour_ms in humidities]


def band_of(connection: Connection, sensor: Sensor, *, from_ms: int, to_ms: int) -> En15757:
    """The band of EN 15757 from hourly means, over the span or the thirteen months before its end, whichever is longer."""
    begin = min(from_ms, to_ms - SPAN_MS - DAY_MS)
    rows = hours(connection, sensor.rh_id, from_ms=begin, to_ms=to_ms)
    return band([hour_ms for hour_ms, _mean in rows], [mean for _hour, mean in rows], [HOUR_MS] * len(rows))


def _month(day_ms: int) -> str:
    return datetime.fromtimestamp(day_ms / 1000, UTC).strftime("%Y-%m")


def _bounds_of(month: str) -> tuple[int, int]:
    year, number = int(month[:4]), int(month[5:])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return round(datetime(year, number, 1, tzinfo=UTC).timestamp() * 1000), round(datetime(*following, 1, tzinfo=UTC).timestamp() * 1000)


def months_of(days: Sequence[Day], *, from_ms: int, to_ms: int, shares: Mapping[str, float]) -> list[Month]:
    """Finished days by month, in order; `shares` are the months' times within limits."""
    made = []
    for month, group in groupby(days, key=lambda day: _month(day.day_ms)):
        begin, end = _bounds_of(month)
        found = summary_of(list(group), setting=DEFAULT, span_ms=(max(begin, from_ms), min(end, to_ms)))
        row = Month(
            month=month,
            coverage=found.coverage,
            twpi_years=found.twpi_years,
            lifetime_multiplier=found.lifetime_multiplier,
            mkt_c=found.mkt_c,
            temp_c=None if found.temp_c is None else found.temp_c.mean,
            rh_pct=None if found.rh_pct is None else found.rh_pct.mean,
            emc_pct=found.emc_pct,
            dew_point_c=found.dew_point_c,
            mould_index=found.mould_index_max,
            absolute_humidity_g_m3=found.absolute_humidity_g_m3,
            swing_c=found.swing_c.max,
            swing_pct=found.swing_pct.max,
            within_limits=shares.get(month),
        )
        made.append(row)
    return made


def metrics_of_sensor(connection: Connection, room: str, sensor: Sensor, *, from_ms: int, to_ms: int) -> SensorMetrics:
    """One sensor's metrics over whole days from_ms..to_ms (see `whole_days`), with the limits in force at each time."""
    days = days_between(connection, sensor.sensor, from_ms=from_ms, to_ms=to_ms)
    days = [day if day.open_ms is None else finished(day, setting_of_day(day)) for day in days]
    interval_ms = days[-1].interval_ms if days else DEFAULT.interval_ms
    now = limits.limits_of_room(connection, room, at_ms=to_ms)
    spans = limits_over(connection, room, from_ms=from_ms, to_ms=to_ms)
    raw = to_ms - from_ms <= RAW_DAYS_MAX * DAY_MS
    within, shares = None, dict[str, float]()
    if days and any(boxes for _from, boxes in spans):
        climates: Iterable[tuple[int, float, float, int]]
        if raw:
            climates = climates_of(connection, sensor, from_ms=from_ms, to_ms=to_ms, interval_ms=interval_ms)
        else:
            climates = hourly_climates(connection, sensor, from_ms=from_ms, to_ms=to_ms)
        within, shares = _within(climates, spans, sensor)
    summary = summary_of(
        days,
        setting=sensor.setting(interval_ms),
        span_ms=(from_ms, to_ms),
        within=within,
        en15757=band_of(connection, sensor, from_ms=from_ms, to_ms=to_ms),
        asked=Asked(now.set_point_c, now.set_point_pct, now.swing_c, now.swing_pct),
    )
    return SensorMetrics(
        sensor=sensor.sensor,
        temperature=sensor.temperature,
        relative_humidity=sensor.relative_humidity,
        basis="values" if raw else "hours",
        summary=summary,
        months=months_of(days, from_ms=from_ms, to_ms=to_ms, shares=shares),
    )
