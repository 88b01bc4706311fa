"""An IIIF package: a folder that any web server can serve as it stands, with the manifest and level-0 tiles of every page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from msgspec import json

from central.digitization.packages import tiling
from central.digitization.packages.contents import Contents, Leaf, PackageRefused
from central.digitization.packages.iiif import manifest

BASE = "https://example.org/iiif/"  # replaced by `set-address.sh` of the package; RFC 2606
README = """{title}
{pages} pages, batch {batch} of site {site}.

manifest.json   IIIF Presentation 3
images/ID/      IIIF Image 3, level 0: info.json and tiles, derived from the masters: JPEG, {tile} px tiles, quality {quality}
set-address.sh  writes the address at which you serve this folder into the files: sh set-address.sh https://your.host/folder/

{generator}
"""
SCRIPT = """#!/bin/sh
# Usage: sh set-address.sh https://your.host/folder/
set -eu
case "$1" in */) ;; *) echo "the address ends with /" >&2; exit 2;; esac
old=$(cat address.txt)
find . -name '*.json' -exec sed -i "s|$old|$1|g" {} +
printf '%s' "$1" > address.txt
"""


def write_site(folder: Path, contents: Contents, *, tiles: Path, told: Callable[[int], None]) -> int:
    """Fill `folder` and return how many files it has; `tiles` is the cache of tiles by digest, `told` hears how many pages are done."""
    (folder / "images").mkdir(parents=True)
    facts = [
        ("Batch", "批次", contents.batch.id),
        ("Site", "站点", contents.site),
        ("Pages", "页数", str(len(contents.leaves))),
        ("Images are derivatives", "图像为衍生件", f"JPEG tiles of {tiling.TILE_PX} px, quality {tiling.QUALITY}"),
    ]
    made = manifest(
        ident=f"{BASE}manifest.json",
        label=contents.title,
        shown=contents.leaves,
        image_of=lambda page: f"{BASE}images/{page}",
        canvas_base=f"{BASE}canvas/",
        facts=facts,
    )
    (folder / "manifest.json").write_bytes(json.format(json.encode(made), indent=1) + b"\n")
    for done, leaf in enumerate(contents.leaves, 1):
        if leaf.path is not None:
            _image(folder / "images" / leaf.page.id, leaf, tiles)
        told(done)
    words = {"title": contents.title, "pages": len(contents.leaves), "batch": contents.batch.id, "site": contents.site}
    text = README.format(**words, tile=tiling.TILE_PX, quality=tiling.QUALITY, generator=contents.generator)
    (folder / "README.txt").write_text(text, encoding="utf-8")
    (folder / "address.txt").write_text(BASE)
    (folder / "set-address.sh").write_text(SCRIPT)
    return sum(1 for path in folder.rglob("*") if path.is_file())


def _image(target: Path, leaf: Leaf, tiles: Path) -> None:
    assert leaf.path is not None and leaf.page.sha256 is not None  # noqa: S101  for the type checker
    cache = tiles / leaf.page.sha256
    try:
        tiling.cut(leaf.path, cache)
    except tiling.TilesRefused as error:
        raise PackageRefused(f"Page {leaf.place}: {error}. Have the page taken again.", f"第 {leaf.place} 页无法切片，请重拍。") from error
    shutil.copytree(cache, target)
    info = tiling.info(cache, ident=f"{BASE}images/{leaf.page.id}")
    (target / "info.json").write_bytes(json.encode(info))
    if leaf.media == "image/jpeg":  # level 0 wants the whole at its full size: that is the master itself
        whole = target / "full" / "max" / "0" / "default.jpg"
        whole.parent.mkdir(parents=True)
        try:
            os.link(leaf.path, whole)
        except OSError:
            shutil.copyfile(leaf.path, whole)
