"""`/api/v1/live`: the live events as a stream of server-sent events, each to those whose roles allow it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request
from flask_login import current_user

from central.live import CLIENTS_MAX, stream
from central.people import identity, rights
from central.people.principal import Principal
from central.web.operation import Operation, operation
from central.web.problems import Problem, bad_field
from central.web.state import state

SEND_TIMEOUT_S = 30.0
ID_MAX = 2**53


class LiveQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From where on, and which events."""

    last_event_id: Annotated[int, msgspec.Meta(ge=0, lt=ID_MAX, description="in place of the header Last-Event-ID")] | None = None
    events: Annotated[str, msgspec.Meta(max_length=400, description="names, with commas between them")] | None = None


def _last_id(query: LiveQuery) -> int | None:
    given = request.headers.get("Last-Event-ID")
    if not given:
        return query.last_event_id
    if not (given.isascii() and given.isdigit() and len(given) <= 16 and int(given) < ID_MAX):
        raise bad_field("Last-Event-ID", "not an event id of this stream")
    return int(given)


def blueprint() -> Blueprint:
    """`/api/v1/live`."""
    made = Blueprint("live", __name__, url_prefix="/api/v1")

    @made.get("/live")
    @operation(
        Operation(
            right=rights.SIGNED_IN,
            summary="Server-sent events that the roles allow; resumes after Last-Event-ID.",
            query=LiveQuery,
            headers={"Last-Event-ID": "the id of the last event that was received"},
            media=("text/event-stream",),
            also={503: "too many live clients"},
        )
    )
    def live_stream(query: LiveQuery) -> Response:
        hub, engine = state().live, state().engine
        principal: Principal = current_user._get_current_object()
        token, last_id = identity.bearer_token(), _last_id(query)
        wanted = None if query.events is None else frozenset(query.events.split(","))

        def names_of(who: Principal) -> frozenset[str]:
            allowed = rights.live_events_of(who.rights)
            return allowed if wanted is None else allowed & wanted

        def still() -> frozenset[str] | None:
            again = identity.refresh(engine, principal, token)
            return None if again is None else names_of(again)

        if hub.clients >= CLIENTS_MAX:
            raise Problem(503, "too-many-live-clients", "This worker serves as many live clients as it may.", headers={"Retry-After": "5"})
        socket: Any = request.environ.get("gunicorn.socket")
        if socket is not None:
            socket.settimeout(SEND_TIMEOUT_S)  # a client that reads nothing at all is let go
        answer = Response(stream(hub, names_of(principal), last_id, still), content_type="text/event-stream; charset=utf-8")
        answer.headers["X-Accel-Buffering"] = "no"
        return answer

    return made
