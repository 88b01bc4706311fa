"""What a package of a batch is made of: its pages in order with their files, where they come from, and how the ledger stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from central.digitization.packages.media import SUFFIXES, media_of
from central.digitization.queries import Batch, Page, batch_named, pages_of
from central.ledger import queries as ledger

UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class PackageRefused(Exception):
    """No package can be made; `words` and `words_zh` say why and what to do."""

    def __init__(self, words: str, words_zh: str) -> None:
        """Both languages; the English words are the message."""
        super().__init__(words)
        self.words, self.words_zh = words, words_zh


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A page that counts: place from 1, its master's path and media type (None for a placeholder), and what is recorded of it."""

    place: int
    page: Page
    path: Path | None
    media: str | None
    earlier: tuple[Page, ...]  # what it was retaken for, the nearest first

    @property
    def name(self) -> str:
        """The file's name in a package: place and identity, so that a folder sorts as the volume does and nothing is ever renamed."""
        suffix = SUFFIXES[self.media] if self.media else "txt"
        return f"{self.place:05d}_{self.page.id}.{suffix}"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """One accepted batch: pages in order, and the ledger's signed checkpoint when they were gathered (None before the first)."""

    site: str
    batch: Batch
    leaves: tuple[Leaf, ...]
    checkpoint: ledger.Checkpoint | None
    made_ms: int
    generator: str  # program and version

    @property
    def title(self) -> str:
        """What people call it."""
        return self.batch.volume or self.batch.id

    @property
    def name(self) -> str:
        """A name for files and folders: the volume's number in safe characters, and the batch's identity."""
        return re.sub(r"[^A-Za-z0-9._-]+", "-", self.title).strip(".-")[:60] + "_" + self.batch.id[:8]

    @property
    def images(self) -> tuple[Leaf, ...]:
        """The pages that have an image."""
        return tuple(leaf for leaf in self.leaves if leaf.path is not None)


def gather(
    connection: Connection, batch: str, *, site: str, path_of: Callable[[str], Path], made_ms: int, generator: str, limit: int
) -> Contents:
    """The contents of a batch; PackageRefused if it is not accepted, a page's bytes are not here, or it has more than `limit` pages."""
    found = _clean(batch_named(connection, batch))
    if found is None:
        raise PackageRefused("There is no such batch.", "没有此批次。")
    if found.state != "accepted":
        raise PackageRefused(
            f"The batch is {found.state}; packages are made of accepted ones. Accept it first.", "只有验收通过的批次才能打包，请先验收。"
        )
    every = [_clean(page) for page in pages_of(connection, batch)]
    by_id = {page.id: page for page in every}
    counting = [page for page in every if page.seq is not None and not page.replaced and not page.deleted]
    if not counting:
        raise PackageRefused("The batch has no page.", "批次中没有页面。")
    if len(counting) > limit:
        raise PackageRefused(
            f"The batch has {len(counting)} pages; at most {limit} go into one package.",
            f"批次有 {len(counting)} 页，一个包最多 {limit} 页。",
        )
    leaves = tuple(_leaf(place, page, by_id, path_of) for place, page in enumerate(counting, 1))
    return Contents(site=site, batch=found, leaves=leaves, checkpoint=ledger.checkpoint(connection), made_ms=made_ms, generator=generator)


def _clean(given: Any) -> Any:
    """The same facts without the characters that XML 1.0 cannot hold: texts of people and stations go into METS, PREMIS and others."""
    if isinstance(given, str):
        return UNPRINTABLE.sub("", given)
    if isinstance(given, list):
        return [_clean(one) for one in given]
    if isinstance(given, dict):
        return {_clean(name): _clean(one) for name, one in given.items()}
    if isinstance(given, msgspec.Struct):
        return msgspec.structs.replace(given, **{name: _clean(getattr(given, name)) for name in given.__struct_fields__})
    return given


def _leaf(place: int, page: Page, by_id: dict[str, Page], path_of: Callable[[str], Path]) -> Leaf:
    earlier: list[Page] = []
    ident = page.replaces
    while ident is not None and ident in by_id and by_id[ident] not in earlier:
        earlier.append(by_id[ident])
        ident = by_id[ident].replaces
    if page.sha256 is None:
        return Leaf(place=place, page=page, path=None, media=None, earlier=tuple(earlier))
    if page.pending:
        raise PackageRefused(
            f"The image of page {place} has not arrived: wait until its bench has sent it.",
            f"第 {place} 页的图像尚未传到，请等待工位传送完毕。",
        )
    path = path_of(page.sha256)
    media = media_of(path)
    if media is None:
        raise PackageRefused(
            f"The file of page {place} is neither JPEG, PNG nor TIFF.", f"第 {place} 页的文件不是 JPEG、PNG 或 TIFF 图像。"
        )
    return Leaf(place=place, page=page, path=path, media=media, earlier=tuple(earlier))


def facts_of(leaf: Leaf) -> dict[str, Any]:
    """What is recorded of a page, as plain JSON values."""
    page = leaf.page
    return {
        "page": page.id,
        "place": leaf.place,
        "sha256": page.sha256,
        "bytes": page.bytes,
        "width": page.width,
        "height": page.height,
        "dpi": page.dpi,
        "captured": page.t,
        "station": page.station,
        "operator": page.operator,
        "verdict": page.verdict,
        "reason": page.reason,
        "checks": msgspec.to_builtins(page.checks),
        "retaken_for": [{"page": old.id, "sha256": old.sha256, "captured": old.t, "reason": page.reason} for old in leaf.earlier],
        "ledger_entry": page.leaf_idx,
        "record": {"agent": page.agent, "seq": page.lane_seq},
    }
