"""A person's act: recorded, then waited for until the sequencer has made it take effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response
from flask_login import current_user
from msgspec import json

from central.ledger import acts
from central.store.engine import reading, writing
from central.web.operation import JSON
from central.web.problems import Problem
from central.web.state import engine

WAIT_S = 2.0
COVERS_MS = 10 * 60 * 1000  # one act per person, object and purpose covers its ranges and tiles for so long
PURPOSE_MAX = 200
VIEW = "object.view"


def perform(kind: str, body: Mapping[str, Any]) -> bool:
    """Record what the signed-in person does; whether its effect is in the tables already."""
    with writing(engine()) as connection:
        act_id = acts.record(connection, kind=kind, actor=current_user.name, body=body)
    return acts.wait_projected(engine(), act_id, WAIT_S)


def record_export(what: str, **facts: Any) -> None:
    """Record that the one who asks takes data away as a file."""
    with writing(engine()) as connection:
        acts.record(connection, kind="export", actor=current_user.name, body={"what": what, **facts})


def answer(done: bool, item: Any) -> Response:
    """200 with the new state, or 202 with the old one when ingest is away: the act is recorded and will take effect."""
    return Response(json.encode(item), status=200 if done else 202, content_type=JSON)


def record_view(*, kind: str, ident: str, purpose: str | None, strict_roles: frozenset[str]) -> None:
    """Record that the one who asks sees an image or clip; a Problem when they must say why and do not.

    `strict_roles` must give a purpose unless another of the person's roles has the right without one.
    """
    if purpose is not None and (len(purpose) > PURPOSE_MAX or not purpose.strip()):
        raise Problem(400, "invalid-parameter", f"purpose: 1-{PURPOSE_MAX} characters", field="purpose")
    if purpose is None and current_user.roles <= strict_roles:
        words = "Say why: ?purpose= or the header Muniment-Purpose. It is recorded with your name."
        raise Problem(403, "purpose-required", words, field="purpose")
    body = {"object": kind, "id": ident, "purpose": (purpose or "work").strip()}
    actor = current_user.name
    with reading(engine()) as connection:
        if acts.same_since(connection, kind=VIEW, actor=actor, body=body, covers_ms=COVERS_MS):
            return
    with writing(engine()) as connection:
        if not acts.same_since(connection, kind=VIEW, actor=actor, body=body, covers_ms=COVERS_MS):
            acts.record(connection, kind=VIEW, actor=actor, body=body)
