"""The worker that makes the packages people asked for, one after the other, at low priority; `muniment-central packages` runs it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from central.config import CentralConfig
from central.digitization.packages.contents import PackageRefused
from central.digitization.packages.making import FOLDER, TILES, Maker
from central.digitization.packages.queries import Package, asked, package_named
from central.ledger import acts
from central.store.engine import reading, writing
from central.times import now_ms

LOOK_S = 1.0
NICE = 10
PROJECTED_S = 60.0  # how long an act may wait for ingest before the worker looks again
TILES_MAX_BYTES = 20 * 1024**3  # of the cache; the oldest go first
TILES_SHARE = 0.05  # of the disk, where that is less
HOUSE_S = 600.0
# what strange facts or files raise in the libraries: such a package fails, the next one is made
BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError)
log = logging.getLogger(__name__)


def progress_of(folder: Path, package: str) -> tuple[int, int] | None:
    """(pages done, pages in all) of a package that is being made, None while it waits."""
    try:
        done, every = json.loads((folder / f"{package}.progress").read_text())
        return int(done), int(every)
    except (OSError, ValueError, TypeError):
        return None


class Worker:
    """Makes what waits until it is stopped. A package that was being made when the power went is made again."""

    def __init__(self, config: CentralConfig, engine: Engine, *, path_of: Callable[[str], Path]) -> None:
        """`path_of` gives where the object with a digest lies."""
        self._engine = engine
        self._maker = Maker(config, engine, path_of=path_of)
        self._folder = Path(config.data) / FOLDER
        self._tiles = Path(config.data) / TILES
        self._kept_house = 0.0

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; a package on its way is finished first."""
        os.nice(NICE)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep()
        while not stop.is_set():
            if time.monotonic() - self._kept_house > HOUSE_S:
                shrink(self._tiles)
                self._kept_house = time.monotonic()
            if not self.once():
                stop.wait(LOOK_S)

    def once(self) -> bool:
        """Make the package that waits longest; False if none waits."""
        with reading(self._engine) as connection:
            waiting = asked(connection)
        if not waiting:
            return False
        package = waiting[0]
        kind, body = self._made(package)
        with writing(self._engine) as connection:
            act = acts.record(connection, kind=kind, actor="system", body={"package": package.id, **body})
        acts.wait_projected(self._engine, act, PROJECTED_S)
        (self._folder / f"{package.id}.progress").unlink(missing_ok=True)
        return True

    def _made(self, package: Package) -> tuple[str, dict[str, object]]:
        """(kind, facts) of the act that says what came of it."""
        try:
            made = self._maker.make(
                batch=package.batch,
                kind=package.kind,
                target=self._folder / package.file,
                recipients=package.recipients,
                made_ms=now_ms(),
                told=lambda done, every: self._tell(package.id, done, every),
            )
        except PackageRefused as error:
            return "package.failed", {"words": error.words, "words_zh": error.words_zh}
        except BROKEN as error:
            log.exception("package %s of batch %s could not be made", package.id, package.batch)
            words = f"It could not be made: {type(error).__name__}. The centre's log says more."
            return "package.failed", {"words": words, "words_zh": "打包失败，详见中心日志。"}
        return "package.made", {"sha256": made.sha256, "bytes": made.bytes, "files": made.files, "tree_size": made.tree_size}

    def _tell(self, package: str, done: int, every: int) -> None:
        partial = self._folder / f".{package}.progress"
        partial.write_text(json.dumps([done, every]))
        partial.rename(self._folder / f"{package}.progress")

    def _sweep(self) -> None:
        """Remove the files of packages that nobody asked for or that have failed."""
        for path in self._folder.iterdir():
            if path.is_file() and not path.name.startswith("."):
                with reading(self._engine) as connection:
                    found = package_named(connection, path.name.split(".", 1)[0])
                if found is None or found.state == "failed":
                    path.unlink(missing_ok=True)


def shrink(tiles: Path) -> int:
    """Keep the cache of tiles within its bound: images that were opened longest ago go first; how many went."""
    if not tiles.is_dir():
        return 0
    found = []
    for folder in tiles.iterdir():
        if folder.is_dir() and not folder.name.startswith("."):
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            found.append((folder.stat().st_mtime, size, folder))
    most = min(TILES_MAX_BYTES, int(shutil.disk_usage(tiles).total * TILES_SHARE))
    total, gone = sum(size for _, size, _ in found), 0
    for _, size, folder in sorted(found):
        if total <= most:
            break
        shutil.rmtree(folder, ignore_errors=True)
        total, gone = total - size, gone + 1
    return gone
