"""`muniment-central metrics FILE.csv`: the preservation metrics of anyone's climate series, as a table or as JSON."""

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from central.environment.metrics import formulas as f
from central.environment.metrics.cells import GAP_FACTOR, Event, Setting, utc_day
from central.environment.metrics.csvfile import Refused, Table, UnusableError, lines_of, read_table
from central.environment.metrics.mould import CLEAN, MATERIALS, PINE, step
from central.environment.metrics.series import TOLERANCE_C, TOLERANCE_PCT, Asked, Summary, events_of, summarise_events, usual_interval
from central.environment.metrics.within import Box

DONE, FAILED, WRONG = 0, 1, 2
ACTIVATION_KJ = (1.0, 300.0)
ROWS_SHOWN = 31
GAPS_LISTED = 100
DIGITS = 9  # significant, in the rows


class Row(msgspec.Struct):
    """One value and what follows from it; `mould_index` is the state at the end of the time that the value stands for."""

    time: str
    temp_c: float | None
    rh_pct: float | None
    dew_point_c: float | None = None
    dew_point_over: str | None = None  # always "water"; over ice it is the frost point
    frost_point_c: float | None = None
    vapour_pressure_hpa: float | None = None
    absolute_humidity_g_m3: float | None = None
    mixing_ratio_g_kg: float | None = None
    emc_pct: float | None = None
    pi_years: float | None = None
    lifetime_multiplier: float | None = None
    mould_index: float | None = None
    held_s: float = 0.0


class Gap(msgspec.Struct):
    """A span without values."""

    begin: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")


def _numbers(text: str, count: int, what: str) -> list[float | None]:
    parts = text.split(":")
    if len(parts) != count:
        raise argparse.ArgumentTypeError(f"{what} is written {':'.join(['N'] * count)}, not {text!r}")
    try:
        found = [float(part) if part.strip() else None for part in parts]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} has a part that is no number") from error
    if any(part is not None and not math.isfinite(part) for part in found):
        raise argparse.ArgumentTypeError(f"{text!r} has a part that is no finite number")
    return found


def _box(text: str) -> Box:
    t_min, t_max, rh_min, rh_max = _numbers(text, 4, "a pair of limits, T_MIN:T_MAX:RH_MIN:RH_MAX,")
    if (t_min is not None and t_max is not None and t_min > t_max) or (rh_min is not None and rh_max is not None and rh_min > rh_max):
        raise argparse.ArgumentTypeError(f"{text!r} has a lower bound above its upper one")
    return Box(t_min, t_max, rh_min, rh_max)


def _two(text: str) -> tuple[float | None, float | None]:
    temp, rh = _numbers(text, 2, "T:RH")
    return temp, rh


def _tolerance(text: str) -> tuple[float, float]:
    temp, rh = _two(text)
    if temp is None or rh is None or not 0 <= temp <= 10 or not 0 <= rh <= 30:
        raise argparse.ArgumentTypeError(f"tolerances are 0..10 °C and 0..30 %RH, not {text!r}")
    return temp, rh


def _zone(text: str) -> tzinfo:
    if text.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"there is no time zone {text!r}; write for example Asia/Shanghai") from error


def _seconds(text: str) -> int:
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from error
    if not 0.001 <= value <= 366 * 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not between a millisecond and a year")
    return round(value * 1000)


def _pressure(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no pressure in hPa") from error
    low, high = f.PRESSURE_HPA
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"pressure is {low:g}..{high:g} hPa, not {text}")
    return value


def _activation(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no energy in kJ/mol") from error
    low, high = ACTIVATION_KJ
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"an activation energy is {low:g}..{high:g} kJ/mol, not {text}")
    return value * 1000.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "file", metavar="FILE.csv", help="columns time,temp_c,rh_pct in any order, others are passed over; - is standard input"
    )
    parser.add_argument("--json", action="store_true", help="rows and summary as one JSON object")
    limits = "a pair of limits, either side may be left empty; given several times: alternatives (write --limits=-5:…)"
    parser.add_argument("--limits", type=_box, action="append", default=[], metavar="T_MIN:T_MAX:RH_MIN:RH_MAX", help=limits)
    parser.add_argument("--set-point", type=_two, default=(None, None), metavar="T:RH", help="what the daily swing is measured from")
    parser.add_argument(
        "--swing", type=_two, default=(None, None), metavar="T:RH", help="the swing allowed within a day, ± around the set point"
    )
    parser.add_argument("--pressure", type=_pressure, default=f.STANDARD_HPA, metavar="HPA", help="of the air (default: 1013.25 hPa)")
    energy = "activation energy of the lifetime multiplier in kJ/mol (default: 100, paper)"
    parser.add_argument("--activation", type=_activation, default=f.PAPER_J, metavar="KJ", help=energy)
    tolerance = (TOLERANCE_C, TOLERANCE_PCT)
    words = "of the sensor, ± (default: 0.2:1.8, an SHT4x)"
    parser.add_argument("--tolerance", type=_tolerance, default=tolerance, metavar="T:RH", help=words)
    parser.add_argument(
        "--timezone", type=_zone, default=UTC, metavar="ZONE", help="of times without an offset, and of days (default: UTC)"
    )
    parser.add_argument("--interval", type=_seconds, metavar="S", help="usual distance of the values (default: their median)")
    parser.add_argument("--gap", type=_seconds, metavar="S", help="a longer distance is a gap (default: 2.5 intervals)")
    parser.add_argument(
        "--material", choices=tuple(MATERIALS), default=PINE, help="the surface whose mould index is computed (default: pine)"
    )
    parser.add_argument("--lang", choices=("en", "zh"), default="en", help="of the table's sentences")


def _day_of(zone: tzinfo) -> Callable[[int], int]:
    """Gives the start of a moment's day in a zone."""
    if zone is UTC:
        return utc_day
    known: dict[int, int] = {}  # by quarter of an hour: every zone's offset changes on one

    def start(t_ms: int) -> int:
        quarter = t_ms // 900_000
        found = known.get(quarter)
        if found is None:
            local = datetime.fromtimestamp(quarter * 900, zone)
            found = known[quarter] = round(local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).timestamp() * 1000)
        return found

    return start


def _told(t_ms: int, zone: tzinfo) -> str:
    # counted from 1970, for times before it and beyond what the C library has
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=t_ms)).astimezone(zone).isoformat()


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


def rows_of(events: Sequence[Event], setting: Setting, *, table: Table, pressure_hpa: float, zone: tzinfo) -> Iterator[Row]:
    """A row a moment, in order of time, with the time as it was written where that said its offset."""
    state, last = CLEAN, len(events) - 1
    as_read = len(events) == len(table.times_ms) and all(event.t_ms == t_ms for event, t_ms in zip(events, table.times_ms, strict=True))
    places = {} if as_read else {t_ms: place for place, t_ms in enumerate(table.times_ms)}
    for place, (t_ms, temp, rh) in enumerate(events):
        read = place if as_read else places[t_ms]
        time = table.texts[read] or _told(t_ms, zone)
        if temp is None or rh is None:
            yield Row(time, _number(table.temp_c[read]), _number(table.rh_pct[read]), mould_index=_short(state.value))
            continue
        held_ms = setting.held_ms(t_ms, events[place + 1].t_ms if place < last else t_ms + setting.interval_ms)
        state = step(state, held_ms, temp_c=temp, rh_pct=rh, material=setting.material)
        dew = f.dew_point(temp, rh)
        yield Row(
            time,
            temp,
            rh,
            dew_point_c=_short(dew),
            dew_point_over=None if dew is None else "water",
            frost_point_c=_short(f.frost_point(temp, rh)) if dew is not None and dew < 0 else None,
            vapour_pressure_hpa=_short(f.vapour_pressure_hpa(temp, rh)),
            absolute_humidity_g_m3=_short(f.absolute_humidity(temp, rh)),
            mixing_ratio_g_kg=_short(f.mixing_ratio(temp, rh, pressure_hpa=pressure_hpa)),
            emc_pct=_short(f.emc(temp, rh)),
            pi_years=_short(f.preservation_index(temp, rh)),
            lifetime_multiplier=_short(f.lifetime_multiplier(temp, rh, activation_j=setting.activation_j)),
            mould_index=_short(state.value),
            held_s=held_ms / 1000,
        )


def gaps_of(events: Sequence[Event], setting: Setting, zone: tzinfo) -> list[Gap]:
    """The first spans that no value covers."""
    made: list[Gap] = []
    end: int | None = None
    for place, (t_ms, temp, _rh) in enumerate(events):
        if end is not None and t_ms > end and temp is not None:
            made.append(Gap(_told(end, zone), _told(t_ms, zone)))
            if len(made) == GAPS_LISTED:
                break
        if temp is not None and place + 1 < len(events):
            end = t_ms + setting.held_ms(t_ms, events[place + 1].t_ms)
    return made


def _summary(summary: Summary, zone: tzinfo, gaps: list[Gap], asked: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(summary)
    made |= {"from": None, "to": None}
    if summary.from_ms is not None and summary.to_ms is not None:
        made |= {"from": _told(summary.from_ms, zone), "to": _told(summary.to_ms, zone)}
    return made | {"interval_s": summary.interval_ms / 1000, "gaps": gaps} | asked


def _write_json(out: IO[bytes], rows: Iterator[Row], summary: dict[str, Any], table: Table) -> None:
    encode = msgspec.json.encode
    out.write(b'{"rows":[')
    between = b"\n"
    for row in rows:
        out.write(between)
        out.write(encode(row))
        between = b",\n"
    rest = {"summary": summary, "notes": table.notes, "refused": table.refused, "refused_count": table.refused_count}
    out.write(b"\n]," + encode(rest)[1:] + b"\n")


def _cell(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}g}"


def _write_table(summary: Summary, rows: Iterator[Row], table: Table, *, zone: tzinfo, lang: str) -> None:
    if summary.from_ms is not None and summary.to_ms is not None:
        print(f"{_told(summary.from_ms, zone)} .. {_told(summary.to_ms, zone)}, {summary.values} values, coverage {summary.coverage:.1%}")
    if len(table.times_ms) <= ROWS_SHOWN:
        names = ("dew_point_c", "absolute_humidity_g_m3", "mixing_ratio_g_kg", "emc_pct", "pi_years", "lifetime_multiplier", "mould_index")
        print("\n" + f"{'time':<26}{'°C':>8}{'%RH':>8}{'dew °C':>9}{'g/m³':>8}{'g/kg':>8}{'EMC %':>8}{'PI a':>8}{'life':>8}{'mould':>8}")
        for row in rows:
            cells = [row.temp_c, row.rh_pct, *(getattr(row, name) for name in names)]
            widths = (8, 8, 9, 8, 8, 8, 8, 8, 8)
            print(f"{row.time:<26}" + "".join(f"{_cell(cell):>{width}}" for cell, width in zip(cells, widths, strict=True)))
    print()
    for name, metric in summary.metrics.items():
        of = 100.0 if name == "within_limits" else 1.0  # a share is read as percent
        value, low, high = (None if v is None else v * of for v in (metric.value, metric.low, metric.high))
        bounds = "" if low is None or high is None else f"{_cell(low)} .. {_cell(high)}"
        unit = "%" if name == "within_limits" else {"a": "years (approx.)", "1": "", "Cel": "°C"}.get(metric.unit, metric.unit)
        print(f"{name:<24}{_cell(value):>9} {unit:<16}{bounds:<20} {metric.zh if lang == 'zh' else metric.en}")
    for label, course, swing in (("temp_c", summary.temp_c, summary.swing_c), ("rh_pct", summary.rh_pct, summary.swing_pct)):
        if course is not None:
            day = f"; within a day {_cell(swing.mean)} on average, {_cell(swing.max)} at most" if swing.days else ""
            print(f"{label:<24}{_cell(course.mean):>9} on average, {_cell(course.min)} .. {_cell(course.max)}{day}")
    found = summary.en15757
    if found.band is not None:
        band = f"{found.band.lower_pct:+.1f} .. {found.band.upper_pct:+.1f} %RH around the 30-day mean"
        print(f"{'en15757':<24}{band}; outside it {found.band.outside:.1%} of the time")
    else:
        print(f"{'en15757':<24}{found.why_zh if lang == 'zh' else found.why}")


def _write_notes(table: Table, out: IO[str]) -> None:
    for note in table.notes:
        print(f"note: {note}", file=out)
    listed: list[Refused] = table.refused[:20]
    for refused in listed:
        print(f"line {refused.line}: {refused.why}", file=out)
    if table.refused_count > len(listed):
        print(f"{table.refused_count - len(listed)} more lines had values that could not be used", file=out)


def _read(path: str, zone: tzinfo) -> Table:
    if path == "-":
        return read_table(lines_of(sys.stdin.buffer), zone=zone)
    with Path(path).open("rb") as stream:
        return read_table(lines_of(stream), zone=zone)


def run(args: argparse.Namespace) -> int:
    """Compute and print; 0 done, 1 where reading or writing failed on the way, 2 where the input cannot be used."""
    try:
        table = _read(args.file, args.timezone)
    except UnusableError as error:
        print(f"{args.file}: {error}", file=sys.stderr)
        return WRONG
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        print(f"{args.file}: {error.strerror}", file=sys.stderr)
        return WRONG
    except OSError as error:
        print(f"{args.file}: reading failed: {error.strerror or error}", file=sys.stderr)
        return FAILED
    zone: tzinfo = args.timezone
    tolerance_c, tolerance_pct = args.tolerance
    events = events_of(table.times_ms, table.temp_c, table.rh_pct)
    usual = args.interval or usual_interval([event.t_ms for event in events])
    gap_ms = max(args.gap or int(GAP_FACTOR * usual), usual)
    setting = Setting(usual, gap_ms, tolerance_c, tolerance_pct, MATERIALS[args.material], args.activation)
    summary = summarise_events(events, setting, boxes=args.limits, asked=Asked(*args.set_point, *args.swing), day_of=_day_of(zone))
    rows = rows_of(events, setting, table=table, pressure_hpa=args.pressure, zone=zone)
    try:
        if args.json:
            told = {"tolerance_c": tolerance_c, "tolerance_pct": tolerance_pct, "pressure_hpa": args.pressure, "material": args.material}
            told["activation_kj_mol"] = args.activation / 1000
            _write_json(sys.stdout.buffer, rows, _summary(summary, zone, gaps_of(events, setting, zone), told), table)
        else:
            _write_table(summary, rows, table, zone=zone, lang=args.lang)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:  # a full disk, most likely
        print(f"the result could not be written: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    _write_notes(table, sys.stderr)
    return DONE
