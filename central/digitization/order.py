"""The order of a batch's pages: each says which page it follows; retakes take the place of what they replace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Placed(Protocol):
    """What order needs to know of a page; pages come in order of arrival."""

    @property
    def id(self) -> str:
        """Its identity."""

    @property
    def after(self) -> str | None:
        """The page it follows; None for the first."""

    @property
    def replaces(self) -> str | None:
        """The page whose place it takes."""

    @property
    def deleted(self) -> bool:
        """Taken out by the operator."""


def ordered(pages: Sequence[Placed]) -> dict[str, int]:
    """{page id: place from 1} of the pages that count, and of replaced ones the place of what replaced them; deleted ones have none."""
    line: list[str] = []
    stands_for: dict[str, str] = {}  # replaced page -> the one in its place
    uses_after = any(page.after is not None for page in pages[1:])

    def current(ident: str | None) -> str | None:
        seen = set()
        while ident in stands_for and ident not in seen:
            seen.add(ident)
            ident = stands_for[ident]
        return ident

    for page in pages:
        old = current(page.replaces)
        before = current(page.after)
        if old is not None and old in line:
            line[line.index(old)] = page.id
            stands_for[old] = page.id
        elif before is not None and before in line:
            line.insert(line.index(before) + 1, page.id)
        elif page.after is None and uses_after:
            line.insert(0, page.id)
        else:
            line.append(page.id)
    gone = {page.id for page in pages if page.deleted}
    places = {ident: place for place, ident in enumerate((one for one in line if one not in gone), 1)}
    for ident in stands_for:
        place = places.get(current(ident) or "")
        if place is not None:
            places[ident] = place
    return places
