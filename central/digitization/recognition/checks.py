"""Adds to a page's checks what its number says: read at the centre, it may lower a verdict later, never raise or delay one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select

from central.digitization.recognition.tables import page_numbers, sequence_checks

NAME = "sequence"


def with_numbers(query: Select[Any], page_id: Any) -> Select[Any]:
    """The query of pages with the number that was read on each, and what was said of it."""
    said = query.add_columns(
        page_numbers.c.label.label("number_read"),
        sequence_checks.c.ok.label("sequence_ok"),
        sequence_checks.c.words.label("sequence_words"),
        sequence_checks.c.words_zh.label("sequence_words_zh"),
        sequence_checks.c.read.label("sequence_read"),
    )
    return said.join(page_numbers, page_numbers.c.page == page_id, isouter=True).join(
        sequence_checks, sequence_checks.c.page == page_id, isouter=True
    )


def merged(row: Any, checks: list[dict[str, Any]], verdict: str) -> tuple[list[dict[str, Any]], str]:
    """(checks with the sequence's, verdict) of a page's row."""
    if row.number_read is None and row.sequence_ok is None:
        return checks, verdict
    ok = row.sequence_ok is not False
    mine = {"name": NAME, "value": row.number_read or row.sequence_read, "limit": None, "ok": ok}
    mine |= {"words": None if ok else row.sequence_words, "words_zh": None if ok else row.sequence_words_zh}
    others = [check for check in checks if not (isinstance(check, dict) and check.get("name") == NAME)]
    return [*others, mine], "look" if verdict == "good" and not ok else verdict
