"""One decorator a view: it declares the right, the shapes of query, body and answer, and does the parsing.

The same declaration feeds the guards, the OpenAPI document and the tests that walk every route.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import msgspec
from flask import Response, request

from central.people import rights
from central.web.problems import Problem, bad_field, first_field

JSON = "application/json"
View = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What a route promises. `right` is a right of the table, PUBLIC or SIGNED_IN; `media` names answers that are not JSON."""

    right: str
    summary: str
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    result: Any = None
    status: int = 200
    media: tuple[str, ...] = ()
    also: dict[int, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    purpose: bool = False  # reading it is recorded, with a purpose


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """The declaration of a view, None where it has none."""
    found = getattr(view, "muniment_operation", None)
    return found if isinstance(found, Operation) else None


def operation(declared: Operation) -> Callable[[View], View]:
    """Declare a view and parse for it: it gets `query` and `body` as the declared structs, and returns a result, None or a Response."""
    if declared.right not in rights.TABLE and declared.right not in (rights.PUBLIC, rights.SIGNED_IN):
        raise ValueError(f"unknown right {declared.right!r}")

    def decorate(view: View) -> View:
        @wraps(view)
        def run(**values: Any) -> Any:
            if declared.query is not None:
                values["query"] = parse_query(declared.query)
            if declared.body is not None:
                values["body"] = parse_body(declared.body)
            answer = view(**values)
            if declared.result is None or isinstance(answer, Response | tuple):
                return answer
            return Response(msgspec.json.encode(answer), status=declared.status, content_type=JSON)

        run.muniment_operation = declared  # type: ignore[attr-defined]
        return run

    return decorate


def parse_query(shape: type[msgspec.Struct]) -> Any:
    """The query string as this struct; a Problem names the field that is wrong."""
    given = request.args
    for name in given:
        if len(given.getlist(name)) > 1:
            raise bad_field(name[:100], "given more than once")
    try:
        return msgspec.convert(given.to_dict(), shape, strict=False)
    except msgspec.ValidationError as error:
        name, words = first_field(error)
        raise bad_field(name[:100], words) from error


def parse_body(shape: type[msgspec.Struct]) -> Any:
    """The JSON body as this struct; a Problem names the field that is wrong."""
    if request.mimetype != JSON:
        raise Problem(415, "unsupported-media-type", f"The body is {JSON}.", headers={"Accept-Post": JSON})
    try:
        return msgspec.json.decode(request.get_data(cache=False), type=shape)
    except msgspec.ValidationError as error:
        name, words = first_field(error)
        raise Problem(400, "invalid-body", f"{name}: {words}"[:500], field=name[:100]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "invalid-body", f"The body is not JSON: {error}"[:500], field="body") from error
