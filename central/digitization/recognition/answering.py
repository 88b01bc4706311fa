"""What the signed-in person may search and read: by number always, by text where they may see pages, and then it is recorded."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import request
from flask_login import current_user
from sqlalchemy import Connection

from central.digitization.recognition.hits import Hit
from central.digitization.recognition.numbers import by_number
from central.digitization.recognition.search import TextFound, by_text
from central.digitization.recognition.units import Folding
from central.store.engine import reading
from central.web import acting, files
from central.web.blocking import blocking
from central.web.state import engine

HITS_MAX = 50
NUMBERS_MAX = 30  # of them, by number: texts have a place, too


class Found(msgspec.Struct, frozen=True):
    """What was found, at most fifty: by number and name first, then pages by their text.

    cut: there may be more than was looked at; loose: no page has all the words together; withheld: why texts were not searched
    ("purpose-required": say why, "forbidden": the person may not see pages).
    """

    items: list[Hit]
    next: str | None
    cut: bool
    loose: bool
    withheld: str | None


def withheld(purpose: str | None) -> str | None:
    """Why the one who asks may not read texts now, None if they may."""
    if not current_user.may("pages.view"):
        return "forbidden"
    return "purpose-required" if purpose is None and current_user.roles <= files.STRICT_ROLES else None


def search(question: str, *, folding: Folding, purpose: str | None) -> Found:
    """Search for the one who asks; that they were shown what stands on pages is recorded, with the question and the purpose."""
    made: list[Any] = []
    why = withheld(purpose)

    def work(connection: Connection) -> None:
        numbers = by_number(connection, question)[:NUMBERS_MAX]
        texts = TextFound([], False, False) if why else by_text(connection, question, folding=folding, limit=HITS_MAX - len(numbers))
        made.extend((numbers, texts))

    with reading(engine()) as connection:
        blocking(lambda: work(connection))
    numbers, found = made
    if found.items:
        acting.record_view(kind="search", ident=question, purpose=purpose, strict_roles=files.STRICT_ROLES)
    known = {hit.id for hit in found.items}
    items = [hit for hit in numbers if hit.kind != "page" or hit.id not in known] + found.items
    return Found(items=items, next=None, cut=found.cut or len(numbers) == NUMBERS_MAX, loose=found.loose, withheld=why)


def given_purpose(purpose: str | None) -> str | None:
    """The purpose from the query or the header Muniment-Purpose."""
    return purpose or request.headers.get("Muniment-Purpose") or None
