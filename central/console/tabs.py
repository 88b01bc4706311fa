"""The tabs of a room and of the line: which pages each has, in the order of the bar."""

from __future__ import annotations

from flask import current_app, request, url_for
from flask_login import current_user
from werkzeug.routing import BuildError

from central.console.language import gettext
from central.people import rights
from central.web.operation import operation_of


def _allowed(endpoint: str) -> bool:
    """Whether the page is served, and for this person."""
    view = current_app.view_functions.get(endpoint)
    declared = operation_of(view) if view is not None else None
    return declared is not None and (declared.right in (rights.PUBLIC, rights.SIGNED_IN) or current_user.may(declared.right))


def room_tabs(room_id: str) -> list[dict[str, str]]:
    """`{endpoint, url, words}` of each page that this room has for the signed-in person."""
    known = (
        ("console.room", gettext("Course")),
        ("console.room_plan", gettext("Floor plan")),
        ("console.room_preservation", gettext("Preservation")),
        ("console.room_limits", gettext("Limits")),
        ("console.room_sensors", gettext("Sensors")),
        ("console.room_works", gettext("Works")),
        ("console.room_reports", gettext("Reports")),
    )
    tabs = []
    for endpoint, text in known:
        if not _allowed(endpoint):
            continue
        try:
            tabs.append({"endpoint": endpoint, "url": url_for(endpoint, room_id=room_id), "words": text})
        except BuildError:  # a page that names its room otherwise; the bar lives on
            current_app.logger.warning("%s has no address for a room in %s", endpoint, request.path)
    return tabs


def line_tabs() -> list[dict[str, str]]:
    """`{endpoint, url, words}` of each page of the line that is served for the signed-in person."""
    known = (
        ("console.line", gettext("Line")),
        ("console.board", gettext("Board")),
        ("console.volumes", gettext("Volumes")),
        ("console.batches", gettext("Batches")),
        ("console.acceptance", gettext("Acceptance")),
        ("console.search", gettext("Search")),
        ("console.yields", gettext("Yields")),
        ("console.line_people", gettext("Operators")),
    )
    return [{"endpoint": endpoint, "url": url_for(endpoint), "words": text} for endpoint, text in known if _allowed(endpoint)]
