"""The ledger domain's part of /api/v1."""

from __future__ import annotations

from flask import Blueprint


def blueprint() -> Blueprint:
    """The routes."""
    return Blueprint("ledger", __name__, url_prefix="/api/v1")
