"""What may be read about benches: whether they are there, their open batch, last pages and pace."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, func, select

from central.digitization.queries import SELECT_PAGES, Batch, Page, batches_before, page_of, places_of
from central.digitization.tables import batches, pages, presses, stations
from central.health.queries import agents_with_benches, screen_of
from central.ledger.queries import agents_online
from central.times import now_ms, rfc3339_or_none

RECENT = 12
PACE_MS = 3_600_000
STATIONS_MAX = 500
CALM_MS = 60_000  # a pace is not told from less than a minute


class Station(msgspec.Struct, frozen=True):
    """A bench; `pace` is pages an hour of the last hour; `presses` counts by outcome; `screen` is its own page on the local network."""

    id: str
    name: str
    agent: str
    online: bool
    state: str
    batch: Batch | None
    last_page: Page | None
    recent: list[Page]
    good: int
    look: int
    bad: int
    pace: int
    presses: dict[str, int]
    last_press: str | None
    screen: str | None


def _verdicts(connection: Connection, batch: str | None) -> dict[str, int]:
    counts = (pages.c.batch_id == batch) & pages.c.replaced_by.is_(None) & ~pages.c.deleted
    return {row[0]: row[1] for row in connection.execute(select(pages.c.verdict, func.count()).where(counts).group_by(pages.c.verdict))}


def _pace(connection: Connection, station: str) -> int:
    now = now_ms()
    recent = (pages.c.station == station) & (pages.c.t_ms > now - PACE_MS) & pages.c.replaces.is_(None)
    count, first = connection.execute(select(func.count(), func.min(pages.c.t_ms)).where(recent)).one()
    return 0 if not count else round(count * 3_600_000 / max(now - first, CALM_MS))


def _station(connection: Connection, ident: str, agent: str, *, online: bool) -> Station:
    newest = batches_before(connection, before=None, limit=1, station=ident)
    rows = connection.execute(
        SELECT_PAGES.where(pages.c.station == ident).order_by(pages.c.t_ms.desc(), pages.c.arrival.desc()).limit(RECENT)
    ).all()
    places = {batch: places_of(connection, batch) for batch in {row.batch_id for row in rows}}
    recent = [page_of(row, places[row.batch_id].get(row.id)) for row in rows]
    outcomes = connection.execute(
        select(presses.c.outcome, func.count(), func.max(presses.c.t_ms)).where(presses.c.station == ident).group_by(presses.c.outcome)
    ).all()
    verdicts = _verdicts(connection, newest[0].id if newest else None)
    open_batch = bool(newest) and newest[0].state == "open"
    return Station(
        id=ident,
        name=ident.rpartition("/")[2],
        agent=agent,
        online=online,
        state="offline" if not online else "capturing" if open_batch else "idle",
        batch=newest[0] if newest else None,
        last_page=recent[0] if recent else None,
        recent=recent,
        good=verdicts.get("good", 0),
        look=verdicts.get("look", 0),
        bad=verdicts.get("bad", 0),
        pace=_pace(connection, ident),
        presses={row[0]: row[1] for row in outcomes},
        last_press=rfc3339_or_none(max((row[2] for row in outcomes), default=None)),
        screen=screen_of(connection, agent, ident.rpartition("/")[2]),
    )


def stations_after(connection: Connection, *, after: str, limit: int) -> list[Station]:
    """Stations whose ids come after this one, in order: those that have pressed or filed something."""
    online = agents_online(connection)
    known = select(stations.c.id, stations.c.agent).union(select(batches.c.station, batches.c.agent)).subquery()
    rows = connection.execute(select(known).where(known.c.id > after).order_by(known.c.id).limit(min(limit, STATIONS_MAX))).all()
    return [_station(connection, row.id, row.agent, online=online.get(row.agent, False)) for row in rows]


def bench_agents(connection: Connection) -> frozenset[str]:
    """The agents that run benches, by what they have recorded or by the configuration they have told."""
    seen = connection.scalars(select(stations.c.agent).union(select(batches.c.agent)))
    return frozenset(seen) | agents_with_benches(connection)


def agent_of(connection: Connection, station: str) -> str | None:
    """The agent that a station belongs to, None if there is no such station."""
    known = select(stations.c.agent).where(stations.c.id == station).union(select(batches.c.agent).where(batches.c.station == station))
    return connection.scalar(known)
