"""Cursor paging: a page of a list, and the opaque text that names where the next one starts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import msgspec

from central.web.problems import bad_field

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000
_KEY = tuple[int | str, ...]
Row = TypeVar("Row")


class Paged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every list takes: `limit` rows a page, `cursor` from the page before."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX, description="rows a page")] = LIMIT_DEFAULT
    cursor: Annotated[str, msgspec.Meta(max_length=400, description="`next` of the page before")] | None = None


def encode(key: Sequence[int | str]) -> str:
    """The cursor of the last row's key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(list(key))).decode().rstrip("=")


def decode(cursor: str | None, *types: type) -> tuple[int | str, ...] | None:
    """The key of a cursor, with these types; a Problem that names `cursor` if it is not one of ours."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = msgspec.json.decode(raw, type=_KEY)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise bad_field("cursor", "not a cursor of this list") from error
    fits = len(key) == len(types) and all(
        isinstance(part, kind) and (not isinstance(part, int) or abs(part) < 2**53) for part, kind in zip(key, types, strict=True)
    )
    if not fits:
        raise bad_field("cursor", "not a cursor of this list")
    return key


def cut(rows: Sequence[Row], limit: int, key: Callable[[Row], Sequence[int | str]]) -> tuple[list[Row], str | None]:
    """(rows of this page, next cursor) from a query that asked for limit + 1 rows."""
    page = list(rows[:limit])
    return page, encode(key(page[-1])) if len(rows) > limit and page else None
