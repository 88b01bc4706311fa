"""Reads a climate series from CSV as people's programs write it: any order of columns, a byte order mark, semicolons, decimal commas.

Nothing is dropped in silence: a line that cannot be used is listed with its number and the reason.
"""

import csv
import math
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import IO

import msgspec

from central.environment.metrics.formulas import RH_PCT, TEMP_C

COLUMNS = ("time", "temp_c", "rh_pct")
BYTES_MAX = 512 * 2**20
ROWS_MAX = 2_000_000
LINE_MAX = 64 * 1024
LISTED_MAX = 1000
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "-", "--"))
_SPREADSHEET = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2}))?$", re.ASCII)
_YEARS = (datetime(1900, 1, 1, tzinfo=UTC).timestamp() * 1000, datetime(2200, 1, 1, tzinfo=UTC).timestamp() * 1000)
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class UnusableError(Exception):
    """What was given is no climate series; the text says why."""


class Refused(msgspec.Struct, frozen=True):
    """A line, or a value in it, that could not be used."""

    line: int
    why: str


@dataclass(slots=True)
class Table:
    """The series as it was read, in the file's order; NaN stands for a missing value here."""

    times_ms: "array[int]" = field(default_factory=lambda: array("q"))
    temp_c: "array[float]" = field(default_factory=lambda: array("d"))
    rh_pct: "array[float]" = field(default_factory=lambda: array("d"))
    texts: list[str | None] = field(default_factory=list)  # of times that said their offset themselves
    refused: list[Refused] = field(default_factory=list)
    refused_count: int = 0
    notes: list[str] = field(default_factory=list)

    def refuse(self, line: int, why: str) -> None:
        """List a line, as long as the list is short."""
        self.refused_count += 1
        if len(self.refused) < LISTED_MAX:
            self.refused.append(Refused(line, why))


def lines_of(stream: IO[bytes]) -> Iterator[str]:
    """The lines of a stream, within bounds; UnusableError beyond them."""
    total = 0
    while line := stream.readline(LINE_MAX + 1):
        total += len(line)
        if len(line) > LINE_MAX:
            raise UnusableError(f"a line is longer than {LINE_MAX} bytes")
        if total > BYTES_MAX:
            raise UnusableError(f"there are more than {BYTES_MAX >> 20} MiB")
        yield line.decode("utf-8", errors="replace").rstrip("\r\n")


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of one line; quoted ones may hold the delimiter."""
    if '"' not in line:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter), [])


def _header(line: str) -> tuple[str, tuple[int, int, int], int]:
    """(delimiter, places of the columns, how many columns); UnusableError where one is missing."""
    line = line.lstrip("\ufeff")
    delimiter = max((",", ";", "\t"), key=line.count)
    names = [name.strip().casefold() for name in cells_of(line, delimiter)]
    lacking = [name for name in COLUMNS if name not in names]
    if lacking:
        raise UnusableError(f"no column {', '.join(lacking)}: the first line has to name time, temp_c and rh_pct; it names {line[:200]!r}")
    double = [name for name in COLUMNS if names.count(name) > 1]
    if double:
        raise UnusableError(f"there are two columns {double[0]}")
    time, temp, rh = (names.index(name) for name in COLUMNS)
    return delimiter, (time, temp, rh), len(names)


class Times:
    """Texts as moments: RFC 3339, seconds or milliseconds since 1970, or a spreadsheet's local time in the given zone."""

    def __init__(self, zone: tzinfo) -> None:
        """`zone` is that of times without an offset."""
        self._zone = zone
        self._last: int | None = None
        self.naive = self.repeated = 0
        self.told = False  # whether the last text said its offset itself

    def parse(self, text: str) -> int:
        """Milliseconds since 1970 UTC; ValueError with the reason."""
        self.told = False
        if text.isascii() and text.isdigit() and len(text) in (10, 13):
            return int(text) * (1000 if len(text) == 10 else 1)
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            found = _SPREADSHEET.match(text)
            if found is None:
                raise ValueError(f"time {text[:40]!r} is not understood: write 2026-03-01T08:00:00+08:00") from None
            year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
            when = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  the zone follows
        if when.tzinfo is None:
            self.naive += 1
            when = when.replace(tzinfo=self._zone)
            t_ms = (when - _ZERO) // _MS if self._zone is UTC else round(when.timestamp() * 1000)
            if self._last is not None and t_ms <= self._last:
                again = round(when.replace(fold=1).timestamp() * 1000)  # the hour that a clock shows twice in autumn
                if again > self._last:
                    self.repeated += again != t_ms
                    t_ms = again
            self._last = t_ms
        else:
            self.told = True
            t_ms = (when - _ZERO) // _MS
        if not _YEARS[0] <= t_ms < _YEARS[1]:
            raise ValueError(f"time {text[:40]!r} is before 1900 or after 2199")
        return t_ms


def _value(text: str, name: str, bounds: tuple[float, float]) -> tuple[float, str | None]:
    """(number or NaN, why it is NaN)."""
    told = text.strip()
    if told.casefold() in MISSING:
        return math.nan, f"{name} is missing"
    try:
        value = float(told.replace(",", ".")) if "_" not in told else math.nan
    except ValueError:
        value = math.nan
    if math.isnan(value):
        return value, f"{name} {told[:40]!r} is no number"
    if not bounds[0] <= value <= bounds[1]:
        return math.nan, f"{name} {told[:40]} is outside {bounds[0]:g}..{bounds[1]:g}"
    return value, None


def read_table(lines: Iterable[str], *, zone: tzinfo) -> Table:
    """The series; UnusableError where columns are missing or no line is usable."""
    rows, table, times = iter(lines), Table(), Times(zone)
    delimiter, places, width = "", (0, 0, 0), 0
    number = 0
    for number, line in enumerate(rows, 1):  # noqa: B007  counts on below
        if line.strip("\ufeff \t"):
            delimiter, places, width = _header(line)
            break
    if not width:
        raise UnusableError("there is nothing in it")
    at_time, at_temp, at_rh = places
    needed = max(places)
    for number, line in enumerate(rows, number + 1):  # noqa: B020  the same count goes on
        if not line.strip(" \t,;"):
            continue
        cells = cells_of(line, delimiter)
        if len(cells) <= needed or any(cell.strip() for cell in cells[width:]):  # one more may be a decimal comma
            table.refuse(number, f"{len(cells)} cells in place of {width}")
            continue
        text = cells[at_time].strip()
        try:
            t_ms = times.parse(text)
        except (ValueError, OverflowError) as error:
            table.refuse(number, str(error))
            continue
        temp, why_temp = _value(cells[at_temp], "temp_c", TEMP_C)
        rh, why_rh = _value(cells[at_rh], "rh_pct", RH_PCT)
        if why_temp or why_rh:
            table.refuse(number, "; ".join(filter(None, (why_temp, why_rh))))
        table.times_ms.append(t_ms)
        table.texts.append(text if times.told else None)
        table.temp_c.append(temp)
        table.rh_pct.append(rh)
        if len(table.times_ms) > ROWS_MAX:
            raise UnusableError(f"there are more than {ROWS_MAX:,} rows")
    if not any(not math.isnan(t + rh) for t, rh in zip(table.temp_c, table.rh_pct, strict=True)):
        why = f": line {table.refused[0].line}: {table.refused[0].why}" if table.refused else ""
        raise UnusableError(f"no line of it can be used{why}")
    _note(table, times, zone)
    return table


def _note(table: Table, times: Times, zone: tzinfo) -> None:
    found = table.times_ms
    if times.naive:
        table.notes.append(f"{times.naive} times without an offset were taken as {zone}")
    if times.repeated:
        table.notes.append(f"{times.repeated} times of the hour that clocks show twice were taken as its second pass")
    back = sum(later < earlier for earlier, later in pairwise(found))
    if back:
        table.notes.append(f"the rows were not in the order of time ({back} steps back) and were sorted")
    double = len(found) - len(set(found))
    if double:
        table.notes.append(f"{double} rows have the time of another: of each time the last row was taken")
    if any(0 <= t_ms < 365 * 86_400_000 for t_ms in found):
        table.notes.append("there are times of 1970: was a clock not set?")
