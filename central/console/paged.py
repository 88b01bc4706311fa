"""Cursors of the pages' lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from central.console.facts import Item
from central.web import paging


def before(cursor: str | None) -> tuple[int, str] | None:
    """The key that a cursor names, None without one."""
    key = paging.decode(cursor or None, int, str)
    return (int(key[0]), str(key[1])) if key else None


def cut(rows: Sequence[tuple[int, Any]], limit: int) -> tuple[list[Item], str | None]:
    """(this page's items as the JSON API writes them, next cursor) of (time, item with an id)."""
    page, following = paging.cut(rows, limit, lambda row: (row[0], row[1].id))
    return [msgspec.to_builtins(row[1]) for row in page], following
