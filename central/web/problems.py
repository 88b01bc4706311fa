"""Errors as problem documents (RFC 9457) with a request id; pages get the same words as HTML."""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask, Response, g, has_request_context, render_template, request
from flask_wtf.csrf import CSRFError
from jinja2 import TemplateNotFound
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

LOG = logging.getLogger("muniment.web")
TYPE_PREFIX = "urn:muniment:problem:"
MEDIA_TYPE = "application/problem+json"
CHECKSUM_MISMATCH = 460  # tus 1.0, checksum extension
_TITLES = {CHECKSUM_MISMATCH: "Checksum Mismatch"}
_MACHINE_PATHS = ("/api/", "/healthz", "/readyz", "/metrics")


class FieldProblem(msgspec.Struct, frozen=True):
    """One field of the request that is wrong, and why."""

    field: str
    detail: str


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as RFC 9457 describes it; `code` is the last part of `type`, `request_id` finds the log line."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldProblem] = []


class Problem(Exception):
    """What a view raises to answer with a problem document."""

    def __init__(self, status: int, code: str, detail: str, *, field: str | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.headers = headers or {}


def not_found(what: str = "There is no such thing here.") -> Problem:
    """404, also for what exists and is not this reader's to know of."""
    return Problem(404, "not-found", what)


def bad_field(field: str, detail: str) -> Problem:
    """400 that names the field."""
    return Problem(400, "invalid-parameter", f"{field}: {detail}", field=field)


def request_id() -> str:
    """The id of this request: made by us, never taken from the client."""
    if not has_request_context():
        return "-"
    if "request_id" not in g:
        g.request_id = secrets.token_hex(8)
    return str(g.request_id)


def title_of(status: int) -> str:
    """The standard phrase of a status."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def document(problem: Problem) -> ProblemDocument:
    """The document of a problem."""
    errors = [FieldProblem(field=problem.field, detail=problem.detail)] if problem.field else []
    return ProblemDocument(
        type=TYPE_PREFIX + problem.code,
        title=title_of(problem.status),
        status=problem.status,
        detail=problem.detail,
        code=problem.code,
        request_id=request_id(),
        errors=errors,
    )


def wants_page() -> bool:
    """Whether a person's browser asks for a page rather than a program for data."""
    program = "Authorization" in request.headers or request.headers.get("HX-Request") is not None
    return not program and not request.path.startswith(_MACHINE_PATHS)


def respond(problem: Problem) -> Response:
    """The answer for a problem: JSON for the API, the template `error.html` for pages."""
    shown = document(problem)
    response: Response
    if wants_page():
        try:
            body = render_template("error.html", problem=shown)
        except (TemplateNotFound, DBAPIError, NoConnection):  # the page's frame names who is signed in: not while the store is away
            body = f"<!doctype html><title>{shown.status}</title><h1>{shown.status} {shown.title}</h1><p>{shown.request_id}</p>"
        response = Response(body, status=problem.status, mimetype="text/html")
    else:
        response = Response(msgspec.json.encode(shown), status=problem.status, content_type=MEDIA_TYPE)
    response.headers.update(problem.headers)
    return response


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    code = title_of(status).lower().replace(" ", "-")
    headers = {}
    if (methods := getattr(error, "valid_methods", None)) is not None:
        headers["Allow"] = ", ".join(sorted(methods))
    if (retry := getattr(error, "retry_after", None)) is not None:
        headers["Retry-After"] = str(retry)
    return Problem(status, code, error.description or title_of(status), headers=headers)


def install(app: Flask) -> None:
    """Register the handlers; the one broad handler of the web side is the last."""

    @app.errorhandler(Problem)
    def on_problem(error: Problem) -> Response:
        return respond(error)

    @app.errorhandler(CSRFError)
    def on_csrf(error: CSRFError) -> Response:
        return respond(Problem(400, "csrf", f"{error.description} Send the token of GET /api/v1/session as X-CSRFToken."))

    @app.errorhandler(HTTPException)
    def on_http(error: HTTPException) -> Response | HTTPException:
        if error.code is not None and error.code < 400:
            return error  # a redirect of the routing
        return respond(_of_http(error))

    @app.errorhandler(NoConnection)
    @app.errorhandler(DBAPIError)
    def on_store(error: DBAPIError | NoConnection) -> Response:
        LOG.exception("request %s %s: the store refused", request_id(), request.path, exc_info=error)
        busy = Problem(503, "store-unavailable", "The store is busy or full; try again.", headers={"Retry-After": "2"})
        return respond(busy)

    @app.errorhandler(TimeoutError)
    def on_timeout(_error: TimeoutError) -> Response:
        return respond(Problem(408, "request-timeout", "The body did not come.", headers={"Connection": "close"}))

    @app.errorhandler(Exception)
    def on_any(error: Exception) -> Response:
        LOG.exception("request %s %s failed", request_id(), request.path, exc_info=error)
        return respond(Problem(500, "internal", "Something failed here; the log has it under this request id."))

    @app.after_request
    def show_id(response: Response) -> Response:
        response.headers["Request-Id"] = request_id()
        return response


def first_field(error: msgspec.ValidationError) -> tuple[str, str]:
    """(field, words) of a msgspec error such as "Expected `int` <= 5 - at `$.points`"."""
    text = str(error)
    words, _, path = text.partition(" - at `$")
    if path:
        return path.rstrip("`").lstrip(".") or "body", words
    if "`" in text:
        parts: list[Any] = text.split("`")
        return parts[-2], words  # "Object contains unknown field `x`", "Object missing required field `x`"
    return "body", words
