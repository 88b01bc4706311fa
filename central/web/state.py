"""What the views of one application share: configuration, engine, live hub, files."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial

from flask import current_app
from sqlalchemy import Engine

from central.config import CentralConfig
from central.live import LiveHub
from central.objects import ObjectStore

_KEY = "muniment"
DECODING = 2  # images at once, each of up to 180 MB
HASHING = 2  # passwords at once, each of 64 MB
SIGNING_IN = 12  # who may wait for that: more are sent away, so that nobody tries passwords by the hundred before the first is counted


@dataclass(frozen=True, kw_only=True)
class State:
    """The collaborators of one application, and how much of what is dear it does at once."""

    config: CentralConfig
    engine: Engine
    live: LiveHub
    objects: ObjectStore
    decoding: threading.BoundedSemaphore = field(default_factory=partial(threading.BoundedSemaphore, DECODING))
    hashing: threading.BoundedSemaphore = field(default_factory=partial(threading.BoundedSemaphore, HASHING))
    signing_in: threading.BoundedSemaphore = field(default_factory=partial(threading.BoundedSemaphore, SIGNING_IN))


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
