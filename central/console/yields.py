"""Yields and planning: what stations and people got done, where the time goes, when the queue ends, units side by side."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from flask import Blueprint, render_template, request
from flask_login import current_user

from central.console.access import access
from central.console.facts import Facts
from central.digitization.process import figures_api, planning
from central.digitization.process import yields as yield_queries
from central.store.engine import reading
from central.times import now_ms
from central.web.problems import Problem
from central.web.state import engine


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the page."""

    @made.get("/line/yields")
    @access("process.read")
    def yields() -> str:
        by: yield_queries.By = "person" if request.args.get("by") == "person" else "station"
        span: yield_queries.Span = "week" if request.args.get("span") == "week" else "day"
        problem = None
        try:
            first, last = figures_api.span_of(request.args.get("first") or None, request.args.get("last") or None)
        except Problem as error:
            problem, (first, last) = error.detail, figures_api.span_of(None, None)
        query = figures_api.YieldsQuery(by=by, span=span, first=first.isoformat(), last=last.isoformat())
        begin_ms, end_ms = figures_api.ms_of(first, last)
        with reading(engine()) as connection:
            found = figures_api.yields_of(connection, query)
            times = [msgspec.to_builtins(one) for one in planning.step_times(connection, from_ms=begin_ms, to_ms=end_ms)]
            forecasts = [msgspec.to_builtins(one) for one in planning.forecasts(connection, now_ms=now_ms())]
            units = planning.units(connection, from_ms=begin_ms, to_ms=end_ms, now_ms=now_ms())
        today = datetime.now(figures_api.zone()).date()
        ended = today.replace(day=1) - timedelta(days=1)
        return render_template(
            "console/yields.html",
            by=by,
            span=span,
            first=first.isoformat(),
            last=last.isoformat(),
            problem=problem,
            yields=[msgspec.to_builtins(one) for one in found.items],
            own=found.own,
            everybody=current_user.may("yields.people"),
            times=times,
            forecasts=forecasts,
            units=[msgspec.to_builtins(one) for one in units],
            month=(today.replace(day=1).isoformat(), today.isoformat()),
            last_month=(ended.replace(day=1).isoformat(), ended.isoformat()),
        )
