"""The pages of acceptance: the review of a batch, its panel on the batch's page, sampling plans and statistics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from flask import Blueprint, abort, render_template, request
from flask_login import current_user
from jinja2 import pass_context

from central.console import acceptance_words, words
from central.console.access import access
from central.console.facts import Facts, Item
from central.console.language import language
from central.digitization.acceptance import queries
from central.digitization.acceptance.attributes import AQLS, CODE_LETTERS
from central.digitization.acceptance.plans import CODES
from central.digitization.acceptance.statistics import statistics
from central.digitization.people.queries import names
from central.store.engine import reading
from central.times import now_ms
from central.web.state import engine

GROUPINGS = ("unit", "station", "operator", "code", "month")
SPANS = {"30d": 30, "90d": 90, "1y": 366, "all": 36_600}
DAY_MS = 86_400_000


def _named(plan: Item) -> Item:
    chinese = language() == "zh"
    return plan | {
        "shown": (plan["name_zh"] if chinese else None) or plan["name"],
        "said": plan["source_zh"] if chinese else plan["source"],
    }


def plans() -> list[Item]:
    """All plans with their names in the viewer's language."""
    with reading(engine()) as connection:
        return [_named(msgspec.to_builtins(plan)) for plan in queries.plans_all(connection)]


def acceptance_of(batch_id: str) -> Item:
    """All about a batch's acceptance for the viewer, with `shown`, the plan's name, and `plans` that may be chosen."""
    with reading(engine()) as connection:
        found = queries.acceptance_of(connection, batch_id, actor=current_user.name)
    about: dict[str, Any] = msgspec.to_builtins(found) if found is not None else {}
    chinese = language() == "zh"
    dossier = about["dossier"]
    for one in (*dossier["findings"], *dossier["obstacles"]):
        one["said"] = one["words_zh"] if chinese else one["words"]
    about["plans"] = plans()
    shown = {plan["id"]: plan["shown"] for plan in about["plans"]}
    for lot in filter(None, (about["lot"], *about["history"])):
        lot["shown"] = shown.get(lot["plan"], lot["plan_name"])
    about["overridable"] = bool(dossier["obstacles"]) and all(one["overridable"] for one in dossier["obstacles"])
    return about


@pass_context
def _accept_word(_context: object, code: object, table: str) -> str:
    """The word for a code; with the context, so that it is not folded into the template in the first reader's language."""
    return words.word(getattr(acceptance_words, table.upper()), code)


def sheet_words(own: dict[str, str]) -> dict[str, str]:
    """The texts of the review's script: the template's own, and the names of codes, checks and reasons."""
    made = dict(own)
    for prefix, table in (("code", acceptance_words.REJECT_CODE), ("why", acceptance_words.WHY), ("check", words.CHECK)):
        made |= {f"{prefix}_{code}": str(said) for code, said in table.items()}
    return made


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the pages and the panel."""
    made.app_template_global("acceptance_of")(acceptance_of)
    made.app_template_global("sheet_words")(sheet_words)
    made.app_template_filter("accept_word")(_accept_word)

    @made.get("/batches/<batch_id>/review")
    @access("pages.view")
    def batch_review(batch_id: str) -> str:
        batch = facts.batch(batch_id) or abort(404)
        return render_template(
            "console/batch_review.html",
            batch=batch,
            about=acceptance_of(batch_id),
            codes=CODES,
            wish=request.args.get("page"),
        )

    @made.get("/line/acceptance")
    @access("digitization.read")
    def acceptance() -> str:
        by = request.args.get("by", "unit")
        span = request.args.get("span", "1y")
        by, span = by if by in GROUPINGS else "unit", span if span in SPANS else "1y"
        to_ms = now_ms() + 1
        from_ms = max(0, to_ms - SPANS[span] * DAY_MS)
        with reading(engine()) as connection:
            groups = [msgspec.to_builtins(one) for one in statistics(connection, by=by, from_ms=from_ms, to_ms=to_ms)]  # type: ignore[arg-type]
            known = names(connection, [one["name"] for one in groups if one["name"]]) if by == "operator" else {}
            choices = [msgspec.to_builtins(one) for one in queries.choices_all(connection)]
        for one in groups:
            one["name"] = known.get(one["name"], one["name"])
        return render_template(
            "console/acceptance.html",
            plans=plans(),
            choices=choices,
            groups=groups,
            by=by,
            groupings=GROUPINGS,
            span=span,
            spans=list(SPANS),
            since=datetime.fromtimestamp(from_ms / 1000, UTC).isoformat(),
            aqls=AQLS,
            levels=list(CODE_LETTERS),
            codes=CODES,
        )
