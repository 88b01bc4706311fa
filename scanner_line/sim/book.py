"""The book on a simulated bench: where it lies open, what goes wrong at a shot, and the photographs that follow from it."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Protocol

import cv2
import numpy as np

from scanner_line.checks.images import Gray, as_gray, header_of
from scanner_line.errors import CameraError
from scanner_line.sim.pages import Volume, render_page
from scanner_line.sim.photograph import DEFECTS, FILL, Shot, encode, spoil, take

KEPT_PAGES = 3
FOLDER_ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
FOLDER_PAGES_MAX = 10_000
FILE_MAX_MEGAPIXELS = 60.0
SECOND_TIME = 0.15  # of the chance of a defect, once the operator has seen one and takes the page again


class Pages(Protocol):
    """Where a simulated camera's pages come from."""

    @property
    def count(self) -> int:
        """How many pages the volume has; page numbers wrap around."""
        ...

    def photograph(self, number: int, shot: Shot) -> Gray:
        """Page `number` as the camera sees it, BGR."""
        ...

    def is_blank(self, number: int) -> bool:
        """Whether nothing is printed on the page."""
        ...


class RenderedPages:
    """Pages of an invented volume, photographed on a desk."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._page = lru_cache(maxsize=KEPT_PAGES)(self._render)

    @property
    def count(self) -> int:
        """Pages of the volume."""
        return self._volume.pages

    def photograph(self, number: int, shot: Shot) -> Gray:
        """Render the page, or take it from the few kept, and photograph it."""
        height_px = round(FILL * shot.height)
        under = self._page(number - 1, height_px) if shot.defect == "double" and number > 0 else None
        return take(self._page(number, height_px), shot, under=under)

    def is_blank(self, number: int) -> bool:
        """Whether it is one of the volume's blank versos."""
        return self._volume.is_blank(number)

    def _render(self, number: int, height_px: int) -> Gray:
        return render_page(self._volume, number, height_px=height_px)


class FolderPages:
    """The image files of a folder in name order, each seen as it is; CameraError for a folder without any."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise CameraError(f"{folder}: no such folder of pages")
        self._files = sorted(path for path in folder.iterdir() if path.suffix.lower() in FOLDER_ENDINGS)[:FOLDER_PAGES_MAX]
        if not self._files:
            raise CameraError(f"{folder}: no page image in this folder (looked for {', '.join(FOLDER_ENDINGS)})")
        self._file = lru_cache(maxsize=KEPT_PAGES)(self._load)

    @property
    def count(self) -> int:
        """Files in the folder."""
        return len(self._files)

    def photograph(self, number: int, shot: Shot) -> Gray:
        """The file's picture, moved a little as by a hand, at its own size unless the shot asks for another."""
        if shot.defect == "double" and number > 0:
            number -= 1
        image = self._file(number)
        rng = Random(shot.seed)
        height, width = image.shape[:2]
        out_width, out_height = (shot.width, shot.height) if shot.width else (width, height)
        scale = min(out_width / width, out_height / height)
        turn_deg = rng.choice((-1, 1)) * rng.uniform(2.6, 4.0) if shot.defect == "skew" else rng.uniform(-0.1, 0.1)
        aside = 0.3 * out_width if shot.defect == "cut" else rng.uniform(-0.004, 0.004) * out_width
        warp = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, scale)
        warp[0, 2] += out_width / 2 - width / 2 + aside
        warp[1, 2] += out_height / 2 - height / 2 + rng.uniform(-0.004, 0.004) * out_height
        moved = cv2.warpAffine(image, warp, (out_width, out_height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return as_gray(moved) if shot.defect in (None, "skew", "cut", "double") else spoil(as_gray(moved), shot)

    def is_blank(self, number: int) -> bool:
        """Never known of a file."""
        return False

    def _load(self, number: int) -> Gray:
        data = self._files[number].read_bytes()
        header_of(data, max_megapixels=FILE_MAX_MEGAPIXELS)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise CameraError(f"{self._files[number].name}: cannot be decoded")
        return as_gray(image)


class SimulatedBook:
    """A book open on the bench, shared by the bench's cameras. `defects` is the chance of one at each shot, or a list of what happens at
    the first shots (an empty word: nothing)."""

    def __init__(self, pages: Pages, *, places: int = 1, defects: float | Sequence[str] = 0.0, seed: int = 1) -> None:
        unknown = [] if isinstance(defects, int | float) else [word for word in defects if word and word not in DEFECTS]
        if unknown:
            raise CameraError(f"unknown defects {', '.join(unknown)}; known: {', '.join(DEFECTS)}")
        self.pages = pages
        self.places = places
        self.position = 0
        self._defects = defects
        self._rng = Random(seed)
        self._seed = seed
        self._shots = 0
        self._spoiled_at: int | None = None
        self._turned: list[Callable[[], None]] = []

    def on_turn(self, callback: Callable[[], None]) -> None:
        """Have a camera told when the page is turned."""
        self._turned.append(callback)

    def turn_page(self, leaves: int = 1) -> None:
        """Turn on (negative: back); at the end the book begins again."""
        self.position = (self.position + leaves) % max(1, self.pages.count // self.places)
        for callback in self._turned:
            callback()

    def page_at(self, place: int) -> int:
        """The number of the page before the camera at a place (0 = left)."""
        return (self.position * self.places + place) % self.pages.count

    def next_shot(self, place: int, *, width: int, height: int) -> Shot:
        """How the next photograph at a place will come out."""
        self._shots += 1
        return Shot(width, height, self._next_defect(self.page_at(place)), seed=self._seed * 1_000_003 + self._shots)

    def _next_defect(self, number: int) -> str | None:
        if not isinstance(self._defects, int | float):
            return (self._defects[self._shots - 1] or None) if self._shots <= len(self._defects) else None
        if self.pages.is_blank(number):
            return None
        chance = self._defects * (SECOND_TIME if self._spoiled_at == number else 1.0)
        if self._rng.random() >= chance:
            return None
        self._spoiled_at = number
        return self._rng.choice(DEFECTS)


def jpeg_of(pages: Pages, number: int, shot: Shot) -> tuple[bytes, int, int]:
    """A photograph as JPEG, with its width and height in pixels."""
    image = pages.photograph(number, shot)
    return encode(image), image.shape[1], image.shape[0]
