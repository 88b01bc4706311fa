"""Looks at a folder that a vendor's software writes into: which file is whole, which is next, which never will be one.

The folder is listed again and again: a share of another machine (SMB, NFS) tells no listener of what was written there.
"""

import fnmatch
import hashlib
import os
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scanner_line.errors import ImageRefused
from scanner_line.scanners.ledger import TAKEN, Seen
from scanner_line.scanners.whole import check_whole
from scanner_line.spool import IMAGE_BYTES_MAX

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
HIDDEN = (".", "~", "$")  # how the names of files begin that somebody is still busy with
DONE, REFUSED_FOLDER = "done", "refused"
FILES_MAX = 200_000  # looked at in one folder
RENAMES_MAX = 10_000
NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Found:
    """A file to be pressed: its bytes where it is whole (width, height, dpi), else why it never will be a page."""

    seen: Seen
    sha256: str = ""
    data: bytes = b""
    width: int = 0
    height: int = 0
    dpi: float | None = None
    refused: str | None = None


def natural(name: str) -> tuple[object, ...]:
    """A name's place among others as people count: page 10 behind page 9."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in NUMBERS.split(name) if part)


class FolderWatch:
    """What one folder holds. Its methods block: they are called in a thread, one at a time."""

    def __init__(self, folder: Path, *, pattern: str, settle_s: float, give_up_s: float, by_name: bool, max_megapixels: float) -> None:
        """A file is looked into when it has not changed for `settle_s`, and refused when it has not become whole for `give_up_s`."""
        self.folder = folder
        self._pattern = pattern
        self._settle_s = settle_s
        self._give_up_s = give_up_s
        self._by_name = by_name
        self._max_megapixels = max_megapixels
        self._since: dict[str, tuple[Seen, float]] = {}
        self._broken: dict[Seen, str] = {}

    def files(self) -> list[Seen]:
        """The image files that lie in it: no subfolder, no link, nothing hidden or of another pattern. OSError if it cannot be listed."""
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(HIDDEN) or not name.lower().endswith(SUFFIXES) or not fnmatch.fnmatch(name, self._pattern):
                    continue
                try:
                    facts = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # renamed meanwhile
                if stat.S_ISREG(facts.st_mode):
                    found.append(Seen(name, facts.st_size, facts.st_mtime_ns))
                if len(found) >= FILES_MAX:
                    break
        return found

    def next(self, known: Mapping[tuple[str, int, int], str]) -> Found | None:
        """The next file that is none of the known ones: whole, or given up; None while there is none."""
        new = [one for one in self.files() if (one.key, one.size, one.mtime_ns) not in known]
        moment = time.monotonic()
        self._since = {
            one.name: self._since[one.name] if one.name in self._since and self._since[one.name][0] == one else (one, moment) for one in new
        }
        self._broken = {seen: why for seen, why in self._broken.items() if self._since.get(seen.name, (None, 0))[0] == seen}
        order = natural if self._by_name else None
        for one in sorted(new, key=lambda seen: order(seen.name) if order else (seen.mtime_ns, natural(seen.name))):
            rested_s = moment - self._since[one.name][1]
            found = self._look(one, rested_s) if rested_s >= self._settle_s else None
            if found is not None:
                return found
            if self._by_name:
                return None  # those behind it wait for it
        return None

    def _look(self, seen: Seen, rested_s: float) -> Found | None:
        why = self._broken.get(seen)
        if why is None:
            try:
                data = self._read(seen)
                if data is None:
                    return None
                width, height, dpi = check_whole(data, max_megapixels=self._max_megapixels)
            except (ImageRefused, OSError) as error:
                why = self._broken[seen] = str(error)
            else:
                return Found(seen, hashlib.sha256(data).hexdigest(), data, width, height, dpi)
        return Found(seen, refused=why) if rested_s >= self._give_up_s else None

    def _read(self, seen: Seen) -> bytes | None:
        """The bytes of a file that is still the one seen; None if it changed under our hands."""
        if seen.size > IMAGE_BYTES_MAX:
            raise ImageRefused(f"{seen.size} bytes are more than the {IMAGE_BYTES_MAX} that an image may have")
        handle = os.open(self.folder / seen.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:  # noqa: PTH123  it is open already, and no link was followed
            data = file.read(IMAGE_BYTES_MAX + 1)
            facts = os.fstat(handle)
        same = stat.S_ISREG(facts.st_mode) and (facts.st_size, facts.st_mtime_ns) == (seen.size, seen.mtime_ns) and len(data) == seen.size
        return data if same else None

    def put_away(self, seen: Seen, folder: str, *, words: str | None = None) -> bool:
        """Move a file, if it still is the one seen, into a subfolder under a free name, with words beside it where given."""
        source = self.folder / seen.name
        facts = source.stat(follow_symlinks=False)
        if (facts.st_size, facts.st_mtime_ns) != (seen.size, seen.mtime_ns):
            return False
        target = self.folder / folder
        target.mkdir(exist_ok=True)
        place = _free(target, seen.name)
        os.replace(source, place)  # noqa: PTH105  onto a file of our own that keeps the name
        if words is not None:
            place.with_name(place.name + ".txt").write_text(words + "\n", encoding="utf-8")
        return True

    def put_away_taken(self, known: Mapping[tuple[str, int, int], str]) -> int:
        """After a restart: move what is a page already and still lies there; how many."""
        taken = [one for one in self.files() if known.get((one.key, one.size, one.mtime_ns)) == TAKEN]
        return sum(self.put_away(one, DONE) for one in taken)


def _free(folder: Path, name: str) -> Path:
    """A path below the folder that nobody has, kept by an empty file."""
    stem, dot, suffix = name.rpartition(".")
    for number in range(RENAMES_MAX):
        place = folder / (name if number == 0 else f"{stem}-{number}{dot}{suffix}")
        try:
            place.touch(exist_ok=False)
        except FileExistsError:
            continue
        return place
    raise FileExistsError(f"{folder} has {RENAMES_MAX} files of the name {name}")
