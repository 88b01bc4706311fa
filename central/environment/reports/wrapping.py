"""Where lines of a report may break: Chinese between any two characters, but no line begins with a closing mark."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

CLOSING = frozenset("，。；：！？、）》】」』”’％,.;:!?)]%")
OPENING = frozenset("（《【「『“‘([")
WIDE = "\u2e80"  # from here on characters stand alone: ideographs and their marks


def pieces(text: str) -> list[str]:
    """The text cut wherever a line may end; joined they are the text again."""
    if not text:
        return []
    cuts = [
        i
        for i, (a, b) in enumerate(pairwise(text), start=1)
        if b not in CLOSING and a not in OPENING and not b.isspace() and (a.isspace() or a >= WIDE or b >= WIDE)
    ]
    return [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]


def broken(text: str, width: float, measure: Callable[[str], float]) -> str:
    """The text with a line break wherever the next piece would not fit; a piece wider than a line is left as it is."""
    lines, line = [], ""
    for piece in pieces(text):
        if line and measure((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return "\n".join([*lines, line])
