"""The central service: it records what agents send and serves the people of an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from central.config import CentralConfig


def create_app(config: CentralConfig) -> Flask:
    """The web application for this configuration; Flask and the store are loaded only here, so that ingest stays light."""
    from central.web.app import build

    return build(config)
