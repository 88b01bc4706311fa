"""The whole line at a glance: for each step how many volumes, in which light, and those that have stood there longest."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, func, select, true

from central.digitization.process.lights import limits_of
from central.digitization.process.machine import DONE, NAMES
from central.digitization.process.queries import Volume, volume_of
from central.digitization.process.tables import volumes

CARDS = 12  # a step; the rest are counted


class Column(msgspec.Struct, frozen=True):
    """A step: its volumes by light and state, their pages, and the `cards` of those that have stood there longest."""

    step: str
    volumes: int
    pages: int
    green: int
    yellow: int
    red: int
    working: int
    look: int
    held: int
    discrepancies: int
    cards: list[Volume]


class Board(msgspec.Struct, frozen=True):
    """Every step in order, and how many volumes are filed."""

    columns: list[Column]
    filed: int
    volumes: int


def board(connection: Connection, *, now_ms: int, unit: str | None = None, consignment: str | None = None, late: bool = False) -> Board:
    """The board, of one unit or consignment if asked, of what is late alone."""
    limits = limits_of(connection)
    where: ColumnElement[bool] = true()
    for column, value in ((volumes.c.unit, unit), (volumes.c.consignment, consignment)):
        if value is not None:
            where = and_(where, column == value)
    tallied = _tally(connection, and_(where, limits.late(now_ms)) if late else where, limits.light(now_ms))
    columns = []
    for step in NAMES:
        facts = tallied.get(step, {})
        query = select(volumes).where(where, volumes.c.step == step).order_by(volumes.c.since_ms, volumes.c.id).limit(CARDS)
        rows = connection.execute(query.where(limits.late(now_ms)) if late else query).all()
        cards = [volume_of(row, limits, now_ms) for row in rows]
        names = ("volumes", "pages", "green", "yellow", "red", "working", "look", "held", "discrepancies")
        columns.append(Column(step=step, cards=cards, **{name: facts.get(name, 0) for name in names}))
    filed = connection.scalar(select(func.count()).select_from(volumes).where(where, volumes.c.step == DONE)) or 0
    return Board(columns=columns, filed=filed, volumes=filed + sum(column.volumes for column in columns))


def _tally(connection: Connection, where: ColumnElement[bool], light: ColumnElement[str]) -> dict[str, dict[str, int]]:
    def total(what: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((what, 1), else_=0)), 0)

    query = select(
        volumes.c.step,
        func.count().label("volumes"),
        func.coalesce(func.sum(volumes.c.count), 0).label("pages"),
        total(light == "green").label("green"),
        total(light == "yellow").label("yellow"),
        total(light == "red").label("red"),
        total(volumes.c.state.in_(("working", "witness"))).label("working"),
        total(volumes.c.state == "look").label("look"),
        total(volumes.c.held).label("held"),
        total(volumes.c.open_discrepancies > 0).label("discrepancies"),
    )
    rows = connection.execute(query.where(where, volumes.c.step != DONE).group_by(volumes.c.step))
    return {row.step: {name: value for name, value in row._mapping.items() if name != "step"} for row in rows}
