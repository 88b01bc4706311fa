"""A batch as a lot: which plan holds for it, its pages in order, what is drawn from them, what changed since the round before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.sqlite import insert

from central.digitization import queries as digitization
from central.digitization.acceptance import drawing
from central.digitization.acceptance.attributes import Past, Severity, next_severity
from central.digitization.acceptance.plans import AS_NOW, SHIPPED_BY_ID, Plan, Rules, rules_of, size_of
from central.digitization.acceptance.tables import acceptance_choices, acceptance_lots, acceptance_plans, acceptance_sample, page_reviews
from central.digitization.process.queries import volume_of_batch
from central.digitization.tables import pages
from central.times import rfc3339

HISTORY = 60  # decided lots that the switching rules look at
DECIDED = ("accepted", "rejected")


def plan_of(connection: Connection, ident: str) -> Plan | None:
    """A plan by id, also one that was retired; None where there is none."""
    if ident in SHIPPED_BY_ID:
        return SHIPPED_BY_ID[ident]
    row = connection.execute(select(acceptance_plans).where(acceptance_plans.c.id == ident)).one_or_none()
    return None if row is None else made_plan(row)


def made_plan(row: Row[Any]) -> Plan:
    """The plan of a row."""
    return Plan(
        id=row.id,
        name=row.name,
        name_zh=None,
        shipped=False,
        source=None,
        source_zh=None,
        rules=rules_of(row.rules),
        changed=rfc3339(row.changed_ms),
        changed_by=row.changed_by,
    )


def chosen(connection: Connection, batch: str, *, unit: str | None, consignment: str | None) -> Plan:
    """The plan in force: the batch's own, else the consignment's, else the unit's, else the site's, else the one that enforces nothing."""
    for scope, name in (("batch", batch), ("consignment", consignment), ("unit", unit), ("site", "")):
        if name is None:
            continue
        where = (acceptance_choices.c.scope == scope) & (acceptance_choices.c.name == name)
        ident = connection.scalar(select(acceptance_choices.c.plan).where(where))
        plan = None if ident is None else plan_of(connection, ident)
        if plan is not None:
            return plan
    return SHIPPED_BY_ID[AS_NOW]


def last_lot(connection: Connection, batch: str) -> Row[Any] | None:
    """The newest lot of a batch, None before it was closed."""
    mine = select(acceptance_lots).where(acceptance_lots.c.batch_id == batch)
    return connection.execute(mine.order_by(acceptance_lots.c.round.desc()).limit(1)).one_or_none()


def counting(connection: Connection, batch: str) -> list[Row[Any]]:
    """The rows of a batch's pages that count, in order."""
    places = digitization.places_of(connection, batch)
    query = select(pages).where(pages.c.batch_id == batch, pages.c.replaced_by.is_(None), ~pages.c.deleted)
    rows = connection.execute(query.limit(digitization.PAGES_MAX)).all()
    last = len(places) + 1
    return sorted(rows, key=lambda row: (places.get(row.id, last), row.arrival))


def _severity(connection: Connection, rules: Rules, *, unit: str | None, station: str) -> Severity:
    """How the next lot of a unit, or of a station where the unit is not known, is inspected."""
    if rules.sampling != "iso2859" or not rules.switching:
        return "normal"
    mine = acceptance_lots.c.unit == unit if unit is not None else acceptance_lots.c.unit.is_(None) & (acceptance_lots.c.station == station)
    query = select(acceptance_lots).where(mine, acceptance_lots.c.state.in_(DECIDED), acceptance_lots.c.letter.is_not(None))
    rows = connection.execute(query.order_by(acceptance_lots.c.decided_leaf.desc()).limit(HISTORY)).all()
    history = [
        Past(row.severity, row.state == "accepted" and not row.override, row.first, row.defects, row.ac < row.defects < row.re)
        for row in reversed(rows)
    ]
    return next_severity(history, reduced=rules.reduced)


def _with_neighbours(line: Sequence[str]) -> Iterator[tuple[str | None, str, str | None]]:
    return zip([None, *line], line, [*line[1:], None], strict=False)  # ends with the line itself, also an empty one


def changes(before: Sequence[str], now: Sequence[str]) -> dict[str, str]:
    """{page: changed or neighbour} of what differs from the round before: new pages, and those that have other pages beside them."""
    known = set(before)
    made = {page: "changed" for page in now if page not in known}
    beside = {page: (left, right) for left, page, right in _with_neighbours(before)}
    for left, page, right in _with_neighbours(now):
        if page in known and beside[page] != (left, right):
            made[page] = "neighbour"
    return made


def _write(connection: Connection, facts: dict[str, Any], rules: Rules, lot: Sequence[tuple[str, str]], required: dict[str, str]) -> None:
    severity = _severity(connection, rules, unit=facts["unit"], station=facts["station"])
    drawn_from = [page for page in lot if required.get(page[0]) != "placeholder"]
    size = size_of(rules, len(drawn_from), severity)
    sample = drawing.draw(facts["leaf_hash"], drawn_from, size.n)
    row = {
        **facts,
        "rules": msgspec.json.encode(rules).decode(),
        "severity": severity,
        "size": len(drawn_from),
        "n": size.n,
        **{name: getattr(size, name) for name in ("letter", "ac", "re")},
        "pages": json.dumps(drawn_from, separators=(",", ":")),
        "state": "open",
        "override": False,
        "looked": 0,
        "defects": 0,
    }
    connection.execute(insert(acceptance_lots).values(row))
    why = dict.fromkeys(sample, "sample")
    why |= {page: reason for page, reason in required.items() if page not in why}
    if why:
        key = {"batch_id": facts["batch_id"], "round": facts["round"]}
        connection.execute(insert(acceptance_sample), [key | {"page_id": page, "why": reason} for page, reason in why.items()])


def close_lot(connection: Connection, batch: Row[Any], *, leaf_idx: int, leaf_hash: str) -> None:
    """A batch was closed: draw its sample, unless nothing has changed since the last drawing."""
    rows = counting(connection, batch.id)
    lot = [(row.id, row.station) for row in rows]
    required = {row.id: "placeholder" for row in rows if getattr(row, "placeholder", None) is not None}
    before = last_lot(connection, batch.id)
    if before is not None:
        known = json.loads(before.pages)
        if before.state == "open" and [page for page, _ in known] == [page for page, _ in lot if page not in required]:
            return
        earlier = {}
        if before.state == "open":
            earlier = _not_passed(connection, before)
            supersede(connection, before)
        changed = changes([page for page, _ in known], [page for page, _ in lot])
        here = {page for page, _ in lot}
        required = {page: why for page, why in earlier.items() if page in here} | changed | required
    volume = volume_of_batch(connection, batch.id)
    unit, consignment = (None, None) if volume is None else (volume.unit, volume.consignment)
    plan = chosen(connection, batch.id, unit=unit, consignment=consignment)
    decided = select(acceptance_lots.c.round).where(acceptance_lots.c.batch_id == batch.id, acceptance_lots.c.state.in_(DECIDED))
    facts = {
        "batch_id": batch.id,
        "round": 1 if before is None else before.round + 1,
        "leaf_idx": leaf_idx,
        "leaf_hash": leaf_hash,
        "closed_ms": batch.closed_ms or 0,
        "plan": plan.id,
        "plan_name": plan.name,
        "volume": batch.volume,
        "unit": unit,
        "consignment": consignment,
        "station": batch.station,
        "first": connection.scalar(decided.limit(1)) is None,
    }
    _write(connection, facts, plan.rules, lot, required)


def _not_passed(connection: Connection, lot: Row[Any]) -> dict[str, str]:
    """{page: earlier} of what was to be looked at in a lot, or was rejected, and has not passed: closing a batch again hides no page."""
    mine = (acceptance_sample.c.batch_id == lot.batch_id) & (acceptance_sample.c.round == lot.round)
    made = set(connection.scalars(select(acceptance_sample.c.page_id).where(mine)))
    said = select(page_reviews.c.page_id, page_reviews.c.ok)
    for row in connection.execute(said.where(page_reviews.c.batch_id == lot.batch_id, page_reviews.c.round == lot.round)):
        (made.discard if row.ok else made.add)(row.page_id)
    return dict.fromkeys(sorted(made), "earlier")


def supersede(connection: Connection, lot: Row[Any]) -> None:
    """Another drawing takes the place of an open one."""
    where = (acceptance_lots.c.batch_id == lot.batch_id) & (acceptance_lots.c.round == lot.round)
    connection.execute(update(acceptance_lots).where(where).values(state="superseded"))


def draw_again(connection: Connection, lot: Row[Any], plan: Plan) -> None:
    """Another plan was chosen for an open lot: the same leaf, the rules of that plan; what was looked at stays looked at."""
    mine = (acceptance_sample.c.batch_id == lot.batch_id) & (acceptance_sample.c.round == lot.round)
    old = select(acceptance_sample.c.page_id, acceptance_sample.c.why).where(mine, acceptance_sample.c.why != "sample")
    required = {row.page_id: row.why for row in connection.execute(old)}
    known = [(page, stratum) for page, stratum in json.loads(lot.pages)]
    supersede(connection, lot)
    same = ("batch_id", "leaf_idx", "leaf_hash", "closed_ms", "volume", "unit", "consignment", "station", "first")
    facts = {name: getattr(lot, name) for name in same} | {"round": lot.round + 1, "plan": plan.id, "plan_name": plan.name}
    placeholders = [(page, "") for page, why in required.items() if why == "placeholder"]
    _write(connection, facts, plan.rules, known + placeholders, required)
    reviewed = (page_reviews.c.batch_id == lot.batch_id) & (page_reviews.c.round == lot.round)
    sampled = select(acceptance_sample.c.page_id).where(
        acceptance_sample.c.batch_id == lot.batch_id, acceptance_sample.c.round == lot.round + 1, acceptance_sample.c.why == "sample"
    )
    values = {"round": lot.round + 1, "sampled": page_reviews.c.page_id.in_(sampled)}
    connection.execute(update(page_reviews).where(reviewed).values(values))
