"""What a request to the screen's server may hold: JSON objects of bounded size, each value checked before anything is done with it."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from wire.separators import DECLARED_MAX, VOLUME_CHARS_MAX

BODY_TIMEOUT_S = 5.0  # a client that sends its few bytes slower than that is not one of ours
REASON_CHARS_MAX = 200
COUNT_MAX = 200


async def asked(request: web.Request) -> Mapping[str, Any]:
    """The request's JSON object; 400 for anything else, 408 for a body that does not end."""
    try:
        found = await asyncio.wait_for(request.json(), BODY_TIMEOUT_S)
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the request did not end") from None
    except (ValueError, RecursionError, LookupError):  # the last one for a charset that nobody knows
        raise web.HTTPBadRequest(text="the request is not JSON") from None
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(text="the request is not a JSON object")
    return found


def declared_in(given: Mapping[str, Any]) -> int | None:
    """How many pages are declared, if that is said."""
    declared = given.get("declared")
    if declared is not None and (type(declared) is not int or not 1 <= declared <= DECLARED_MAX):
        raise web.HTTPBadRequest(text=f"declared is a whole number from 1 to {DECLARED_MAX}")
    return declared


def volume_in(given: Mapping[str, Any]) -> str | None:
    """The volume's number, if one is named."""
    return text_in(given, "volume", most=VOLUME_CHARS_MAX)


def text_in(given: Mapping[str, Any], key: str, *, most: int = REASON_CHARS_MAX) -> str | None:
    """A printable text of bounded length, None where there is none or it is empty."""
    text = given.get(key)
    if text is None or text == "":
        return None
    if not isinstance(text, str) or len(text) > most or not text.isprintable():
        raise web.HTTPBadRequest(text=f"{key} is a text of at most {most} characters")
    return text.strip() or None


def page_in(given: Mapping[str, Any], key: str = "page") -> str | None:
    """The id of a page, None where none is named."""
    page = given.get(key)
    if page is None:
        return None
    try:
        return str(uuid.UUID(page))
    except (ValueError, AttributeError, TypeError):
        raise web.HTTPBadRequest(text=f"{key} is the id of a page") from None


def number_in(given: Mapping[str, Any], key: str, *, low: int, high: int) -> int | None:
    """A whole number within bounds, None where none is given; also from the text of a query."""
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        value = int(value)
    if type(value) is not int or not low <= value <= high:
        raise web.HTTPBadRequest(text=f"{key} is a whole number from {low} to {high}")
    return value
