"""What the worker says of itself, for the pages."""

from __future__ import annotations

import msgspec


class State(msgspec.Struct, frozen=True):
    """reading, paused (the words say why) or idle; when it said so, ms."""

    state: str
    t_ms: int
    words: str | None = None
    words_zh: str | None = None
    engine: str = ""
    version: str = ""
