"""Decides before any view runs whether the one who asks may; a route without a declared right is refused."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Response, request, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect

from central.people import rights
from central.web.operation import JSON, Operation, View, operation, operation_of
from central.web.problems import Problem, wants_page

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
SOCKET_TIMEOUT_S = 60.0  # for each piece of a body, and each piece of an answer
_STATIC = Operation(right=rights.PUBLIC, summary="Files that every page needs.")


class UndeclaredRoute(RuntimeError):
    """A route was registered without saying who may use it."""


def declared(app: Flask, endpoint: str) -> Operation | None:
    """What the endpoint's view declares; the files of `static` folders are public."""
    found = operation_of(app.view_functions[endpoint])
    if found is None and endpoint.rpartition(".")[2] == "static":
        return _STATIC
    return found


def check_declared(app: Flask) -> None:
    """Raise UndeclaredRoute when a route forgot its guard."""
    forgotten = sorted({rule.endpoint for rule in app.url_map.iter_rules() if declared(app, rule.endpoint) is None})
    if forgotten:
        raise UndeclaredRoute(f"no right is declared for: {', '.join(forgotten)}")


def safe_next(target: str | None) -> str | None:
    """A place on this site to go on to after signing in; None for anything that leads elsewhere."""
    if not target or len(target) > 500 or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc or any(ord(c) < 32 for c in target) else target


def see_other(path: str) -> Response:
    """303 to a place on this site; the address stays relative, whatever Host header came."""
    return Response(status=303, headers={"Location": path})


def _refuse() -> Response:
    if current_user.is_authenticated:
        raise Problem(403, "forbidden", "Your roles do not include this.")
    if wants_page() and request.method in ("GET", "HEAD"):
        return see_other(url_for("people.login_page", next=request.full_path.rstrip("?")))
    raise Problem(401, "sign-in-required", "Sign in, or send a bearer token.", headers={"WWW-Authenticate": 'Bearer realm="muniment"'})


def install(app: Flask, csrf: CSRFProtect) -> None:
    """Guard every request of the app."""

    @app.before_request
    def bound_waits() -> None:
        connection = request.environ.get("gunicorn.socket")
        if connection is not None:
            connection.settimeout(SOCKET_TIMEOUT_S)

    @app.before_request
    def guard() -> Response | None:
        if request.endpoint is None:
            return None  # 404 or 405 follow
        operation = declared(app, request.endpoint)
        if operation is None:
            raise Problem(403, "forbidden", "This route declares no right.")
        if not current_user.may(operation.right):
            return _refuse()
        if request.method not in SAFE_METHODS and (current_user.by_cookie or _anonymous_form()):
            csrf.protect()
        return None


def _anonymous_form() -> bool:
    """Whether nobody is signed in and the body could have come from a form of another site."""
    return not current_user.is_authenticated and request.mimetype != JSON


def requires(right: str) -> Callable[[View], View]:
    """Declare the right that a page needs; visitors go to the login page first. `flask_login.current_user` holds who asks."""
    return operation(Operation(right=right, summary=""))


def login_required(view: View) -> View:
    """Declare a page that anyone who is signed in may see."""
    return requires(rights.SIGNED_IN)(view)
