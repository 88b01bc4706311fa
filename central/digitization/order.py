"""The order of a batch's pages: each says which page it follows; retakes take the place of what they replace.

A bench that keeps to the protocol tells one line of pages, and this follows it. What is told otherwise (by an older bench, or before a
missing record arrives) still has one order, which depends on nothing but the rows: of two pages that follow the same one the later comes
first, as an insertion would.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    stands_for = {page.replaces: page.id for page in pages if page.replaces is not None and page.replaces in by_id}
    current = _ends(stands_for)  # replaced page -> the one in its place
    line = [ident for ident in _walk(pages, by_id, current) if not by_id[ident].deleted]
    places = {ident: place for place, ident in enumerate(line, 1)}
    for ident, now in current.items():
        if ident not in places and now in places:
            places[ident] = places[now]
    return places


def _ends(step: Mapping[str, str]) -> dict[str, str]:
    """Where each id leads to, one step after the other; a ring leads to where it was entered. Every id is walked once."""
    ends: dict[str, str] = {}
    for start in step:
        path: dict[str, None] = {}
        ident = start
        while ident in step and ident not in ends and ident not in path:
            path[ident] = None
            ident = step[ident]
        ends.update(dict.fromkeys(path, ends.get(ident, ident)))
    return ends


def _followed(pages: Sequence[Placed], by_id: Mapping[str, Placed]) -> dict[str, str | None]:
    """What each page follows: a retake that does not say so follows what the page it replaces followed."""
    silent = {page.id: page.replaces for page in pages if page.after is None and page.replaces is not None}
    told_by = _ends({page: old for page, old in silent.items() if old in by_id})
    return {page.id: by_id[told_by.get(page.id, page.id)].after for page in pages}


def _walk(pages: Sequence[Placed], by_id: Mapping[str, Placed], current: Mapping[str, str]) -> Iterable[str]:
    """The pages that were not replaced, in order: those that follow none first, then those whose predecessor is not known."""
    here = [page for page in pages if page.id not in current]
    told = _followed(pages, by_id)
    follows = {page.id: told[page.id] for page in here}
    uses_after = any(after is not None for after in follows.values())
    followers: dict[str | None, list[str]] = {}
    lost: list[str] = []
    for page in here:
        after = follows[page.id]
        if after is not None and after not in by_id:
            lost.append(page.id)
        else:
            followers.setdefault(None if after is None else current.get(after, after), []).append(page.id)
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
