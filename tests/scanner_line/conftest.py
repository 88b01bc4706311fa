"""Pages for the tests of the scan line: rendered and photographed once a session, defects on demand."""

from collections.abc import Callable
from functools import lru_cache

import pytest

from scanner_line.sim.pages import Volume, render_page
from scanner_line.sim.photograph import FILL, Shot, photograph

WIDTH, HEIGHT = 1140, 1520
Photo = Callable[..., bytes]


@lru_cache(maxsize=64)
def _photo(number: int, defect: str | None, seed: int, language: str) -> bytes:
    volume = Volume(seed=7, language=language)  # type: ignore[arg-type]
    height = round(HEIGHT * FILL)
    under = render_page(volume, number - 1, height_px=height) if defect == "double" else None
    return photograph(render_page(volume, number, height_px=height), Shot(WIDTH, HEIGHT, defect, seed), under=under)


@pytest.fixture(scope="session")
def photo() -> Photo:
    """photo(number, defect=None, seed=None, language="both"): the JPEG of a page of an invented volume."""

    def take(number: int, defect: str | None = None, *, seed: int | None = None, language: str = "both") -> bytes:
        return _photo(number, defect, number if seed is None else seed, language)

    return take
