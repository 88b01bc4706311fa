"""Signing in and out, for the login page and for JSON; each try is an act."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import Blueprint, Flask, Response, render_template, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user, login_user, logout_user
from flask_wtf.csrf import generate_csrf
from jinja2 import TemplateNotFound

from central.ledger import acts
from central.people import rights, users
from central.people.principal import Principal
from central.store.engine import writing
from central.web.blocking import blocking
from central.web.guards import safe_next, see_other
from central.web.operation import JSON, Operation, operation
from central.web.problems import Problem
from central.web.state import engine, state

FAILURES = "10 per minute"  # of one name from one address; then 429 until the minute is over
ADDRESS_FAILURES = "60 per minute"  # of one address, whatever the names
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=users.PASSWORD_MAX)]


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name and password of a person."""

    name: Name
    password: Password


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person may set about themselves."""

    lang: Annotated[str, msgspec.Meta(pattern="^(en|zh)$")] | None


class Me(msgspec.Struct, frozen=True):
    """Who is signed in; `csrf_token` goes into the header X-CSRFToken of whatever changes something by cookie."""

    name: str
    kind: str
    roles: list[str]
    rights: list[str]
    lang: str | None
    csrf_token: str | None


def _verify(name: str, password: str) -> int | None:
    """The person's id if the password is right; a Problem when too many are being checked."""
    here = state()
    if not here.signing_in.acquire(blocking=False):
        raise Problem(503, "busy", "Too many are signing in; try again in a moment.", headers={"Retry-After": "2"})
    try:
        with here.hashing:
            return users.verify_password(here.engine, name, password, run=blocking)
    finally:
        here.signing_in.release()


def sign_in(name: str, password: str) -> Principal:
    """Open a session for the right password and set its cookie; a Problem and an act for the wrong one."""
    user_id = _verify(name, password)
    with writing(engine()) as connection:
        if user_id is None:
            acts.record(
                connection, kind="login.failed", actor=users.known_or_unknown(connection, name), body={"from": request.remote_addr or ""}
            )
        else:
            principal = users.open_session(connection, user_id)
            acts.record(connection, kind="login", actor=principal.name, body={"from": request.remote_addr or ""})
    if user_id is None:
        raise Problem(401, "wrong-credentials", "Name or password is wrong.")
    login_user(principal)
    return principal


def sign_out() -> None:
    """End the session of this request's cookie."""
    if current_user.session is not None:
        with writing(engine()) as connection:
            users.close_session(connection, current_user.session)
            acts.record(connection, kind="logout", actor=current_user.name, body={})
    logout_user()


def me(principal: Principal) -> Me:
    """The shape of GET /session."""
    return Me(
        name=principal.name,
        kind=principal.kind,
        roles=sorted(principal.roles),
        rights=sorted(principal.rights),
        lang=principal.lang,
        csrf_token=generate_csrf() if principal.by_cookie else None,
    )


def _tried_name() -> str:
    name: object = request.form.get("name")
    if request.mimetype == JSON:
        try:
            given = msgspec.json.decode(request.get_data())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            given = None  # the view says what is wrong
        name = given.get("name") if isinstance(given, dict) else None
    return f"{get_remote_address()}/{str(name)[:60]}"


def _failed(response: Response) -> bool:
    return response.status_code == 401


def pages(limiter: Limiter) -> Blueprint:
    """The login page `/login` and `/logout`; the console's template `login.html` draws it."""
    blueprint = Blueprint("people", __name__)

    def login_form(status: int = 200, failed: str | None = None) -> Response:
        target = safe_next(request.values.get("next"))
        try:
            body = render_template("login.html", failed=failed, next=target)
        except TemplateNotFound:
            hidden = f'<input type="hidden" name="csrf_token" value="{generate_csrf()}">'
            fields = '<input name="name" autocomplete="username"><input name="password" type="password" autocomplete="current-password">'
            body = f'<!doctype html><title>Muniment</title><form method="post">{hidden}{fields}<button>Sign in</button></form>'
        return Response(body, status=status, mimetype="text/html")

    @blueprint.get("/login")
    @operation(Operation(right=rights.PUBLIC, summary="The login page."))
    def login_page() -> Response:
        return login_form()

    @blueprint.post("/login")
    @limiter.limit(ADDRESS_FAILURES, deduct_when=_failed)
    @limiter.limit(FAILURES, key_func=_tried_name, deduct_when=_failed)
    @operation(Operation(right=rights.PUBLIC, summary="Sign in by form."))
    def login() -> Response:
        name, password = request.form.get("name", ""), request.form.get("password", "")
        try:
            sign_in(name[:60], password)
        except Problem as problem:
            return login_form(problem.status, problem.code)
        return see_other(safe_next(request.values.get("next")) or "/")

    @blueprint.post("/logout")
    @operation(Operation(right=rights.SIGNED_IN, summary="Sign out."))
    def logout() -> Response:
        sign_out()
        return see_other("/login")

    return blueprint


def api(limiter: Limiter) -> Blueprint:
    """`/api/v1/session`: who am I, sign in, sign out, language."""
    blueprint = Blueprint("session", __name__, url_prefix="/api/v1")

    @blueprint.get("/session")
    @operation(Operation(right=rights.SIGNED_IN, summary="Who is signed in, with which rights, and the CSRF token.", result=Me))
    def session_show() -> Me:
        return me(current_user)

    @blueprint.post("/session")
    @limiter.limit(ADDRESS_FAILURES, deduct_when=_failed)
    @limiter.limit(FAILURES, key_func=_tried_name, deduct_when=_failed)
    @operation(
        Operation(
            right=rights.PUBLIC,
            summary="Sign in; sets the session cookie.",
            body=SignIn,
            result=Me,
            also={401: "wrong name or password", 429: "too many wrong tries"},
        )
    )
    def session_open(body: SignIn) -> Me:
        return me(sign_in(body.name, body.password))

    @blueprint.delete("/session")
    @operation(Operation(right=rights.SIGNED_IN, summary="Sign out; the session is worth nothing afterwards.", status=204))
    def session_close() -> tuple[str, int]:
        sign_out()
        return "", 204

    @blueprint.put("/session/settings")
    @operation(Operation(right=rights.SIGNED_IN, summary="Keep the language.", body=Setting, status=204))
    def session_set(body: Setting) -> tuple[str, int]:
        with writing(engine()) as connection:
            users.set_lang(connection, user_id=current_user.id, lang=body.lang)
        return "", 204

    return blueprint


def limiter_for(app: Flask) -> Limiter:
    """The limiter of failed tries, in this worker's memory."""
    return Limiter(get_remote_address, app=app, storage_uri="memory://", headers_enabled=True)
