"""Who may work at which bench: people by name, their benches, their PINs, which are shown once."""

from __future__ import annotations

import msgspec
from flask import Blueprint, render_template

from central.console.access import access
from central.console.facts import Facts
from central.digitization.people import queries
from central.store.engine import reading
from central.web.state import engine


def routes(made: Blueprint, _facts: Facts) -> None:
    """Add the page."""

    @made.get("/line/people")
    @access("operators.read")
    def line_people() -> str:
        with reading(engine()) as connection:
            people = [msgspec.to_builtins(one) for one in queries.people(connection)]
            benches = queries.benches(connection)
        return render_template("console/line_people.html", people=people, benches=benches)
