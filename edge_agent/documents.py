"""Small documents that people edit and a replaced Pi must get back: calibration and bench profiles.

TinyDB over a storage that writes a temporary file, fsyncs it, renames it over the old one and fsyncs the folder: at any moment
the file is either the old or the new whole. Each change is also told to a listener, which journals it.
"""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tinydb import Query, Storage, TinyDB

from edge_agent.clock import wall_ms
from edge_agent.errors import DocumentError
from edge_agent.keys import write_private

FILE_BYTES_MAX = 4 * 1024 * 1024
KIND, NAME, VALUE, CHANGED = "kind", "name", "value", "changed_ms"

log = logging.getLogger(__name__)
Listener = Callable[[str, str, Any], None]


class DurableStorage(Storage):
    """A TinyDB storage that never leaves half a file behind."""

    def __init__(self, path: str | Path, *, sweep: bool = True) -> None:
        """`sweep`: remove what a crash left of a write; not for a process that only reads."""
        super().__init__()
        self.path = Path(path)
        if not sweep:
            return
        for orphan in self.path.parent.glob(f".{self.path.name}.*"):
            orphan.unlink(missing_ok=True)

    def read(self) -> dict[str, dict[str, Any]] | None:
        """The tables, None when there is no file yet; DocumentError for a file that is none of ours."""
        try:
            if self.path.stat().st_size > FILE_BYTES_MAX:
                raise DocumentError(f"{self.path}: over the limit of {FILE_BYTES_MAX} bytes")
            value = json.loads(self.path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DocumentError(f"{self.path}: {error}") from error
        if not isinstance(value, dict):
            raise DocumentError(f"{self.path}: is not a JSON object")
        return value

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Replace the file by the new tables, durably; DocumentError when the disk refuses, the old file stays then."""
        try:
            write_private(self.path, json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
        except OSError as error:
            raise DocumentError(f"{self.path}: {error}") from error


class Documents:
    """Named values of a few kinds in one file, such as ("calibration", "climate.temperature") -> {"offset": -0.2, "gain": 1.0}.

    Not for several processes at once: the core owns the agent's file, a bench child its own.
    """

    def __init__(self, path: Path, *, listener: Listener | None = None, now_ms: Callable[[], int] = wall_ms) -> None:
        self._listener = listener
        self._now_ms = now_ms
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._db = TinyDB(path, storage=DurableStorage)

    @property
    def begun(self) -> bool:
        """Whether anything was ever kept or removed here; False on a fresh disk."""
        return self._path.exists()

    def begin(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep these values by kind and name as the first, all of them in one write, so that a crash leaves none or all of them."""
        now = self._now_ms()
        tables = {
            kind: {str(number): {NAME: name, VALUE: value, CHANGED: now} for number, (name, value) in enumerate(sorted(named.items()), 1)}
            for kind, named in values.items()
        }
        self._db.storage.write(tables)
        if self._listener:
            for kind, named in values.items():
                for name, value in named.items():
                    self._listener(kind, name, value)

    def get(self, kind: str, name: str) -> Any:
        """The value, None where there is none."""
        found = self._db.table(kind).get(Query()[NAME] == name)
        return found[VALUE] if found is not None and not isinstance(found, list) else None

    def all(self, kind: str) -> dict[str, Any]:
        """Every value of a kind by name."""
        return {str(entry[NAME]): entry[VALUE] for entry in self._db.table(kind).all()}

    def put(self, kind: str, name: str, value: Any) -> bool:
        """Set a value; whether that changed anything. The listener is told (kind, name, value) after the file is durable."""
        if self.get(kind, name) == value:
            return False
        self._db.table(kind).upsert({NAME: name, VALUE: value, CHANGED: self._now_ms()}, Query()[NAME] == name)
        if self._listener:
            self._listener(kind, name, value)
        return True

    def remove(self, kind: str, name: str) -> bool:
        """Forget a value; whether there was one. The listener is told None."""
        if not self._db.table(kind).remove(Query()[NAME] == name):
            return False
        if self._listener:
            self._listener(kind, name, None)
        return True

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._db.close()


def open_documents(path: Path, *, listener: Listener | None = None) -> Documents:
    """The documents in a file; a file that cannot be read is set aside beside it, loudly, so that a room never fails to start for it."""
    try:
        DurableStorage(path, sweep=False).read()
    except DocumentError as error:
        aside = path.with_name(f"{path.name}.damaged")
        log.error("%s; it is set aside as %s: calibration and profiles must be set again", error, aside.name)
        path.replace(aside)
    return Documents(path, listener=listener)


def stored(path: Path, kind: str) -> dict[str, Any]:
    """Every value of a kind as it stands in another process's file, by name; empty where there is no file."""
    tables = DurableStorage(path, sweep=False).read() or {}
    return {str(entry[NAME]): entry[VALUE] for entry in tables.get(kind, {}).values()}
