"""Kinds of field that many requests share, each bounded."""

from __future__ import annotations

from typing import Annotated

import msgspec

from central.times import parse_ms
from central.web.problems import bad_field

IDENT = "string(maxlength=200)"  # URL converter of an id without slashes
PATHID = "path"  # URL converter of an id with one, as stations and doors have

Time = Annotated[str, msgspec.Meta(min_length=1, max_length=40, description="RFC 3339 with offset, or integer milliseconds since 1970 UTC")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


def time_ms(field: str, given: str) -> int:
    """Milliseconds of a time parameter; a Problem that names the field."""
    try:
        return parse_ms(given)
    except ValueError as error:
        raise bad_field(field, str(error)) from error
