"""One run of the year with all its checks, and the figures that come of it."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from central.environment.metrics.queries import metrics_of_sensor, sensors_of_room
from central.environment.reports.month import month_report
from central.environment.series import Span, channel_named, series
from central.ledger.batches import next_pack, pack
from central.store.engine import reading, writing
from tests.central.journals import SITE
from tests.year import checks
from tests.year.climate import DAY_MINUTES, MINUTE, T0, Sensor
from tests.year.plan import make_plan
from tests.year.site import STEP, Year

ZONE = ZoneInfo("Asia/Shanghai")
DAY_MS = DAY_MINUTES * MINUTE
GAP_MS = 5 * MINUTE  # docs/metrics.md: 2.5 intervals, five minutes at least


def month_bounds(month: str) -> tuple[int, int]:
    """(from, to) in ms of a local month."""
    year, number = int(month[:4]), int(month[5:])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    begin, end = (datetime(*one, 1, tzinfo=ZONE).timestamp() * 1000 for one in ((year, number), following))
    return round(begin), round(end)


def months(days: int) -> list[str]:
    """The local months that a run of so many days touches by at least two days."""
    found = {datetime.fromtimestamp((T0 + day * DAY_MS) / 1000, ZONE).strftime("%Y-%m") for day in range(1, days - 1)}
    return sorted(found)


def check_reports(year: Year, sensors: list[Sensor], days: int, chosen: list[str]) -> tuple[int, list[str]]:
    """(figures compared, what differs) in the monthly reports of the sensors' rooms."""
    now, wrong, count = T0 + days * DAY_MS, list[str](), 0
    last_ms = year.committed_ms
    with reading(year.centre.engine) as connection:
        for room in sorted({sensor.room for sensor in sensors}):
            own = {f"{s.agent}.{s.name}": s for s in year.plan.sensors if s.room == room}
            for month in chosen:
                begin, end = month_bounds(month)
                report = month_report(connection, room, month, zone=ZONE, now_ms=now)
                if {one.sensor for one in report.sensors} != set(own):
                    wrong.append(f"report {room} {month}: sensors {[one.sensor for one in report.sensors]}")
                planned = {
                    (one.rule, one.subject, one.begin_ms // 1000)
                    for one in year.plan.expected
                    if one.room == room and one.source != "centre" and begin <= one.begin_ms < min(end, now)
                }
                told = [one for one in report.alarms if one.rule not in ("missing-data", "agent-silent")]
                if len(told) != len(planned):
                    wrong.append(f"report {room} {month}: {len(told)} alarms told, {len(planned)} planned")
                for one in report.sensors:
                    brute = checks.figures_of(own[one.sensor], begin, min(end, now), last_ms, gap_ms=GAP_MS, clipped=True)
                    wrong += checks.compare(f"report {month} {one.sensor}", one.summary, brute)
                    count += 10
    return count, wrong


def check_metrics(year: Year, sensors: list[Sensor], days: int) -> tuple[int, list[str]]:
    """(figures compared, what differs) in the metrics of whole days, and the readings' coverage."""
    wrong, count = list[str](), 0
    last_ms = year.committed_ms
    spans = [(0, days), (0, min(days, 90))] if days > 90 else [(0, days), (2, days - 2)]
    with reading(year.centre.engine) as connection:
        for sensor in sensors:
            mine = next(one for one in sensors_of_room(connection, sensor.room) if one.sensor == sensor.subject)
            for first, last in spans:
                from_ms, to_ms = T0 + first * DAY_MS, T0 + last * DAY_MS
                found = metrics_of_sensor(connection, sensor.room, mine, from_ms=from_ms, to_ms=to_ms)
                brute = checks.figures_of(sensor, from_ms, to_ms, last_ms, gap_ms=GAP_MS)
                if found.basis == "hours":
                    brute.within = found.summary.within_limits  # by hourly means, which is another figure
                wrong += checks.compare(f"metrics {sensor.subject} days {first}-{last}", found.summary, brute)
                count += 10
            channel = channel_named(connection, sensor.channel("temperature"))
            assert channel is not None
            week = Span(from_ms=T0 + DAY_MS, to_ms=T0 + min(days - 1, 28) * DAY_MS, points=500, gap_ms=150_000)
            course = series(connection, channel, week)
            times, _, _, state = checks.arrays_of(sensor, 1, min(days - 1, 28))
            if sum(point[4] for point in course.points) != int((state == 0).sum()):
                wrong.append(f"chart {sensor.subject}: {sum(point[4] for point in course.points)} values, {len(times)} made")
            count += 1
    return count, wrong


def run(
    *,
    sensors: int,
    days: int,
    seed: int,
    folder: Path,
    an_agent: int = 10,
    spell_every: int = 4,
    rules_every: int = 40,
    batch: int = 1000,
    seconds: float | None = None,
    look_at: int = 8,
    rebuilt: bool = True,
) -> dict[str, Any]:
    """Plan, drive, check; figures, with `wrong`: everything that is not as it should be."""
    plan = make_plan(sensors=sensors, days=days, seed=seed, an_agent=an_agent, spell_every=spell_every)
    year = Year(plan, folder, rules_every=rules_every, batch=batch)
    try:
        began = time.monotonic()
        days = year.run(seconds=seconds)
        took_s = time.monotonic() - began
        alarms = checks.check_alarms(year, days)
        chosen = plan.sensors[:: max(1, len(plan.sensors) // look_at)][:look_at]
        compared, wrong = checks.check_values(year, chosen, days)
        reported, in_reports = check_reports(year, chosen, days, months(days))
        measured, in_metrics = check_metrics(year, chosen, days)
        wrong = [*alarms.missed, *alarms.unplanned, *alarms.wrong, *alarms.not_called, *wrong, *in_reports, *in_metrics]
        wrong += [f"{what}: {n}" for what, n in year.centre.writer.counters.counts.items()]
        stored = year.centre.one("SELECT coalesce(sum(n + other), 0) FROM rollup_hour")
        if stored != year.committed:
            wrong.append(f"{year.committed} readings were sent, {stored} are stored")
        with writing(year.centre.engine) as connection:
            while (number := next_pack(connection, now_ms=2**62)) is not None:
                pack(connection, number, site=SITE)
        whole, own = checks.sizes(year)
        rebuild_s = None
        if rebuilt:
            began = time.monotonic()
            wrong += [f"rebuilt otherwise: {table}" for table in checks.check_rebuild(year)]
            rebuild_s = round(time.monotonic() - began, 1)
        return {
            "sensors": sensors,
            "channels": 2 * sensors,
            "agents": len(year.agents),
            "days": days,
            "readings": year.committed,
            "seconds": round(took_s, 1),
            "readings_a_second": round(year.committed / took_s),
            "commits": year.commits,
            "alarms_planned": alarms.planned,
            "alarms_raised": alarms.raised,
            "alarms_missed": len(alarms.missed),
            "alarms_unplanned_or_doubled": len(alarms.unplanned),
            "alarms_otherwise_than_planned": len(alarms.wrong),
            "backlogs": len(year.backlogs),
            "must_stay_quiet": plan.quiet,
            "spells": {what: sum(s.what == what for own in plan.spells.values() for s in own) for what in sorted(_spells(plan))},
            "values_compared": compared,
            "figures_compared": reported + measured,
            "bytes_a_reading": round(whole / year.committed, 2),
            "bytes_a_reading_without_ledger": round(own / year.committed, 2),
            "rebuild_seconds": rebuild_s,
            "step_minutes": STEP,
            "wrong": wrong,
        }
    finally:
        year.close()


def _spells(plan: Any) -> set[str]:
    return {spell.what for own in plan.spells.values() for spell in own}


def as_text(figures: dict[str, Any]) -> str:
    """Figures as lines."""
    lines = [f"{name:32} {json.dumps(value)}" for name, value in figures.items() if name != "wrong"]
    return "\n".join([*lines, *(f"WRONG {one}" for one in figures["wrong"]), "all as planned" if not figures["wrong"] else ""])
