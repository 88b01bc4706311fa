"""The order of a batch's pages: each says which page it follows; retakes take the place of what they replace.

A bench that keeps to the protocol tells one line of pages, and this follows it. What is told otherwise (by an older bench, or before a
missing record arrives) still has one order, which depends on nothing but the rows: of two pages that follow the same one the later comes
first, as an insertion would.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    by_id = {page.id: page for page in pages}
    stands_for: dict[str | None, str] = {
        page.replaces: page.id for page in pages if page.replaces in by_id
    }  # replaced page -> the one in its place
    line = [ident for ident in _walk(pages, by_id, stands_for) if not by_id[ident].deleted]
    places = {ident: place for place, ident in enumerate(line, 1)}
    for ident in stands_for:
        if ident is not None and ident not in places:
            place = places.get(_current(ident, stands_for))
            if place is not None:
                places[ident] = place
    return places


def _current(ident: str, stands_for: dict[str | None, str]) -> str:
    """What stands in a page's place now."""
    seen = {ident}
    while ident in stands_for and stands_for[ident] not in seen:
        ident = stands_for[ident]
        seen.add(ident)
    return ident


def _follows(page: Placed, by_id: dict[str, Placed]) -> str | None:
    """What a page follows: a retake that does not say so follows what the page it replaces followed."""
    seen = {page.id}
    while page.after is None and page.replaces in by_id and page.replaces not in seen:
        seen.add(page.replaces)
        page = by_id[page.replaces]
    return page.after


def _walk(pages: Sequence[Placed], by_id: dict[str, Placed], stands_for: dict[str | None, str]) -> Iterable[str]:
    """The pages that were not replaced, in order: those that follow none first, then those whose predecessor is not known."""
    here = [page for page in pages if page.id not in stands_for]
    follows = {page.id: _follows(page, by_id) for page in here}
    uses_after = any(after is not None for after in follows.values())
    followers: dict[str | None, list[str]] = {}
    lost: list[str] = []
    for page in here:
        after = follows[page.id]
        if after is not None and after not in by_id:
            lost.append(page.id)
        else:
            followers.setdefault(None if after is None else _current(after, stands_for), []).append(page.id)
    roots = followers.pop(None, [])
    seen: set[str] = set()
    for start in (roots[::-1] if uses_after else roots, lost, follows):  # the last for what follows itself in a ring
        for root in start:
            waiting = [root]
            while waiting:
                ident = waiting.pop()
                if ident not in seen:
                    seen.add(ident)
                    yield ident
                    waiting.extend(followers.get(ident, ()))  # popped from the end: the later one first
