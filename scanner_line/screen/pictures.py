"""Page pictures for the screen: the image as captured, and thumbnails made at the bench, bounded and kept in a folder of their own."""

import asyncio
import os
import threading
import uuid
from pathlib import Path

from aiohttp import web
from PIL import Image, ImageOps, UnidentifiedImageError

from scanner_line.presses import Page
from scanner_line.station import Station

THUMB_PX, LARGE_PX = (240, 320), (1600, 2000)
QUALITY = 72
PIXELS_MAX = 200_000_000
KEPT_MAX = 3000  # thumbnails, about 8 kB each
PRUNE_EVERY = 100
AT_ONCE = 2
FORMATS = ("JPEG", "PNG", "TIFF")
FOREVER = "private, max-age=86400, immutable"  # a page's image never changes; a retake is another page


class Pictures:
    """Serves images by page id only; no name from outside becomes a path."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds the thumbnails; it may be removed at any time."""
        self._folder = folder
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._made = 0

    async def image(self, station: Station, page: str) -> web.StreamResponse:
        """The image as captured, where a browser can show it, else a large JPEG of it; 404 where there is none."""
        path = await self._path(station, page)
        kind = await asyncio.to_thread(_kind, path)
        if kind is None:
            return await self._smaller(path, LARGE_PX)
        return web.FileResponse(path, headers={"Content-Type": kind, "Cache-Control": FOREVER})

    async def thumb(self, station: Station, page: str) -> web.StreamResponse:
        """A small JPEG of it; 404 where there is none or the image cannot be read."""
        return await self._smaller(await self._path(station, page), THUMB_PX)

    async def _smaller(self, path: Path, size: tuple[int, int]) -> web.StreamResponse:
        kept = self._folder / f"{path.stem}-{size[0]}.jpg"
        if not await asyncio.to_thread(kept.is_file):
            async with self._turns:
                if not await asyncio.to_thread(self._make, path, kept, size):
                    raise web.HTTPNotFound(text="the image cannot be read")
        return web.FileResponse(kept, headers={"Content-Type": "image/jpeg", "Cache-Control": FOREVER})

    @staticmethod
    async def _path(station: Station, page: str) -> Path:
        found = await page_named(station, page)
        path = station.spool.path_of(found.sha256) if found.sha256 else None
        if path is None or not await asyncio.to_thread(path.is_file):
            raise web.HTTPNotFound(text="the image has left the bench")
        return path

    def _make(self, path: Path, kept: Path, size: tuple[int, int]) -> bool:
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_name(f".{kept.name}.{os.getpid()}.{threading.get_ident()}.part")
        try:
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > PIXELS_MAX:
                    return False
                image.draft("RGB", (size[0] * 2, size[1] * 2))  # a JPEG is decoded at a fraction of its size
                small = ImageOps.exif_transpose(image).convert("RGB")
                small.thumbnail(size)
                small.save(temporary, "JPEG", quality=QUALITY)
            temporary.rename(kept)
        except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
            temporary.unlink(missing_ok=True)
            return False
        self._made += 1
        if self._made % PRUNE_EVERY == 1:
            self._prune()
        return True

    def _prune(self) -> None:
        """Keep the newest; another may remove one meanwhile."""
        found = [(one.stat().st_mtime, one) for one in self._folder.iterdir() if one.is_file()]
        for _, one in sorted(found, reverse=True)[KEPT_MAX:]:
            one.unlink(missing_ok=True)


def _kind(path: Path) -> str | None:
    """The media type of a file that browsers show, by its first bytes; None for a TIFF."""
    with path.open("rb") as file:
        head = file.read(8)
    return "image/png" if head == b"\x89PNG\r\n\x1a\n" else "image/jpeg" if head[:2] == b"\xff\xd8" else None


async def page_named(station: Station, page: str) -> Page:
    """The page of this id; 404 for anything that is none of this bench."""
    try:
        ident = str(uuid.UUID(page))
    except ValueError:
        raise web.HTTPNotFound(text="no such page") from None
    found = await asyncio.to_thread(station.presses.page, ident)
    if found is None:
        raise web.HTTPNotFound(text="no such page")
    return found
