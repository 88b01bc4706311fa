"""The OpenAPI document, made from what each route declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import msgspec
from apispec import APISpec
from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.routing import Rule

from central.people import rights
from central.web.guards import declared
from central.web.operation import Operation, operation
from central.web.problems import MEDIA_TYPE, ProblemDocument

ID_MAX = 200
REF = "#/components/schemas/{name}"
MACHINE_PATHS = ("/api/v1/", "/healthz", "/readyz", "/metrics")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_ARGUMENT = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
INFO = """Times are RFC 3339 with offset where fields are texts, and integer milliseconds since 1970 UTC where their names end in `_ms` or
in `points` and `gaps`. Lists have `items` and `next`; give `next` as `cursor` for the page after. Errors are RFC 9457 problem documents."""


def _rules(app: Flask) -> Iterator[tuple[Rule, Operation]]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda found: found.rule):
        found = declared(app, rule.endpoint)
        if found is not None and rule.rule.startswith(MACHINE_PATHS):
            yield rule, found


def _methods(rule: Rule) -> list[str]:
    """What a route is there for: HEAD and OPTIONS only where the route itself means them."""
    given = rule.methods or set()
    implied = {"HEAD"} if "GET" in given else set()
    if getattr(rule, "provide_automatic_options", True):  # Flask notes it on the rule
        implied.add("OPTIONS")
    return [method for method in METHODS if method in given and method not in implied]


def _shape(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return schema


def _parameters(rule: Rule, found: Operation) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": ID_MAX}}
        for name in _ARGUMENT.findall(rule.rule)
    ]
    if found.query is not None:
        _, parts = msgspec.json.schema_components([found.query], ref_template=REF)
        schema = parts[found.query.__name__]
        for name, inner in schema.get("properties", {}).items():
            required = name in schema.get("required", [])
            made.append(
                {"name": name, "in": "query", "required": required, "description": inner.get("description", ""), "schema": _no_null(inner)}
            )
    made.extend(
        {"name": name, "in": "header", "required": False, "description": words, "schema": {"type": "string", "maxLength": 200}}
        for name, words in found.headers.items()
    )
    return made


def _no_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a query value: what may be left out is never written as null."""
    shown = {key: value for key, value in schema.items() if key not in ("default", "description")}
    options = [option for option in shown.get("anyOf", []) if option.get("type") != "null"]
    if options and len(options) < len(shown["anyOf"]):
        return options[0] if len(options) == 1 else {"anyOf": options}
    return shown


def _responses(found: Operation) -> dict[str, Any]:
    problem = {"description": "A problem document.", "content": {MEDIA_TYPE: {"schema": _shape(ProblemDocument)}}}
    good: dict[str, Any] = {"description": found.summary}
    content = {media: {"schema": {"type": "string", "format": "binary"}} for media in found.media}
    if found.result is not None:
        content = {"application/json": {"schema": _shape(found.result)}, **content}
    if content:
        good["content"] = content
    answers: dict[str, Any] = {str(found.status): good, "default": problem}
    for status, words in found.also.items():
        answers[str(status)] = (
            {"description": words} if status < 400 or (found.result is not None and status == 503) else {**problem, "description": words}
        )
        if 200 < status < 300 and found.result is not None:
            answers[str(status)] = {**good, "description": words}
    return answers


def _operation(rule: Rule, method: str, found: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": f"{rule.endpoint.replace('.', '_')}_{method.lower()}",
        "summary": found.summary,
        "description": f"Right: `{found.right}`" + (f" ({', '.join(rights.TABLE[found.right])})." if found.right in rights.TABLE else "."),
        "tags": [rule.endpoint.partition(".")[0]],
        "parameters": _parameters(rule, found),
        "responses": _responses(found),
        "security": [] if found.right == rights.PUBLIC else [{"bearer": []}, {"cookie": []}],
        "x-right": found.right,
    }
    if found.body is not None and method in ("POST", "PUT", "PATCH"):
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": _shape(found.body)}}}
    return made


def document(app: Flask) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the app's machine-readable routes."""
    spec = APISpec(title="Muniment", version=version("muniment"), openapi_version="3.1.0", info={"description": INFO})
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("cookie", {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]})
    kinds: list[Any] = [ProblemDocument]
    paths: dict[str, dict[str, Any]] = {}
    for rule, found in _rules(app):
        kinds.extend(kind for kind in (found.result, found.body) if kind is not None)
        path = paths.setdefault(_ARGUMENT.sub(r"{\1}", rule.rule), {})
        for method in _methods(rule):
            path[method.lower()] = _operation(rule, method, found)
    _, components = msgspec.json.schema_components(kinds, ref_template=REF)
    for name, schema in sorted(components.items()):
        spec.components.schema(name, schema)
    for shown, operations in paths.items():
        spec.path(path=shown, operations=operations)
    made: dict[str, Any] = spec.to_dict()
    return made


def blueprint() -> Blueprint:
    """`/api/v1/openapi.json`."""
    made = Blueprint("openapi", __name__, url_prefix="/api/v1")
    written: list[bytes] = []  # once the routes stand they change no more

    @made.get("/openapi.json")
    @operation(Operation(right=rights.PUBLIC, summary="This document.", result=dict[str, Any]))
    def openapi_json() -> Response:
        if not written:
            written.append(msgspec.json.encode(document(current_app)))
        answer = Response(written[0], content_type="application/json")
        answer.headers["Cache-Control"] = "no-cache"
        answer.add_etag()
        return answer.make_conditional(request.environ)  # type: ignore[return-value]

    return made
