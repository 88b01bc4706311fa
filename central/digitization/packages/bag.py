"""A BagIt bag (RFC 8493) of a batch, laid out for Archivematica: objects, metadata, METS, the part of the ledger that proves it.

Layout inside `data/`, after Archivematica's transfer structure: `objects/` with the masters, `metadata/metadata.csv`,
`metadata/checksum.sha256`, `metadata/submissionDocumentation/`.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import bagit
from msgspec import json

from central.digitization.packages.contents import Contents, Leaf, facts_of
from central.digitization.packages.mets import mets

COLUMNS = ("filename", "dc.title", "dc.identifier", "dc.date", "dc.source", "dc.format", "station", "operator", "verdict", "reason")


def write_bag(folder: Path, contents: Contents, *, evidence: Iterable[str], told: Callable[[int], None]) -> int:
    """Make `folder` a bag and return how many files its payload has; masters are copied byte by byte, never through a decoder.

    `evidence` are the ledger's lines; `told` hears how many pages are done.
    """
    objects, metadata = folder / "objects", folder / "metadata"
    documents = metadata / "submissionDocumentation"
    for one in (objects, documents):
        one.mkdir(parents=True)
    for done, leaf in enumerate(contents.leaves, 1):
        _object(objects / leaf.name, leaf)
        told(done)
    _csv(metadata / "metadata.csv", contents)
    sums = [f"{leaf.page.sha256}  objects/{leaf.name}\n" for leaf in contents.images]
    (metadata / "checksum.sha256").write_text("".join(sums))
    (documents / "METS.xml").write_bytes(mets(contents))
    (documents / "pages.json").write_bytes(json.format(json.encode([facts_of(leaf) for leaf in contents.leaves]), indent=1) + b"\n")
    with (documents / "ledger.ndjson").open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in evidence)
    stamp = datetime.fromtimestamp(contents.made_ms / 1000, UTC)
    facts = {
        "Source-Organization": contents.site,
        "External-Identifier": contents.batch.id,
        "External-Description": _one_line(contents.title),
        "Bagging-Date": stamp.strftime("%Y-%m-%d"),
        "Bag-Software-Agent": contents.generator,
    }
    bagit.make_bag(str(folder), bag_info=facts, checksums=["sha256"], processes=1)
    return sum(1 for path in (folder / "data").rglob("*") if path.is_file())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _object(target: Path, leaf: Leaf) -> None:
    if leaf.path is None:
        target.write_text(f"Page {leaf.place} has no image: {leaf.page.reason or 'placeholder'}\n", encoding="utf-8")
        return
    try:
        os.link(leaf.path, target)  # the same bytes; objects are never written again
    except OSError:
        shutil.copyfile(leaf.path, target)


def _csv(target: Path, contents: Contents) -> None:
    with target.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for leaf in contents.leaves:
            page = leaf.page
            title = f"{contents.title}, {leaf.place}"
            cells = (f"objects/{leaf.name}", title, page.id, page.t, contents.batch.id, leaf.media or "")
            rows.writerow([_cell(cell) for cell in (*cells, page.station, page.operator or "", page.verdict, page.reason or "")])


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
