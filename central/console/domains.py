"""Answers the pages' questions by the domains' public query functions."""

from __future__ import annotations

from typing import Any

from central.console.facts import Item, Page


class DomainFacts:
    """The facts of the application that serves this request."""

    def rooms(self) -> list[Item]:
        return []

    def room(self, room_id: str) -> Item | None:
        return None

    def course(self, sensor: str, *, from_ms: int, to_ms: int, points: int) -> list[list[Any]]:
        return []

    def alarms(self, *, show: str, room: str | None = None, cursor: str | None = None) -> Page:
        return [], None

    def events(self, *, room: str, limit: int) -> list[Item]:
        return []

    def benches(self) -> list[Item]:
        return []

    def batches(self, *, cursor: str | None = None) -> Page:
        return [], None

    def batch(self, batch_id: str) -> Item | None:
        return None

    def pages(self, batch_id: str) -> list[Item]:
        return []

    def provenance(self, page_id: str) -> Item | None:
        return None

    def reviews(self, *, show: str, cursor: str | None = None) -> Page:
        return [], None

    def review(self, review_id: str) -> Item | None:
        return None

    def ledger(self, *, cursor: str | None = None) -> Page:
        return [], None

    def checkpoint(self) -> Item | None:
        return None

    def agents(self) -> list[Item]:
        return []
