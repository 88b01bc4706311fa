"""A real application over a real database, with one person a role and one token a person."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from central import create_app
from central.config import CentralConfig, load
from central.people import rights, users
from central.store.engine import open_engine, writing
from central.store.migrate import migrate

PASSWORD = "correct horse battery"
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Centre:
    """The application, its database and everyone's tokens by role."""

    config: CentralConfig
    app: Flask
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def engine(self) -> Any:
        """The application's engine."""
        return self.app.extensions["muniment"].engine

    def get(self, path: str, role: str, **kwargs: Any) -> TestResponse:
        """GET with a role's token."""
        return self.call("GET", path, role, **kwargs)

    def call(self, method: str, path: str, role: str, **kwargs: Any) -> TestResponse:
        """Any request with a role's token."""
        headers = {"Authorization": f"Bearer {self.tokens[role]}", **kwargs.pop("headers", {})}
        return self.app.test_client().open(path, method=method, headers=headers, **kwargs)

    def browser(self) -> FlaskClient:
        """A client that keeps cookies, as a browser does."""
        return self.app.test_client()


def write_config(folder: Path, *, port: int = 8080, broker_port: int = 1883, extra: str = "") -> Path:
    """A centre's configuration in this folder."""
    path = folder / "central.toml"
    path.write_text(
        f'[central]\nsite = "demo"\ndata = "{folder / "central"}"\n[broker]\nport = {broker_port}\n'
        f'[web]\nbind = "127.0.0.1:{port}"\npublic_url = "http://127.0.0.1:{port}"\n{extra}'
    )
    return path


EVERYONE = (*rights.ROLES, "nobody")


def prepare(config: CentralConfig, people: tuple[str, ...] = EVERYONE) -> dict[str, str]:
    """Migrate the database, make one person a role (hashing their passwords takes its time), and return their tokens."""
    config.data.mkdir(parents=True, exist_ok=True)
    engine = open_engine(config.database)
    migrate(engine)
    tokens = {}
    with writing(engine) as connection:
        for role in people:
            users.add_user(connection, name=role, password=PASSWORD, roles=[role] if role in rights.ROLES else [], by="system")
            tokens[role] = users.add_token(connection, name=role, label="test", by="system")
    engine.dispose()
    return tokens


def make_centre(folder: Path, extra: str = "", *, port: int = 8080, people: tuple[str, ...] = EVERYONE) -> Centre:
    """A centre whose data lie in this folder."""
    config = load(write_config(folder, port=port, extra=extra))
    tokens = prepare(config, people)
    return Centre(config, create_app(config), tokens)


def sign_in(browser: FlaskClient, name: str, password: str = PASSWORD) -> str:
    """Sign a browser in by JSON; returns its CSRF token."""
    answer = browser.post("/api/v1/session", json={"name": name, "password": password})
    assert answer.status_code == 200, answer.text
    return str(answer.json["csrf_token"])
