"""Resumable uploads."""

from __future__ import annotations

from flask import Blueprint


def blueprint() -> Blueprint:
    """The routes."""
    return Blueprint("uploads", __name__, url_prefix="/api/v1")
