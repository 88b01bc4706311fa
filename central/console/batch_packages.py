"""The page of a batch's packages: ask for one, see how far it has come, take it away."""

from __future__ import annotations

from flask import Blueprint, abort, render_template

from central.console.access import access
from central.console.facts import Facts
from central.digitization import queries
from central.digitization.packages.api import packages_of
from central.store.engine import reading
from central.web.state import engine


def routes(made: Blueprint, _facts: Facts) -> None:
    """The page."""

    @made.get("/batches/<batch_id>/packages")
    @access("packages.read")
    def batch_packages(batch_id: str) -> str:
        with reading(engine()) as connection:
            batch = queries.batch_named(connection, batch_id) or abort(404)
        return render_template("console/batch_packages.html", batch=batch, packages=packages_of(batch_id))
