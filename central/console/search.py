"""Search: by number and by what stands on the pages, for a phone too; how far the reading is; suggestions on other pages."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, render_template, request
from flask_login import current_user

from central.console.access import access
from central.console.facts import Facts, Item
from central.digitization.process.queries import batches_of
from central.digitization.recognition import answering, progress, queries
from central.digitization.recognition.units import Folding
from central.store.engine import reading
from central.web import acting, files
from central.web.state import config, engine

QUESTION_MAX = 100
PURPOSE_MAX = 200
PURPOSE = "search"  # of those whose daily work it is


def reading_of(batch: str | None = None, volume: str | None = None) -> Item | None:
    """How far a batch, or the first batch of a volume, is read, its odd page numbers, and suggestions where the person may see pages."""
    with reading(engine()) as connection:
        if batch is None:
            batch = next((one.id for one in batches_of(connection, volume or "")), None)
        if batch is None:
            return None
        made: Item = msgspec.to_builtins(progress.batch_progress(connection, batch))
        made["failures"] = [msgspec.to_builtins(one) for one in progress.failures(connection, batch)]
        may = current_user.may("pages.view") and current_user.may("volumes.describe")
        described = queries.described(connection, batch) if may else None
    if described and (described.suggestion.titles or described.suggestion.numbers):
        acting.record_view(kind="batch-text", ident=batch, purpose=None, strict_roles=files.STRICT_ROLES)
    made["described"] = msgspec.to_builtins(described)
    made["whole"] = msgspec.to_builtins(_whole())
    return made


def _whole() -> progress.Progress:
    with reading(engine()) as connection:
        return progress.progress(connection, enabled=config().recognition.enabled)


def routes(made: Blueprint, facts: Facts) -> None:
    """Add the page."""
    folding = Folding()
    made.add_app_template_global(reading_of, "reading_of")

    @made.get("/search")
    @access("search")
    def search() -> str:
        question = request.args.get("q", "").strip()[:QUESTION_MAX]
        purpose = request.args.get("purpose", "").strip()[:PURPOSE_MAX] or None
        found: dict[str, Any] | None = None
        if question:
            found = msgspec.to_builtins(answering.search(question, folding=folding, purpose=answering.given_purpose(purpose)))
        with reading(engine()) as connection:
            failed = [msgspec.to_builtins(one) for one in progress.failures(connection)]
        return render_template(
            "console/search.html",
            q=question,
            purpose=purpose,
            view_purpose=purpose or PURPOSE,
            strict=answering.withheld(None) == "purpose-required",
            found=found,
            numbers=[hit for hit in found["items"] if not hit["snippet"]] if found else [],
            texts=[hit for hit in found["items"] if hit["snippet"]] if found else [],
            progress=msgspec.to_builtins(_whole()),
            failures=failed,
        )
