"""The board: the whole line by step, live, with who works where and what no volume owns."""

from __future__ import annotations

import msgspec
from flask import Blueprint, render_template, request
from flask_login import current_user

from central.console import volume_words, words
from central.console.access import access
from central.console.facts import Facts
from central.digitization.process import board as boards
from central.digitization.process import queries
from central.digitization.process.lights import limits_of
from central.store.engine import reading
from central.times import now_ms
from central.web.state import engine

TEXT_MAX = 120


def asked(name: str) -> str | None:
    """A parameter of the page, None where it is empty."""
    return request.args.get(name, "")[:TEXT_MAX].strip() or None


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the page, and the words that the line's pages share."""
    made.app_template_filter("volume_word")(lambda code, table: words.word(volume_words.tables()[table], code))
    shown = volume_words
    for function in (shown.finding, shown.line_title, shown.line_details, shown.step_name, shown.hours, shown.doer):
        made.app_template_filter(function.__name__)(function)

    @made.get("/line/board")
    @access("process.read")
    def board() -> str:
        which = {"unit": asked("unit"), "consignment": asked("consignment")}
        late = bool(asked("late"))
        with reading(engine()) as connection:
            found = msgspec.to_builtins(boards.board(connection, now_ms=now_ms(), late=late, **which))
            limits = limits_of(connection)
            names = {"units": queries.units_of(connection), "consignments": [one.name for one in queries.consignments_of(connection)]}
            loose = [msgspec.to_builtins(one) for one in queries.loose_batches(connection)]
        benches = facts.benches() if current_user.may("stations.read") else []
        return render_template(
            "console/board.html", board=found, which=which, late=late, limits=limits, loose=loose, benches=benches, **names
        )
