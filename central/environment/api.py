"""The environment domain's part of /api/v1."""

from __future__ import annotations

from flask import Blueprint


def blueprint() -> Blueprint:
    """The routes."""
    return Blueprint("environment", __name__, url_prefix="/api/v1")
