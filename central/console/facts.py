"""What the pages show, gathered from the domains' public queries in the shapes of the JSON API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

Item = dict[str, Any]
Page = tuple[list[Item], str | None]  # items and the cursor of the next ones


class Facts(Protocol):
    """Everything a page asks for; each method is one question to one domain."""

    def rooms(self) -> list[Item]:
        """Rooms as `GET /rooms` lists them, with `limits`, `contacts` and `alarms`."""

    def room(self, room_id: str) -> Item | None:
        """One of them."""

    def course(self, sensor: str, *, from_ms: int, to_ms: int, points: int) -> list[list[Any]]:
        """`[t_ms, min, mean, max, count]` of one channel."""

    def courses(self, names: Sequence[str], *, from_ms: int) -> dict[str, list[list[Any]]]:
        """Hourly points of many channels since a moment, by channel."""

    def channels(self) -> list[Item]:
        """Every channel of the site with its room, and whether it is outdoors."""

    def first_ms(self, room_id: str) -> int | None:
        """When a room's first reading came."""

    def preservation(self, room_id: str, *, from_ms: int, to_ms: int) -> list[Item]:
        """Preservation metrics of a room's sensors over whole days, as the JSON API has them."""

    def room_limits(self, room_id: str) -> Item:
        """What a room is to hold: boxes and where they come from."""

    def marks(self, room_id: str, *, from_ms: int, to_ms: int) -> Item | None:
        """Openings, alarms and works of a room within a span."""

    def works_now(self, room_id: str) -> list[Item]:
        """The works that are going on in a room."""

    def plans(self) -> list[Item]:
        """Floor plans by building, floor and name."""

    def plan(self, plan_id: str) -> Item | None:
        """One of them with its `places`."""

    def plans_with(self, items: list[str]) -> list[str]:
        """The ids of plans on which any of these stands."""

    def cameras(self) -> dict[str, list[str]]:
        """Cameras that have recorded, by room."""

    def alarms(self, *, show: str, room: str | None = None, cursor: str | None = None) -> Page:
        """Alarms with their `notes`; show: open, shelved or all."""

    def open_alarms(self) -> int:
        """How many alarms wait for somebody; at most a page of them is counted."""

    def events(self, *, room: str, limit: int) -> list[Item]:
        """Door and contact events of a room, newest first."""

    def benches(self) -> list[Item]:
        """Stations with their open batch, last and recent pages, counts and pace."""

    def batches(self, *, cursor: str | None = None) -> Page:
        """Batches, newest first."""

    def batch(self, batch_id: str) -> Item | None:
        """One of them."""

    def pages(self, batch_id: str) -> list[Item]:
        """A batch's pages in order, replaced ones among them."""

    def provenance(self, page_id: str) -> Item | None:
        """The chain of one page."""

    def reviews(self, *, show: str, cursor: str | None = None) -> Page:
        """The review queue; show: waiting, escalated, closed."""

    def review(self, review_id: str) -> Item | None:
        """One of them with clips and facts."""

    def ledger(self, *, cursor: str | None = None) -> Page:
        """Ledger entries, newest first."""

    def checkpoint(self) -> Item | None:
        """The last signed checkpoint."""

    def agents(self) -> list[Item]:
        """Agents with their lanes and health."""
