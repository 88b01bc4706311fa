"""How times, ages, numbers and small charts are written in a page; pure functions and the filters made of them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from central.console.language import gettext
from central.times import shown

SPARK_W, SPARK_H = 240, 48  # the view box of a sparkline
SPARK_GAP = 3  # points further apart than this many usual steps are not joined
_FORMS = {"": "%Y-%m-%d %H:%M:%S", "minute": "%Y-%m-%d %H:%M", "date": "%Y-%m-%d", "clock": "%H:%M:%S"}

Time = int | float | str | None


def to_ms(t: Time) -> int | None:
    """Milliseconds since 1970 of integer milliseconds or an RFC 3339 text; None for None and for what is no time."""
    if t is None or isinstance(t, bool):
        return None
    if isinstance(t, int | float):
        return int(t)
    try:
        return round(datetime.fromisoformat(t).timestamp() * 1000)
    except ValueError:
        return None


def iso(ms: int) -> str:
    """RFC 3339 in UTC, for `datetime` attributes."""
    return datetime.fromtimestamp(shown(ms) / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def when(t: Time, zone: tzinfo, form: str = "") -> Markup:
    """A `<time>` in this zone; forms: full, `minute`, `date`, `clock`. The browser puts it into the viewer's own zone."""
    ms = to_ms(t)
    if ms is None:
        return Markup("–")
    text = datetime.fromtimestamp(shown(ms) / 1000, zone).strftime(_FORMS[form])
    return Markup('<time datetime="{}" data-time="{}">{}</time>').format(iso(ms), form, text)


def age_words(t: Time, now_ms: int) -> str:
    """How long ago, in one unit; the browser's `formatAge` is the same rule."""
    ms = to_ms(t)
    if ms is None:
        return "–"
    s = max(0, round((now_ms - ms) / 1000))
    if s < 90:
        return gettext("{n} s ago").format(n=s)
    if s < 5400:
        return gettext("{n} min ago").format(n=round(s / 60))
    if s < 172800:
        return gettext("{n} h ago").format(n=round(s / 3600))
    return gettext("{n} d ago").format(n=round(s / 86400))


def age(t: Time, stale_s: int = 0) -> Markup:
    """A `<time>` that says how long ago; older than stale_s seconds it is marked."""
    ms = to_ms(t)
    if ms is None:
        return Markup("–")
    now = time.time_ns() // 1_000_000
    mark = "is-stale" if stale_s and now - ms > stale_s * 1000 else ""
    return Markup('<time datetime="{}" data-age data-stale-s="{}" class="{}">{}</time>').format(iso(ms), stale_s, mark, age_words(ms, now))


def number(v: float | int | None, decimals: int = 0) -> str:
    """A number with thin groups of thousands; a dash where there is none."""
    if v is None or (isinstance(v, float) and not math.isfinite(v)):
        return "–"
    text = f"{v:,.{decimals}f}".replace(",", "\u202f")
    return text.removeprefix("-") if not text.strip("-0.") else text


def figure(v: float | int | None) -> str:
    """A measure with three significant figures, however large; a dash where there is none."""
    if v is None or isinstance(v, bool) or not math.isfinite(v):
        return "–"
    if abs(v) >= 1000:
        return number(v)
    text = f"{v:.4f}".rstrip("0").rstrip(".") if 0 < abs(v) < 0.001 else f"{v:.3g}"
    return "0" if text == "-0" else text


def size(n: int | float | None) -> str:
    """Bytes in the unit that keeps one to three figures before the point."""
    if n is None:
        return "–"
    value = float(n)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def short(text: object, keep: int = 8) -> Markup:
    """The first letters of an identity, with the whole in the title."""
    whole = str(text)
    return Markup('<span class="mono nowrap" title="{}">{}</span>').format(whole, whole if len(whole) <= keep + 4 else whole[:keep] + "…")


@dataclass(frozen=True, kw_only=True)
class Spark:
    """A small line chart in a box of SPARK_W x SPARK_H: the path, the allowed band and the limits that lie inside."""

    path: str
    top: float
    bottom: float
    limits: tuple[float, ...]


def spark(points: Sequence[Sequence[Any]], *, above: float | None = None, below: float | None = None) -> Spark | None:
    """The sparkline of `[t_ms, min, mean, max, count]` points; None with fewer than two. Gaps stay gaps."""
    good = [(float(p[0]), float(p[2])) for p in points if p[2] is not None]
    if len(good) < 2:
        return None
    values = [v for _, v in good]
    low, high = min(values), max(values)
    pad = max((high - low) * 0.15, 0.5)
    low, high = low - pad, high + pad
    start, end = good[0][0], good[-1][0]
    span = (end - start) or 1.0
    steps = sorted(b[0] - a[0] for a, b in pairwise(good))
    usual = steps[len(steps) // 2] or 1.0

    def y(v: float) -> float:
        return round(SPARK_H * (1 - (v - low) / (high - low)), 1)

    path = []
    before: float | None = None
    for t, v in good:
        pen = "L" if before is not None and t - before <= usual * SPARK_GAP else "M"
        path.append(f"{pen}{round(SPARK_W * (t - start) / span, 1)} {y(v)}")
        before = t
    inside = tuple(y(limit) for limit in (above, below) if limit is not None and low <= limit <= high)
    top = min(max(y(above), 0.0), SPARK_H) if above is not None else 0.0
    bottom = min(max(y(below), 0.0), SPARK_H) if below is not None else float(SPARK_H)
    return Spark(path="".join(path), top=top, bottom=bottom, limits=inside)


def share(part: float | None, whole: float | None) -> float:
    """A percentage between 0 and 100 for marks on a track."""
    if not whole or part is None:
        return 0.0
    return round(min(max(100 * part / whole, 0.0), 100.0), 2)


def worst(lights: Iterable[str]) -> str:
    """The light that a person should see first."""
    order = ("red", "yellow", "grey", "green")
    seen = set(lights)
    return next((light for light in order if light in seen), "green")


def localized(words: object, lang: str) -> str:
    """One text of `{language: text}` words as agents send them, whichever is there; plain text stays."""
    if isinstance(words, Mapping):
        for key in (lang, "zh" if lang == "en" else "en", "text"):
            if isinstance(words.get(key), str):
                return str(words[key])
        return next((str(v) for v in words.values() if isinstance(v, str)), "")
    return "" if words is None else str(words)
