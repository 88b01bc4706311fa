"""Finds a font for the simulated pages: Noto's Chinese where the machine has it, else what Pillow carries, for English alone."""

import logging
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

log = logging.getLogger(__name__)
FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
NAMES = ("NotoSerifCJK-Regular.ttc", "NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "wqy-zenhei.ttc", "uming.ttc")
# The console's own web font, when its assets have been installed beside this package.
WEB_FONT = Path(__file__).parents[2] / "central/console/node_modules/@fontsource/noto-sans-sc/files"
WEB_NAMES = ("noto-sans-sc-chinese-simplified-400-normal.woff2",)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=1)
def chinese_font() -> Path | None:
    """The file of a font with Chinese glyphs, or None."""
    for folder in FOLDERS:
        for name in NAMES:
            found = next(iter(sorted(folder.rglob(name))), None) if folder.is_dir() else None
            if found is not None:
                return found
    return next((WEB_FONT / name for name in WEB_NAMES if (WEB_FONT / name).is_file()), None)


@lru_cache(maxsize=32)
def font_of(size_px: int) -> Font:
    """A font of the given size: the Chinese one, or Pillow's own."""
    path = chinese_font()
    if path is None:
        log.warning("no font with Chinese glyphs was found: simulated pages are in English only")
        return ImageFont.load_default(size_px)
    return ImageFont.truetype(str(path), size_px)
