"""One option of a configuration table: its type, bounds, default and words, and how a value is judged against them."""

import difflib
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sensors.catalogue.option import Option as Option  # the same word on both sides
from wire.topics import NAME_MAX, valid_name

HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
LOOSE_TIME = re.compile(r"(\d{1,2})[:.\uff1a]?(\d{2})\s*([ap]m)?", re.IGNORECASE)  # as people write one
BIND = re.compile(r"(\S+):(\d{1,5})")
TEXT_MAX = 1024
NUMBER_MAX = sys.float_info.max
TABLES_MAX = 64
KINDS = {
    "text": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "name": f"name: 1-{NAME_MAX} of a-z, 0-9, - and _",
    "names": "list of names",
    "times": 'list of times of day, each "HH:MM"',
    "pin": "GPIO number (BCM), 0-27",
    "hours": 'span of local time, "HH:MM-HH:MM"',
    "bind": '"host:port"',
    "url": "http:// or https:// address",
    "table": "table",
    "tables": "list of tables",
    "named": "tables by name",
}
PIN_HIGH = 27  # BCM numbers on the 40-pin header: https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#gpio
PORT_HIGH = 65535


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like a given one, None when none is near."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)), None)


def suggestion(word: str, known: Iterable[str]) -> str:
    """`` (did you mean "x"?)`` for the nearest known word, empty when none is near."""
    near = nearest(word, known)
    return f' (did you mean "{near}"?)' if near else ""


@dataclass(slots=True)
class Judge:
    """Collects what is wrong with the values of a configuration; `report` is told (key path, words)."""

    report: Callable[[tuple[str, ...], str], None]
    used: list[tuple[tuple[str, ...], Option, Any]] = field(default_factory=list)

    def table(self, path: tuple[str, ...], given: Mapping[str, Any], options: Sequence[Option]) -> dict[str, Any]:
        """The values of a table with defaults filled in; each mistake is reported and its default taken instead."""
        known = {option.name: option for option in options}
        for key in given:
            if key not in known:
                self.report((*path, key), f"unknown option{suggestion(key, known)}")
        values: dict[str, Any] = {}
        for option in options:
            here = (*path, option.name)
            if option.name not in given:
                if option.required:
                    self.report(path, f"{option.name} is missing: {option.words}")
                inner = option.kind == "table" and option.options and not option.required
                values[option.name] = self.table(here, {}, option.options) if inner else option.default
                continue
            ok, values[option.name] = self.value(here, given[option.name], option)
            if ok:
                self.used.append((here, option, values[option.name]))
        return values

    def value(self, path: tuple[str, ...], value: Any, option: Option) -> tuple[bool, Any]:
        """(whether it may stand, the value or else the default)."""
        if option.kind == "table" and isinstance(value, dict):
            return True, self.table(path, value, option.options) if option.options else value
        if option.kind == "named" and isinstance(value, dict):
            return True, self._named(path, value, option)
        if option.kind == "tables" and isinstance(value, list) and all(isinstance(item, dict) for item in value[:TABLES_MAX]):
            if len(value) > TABLES_MAX:
                self.report(path, f"{len(value)} tables are over the {TABLES_MAX} that may stand here")
            return True, [self.table(path, item, option.options) for item in value[:TABLES_MAX]]
        wrong = _fault(value, option)
        if wrong:
            self.report(path, wrong)
            return False, option.default
        return True, float(value) if option.kind == "number" else value

    def _named(self, path: tuple[str, ...], given: Mapping[str, Any], option: Option) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, inner in given.items():
            if not isinstance(inner, dict):
                self.report((*path, name), f"is a table: write [{'.'.join((*path, name))}] or {name} = {{ … }}")
            elif len(found) >= TABLES_MAX:
                self.report((*path, name), f"more than the {TABLES_MAX} tables that may stand here")
                break
            else:
                found[name] = self.table((*path, name), inner, option.options)
        return found


def _type_fault(value: Any, option: Option) -> str:
    kind = option.kind
    integer = isinstance(value, int) and not isinstance(value, bool)
    fits = {
        "integer": integer,
        "pin": integer,
        "number": integer or isinstance(value, float),
        "boolean": isinstance(value, bool),
        "names": isinstance(value, list) and all(isinstance(item, str) for item in value),
        "times": isinstance(value, list) and all(isinstance(item, str) for item in value),
        "table": isinstance(value, dict),
        "named": isinstance(value, dict),
        "tables": False,  # a list of tables has been taken already
    }.get(kind, isinstance(value, str))
    return "" if fits else f"{_shown(value)} is not a {KINDS[kind]}"


def _fault(value: Any, option: Option) -> str:
    """What is wrong with a value, empty when nothing is."""
    if words := _type_fault(value, option):
        return words
    if option.kind == "number" and not abs(value) <= NUMBER_MAX:  # NaN, infinity, or a whole number that no float holds
        return f"{str(value)[:40]} is not a finite number"
    if option.kind in ("integer", "number"):
        low = -math.inf if option.low is None else option.low
        high = math.inf if option.high is None else option.high
        return "" if low <= value <= high else f"{value} is out of range: {option.range_words()}"
    if option.kind == "pin":
        return "" if 0 <= value <= PIN_HIGH else f"{value} is out of range: GPIO 0 to {PIN_HIGH}"
    if option.kind == "times":
        return next((f'"{text[:60]}" is not a time of day, "HH:MM"{_meant(text)}' for text in value if not TIME.fullmatch(text)), "")
    if option.kind in ("text", "name", "hours", "bind", "url"):
        return _text_fault(value, option)
    return ""


def _meant(text: str) -> str:
    """`` (did you mean "07:30"?)`` for a time written otherwise, empty when it is none."""
    found = LOOSE_TIME.fullmatch(text.strip())
    if found is None:
        return ""
    half, hour = (found.group(3) or "").lower(), int(found.group(1))
    hour = hour % 12 + (12 if half == "pm" else 0) if half and 1 <= hour <= 12 else hour
    time = f"{hour:02}:{found.group(2)}"
    return f' (did you mean "{time}"?)' if TIME.fullmatch(time) else ""


def _text_fault(value: str, option: Option) -> str:
    if option.choices and value not in option.choices:
        return f'"{value[:60]}" is not {option.range_words()}{suggestion(value, option.choices)}'
    if len(value) > TEXT_MAX or not value.isprintable():
        return f"a text here has at most {TEXT_MAX} printable characters"
    if option.kind == "name" and not valid_name(value):
        return f'"{value[:60]}" is not a {KINDS["name"]}'
    if option.kind == "hours" and not HOURS.fullmatch(value):
        return f'"{value[:60]}" is not a {KINDS["hours"]}'
    if option.kind == "url" and not URL.fullmatch(value):
        return f'"{value[:60]}" is not an {KINDS["url"]}'
    if option.kind == "bind" and not ((match := BIND.fullmatch(value)) and int(match.group(2)) <= PORT_HIGH):
        return f'"{value[:60]}" is not {KINDS["bind"]} with a port of at most {PORT_HIGH}'
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value[:60]}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return "a list" if isinstance(value, list) else "a table" if isinstance(value, dict) else f"a {type(value).__name__}"
