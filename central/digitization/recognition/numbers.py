"""Finds batches, volumes and pages by their numbers and names; exact ones first, as typed or without what parts their digits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, or_, select

from central.digitization.process.tables import volumes
from central.digitization.recognition.hits import Hit
from central.digitization.recognition.tables import descriptions
from central.digitization.tables import batches, pages
from central.times import rfc3339

MAX = 50
CONNECTORS = "-/ ._"


def _bare(column: Any) -> Any:
    """A number's column without what parts its digits, small."""
    for one in CONNECTORS:
        column = func.replace(column, one, "")
    return func.lower(column)


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _rank(text: str, bare: str, *names: str | None) -> int:
    """0 for the very name, 1 for the same without connectors, 2 for one that begins with it, 3 for all others."""
    said = [name.lower() for name in names if name]
    if text.lower() in said:
        return 0
    plain = ["".join(one for one in name if one not in CONNECTORS) for name in said]
    if bare and bare in plain:
        return 1
    return 2 if any(name.startswith(text.lower()) for name in said) else 3


def by_number(connection: Connection, text: str) -> list[Hit]:
    """Batches and volumes whose number, name, title or station contains the text, pages and batches whose id begins with it."""
    like, bare = _like(text), "".join(one for one in text.lower() if one not in CONNECTORS)
    found: list[tuple[int, Hit]] = []

    def contains(column: Any) -> Any:
        matches = column.like(f"%{like}%", escape="\\")
        return or_(matches, _bare(column).like(f"%{_like(bare)}%", escape="\\")) if bare else matches

    told = select(descriptions).where(
        descriptions.c.state != "dismissed", or_(contains(descriptions.c.title), contains(descriptions.c.number))
    )
    named = {row.batch_id: row for row in connection.execute(told.order_by(descriptions.c.t_ms.desc()).limit(MAX))}
    known = select(volumes).where(or_(contains(volumes.c.number), volumes.c.title.like(f"%{like}%", escape="\\")))
    seen = set()
    for row in connection.execute(known.order_by(volumes.c.registered_ms.desc()).limit(MAX)):
        seen.add(row.number)
        words = f"{row.number}, {row.title}" if row.title else row.number
        hit = Hit("volume", row.number, words, None, volume=row.number, title=row.title, registered=row.id)
        found.append((_rank(text, bare, row.number), hit))
    wanted = or_(
        batches.c.id.like(f"{like}%", escape="\\"),
        contains(batches.c.volume),
        batches.c.station.like(f"%{like}%", escape="\\"),
        batches.c.id.in_(named),
    )
    for row in connection.execute(select(batches).where(wanted).order_by(batches.c.opened_ms.desc()).limit(MAX)):
        said = named.get(row.id)
        title, number = (said.title, said.number) if said else (None, None)
        place = _rank(text, bare, row.id, row.volume, number)
        words = f"{row.volume or row.station}, {row.state}"
        found.append((place, Hit("batch", row.id, words, row.id, volume=row.volume, title=title, t=rfc3339(row.opened_ms))))
        if row.volume and row.volume not in seen and (text.lower() in row.volume.lower() or place < 3):
            seen.add(row.volume)
            found.append((place, Hit("volume", row.volume, row.volume, row.id, volume=row.volume, title=title)))
    begins = (pages.c.id >= text) & (pages.c.id < text + "\U0010ffff")  # a range of the key, where LIKE would read every page
    for row in connection.execute(select(pages).where(begins).order_by(pages.c.id).limit(MAX)):
        hit = Hit("page", row.id, f"{row.station}, {row.verdict}", row.batch_id, t=rfc3339(row.t_ms), width=row.width, height=row.height)
        found.append((_rank(text, bare, row.id), hit))
    found.sort(key=lambda one: one[0])
    return [hit for _, hit in found[:MAX]]
