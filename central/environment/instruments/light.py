"""Light and ultraviolet as a dose: what a channel's values add up to over a span, and the limits that others name for it."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, func, select

from central.environment.tables import SUM_SCALE, channels, rollup_hour

HOUR_MS = 3_600_000
QUANTITIES = ("illuminance", "uv_irradiance")
UNITS = {"illuminance": "lx·h", "uv_irradiance": "µW·h/cm²"}
CM2_IN_M2 = 10_000


class Dose(msgspec.Struct, frozen=True, kw_only=True):
    """`dose` in lx·h or µW·h/cm²: each hour's mean times one hour, hours without good values left out and not filled in.

    `coverage`: share of the span's hours that have values, 0-1; `estimate`: the dose scaled to all hours, None below half coverage.
    """

    channel: str
    q: str
    unit: str
    dose: float
    hours: int
    coverage: float
    estimate: float | None
    highest: float | None


class LightLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of light that a source names, and how far it was confirmed."""

    what: str
    limit: float
    unit: str
    standard: str
    confirmation: str
    source: str


LIGHT_LIMITS = (
    LightLimit(
        what="uv_per_lumen",
        limit=75,
        unit="µW/lm",
        standard="ISO 11799:2003 6.5",
        confirmation="secondary",
        source="https://www.yumpu.com/en/document/view/32697391/iso-11799/12",
    ),
    LightLimit(
        what="dose_year",
        limit=150_000,
        unit="lx·h",
        standard="CIE 157:2004",
        confirmation="secondary",
        source="https://libros.construccionverde.es/en/book/cie-1572004-control-of-damage-to-museum-objects-by-optical-radiation",
    ),
    LightLimit(
        what="illuminance_shown",
        limit=50,
        unit="lx",
        standard="CIE 157:2004",
        confirmation="secondary",
        source="https://libros.construccionverde.es/en/book/cie-1572004-control-of-damage-to-museum-objects-by-optical-radiation",
    ),
)


def dose(connection: Connection, channel: str, from_ms: int, to_ms: int) -> Dose | None:
    """The dose of a channel over the whole UTC hours within [from, to); None where there is no such channel, or it measures no light."""
    row = connection.execute(select(channels.c.id, channels.c.q).where(channels.c.channel == channel)).first()
    if row is None or row.q not in QUANTITIES:
        return None
    start, end = -(-from_ms // HOUR_MS) * HOUR_MS, to_ms - to_ms % HOUR_MS
    mine = (
        (rollup_hour.c.channel_id == row.id) & (rollup_hour.c.hour_ms >= start) & (rollup_hour.c.hour_ms < end) & (rollup_hour.c.sum_n > 0)
    )
    total = func.sum(rollup_hour.c.sum * 1.0 / rollup_hour.c.sum_n)
    found = connection.execute(select(total, func.count(), func.max(rollup_hour.c.max)).where(mine)).one()
    made, hours, span = (found[0] or 0.0) / SUM_SCALE, found[1], max(end - start, 0) // HOUR_MS
    coverage = hours / span if span else 0.0
    return Dose(
        channel=channel,
        q=row.q,
        unit=UNITS[row.q],
        dose=round(made, 3),
        hours=hours,
        coverage=round(coverage, 4),
        estimate=round(made / coverage, 3) if coverage >= 0.5 else None,
        highest=found[2],
    )


def uv_per_lumen(uv_uw_cm2: float | None, lux: float | None) -> float | None:
    """Microwatts of ultraviolet a lumen, from irradiance in µW/cm² and illuminance in lx; None in the dark, where it means nothing."""
    if uv_uw_cm2 is None or lux is None or lux < 1.0:
        return None
    return uv_uw_cm2 * CM2_IN_M2 / lux
