"""What is asked of a run: alarms as planned, values as made, figures as anybody would compute them from the raw arrays.

The recomputation is written here anew, from docs/metrics.md and the plan's arrays, and calls nothing of the code it judges.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from central.environment.tables import channels
from central.environment.values import values
from central.rebuild import rebuild
from central.store.engine import reading
from central.tables import projections
from tests.year.climate import DAY_MINUTES, GOOD, LOST, MINUTE, SILENT, T0, Floats, Sensor
from tests.year.plan import SAMPLE_MS, Expected
from tests.year.site import Year

Times = NDArray[np.int64]
KEPT = ("readings", "reading_chunks", "rollup_hour")
BOXES = {  # the limits that reports and metrics judge by: of the rooms' own, or the tightest that the agent's file has
    "paper": ((14.0, 24.0, 40.0, 60.0),),
    "film": ((2.0, 21.0, 20.0, 30.0), (2.0, 15.0, 20.0, 40.0), (2.0, 10.0, 20.0, 50.0)),
    "hall": (),
    "glass": (),
}


# -- alarms


@dataclass
class Alarms:
    """How the alarms of a run compare with the planned ones; each list is in words."""

    planned: int
    raised: int
    missed: list[str]
    unplanned: list[str]  # doubled ones too
    wrong: list[str]  # there, and not as planned
    not_called: list[str]  # told to browsers as active out of a backlog, or not told although they were

    @property
    def right(self) -> bool:
        """Whether everything is as planned."""
        return not (self.missed or self.unplanned or self.wrong or self.not_called)


@dataclass
class _Raised:
    """One time that an alarm began and ended at the centre."""

    row: Any
    begin_ms: int
    end_ms: int | None
    notes: list[str]


def _raised(year: Year) -> dict[tuple[str, str, str], list[_Raised]]:
    """By (source, rule, subject): agents' and later alarms by their rows, the centre's by what was noted, since those are raised again."""
    made: dict[tuple[str, str, str], list[_Raised]] = {}
    notes: dict[str, list[tuple[str, int]]] = {}
    for ident, what, t_ms in year.centre.rows("SELECT alarm_id, what, t_ms FROM alarm_notes ORDER BY leaf_idx, t_ms"):
        notes.setdefault(ident, []).append((what, t_ms))
    with reading(year.centre.engine) as connection:
        rows = connection.exec_driver_sql("SELECT * FROM alarms ORDER BY since_ms, id").mappings().all()
    for row in rows:
        told = notes.get(row["id"], [])
        whats = [what for what, _ in told]
        if row["found_later"]:
            made.setdefault(("later", row["rule"], row["subject"]), []).append(_Raised(row, row["since_ms"], row["returned_ms"], whats))
        elif not row["id"].startswith("centre:"):
            made.setdefault(("agent", row["rule"], row["subject"]), []).append(_Raised(row, row["since_ms"], row["returned_ms"], whats))
        else:
            own = made.setdefault(("centre", row["rule"], row["subject"]), [])
            for what, t_ms in told:
                if what == "raised":
                    own.append(_Raised(row, t_ms, None, whats))
                elif what == "returned":
                    own[-1].end_ms = t_ms
    return made


def _minutes(ms: int | None) -> str:
    return "never" if ms is None else f"{(ms - T0) / MINUTE:.2f}"


def check_alarms(year: Year, days: int) -> Alarms:
    """Every planned alarm of the days that were run, once, from when and until when it was planned, and no other one."""
    end = T0 + days * DAY_MINUTES * MINUTE
    planned = [one for one in year.plan.expected if one.end_ms + 2 * one.within_ms < end]
    open_at_end = [one for one in year.plan.expected if one.begin_ms < end <= one.end_ms + 2 * one.within_ms]
    raised = _raised(year)
    made = Alarms(len(planned), sum(map(len, raised.values())) - len(open_at_end), [], [], [], [])
    for one in [*planned, *open_at_end]:
        found = raised.get((one.source, one.rule, one.subject), [])
        mine = next((each for each in found if abs(each.begin_ms - one.begin_ms) <= SAMPLE_MS), None)
        if mine is None:
            if one in planned:
                made.missed.append(f"{one.what}: {one.rule} of {one.subject} at {_minutes(one.begin_ms)}")
            continue
        found.remove(mine)
        if one in planned:
            made.wrong += [f"{one.what}: {one.rule} of {one.subject} at {_minutes(one.begin_ms)}: {why}" for why in _differences(one, mine)]
    for (source, rule, subject), rest in raised.items():
        made.unplanned += [f"{source}: {rule} of {subject}, {_minutes(each.begin_ms)} to {_minutes(each.end_ms)}" for each in rest]
    made.not_called += _calls(year)
    return made


def _differences(one: Expected, mine: _Raised) -> Iterator[str]:
    row = mine.row
    if mine.end_ms is None or abs(mine.end_ms - one.end_ms) > one.within_ms:
        yield f"ends at {_minutes(mine.end_ms)}, not {_minutes(one.end_ms)}"
    if row["room"] != one.room:
        yield f"room {row['room']}, not {one.room}"
    if bool(row["uncertain"]) != one.uncertain:
        yield f"uncertain {row['uncertain']}"
    if ("certain" in mine.notes) != one.certain_later:
        yield f"notes {mine.notes}: became certain or not"
    if bool(row["held"]) != one.held or ("suppressed" in mine.notes and not one.held and one.source == "agent" and not _explained(one)):
        yield f"held {row['held']}, notes {mine.notes}"
    if one.held and ("suppressed" not in mine.notes or "released" not in mine.notes):
        yield f"held back and let go again: {mine.notes}"
    expected = {"acknowledge": "normal", "shelve": "returned"}.get(one.person)
    if expected is not None and row["state"] != expected:
        yield f"state {row['state']} after {one.person}"
    if one.person == "acknowledge" and row["acknowledged_by"] != "li":
        yield f"acknowledged by {row['acknowledged_by']}"
    if one.person == "shelve" and not {"shelved", "unshelved"} <= set(mine.notes):
        yield f"shelved and back: {mine.notes}"
    if one.source == "later" and row["state"] != "normal":
        yield f"history in the state {row['state']}"


def _explained(one: Expected) -> bool:
    """Whether a cause may stand above it: its sensor falls silent, its agent is not heard."""
    return one.late or one.rule.endswith("-bad") or one.what.startswith("silent")


def _calls(year: Year) -> Iterator[str]:
    """From a backlog nothing is raised live but what still stands."""
    for told in year.backlogs:
        now = T0 + told.k * MINUTE
        standing = {
            (one.rule, one.begin_ms)
            for one in year.plan.expected
            if one.source == "agent" and one.subject.startswith(told.agent) and one.begin_ms < now < one.end_ms
        }
        rows = [year.centre.rows("SELECT rule, since_ms FROM alarms WHERE id = ?", ident)[0] for ident in told.alarms]
        called = {(rule, since) for rule, since in rows if rule not in ("agent-silent", "missing-data")}
        for rule, since in called:
            if not any(rule == name and abs(since - begin) <= SAMPLE_MS for name, begin in standing):
                yield f"{told.agent} at {told.k}: {rule} of {_minutes(since)} was told as active"
        for name, begin in standing:
            if not any(rule == name and abs(since - begin) <= SAMPLE_MS for rule, since in called):
                yield f"{told.agent} at {told.k}: {name} of {_minutes(begin)} still stands and was not told"


# -- values


def arrays_of(sensor: Sensor, first: int, last: int) -> tuple[Times, Floats, Floats, NDArray[np.int8]]:
    """(times, temperatures, humidities, states) of the samples of days first..last-1 that an agent or node took."""
    parts = [sensor.day(day) for day in range(first, last)]
    temp, rh, state = (np.concatenate([part[n] for part in parts]) for n in range(3))
    times = T0 + (first * DAY_MINUTES + np.arange(len(temp), dtype=np.int64)) * MINUTE + sensor.phase_ms
    there = (state != SILENT) & (state != LOST)
    return times[there], temp[there], rh[there], state[there]


def check_values(year: Year, sensors: list[Sensor], days: int) -> tuple[int, list[str]]:
    """(values compared, what differs): each stored value of these sensors, its time and its quality, in order, to the last bit."""
    compared, wrong = 0, []
    with reading(year.centre.engine) as connection:
        ids = {row.channel: row.id for row in connection.execute(select(channels))}
        for sensor in sensors:
            times, temp, rh, state = arrays_of(sensor, 0, days)
            for quantity, made in (("temperature", temp), ("relative_humidity", rh)):
                stored = values(connection, ids[sensor.channel(quantity)], from_ms=0, to_ms=2**60)
                kept = len(stored)
                good = state == GOOD
                expected = [
                    (t, v if ok else None, 0 if ok else 2) for t, v, ok in zip(times.tolist(), made.tolist(), good.tolist(), strict=True)
                ][:kept]
                compared += kept
                pending = len(times) - kept  # of the last minutes, that no commit has taken yet
                if stored != expected or not 0 <= pending <= 2 * MINUTE:
                    at = next((n for n, (a, b) in enumerate(zip(stored, expected, strict=False)) if a != b), None)
                    wrong.append(f"{sensor.channel(quantity)}: {kept} stored, {len(times)} made, first difference at {at}")
    return compared, wrong


# -- figures


@dataclass
class Figures:
    """A span of a sensor by brute force."""

    values: int
    coverage: float
    twpi_years: float
    temp: tuple[float, float, float]  # mean, min, max
    rh: tuple[float, float, float]
    within: float | None


def figures_of(sensor: Sensor, from_ms: int, to_ms: int, last_ms: int, *, gap_ms: int, clipped: bool = False) -> Figures:
    """By the definitions: a value holds until the next one, before a gap for one minute; means weigh by that time.

    gap_ms: values further apart have a gap between them. `last_ms`: nothing was measured from then on.
    clipped: the span's last value is the last that there is, as a report sees it.
    """
    first, last = (from_ms - T0) // MINUTE // DAY_MINUTES, -((T0 - to_ms) // MINUTE // DAY_MINUTES)
    low = max(int(first) - 1, 0)
    high = min(int(last) + 1, -((T0 - last_ms) // MINUTE // DAY_MINUTES))
    times, temp, rh, state = arrays_of(sensor, low, high)
    sent = times < last_ms
    if clipped:
        sent &= (times >= from_ms) & (times < to_ms)
    times, temp, rh, state = times[sent], temp[sent], rh[sent], state[sent]
    apart = np.append(np.diff(times), MINUTE)
    held = np.where(apart <= gap_ms, apart, MINUTE)
    mine = (state == GOOD) & (times >= from_ms) & (times < to_ms)
    t, h, dt = temp[mine], rh[mine], held[mine]
    kelvin = t + 273.15
    pi_years = np.exp((95220 - 134.9 * h) / (8.314 * kelvin) + 0.0284 * h - 28.023) / 365
    total = float(dt.sum())
    inside = np.zeros(len(t), dtype=bool)
    for t_min, t_max, rh_min, rh_max in BOXES[sensor.kind.name]:
        inside |= (t >= t_min) & (t <= t_max) & (h >= rh_min) & (h <= rh_max)
    return Figures(
        values=len(t),
        coverage=min(1.0, total / (to_ms - from_ms)),
        twpi_years=total / float((dt / pi_years).sum()),
        temp=(float((t * dt).sum()) / total, float(t.min()), float(t.max())),
        rh=(float((h * dt).sum()) / total, float(h.min()), float(h.max())),
        within=float((dt * inside).sum()) / total if BOXES[sensor.kind.name] else None,
    )


def compare(who: str, summary: Any, own: Figures) -> list[str]:
    """What a Summary says otherwise than the brute force."""
    pairs: list[tuple[str, float | None, float | None]] = [
        ("values", summary.values, own.values),
        ("coverage", summary.coverage, own.coverage),
        ("twpi_years", summary.twpi_years, own.twpi_years),
        ("within", summary.within_limits, own.within),
    ]
    for name, course, mine in (("temp", summary.temp_c, own.temp), ("rh", summary.rh_pct, own.rh)):
        pairs += [(f"{name} {what}", getattr(course, what), mine[n]) for n, what in enumerate(("mean", "min", "max"))]
    return [f"{who} {name}: {told} told, {mine} computed" for name, told, mine in pairs if not _near(told, mine)]


def _near(a: float | None, b: float | None) -> bool:
    return a is b if a is None or b is None else abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))


# -- what it takes, and that it can be made again


def sizes(year: Year) -> tuple[int, int]:
    """(bytes of the database without the browsers' events, bytes of the readings' own tables)."""
    with closing(sqlite3.connect(year.centre.config.database)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        own = f"SELECT sum(pgsize) FROM dbstat WHERE name IN {KEPT} OR name LIKE '%reading_chunks%'"  # noqa: S608 - names of ours
        (mine,) = db.execute(own).fetchone()
        (whole,) = db.execute("SELECT sum(pgsize) FROM dbstat WHERE name <> 'live'").fetchone()
    return whole, mine


def digests(year: Year) -> dict[str, tuple[int, str]]:
    """Of every projected table: rows and the digest of all of them, in order."""
    made = {}
    with reading(year.centre.engine) as connection:
        for table in projections():
            digest, count = hashlib.sha256(), 0
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            for row in connection.exec_driver_sql(f'SELECT {columns} FROM "{table.name}" ORDER BY {columns}'):  # noqa: S608 - our own names
                digest.update(repr(tuple(row)).encode())
                count += 1
            made[table.name] = count, digest.hexdigest()
    return made


def check_rebuild(year: Year) -> list[str]:
    """The tables that are not the same, row by row, after they were made again from the ledger."""
    before = digests(year)
    rebuild(year.centre.engine)
    after = digests(year)
    return [f"{name}: {before[name][0]} rows, then {after[name][0]}" for name in before if before[name] != after[name]]


def as_json(figures: dict[str, Any]) -> str:
    """Figures for a file."""
    return json.dumps(figures, indent=1, default=str)
