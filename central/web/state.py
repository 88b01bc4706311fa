"""What the views of one application share: configuration, engine, live hub, files."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app
from sqlalchemy import Engine

from central.config import CentralConfig
from central.live import LiveHub
from central.objects import ObjectStore

_KEY = "muniment"


@dataclass(frozen=True, kw_only=True)
class State:
    """The collaborators of one application."""

    config: CentralConfig
    engine: Engine
    live: LiveHub
    objects: ObjectStore


def put(extensions: dict[str, object], state: State) -> None:
    """Keep the state in an app's extensions."""
    extensions[_KEY] = state


def state() -> State:
    """The state of the application that serves this request."""
    found: State = current_app.extensions[_KEY]
    return found


def engine() -> Engine:
    """The engine of the application that serves this request."""
    return state().engine


def config() -> CentralConfig:
    """The configuration of the application that serves this request."""
    return state().config
