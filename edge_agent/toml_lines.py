"""Reads TOML with the line of every key and table, and carries on after a line it cannot read.

The standard library's `tomllib` decides what is valid and what a value is; it tells no positions, so the lines are found by a
scan for the starts of keys and tables (https://toml.io/en/v1.0.0). A line that `tomllib` refuses is noted, left out, and the
rest read again, so that one slip does not hide the other mistakes.
"""

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

MISTAKES_MAX = 50
LOST_TABLE = "\N{NO-BREAK SPACE}lost"  # stands for a table whose heading could not be read: its keys are not judged
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|\n|=|[\[\]{}]|[^\s"\'#=\[\]{}]+|[^\S\n]+|.',
    re.DOTALL,
)
_KEY = re.compile(r'\s*(?:([A-Za-z0-9_-]+)|"((?:\\.|[^"\\])*)"|\'([^\']*)\')\s*(\.|$)')
_PLACE = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")

KeyPath = tuple[str, ...]


@dataclass(slots=True)
class TomlDocument:
    """Values as nested dicts, the 1-based line of each key path, and (line, words) for what could not be read."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    mistakes: list[tuple[int, str]] = field(default_factory=list)

    def line(self, path: KeyPath) -> int:
        """The line of a key, or of the nearest table around it that has one; 1 for the whole file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def key_path(text: str) -> KeyPath | None:
    """A dotted key as its parts, None when it is none."""
    parts: list[str] = []
    position = 0
    while match := _KEY.match(text, position):
        parts.append(next(part for part in match.groups()[:3] if part is not None))
        position = match.end()
        if match.group(4) != ".":
            return tuple(parts) if position == len(text) else None
    return None


def key_lines(text: str) -> dict[KeyPath, int]:
    """The first line of every table and key outside inline tables, keyed by full path."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    line = 1
    depth = 0
    pending = ""  # what stands before "=" on this line
    in_value = in_heading = False
    for piece in (match.group() for match in _TOKEN.finditer(text)):
        if piece == "\n":
            if in_heading and (heading := key_path(pending.strip().strip("[]"))) is not None:
                table = heading
                lines.setdefault(table, line)
            in_heading = False
            if depth == 0:
                pending, in_value = "", False
            line += 1
            continue
        if piece.startswith("#"):
            continue
        if in_value:
            depth += (piece in "[{") - (piece in "]}") if len(piece) == 1 else 0
        elif piece == "=" and not in_heading:
            if (key := key_path(pending.strip())) is not None:
                lines.setdefault(table + key, line)
            in_value = True
        else:
            in_heading = in_heading or (piece == "[" and not pending.strip())
            pending += piece
        line += piece.count("\n")
    if in_heading and (heading := key_path(pending.strip().strip("[]"))) is not None:
        lines.setdefault(heading, line)
    return lines


def read_toml(text: str) -> TomlDocument:
    """Read a TOML text; what could not be read is in `mistakes`, at most MISTAKES_MAX of them."""
    document = TomlDocument()
    rows = text.replace("\r\n", "\n").split("\n")
    start = 0
    while len(document.mistakes) < MISTAKES_MAX:
        try:
            document.values = tomllib.loads("\n".join(rows))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            words = str(error)
            place = _PLACE.search(words)
            start = _readable(rows, start)  # index of the row where the statement that cannot be read begins
            last = min(max(int(place.group(1)) - 1, start), len(rows) - 1) if place and place.group(1) else start
            while last > start and not rows[last].strip():
                last -= 1
            document.mistakes.append((last + 1, "cannot be read as TOML: " + _PLACE.sub("", words).strip()))
            lost = f'["{LOST_TABLE}".{len(document.mistakes)}]' if rows[start].lstrip().startswith("[") else ""
            rows[start : last + 1] = [lost] + [""] * (last - start)
        else:
            break
    document.values.pop(LOST_TABLE, None)
    document.lines = key_lines("\n".join(rows))
    return document


def _readable(rows: list[str], known: int) -> int:
    """How many rows from the top can be read, up to the first statement that cannot; the first `known` can."""
    good = known
    for end in range(known + 1, len(rows) + 1):
        try:
            tomllib.loads("\n".join(rows[:end]))
        except (tomllib.TOMLDecodeError, RecursionError):
            continue
        good = end
    return min(good, len(rows) - 1)
