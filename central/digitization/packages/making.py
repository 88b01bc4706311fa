"""Makes a package into one file: gathered, built in a folder of its own, packed, sealed; whole under its name or not there at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Engine

from central.config import CentralConfig
from central.digitization.packages.bag import write_bag
from central.digitization.packages.contents import Contents, PackageRefused, gather
from central.digitization.packages.eep import write_eep
from central.digitization.packages.evidence import extract
from central.digitization.packages.mets import mets
from central.digitization.packages.pdf import TextLine, searchable
from central.digitization.packages.sealing import seal
from central.digitization.packages.static_site import write_site
from central.digitization.recognition.queries import text_of
from central.environment.reports.fonts import NoFont, fonts
from central.keys import load_or_make_key, public_bytes
from central.store.engine import reading

PAGES_MAX = 20_000
FOLDER = "packages"  # below the centre's data
TILES = "tiles"  # the same: a cache, free to be deleted
FONTS = "fonts"
CHUNK = 1024 * 1024
MB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Made:
    """A package's file."""

    path: Path
    sha256: str
    bytes: int
    files: int
    tree_size: int


class Maker:
    """Makes packages of one centre's batches."""

    def __init__(self, config: CentralConfig, engine: Engine, *, path_of: Callable[[str], Path]) -> None:
        """`path_of` gives where the object with a digest lies."""
        self._config, self._engine, self._path_of = config, engine, path_of
        self.folder = Path(config.data) / FOLDER
        self._tiles = Path(config.data) / TILES

    def make(
        self, *, batch: str, kind: str, target: Path, recipients: Sequence[str], made_ms: int, told: Callable[[int, int], None]
    ) -> Made:
        """The package as `target`. PackageRefused says why there is none; `told(done, all)` hears the pages.

        For an encrypted package nothing unencrypted stays on the disk.
        """
        with reading(self._engine) as connection:
            contents = gather(
                connection,
                batch,
                site=self._config.site,
                path_of=self._path_of,
                made_ms=made_ms,
                generator=f"muniment {version('muniment')}",
                limit=PAGES_MAX,
            )
            key = public_bytes(load_or_make_key(self._config.key_file))
            evidence = list(extract(connection, contents, public_key=key)) if kind == "bagit" else []
        self._check_room(contents, kind)
        work = target.with_name(f".{target.name}.work")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True, mode=0o700)
        try:
            plain, files = self._build(work, contents, kind, evidence, lambda done: told(done, len(contents.leaves)))
            if recipients:
                sealed = work / "sealed"
                seal(plain, sealed, recipients)
                plain.unlink()
                plain = sealed
            digest, size = _digest(plain)
            plain.chmod(0o600)
            plain.rename(target)
            _fsync_folder(target.parent)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return Made(
            path=target, sha256=digest, bytes=size, files=files, tree_size=0 if contents.checkpoint is None else contents.checkpoint.size
        )

    def _build(self, work: Path, contents: Contents, kind: str, evidence: list[str], told: Callable[[int], None]) -> tuple[Path, int]:
        """(the file, how many files are in it)."""
        if kind == "mets":
            return _written(work / "package", mets(contents)), 1
        if kind == "pdf":
            return _written(work / "package", self._pdf(contents, told)), 1
        if kind == "eep":
            write_eep(work / "package", contents, told=told)
            return work / "package", 1
        folder = work / contents.name
        folder.mkdir()
        if kind == "bagit":
            files = write_bag(folder, contents, evidence=evidence, told=told)
        else:
            files = write_site(folder, contents, tiles=self._tiles, told=told)
        plain = work / "package"
        with tarfile.open(plain, "w", format=tarfile.PAX_FORMAT, dereference=True) as tar:  # a hard link is a file of its own
            tar.add(folder, arcname=contents.name, filter=_plain_member)
        shutil.rmtree(folder)
        return plain, files

    def _pdf(self, contents: Contents, told: Callable[[int], None]) -> bytes:
        try:
            font = fonts(Path(self._config.data) / FONTS)[""]
        except NoFont as error:
            raise PackageRefused(f"No PDF can be made here: {error}.", f"此处无法生成 PDF：{error}") from error
        return searchable(contents, lines_of=self._lines, font=font, told=told)

    def _lines(self, sha256: str) -> Sequence[TextLine]:
        """What was recognised on an image."""
        with reading(self._engine) as connection:
            found = text_of(connection, sha256)
        return [] if found is None else [TextLine(line.text, line.x, line.y, line.w, line.h) for line in found.lines]

    def _check_room(self, contents: Contents, kind: str) -> None:
        """Refuse what would go into the disk's reserve: a tar needs its folder and itself, where hard links do not help."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        size = sum(leaf.page.bytes for leaf in contents.images)
        wanted = {"bagit": 2 * size, "iiif": 3 * size, "pdf": size, "mets": MB, "eep": 3 * size}[kind]
        if shutil.disk_usage(self.folder).free - wanted < self._config.limits.reserve_mb * MB:
            raise PackageRefused(
                f"The disk has no room for it: about {wanted // MB} MB are needed beyond the reserve.",
                f"磁盘空间不足：约需 {wanted // MB} MB。",
            )


def _written(path: Path, data: bytes) -> Path:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path


def _plain_member(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nobody's user and modes: the same contents give the same headers wherever they were packed."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() else 0o644
    return member


def _digest(path: Path) -> tuple[str, int]:
    whole, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            whole.update(piece)
            size += len(piece)
        os.fsync(file.fileno())
    return whole.hexdigest(), size


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
