"""A month of a room in figures, computed from the raw readings: what a report prints, and what anybody can recompute."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, select

from central.environment import values
from central.environment.instruments.queries import serials_between
from central.environment.limits import queries as limits
from central.environment.metrics.cells import TOLERANCE_C, TOLERANCE_PCT, Event, Setting, merged
from central.environment.metrics.series import Asked, Summary, held, summarise_events, usual_interval
from central.environment.metrics.store import setting_of
from central.environment.metrics.within import Bounds, LimitsOver
from central.environment.patrols import queries as patrols
from central.environment.tables import alarm_notes, alarms, channels
from central.environment.works import queries as works
from central.security import queries as security

HOUR_MS = 3_600_000
Spans = Sequence[tuple[int, Sequence[Bounds]]]  # limits as they followed each other
GOOD = 0
ALARMS_MAX = 500
DOORS_MAX = 5000


class Day(msgspec.Struct, frozen=True):
    """One local day of one sensor; shares are 0..1, None where nothing was measured or no limit is set."""

    day: str
    coverage: float
    within: float | None
    t_min: float | None = None
    t_max: float | None = None
    rh_min: float | None = None
    rh_max: float | None = None


class Hour(msgspec.Struct, frozen=True, array_like=True):
    """One hour of one quantity: start, lowest, mean, highest."""

    t_ms: int
    low: float
    mean: float
    high: float


class Gap(msgspec.Struct, frozen=True):
    """A span without data: longer than 2.5 usual intervals and than five minutes."""

    from_ms: int
    to_ms: int


class SensorMonth(msgspec.Struct, frozen=True):
    """One sensor's climate."""

    sensor: str
    serial: str | None
    tolerance_c: float
    tolerance_pct: float
    summary: Summary
    days: list[Day]
    temp: list[Hour]
    rh: list[Hour]
    gaps: list[Gap]


class AlarmFact(msgspec.Struct, frozen=True):
    """One alarm that began in the month."""

    since_ms: int
    until_ms: int | None
    rule: str
    subject: str
    priority: str
    state: str
    words: dict[str, str]
    acknowledged_by: str | None
    note: str | None
    uncertain: bool
    held: bool
    found_later: bool


class MonthReport(msgspec.Struct, frozen=True):
    """Everything that a report says, apart from how it says it. `whole` is False while the month is not over."""

    room: str
    names: dict[str, str]
    month: str
    zone: str
    from_ms: int
    to_ms: int
    whole: bool
    limits: limits.RoomLimits  # as they stood at the month's end
    limits_changed: list[int]  # when they changed within it, ms: each time is held against those of then
    sensors: list[SensorMonth]
    alarms: list[AlarmFact]
    works: list[works.Works]
    patrols: list[patrols.Check]
    doors: dict[str, int]
    doors_open_ms: dict[str, int]

    @property
    def coverage(self) -> float:
        """The mean of the sensors' coverages, 0 without a sensor."""
        return sum(one.summary.coverage for one in self.sensors) / len(self.sensors) if self.sensors else 0.0


def bounds_of(month: str, zone: ZoneInfo) -> tuple[int, int]:
    """(from, to) in milliseconds of a month "2026-11" of local time; ValueError for anything else."""
    first = date.fromisoformat(f"{month}-01")
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    begin, end = (datetime(day.year, day.month, 1, tzinfo=zone).timestamp() for day in (first, following))
    return round(begin * 1000), round(end * 1000)


def month_report(connection: Connection, room: str, month: str, *, zone: ZoneInfo, now_ms: int) -> MonthReport:
    """The month of a room; ValueError for a text that is no month, or one that has not begun."""
    from_ms, end_ms = bounds_of(month, zone)
    to_ms = min(end_ms, now_ms)
    if to_ms <= from_ms:
        raise ValueError(f"{month} has not begun")
    followed = limits.limits_over(connection, room, from_ms=from_ms, to_ms=to_ms)
    kept, spans = followed[-1][1], [(t_ms, then.boxes) for t_ms, then in followed]
    settings = limits.settings_of(connection, [room]).get(room)
    openings = security.openings_of(connection, room, from_ms=from_ms, to_ms=to_ms, limit=DOORS_MAX)
    doors: dict[str, int] = {}
    open_ms: dict[str, int] = {}
    for opening in openings:
        doors[opening.door] = doors.get(opening.door, 0) + (opening.from_ms >= from_ms)
        shut = to_ms if opening.to_ms is None else min(opening.to_ms, to_ms)
        open_ms[opening.door] = open_ms.get(opening.door, 0) + max(0, shut - max(opening.from_ms, from_ms))
    return MonthReport(
        room=room,
        names={lang: settings.name(lang) if settings else room for lang in ("en", "zh")},
        month=month,
        zone=zone.key,
        from_ms=from_ms,
        to_ms=to_ms,
        whole=now_ms >= end_ms,
        limits=kept,
        limits_changed=[t_ms for t_ms, _ in followed[1:]],
        sensors=_sensors(connection, room, kept, spans, span=(from_ms, to_ms), zone=zone),
        alarms=_alarms(connection, room, from_ms, to_ms),
        works=works.works_of_room(connection, room, from_ms=from_ms, to_ms=to_ms),
        patrols=patrols.checks_between(connection, from_ms=from_ms, to_ms=to_ms, room=room),
        doors=doors,
        doors_open_ms=open_ms,
    )


def _sensors(
    connection: Connection, room: str, kept: limits.RoomLimits, spans: Spans, *, span: tuple[int, int], zone: ZoneInfo
) -> list[SensorMonth]:
    pairs: dict[tuple[str, str], dict[str, tuple[int, str | None, float | None]]] = {}
    mine = select(channels).where(channels.c.room == room, channels.c.q.in_(("temperature", "relative_humidity")))
    for row in connection.execute(mine.order_by(channels.c.channel)):
        pairs.setdefault((row.agent, row.sensor), {})[row.q] = (row.id, row.serial, row.tolerance)
    made = []
    for (agent, sensor), pair in pairs.items():
        if len(pair) == 2:
            made.append(_sensor(connection, f"{agent}.{sensor}", pair, kept, spans, span=span, zone=zone))
    return made


def _sensor(
    connection: Connection,
    name: str,
    pair: dict[str, tuple[int, str | None, float | None]],
    kept: limits.RoomLimits,
    spans: Spans,
    *,
    span: tuple[int, int],
    zone: ZoneInfo,
) -> SensorMonth:
    from_ms, to_ms = span
    (temp_id, now_there, told_c), (rh_id, _, told_pct) = pair["temperature"], pair["relative_humidity"]
    then_there = serials_between(connection, f"{name}.temperature", from_ms=from_ms, to_ms=to_ms)
    tolerance_c = TOLERANCE_C if told_c is None else told_c
    tolerance_pct = TOLERANCE_PCT if told_pct is None else told_pct
    raw = {
        ident: [(t, v if quality == GOOD else None) for t, v, quality in values.values(connection, ident, from_ms=from_ms, to_ms=to_ms)]
        for ident in (temp_id, rh_id)
    }
    usual = max(usual_interval([t for t, _ in raw[ident]]) for ident in (temp_id, rh_id))
    setting = replace(setting_of(usual), tolerance_c=tolerance_c, tolerance_pct=tolerance_pct)  # gaps are those of the metrics
    events = list(merged(raw[temp_id], raw[rh_id], hold_ms=setting.gap_ms))
    summary = summarise_events(
        events,
        setting,
        limits=spans,
        asked=Asked(kept.set_point_c, kept.set_point_pct, kept.swing_c, kept.swing_pct),
        day_of=lambda t_ms: _midnight(t_ms, zone),
        span_ms=span,
    )
    return SensorMonth(
        sensor=name,
        serial=", ".join(then_there) or now_there,
        tolerance_c=tolerance_c,
        tolerance_pct=tolerance_pct,
        summary=summary,
        days=_days(events, setting, spans, span=span, zone=zone),
        temp=_hours([(one.t_ms, one.temp_c) for one in events]),
        rh=_hours([(one.t_ms, one.rh_pct) for one in events]),
        gaps=_gaps(events, setting, span=span),
    )


def _midnight(t_ms: int, zone: ZoneInfo) -> int:
    """The start of a moment's local day."""
    local = datetime.fromtimestamp(t_ms / 1000, zone)
    return round(local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).timestamp() * 1000)


def _days(events: Sequence[Event], setting: Setting, spans: Spans, *, span: tuple[int, int], zone: ZoneInfo) -> list[Day]:
    by_day: dict[date, list[tuple[int, float, float, int]]] = {}
    for t_ms, temp_c, rh_pct, held_ms in held(events, setting):
        by_day.setdefault(datetime.fromtimestamp(t_ms / 1000, zone).date(), []).append((t_ms, temp_c, rh_pct, held_ms))
    made = []
    day, last = (datetime.fromtimestamp(t / 1000, zone).date() for t in (span[0], span[1] - 1))
    while day <= last:
        begin, end = (round(datetime(one.year, one.month, one.day, tzinfo=zone).timestamp() * 1000) for one in (day, day + timedelta(1)))
        found = by_day.get(day, [])
        covered = sum(held_ms for _, _, _, held_ms in found)
        judged = LimitsOver(spans, tolerance_c=setting.tolerance_c, tolerance_pct=setting.tolerance_pct)
        for one in found:
            judged.add(*one)
        result = judged.result()
        made.append(
            Day(
                day=day.isoformat(),
                coverage=min(1.0, covered / (min(end, span[1]) - begin)),
                within=None if result is None else result.share,
                t_min=min((temp for _, temp, _, _ in found), default=None),
                t_max=max((temp for _, temp, _, _ in found), default=None),
                rh_min=min((rh for _, _, rh, _ in found), default=None),
                rh_max=max((rh for _, _, rh, _ in found), default=None),
            )
        )
        day += timedelta(1)
    return made


def _hours(found: Sequence[tuple[int, float | None]]) -> list[Hour]:
    """Hours for a picture; the figures of a report come from the values themselves."""
    by_hour: dict[int, list[float]] = {}
    for t_ms, value in found:
        if value is not None:
            by_hour.setdefault(t_ms - t_ms % HOUR_MS, []).append(value)
    return [Hour(t_ms, min(one), sum(one) / len(one), max(one)) for t_ms, one in sorted(by_hour.items())]


def _gaps(events: Sequence[Event], setting: Setting, *, span: tuple[int, int]) -> list[Gap]:
    edge, found = span[0], []
    for t_ms, _, _, held_ms in held(events, setting):
        if t_ms - edge > setting.gap_ms:
            found.append(Gap(edge, t_ms))
        edge = max(edge, t_ms + held_ms)
    if span[1] - edge > setting.gap_ms:
        found.append(Gap(edge, span[1]))
    return found


def _alarms(connection: Connection, room: str, from_ms: int, to_ms: int) -> list[AlarmFact]:
    within = (alarms.c.room == room) & (alarms.c.since_ms >= from_ms) & (alarms.c.since_ms < to_ms)
    made = []
    for row in connection.execute(select(alarms).where(within).order_by(alarms.c.since_ms, alarms.c.id).limit(ALARMS_MAX)).all():
        noted = (alarm_notes.c.alarm_id == row.id) & alarm_notes.c.text.is_not(None) & (alarm_notes.c.what != "raised")
        note = connection.scalar(select(alarm_notes.c.text).where(noted).order_by(alarm_notes.c.leaf_idx.desc()).limit(1))
        made.append(
            AlarmFact(
                since_ms=row.since_ms,
                until_ms=row.returned_ms,
                rule=row.rule,
                subject=row.subject,
                priority=row.priority,
                state=row.state,
                words={str(lang): str(text) for lang, text in json.loads(row.words).items()},
                acknowledged_by=row.acknowledged_by,
                note=note,
                uncertain=row.uncertain,
                held=row.held,
                found_later=row.found_later,
            )
        )
    return made
