"""What may be read about instruments: latest value, coverage, calibration and its drift, which one hung there before, what is overdue."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, case, func, select

from central.environment.instruments.correction import Correction, drift
from central.environment.instruments.tables import calibrations, instruments
from central.environment.latest import latest
from central.environment.metrics.store import intervals_by_day
from central.environment.tables import QUALITY, channels, rollup_hour
from central.health.queries import config_of, report_s_of
from central.times import AHEAD_MS, now_ms, rfc3339, rfc3339_or_none

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
REPORT_S = 60  # where an agent does not tell how often it reports
SOON_DAYS = 30  # a calibration due within so many days is shown as due soon
HISTORY_MAX = 100
_NAMES = {code: name for name, code in QUALITY.items()}


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """A calibration: corrected = raw * gain + offset. `drift`: by how much the sensor had moved since the one before, at `drift_at`."""

    channel: str
    date: str
    due: str | None
    person: str
    certificate: str | None
    note: str | None
    serial: str | None
    offset: float
    gain: float
    points: list[tuple[float, float]]
    entered: str
    entered_by: str
    drift: float | None
    drift_at: float | None
    current: bool  # it is about the instrument that hangs there now


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument behind a channel, and since when."""

    serial: str | None
    since: str


class Sensor(msgspec.Struct, frozen=True, kw_only=True):
    """A channel as an instrument. Coverage: share of the reports that should have come, 0-1, since it first reported at most.

    `calibrated`: none, due, soon, overdue or valid; `asked`/`applied`: the correction last recorded, and the one its agent tells.
    """

    channel: str
    agent: str
    room: str
    sensor: str
    q: str
    u: str
    v: float | None
    raw: float | None
    quality: str | None
    why: str | None
    seen: str | None
    fresh: bool
    coverage_24h: float | None
    coverage_30d: float | None
    resolution: float | None
    tolerance: float | None
    serial: str | None
    instruments: list[Instrument]
    calibration: Calibration | None
    calibrated: str
    applied: bool | None


def _coverage(covered: Mapping[int, tuple[int, int]], channel: int, *, span_ms: int, now: int, began: int | None) -> float | None:
    """The share of a span that good values stand for, over whole hours, the running one left out."""
    if began is None:
        return None
    end = now - now % HOUR_MS
    start = max(end - span_ms, began - began % HOUR_MS)
    if end <= start:
        return None
    got = covered.get(channel, (0, 0))[0 if span_ms == DAY_MS else 1]
    return round(min(1.0, got / (end - start)), 4)


def _covered(connection: Connection, reports_ms: Mapping[int, int], now: int, *, apart: Collection[int]) -> dict[int, tuple[int, int]]:
    """channel id -> milliseconds that good values stand for in the last 24 whole hours, and in the last 30 days of them.

    A value stands for as long as its agent let pass between two on that day; reports_ms gives what it does now, for a day that tells
    nothing, and for the channels `apart`, whose sensors have an interval of their own. An hour is never more than an hour.
    """
    end = now - now % HOUR_MS
    then = intervals_by_day(end - 31 * DAY_MS)
    day_ms = rollup_hour.c.hour_ms - rollup_hour.c.hour_ms % DAY_MS
    which = (then.c.agent == channels.c.agent) & (then.c.day_ms == day_ms)
    now_told = case(reports_ms, value=rollup_hour.c.channel_id, else_=REPORT_S * 1000)
    usual = func.coalesce(then.c.interval_ms, now_told)
    stood = rollup_hour.c.n * (case((channels.c.id.in_(list(apart)), now_told), else_=usual) if apart else usual)
    ms = case((stood > HOUR_MS, HOUR_MS), else_=stood)
    day = func.sum(ms).filter(rollup_hour.c.hour_ms >= end - DAY_MS)
    query = select(rollup_hour.c.channel_id, day, func.sum(ms)).group_by(rollup_hour.c.channel_id)
    query = query.join(channels, channels.c.id == rollup_hour.c.channel_id).outerjoin(then, which)
    span = rollup_hour.c.hour_ms.between(end - 30 * DAY_MS, end - 1)
    rows = connection.execute(query.where(span, rollup_hour.c.channel_id.in_(list(reports_ms))))
    return {row[0]: (int(row[1] or 0), int(row[2] or 0)) for row in rows}


def _began(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    query = select(rollup_hour.c.channel_id, func.min(rollup_hour.c.hour_ms)).where(rollup_hour.c.channel_id.in_(list(ids)))
    return {row[0]: row[1] for row in connection.execute(query.group_by(rollup_hour.c.channel_id))}


def _middle(now: Mapping[str, Any], before: Mapping[str, Any]) -> float:
    """Where two calibrations are compared: the middle of the newer one's points, of the older one's, or a storeroom's climate."""
    for one in (now, before):
        if one["points"]:
            return float(sum(raw for raw, _ in one["points"]) / len(one["points"]))
    return {"temperature": 20.0, "relative_humidity": 50.0}.get(str(now["channel"]).rpartition(".")[2], 0.0)


def _calibration(row: Mapping[str, Any], before: Mapping[str, Any] | None, serial: str | None) -> Calibration:
    at = _middle(row, before) if before is not None else None
    moved = None
    if at is not None and before is not None:
        mine, older = Correction(row["offset"], row["gain"]), Correction(before["offset"], before["gain"])
        moved = round(drift(mine, older, raw=at), 4)
    names = ("channel", "date", "due", "person", "certificate", "note", "serial", "offset", "gain", "points")
    return Calibration(
        **{name: row[name] for name in names},
        entered=rfc3339(row["t_ms"]),
        entered_by=row["actor"],
        drift=moved,
        drift_at=at,
        current=row["serial"] is None or serial is None or row["serial"] == serial,
    )


def _histories(connection: Connection, names: Sequence[str] | None, serials: Mapping[str, str | None]) -> dict[str, list[Calibration]]:
    """channel -> its calibrations, newest first; drift is told between two of the same instrument."""
    query = select(calibrations).order_by(calibrations.c.channel, calibrations.c.leaf_idx)
    if names is not None:
        query = query.where(calibrations.c.channel.in_(list(names)))
    found: dict[str, list[Calibration]] = {}
    older: dict[tuple[str, str | None], dict[str, Any]] = {}
    for row in connection.execute(query):
        facts = dict(row._mapping) | {"points": [tuple(point) for point in msgspec.json.decode(row.points)]}
        key = row.channel, row.serial
        found.setdefault(row.channel, []).insert(0, _calibration(facts, older.get(key), serials.get(row.channel)))
        older[key] = facts
    return {name: one[:HISTORY_MAX] for name, one in found.items()}


def calibrations_of(connection: Connection, channel: str) -> list[Calibration]:
    """A channel's calibrations, newest first."""
    serial = connection.scalar(select(channels.c.serial).where(channels.c.channel == channel))
    return _histories(connection, [channel], {channel: serial}).get(channel, [])


def _instruments(connection: Connection, names: Sequence[str] | None) -> dict[str, list[Instrument]]:
    query = select(instruments).order_by(instruments.c.channel, instruments.c.n.desc())
    if names is not None:
        query = query.where(instruments.c.channel.in_(list(names)))
    found: dict[str, list[Instrument]] = {}
    for row in connection.execute(query):
        found.setdefault(row.channel, []).append(Instrument(serial=row.serial, since=rfc3339(row.from_ms)))
    return found


def serials_between(connection: Connection, channel: str, *, from_ms: int, to_ms: int) -> list[str]:
    """The serial numbers of the instruments that a channel's values of a span came from, in order; those that told none are left out."""
    hung = connection.execute(select(instruments).where(instruments.c.channel == channel).order_by(instruments.c.n)).all()
    ends = [*(row.from_ms for row in hung[1:]), None]
    within = [row.serial for row, end in zip(hung, ends, strict=True) if row.from_ms < to_ms and (end is None or end > from_ms)]
    return [serial for serial in within if serial]


def standing(calibration: Calibration | None, today: str) -> str:
    """none, overdue, soon or valid; one of an instrument that hangs there no more counts as none."""
    if calibration is None or not calibration.current:
        return "none"
    if calibration.due is None:
        return "valid"
    days = (datetime.fromisoformat(calibration.due) - datetime.fromisoformat(today)).days
    return "overdue" if days < 0 else "soon" if days <= SOON_DAYS else "valid"


def today_of(at_ms: int) -> str:
    """The UTC date of a moment, as YYYY-MM-DD."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def correction_told(facts: Mapping[str, Any], channel: str, serial: str | None) -> Correction:
    """The correction that an agent says it applies to a channel's values; one of another instrument is not applied."""
    told = facts.get("calibration")
    mine = told.get(channel) if isinstance(told, dict) else None
    if not isinstance(mine, dict) or mine.get("serial") not in (None, serial):
        return Correction()
    offset, gain = mine.get("offset", 0.0), mine.get("gain", 1.0)
    if not isinstance(offset, int | float) or not isinstance(gain, int | float) or not gain:
        return Correction()
    return Correction(float(offset), float(gain))


def is_applied(calibration: Calibration, told: Correction) -> bool:
    """Whether an agent applies a calibration; it rounds to six decimals."""
    near = math.isclose(calibration.offset, told.offset, abs_tol=2e-6), math.isclose(calibration.gain, told.gain, abs_tol=2e-6)
    return all(near)


def sensors(connection: Connection, *, room: str | None = None, silence_s: int, channel: str | None = None) -> list[Sensor]:
    """Every channel, of a room or of all, by room and name; in few queries however many there are."""
    now = now_ms()
    query = select(channels).order_by(channels.c.room, channels.c.agent, channels.c.sensor, channels.c.q)
    if room is not None:
        query = query.where(channels.c.room == room)
    if channel is not None:
        query = query.where(channels.c.channel == channel)
    rows = connection.execute(query).all()
    ids, names = [row.id for row in rows], [row.channel for row in rows]
    few = None if room is None and channel is None else names
    last = latest(connection, ids, before_ms=now + AHEAD_MS)
    began = _began(connection, ids)
    histories = _histories(connection, few, {row.channel: row.serial for row in rows})
    swaps = _instruments(connection, few)
    facts = {agent: config_of(connection, agent) for agent in {row.agent for row in rows}}
    reports_ms = {row.id: round((report_s_of(facts[row.agent], row.sensor) or REPORT_S) * 1000) for row in rows}
    usual_ms = {agent: round((report_s_of(told, "") or REPORT_S) * 1000) for agent, told in facts.items()}
    apart = {row.id for row in rows if reports_ms[row.id] != usual_ms[row.agent]}
    covered = _covered(connection, reports_ms, now, apart=apart) if rows else {}
    made = []
    for row in rows:
        told, value = correction_told(facts[row.agent], row.channel, row.serial), last.get(row.id)
        history = histories.get(row.channel, [])
        current = next((one for one in history if one.current), None)
        v = value.v if value is not None else None
        since = began.get(row.id)
        made.append(
            Sensor(
                channel=row.channel,
                agent=row.agent,
                room=row.room,
                sensor=row.sensor,
                q=row.q,
                u=row.u,
                v=v,
                raw=None if v is None else round((v - told.offset) / told.gain, 4),
                quality=_NAMES.get(value.quality, "bad") if value is not None else None,
                why=value.why if value is not None else None,
                seen=rfc3339_or_none(value.t_ms if value is not None else None),
                fresh=value is not None and now - value.t_ms <= silence_s * 1000,
                coverage_24h=_coverage(covered, row.id, span_ms=DAY_MS, now=now, began=since),
                coverage_30d=_coverage(covered, row.id, span_ms=30 * DAY_MS, now=now, began=since),
                resolution=row.resolution,
                tolerance=row.tolerance,
                serial=row.serial,
                instruments=swaps.get(row.channel, []),
                calibration=current,
                calibrated=standing(current, today_of(now)),
                applied=None if current is None else is_applied(current, told),
            )
        )
    return made
