"""Recognises who asks: the session cookie of a browser or a bearer token, never both."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager
from sqlalchemy import Engine

from central.people import users
from central.people.principal import Nobody, Principal
from central.web.problems import Problem

BEARER = "Bearer "
TOKEN_MAX = 200


class CookieOrToken(SecureCookieSessionInterface):
    """Cookie sessions for browsers; a request that carries an Authorization header has none, in either direction."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """An empty session for programs, so that a cookie cannot lend a token its rights or the other way about."""
        return SecureCookieSession() if "Authorization" in request.headers else super().open_session(app, request)

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        """Programs get no cookie."""
        if "Authorization" not in request.headers:
            super().save_session(app, session, response)


def refresh(engine: Engine, principal: Principal, token: str | None) -> Principal | None:
    """The same one with the roles of this moment; None when session, token or person are no longer good."""
    if principal.session is not None:
        return users.of_session(engine, principal.session)
    return users.of_token(engine, token) if token else None


def bearer_token() -> str | None:
    """The token of this request's Authorization header, None without one; a Problem for another scheme."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    if not header.startswith(BEARER) or not 1 <= len(header) - len(BEARER) <= TOKEN_MAX:
        raise unknown_token()
    return header[len(BEARER) :].strip()


def unknown_token() -> Problem:
    """401 for a token that is not known, expired or revoked."""
    challenge = 'Bearer realm="muniment", error="invalid_token"'
    return Problem(
        401, "invalid-token", "The bearer token is not known, has expired or was revoked.", headers={"WWW-Authenticate": challenge}
    )


def install(app: Flask, engine: Engine) -> None:
    """Let `flask_login.current_user` be a Principal or Nobody."""
    app.session_interface = CookieOrToken()
    manager = LoginManager()
    manager.session_protection = None  # sessions are rows that can be revoked; addresses change under honest people
    manager.anonymous_user = Nobody
    manager.init_app(app)

    def by_session(secret: str) -> Principal | None:
        return users.of_session(engine, secret)

    def by_token(_request: Request) -> Principal | None:
        token = bearer_token()
        if token is None:
            return None
        found = users.of_token(engine, token)
        if found is None:
            raise unknown_token()
        return found

    manager.user_loader(by_session)
    manager.request_loader(by_token)
