"""`/api/v1/process`: volumes, their steps, the board, yields."""

from __future__ import annotations

from flask import Blueprint

from central.digitization.process import figures_api, line_api, steps_api, volumes_api


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("process", __name__, url_prefix="/api/v1/process")
    for part in (volumes_api, steps_api, line_api, figures_api):
        part.routes(made)
    return made
