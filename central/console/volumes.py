"""Volumes: the list with acts on many, registering, what a supervisor sets; and one volume with its way and history."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, abort, render_template, request
from flask_login import current_user

from central.console.access import access
from central.console.board import asked
from central.console.facts import Facts
from central.console.paged import before
from central.digitization.process import queries
from central.digitization.process.lights import limits_of
from central.digitization.process.machine import BY_NAME, DONE, NAMES, ORDER
from central.digitization.process.volumes_api import hidden
from central.store.engine import reading
from central.times import now_ms
from central.web import paging
from central.web.state import engine

PAGE = 100


def _earlier(step: str) -> list[str]:
    return [name for name in NAMES if ORDER[name] < ORDER[step]]


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the pages."""

    @made.get("/line/volumes")
    @access("process.read")
    def volumes() -> str:
        which: dict[str, Any] = {"unit": asked("unit"), "consignment": asked("consignment"), "step": asked("step"), "text": asked("q")}
        late, cursor = bool(asked("late")), request.args.get("cursor")
        if which["step"] not in (*NAMES, DONE):
            which["step"] = None
        with reading(engine()) as connection:
            found = queries.volumes_before(connection, before=before(cursor), limit=PAGE + 1, now_ms=now_ms(), late=late, **which)
            listed = queries.consignments_of(connection)
            units, limits = queries.units_of(connection), limits_of(connection)
        page, following = paging.cut(found, PAGE, lambda one: (one.registered_ms, one.id))
        return render_template(
            "console/volumes.html",
            volumes=[msgspec.to_builtins(one) for one in page],
            next=following,
            which=which,
            late=late,
            units=units,
            consignments=[one.name for one in listed],
            listed=listed,
            limits=limits,
            steps=NAMES,
            done=DONE,
            earlier=_earlier(which["step"]) if which["step"] else list(NAMES),
            given={name: asked(name) for name in ("number", "declared")},
        )

    @made.get("/line/volumes/<volume_id>")
    @access("process.read")
    def volume(volume_id: str) -> str:
        with reading(engine()) as connection:
            found = queries.volume_by_id(connection, volume_id, now_ms=now_ms()) or abort(404)
            visits = [msgspec.to_builtins(one) for one in hidden(queries.visits_of(connection, volume_id))]
            differing = [msgspec.to_builtins(one) for one in queries.discrepancies_of(connection, volume_id)]
            batches = [msgspec.to_builtins(one) for one in queries.batches_of(connection, volume_id)]
            history = [msgspec.to_builtins(one) for one in queries.history_of(connection, volume_id)]
            consignment = queries.consignment_named(connection, found.consignment)
            undo = queries.may_undo(connection, volume_id, actor=current_user.name, now_ms=now_ms())
        return render_template(
            "console/volume.html",
            volume=msgspec.to_builtins(found),
            visits=visits,
            visit=visits[-1] if visits and found.step != DONE else None,
            discrepancies=differing,
            batches=batches,
            history=history[::-1],
            witness=consignment is not None and consignment.witness,
            undo=undo,
            by=BY_NAME[found.step].by if found.step in BY_NAME else None,
            counts=found.step in BY_NAME and BY_NAME[found.step].count,
            steps=NAMES,
            earlier=_earlier(found.step),
            order=ORDER,
        )
