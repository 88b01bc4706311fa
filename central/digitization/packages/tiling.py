"""Cuts an image into IIIF level-0 tiles, in a process of its own with bounded memory and time: images come from outside.

Run by `cut` as `python -m central.digitization.packages.tiling SOURCE FOLDER`; libvips does the work.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from central.digitization.packages.media import media_of

TILE_PX = 512
QUALITY = 85
PIXELS_MAX = 200_000_000
MEMORY_BYTES = 3 * 1024**3  # of address space; libvips maps much and uses little of it
TIMEOUT_S = 60.0
ROOM_BYTES = 64 * 1024 * 1024  # what one image may need on the disk
PROFILE = "level0"  # https://iiif.io/api/image/3.0/compliance/


class TilesRefused(Exception):
    """The image cannot be cut into tiles; the text says why."""


def cut(source: Path, folder: Path) -> None:
    """Make `folder` hold info.json and the tiles of an image; TilesRefused if it is damaged, too large or takes too long.

    The folder appears under its name only when it is whole; one that is there already stays.
    """
    if (folder / "info.json").is_file():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".tiles-", dir=folder.parent))
    try:
        command = [sys.executable, "-m", "central.digitization.packages.tiling", str(source), str(partial / "tiles")]
        environment = {**os.environ, "VIPS_CONCURRENCY": "1", "VIPS_BLOCK_UNTRUSTED": "1"}
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, env=environment, check=False)
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip().splitlines()
            raise TilesRefused(words[-1][:300] if words else f"ended with {done.returncode}")
        try:
            (partial / "tiles").rename(folder)
        except OSError:
            if not (folder / "info.json").is_file():  # else another request was quicker
                raise
    except subprocess.TimeoutExpired as error:
        raise TilesRefused(f"it takes longer than {TIMEOUT_S:g} s") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def info(folder: Path, *, ident: str) -> dict[str, object]:
    """The info.json of tiles that were cut, under the address by which the image is known here."""
    found: dict[str, object] = json.loads((folder / "info.json").read_text())
    return found | {"id": ident}


def main(argv: list[str]) -> int:
    """In the child: 0 when the folder holds the tiles."""
    source, target = Path(argv[0]), Path(argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import pyvips

    loaders = {"image/jpeg": pyvips.Image.jpegload, "image/png": pyvips.Image.pngload, "image/tiff": pyvips.Image.tiffload}
    try:
        loader = loaders.get(media_of(source) or "")
        if loader is None:
            raise TilesRefused("it is neither JPEG, PNG nor TIFF")
        image = loader(str(source), access="sequential", fail_on="truncated")
        if image.width * image.height > PIXELS_MAX:
            raise TilesRefused(f"{image.width} x {image.height} pixels are more than {PIXELS_MAX // 10**6} million")
        if image.interpretation in ("cmyk", "rgb16", "grey16", "multiband") or image.bands not in (1, 3):
            image = image.colourspace("srgb").extract_band(0, n=3)
        image.autorot().dzsave(
            str(target), layout="iiif3", tile_size=TILE_PX, suffix=f".jpg[Q={QUALITY},strip]", overlap=0, id="about:tiles"
        )
    except (pyvips.Error, TilesRefused) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
