"""Every text of the console is translated, and says the same with the same parts."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from central.console import words
from central.console.language import LANGUAGES

CONSOLE = Path(words.__file__).parent
METHODS = [("*.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
PART = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def extracted() -> Catalog:
    """What the sources say now."""
    catalog = Catalog()
    for _, _, message, comments, context in extract_from_dir(CONSOLE, METHODS, keywords=KEYWORDS):  # type: ignore[arg-type]
        catalog.add(message, None, auto_comments=comments, context=context)
    return catalog


def catalogue(locale: str) -> Catalog:
    """What is translated."""
    with (CONSOLE / "translations" / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=locale)


def strings(message: Message) -> list[str]:
    """Its translations, one or a plural's several."""
    return [message.string] if isinstance(message.string, str) else list(message.string)


@pytest.mark.parametrize("locale", LANGUAGES.values())
def test_every_text_is_translated_and_none_is_left_over(locale: str) -> None:
    said, known = extracted(), catalogue(locale)
    wanted = {message.id for message in said if message.id}
    assert len(wanted) > 200, "the extraction found the texts"
    translated = {message.id for message in known if message.id}
    assert wanted - translated == set(), "not in the catalogue"
    assert translated - wanted == set(), "no longer used"
    for message in known:
        if message.id:
            assert not message.fuzzy, message.id
            assert all(strings(message)), f"untranslated: {message.id}"


@pytest.mark.parametrize("locale", LANGUAGES.values())
def test_translations_keep_the_parts_that_are_filled_in(locale: str) -> None:
    for message in catalogue(locale):
        if not message.id:
            continue
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        for text in strings(message):
            assert set(PART.findall(text)) == set(PART.findall(ids[-1])), f"{ids[0]!r} -> {text!r}"


def test_chinese_texts_are_chinese() -> None:
    latin = [
        strings(message)[0] for message in catalogue("zh_Hans_CN") if message.id and not re.search(r"[\u4e00-\u9fff]", strings(message)[0])
    ]
    assert latin == []


def test_every_act_that_the_centre_records_has_a_name() -> None:
    recorded = {
        keyword.value.value
        for path in CONSOLE.parent.rglob("*.py")
        if "node_modules" not in path.parts
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "record"
        for keyword in call.keywords
        if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant)
    }
    assert {"logout", "agent.enrol"} <= recorded
    assert recorded <= set(words.ACT)
