"""The fonts of a report: the console's own Chinese web font as the TrueType files that a PDF embeds, made once."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from fontTools.ttLib import TTFont

log = logging.getLogger(__name__)
FOLDERS = (
    Path(__file__).parents[2] / "console/static/dist/fonts",  # where the console's build puts them
    Path(__file__).parents[2] / "console/node_modules/@fontsource/noto-sans-sc/files",
)
NAME = "noto-sans-sc-chinese-simplified-{}-normal.woff2"
WEIGHTS = {"": 400, "B": 700}


class NoFont(Exception):
    """The console's fonts are not installed; the text says how to get them."""


def fonts(cache: Path) -> dict[str, Path]:
    """The files for the styles "" and "B", kept in a cache folder."""
    made = {}
    for style, weight in WEIGHTS.items():
        name = NAME.format(weight)
        source = next((folder / name for folder in FOLDERS if (folder / name).is_file()), None)
        if source is None:
            raise NoFont(f"{name} is missing: build the console's assets (`make install`, or `npm ci && npm run build` in central/console)")
        target = cache / f"{name.removesuffix('.woff2')}-{source.stat().st_size}.ttf"
        if not target.is_file():
            _convert(source, target)
        made[style] = target
    return made


def _convert(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    with TTFont(source) as font:
        font.flavor = None
        font.save(partial)
    partial.rename(target)
    log.info("%s is ready", target)
