"""What a search finds: one shape for batches, volumes and pages."""

from __future__ import annotations

import msgspec


class Piece(msgspec.Struct, frozen=True):
    """A piece of a text; `mark`: it is what was looked for."""

    text: str
    mark: bool


class Box(msgspec.Struct, frozen=True):
    """Where on an image something stands, in pixels of the image as stored."""

    x: int
    y: int
    w: int
    h: int


class Hit(msgspec.Struct, frozen=True):
    """Something that was found; `snippet` and `boxes` where it was found by the text of a page."""

    kind: str
    id: str
    words: str
    batch: str | None
    volume: str | None = None  # its number
    registered: str | None = None  # the volume's own id, where it is registered
    title: str | None = None
    t: str | None = None
    seq: int | None = None
    width: int | None = None
    height: int | None = None
    snippet: list[Piece] = []
    boxes: list[Box] = []
