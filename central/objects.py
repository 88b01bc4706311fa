"""The files of images and clips, named by their SHA-256: partial uploads grow beside them, and only verified bytes take their place.

File first, then the row: the file is written, fsynced, verified and renamed, its folder fsynced, before `objects` speaks of it.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.sqlite import insert

from central.digitization.tables import object_refs, objects
from central.ledger.tables import live
from central.store.engine import reading, writing
from central.store.projecting import as_json
from central.times import now_ms

CHUNK = 1024 * 1024
OWN = "centre"  # whose objects are those that no agent sent
PARTIAL_LIFE_S = 24 * 3600
PARTIALS_MAX = 64  # of one agent
PARTIALS_BYTES = 8  # of one agent, in sizes of the largest upload
DIGEST = re.compile(r"[0-9a-f]{64}")
_PARTIAL = re.compile(r"([0-9a-f]{64})\.([a-z0-9_-]{1,40})\.(\d{1,15})")


class Stream(Protocol):
    """Where bytes come from."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to size bytes; nothing at the end."""


class Busy(Exception):
    """Another request is writing this upload."""


class WrongOffset(Exception):
    """The upload stands elsewhere; `offset` says where."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the upload is at {offset}")
        self.offset = offset


class Mismatch(Exception):
    """The bytes are not what their digest says; they were thrown away."""


@dataclass(frozen=True)
class Partial:
    """An upload that is not whole yet; its name holds digest, agent and length, its size is the offset."""

    sha256: str
    agent: str
    length: int
    path: Path

    @property
    def offset(self) -> int:
        """Bytes received so far."""
        return self.path.stat().st_size

    @property
    def expires_s(self) -> float:
        """When it is swept away, in seconds since 1970; each received byte puts it off."""
        return self.path.stat().st_mtime + PARTIAL_LIFE_S


@dataclass(frozen=True)
class Checksum:
    """What tus' Upload-Checksum says of one PATCH body."""

    algorithm: str
    digest: bytes

    @classmethod
    def parse(cls, header: str) -> Checksum:
        """From "sha256 BASE64"; ValueError for another algorithm or a broken value."""
        algorithm, _, value = header.partition(" ")
        if algorithm not in ("sha1", "sha256"):
            raise ValueError("the algorithm is sha1 or sha256")
        try:
            return cls(algorithm, base64.b64decode(value, validate=True))
        except binascii.Error as error:
            raise ValueError("the value is not base64") from error


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class ObjectStore:
    """The folder of objects and their rows. `blocking` runs what waits for the disk away from other requests."""

    def __init__(self, folder: Path, engine: Engine, *, upload_bytes: int, blocking: Callable[[Callable[[], None]], None]) -> None:
        self._folder = folder
        self._partials = folder / "partial"
        self._engine = engine
        self._upload_bytes = upload_bytes
        self._blocking = blocking
        self._partials.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where an object lies once it is whole."""
        return self._folder / sha256[:2] / sha256

    def free_bytes(self) -> int:
        """What the disk still takes."""
        return shutil.disk_usage(self._folder).free

    def stored_bytes(self, sha256: str) -> int | None:
        """The size of a whole object, None if there is none."""
        with reading(self._engine) as connection:
            return stored_bytes(connection, sha256)

    def journalled_bytes(self, sha256: str, agent: str) -> int | None:
        """The size that this agent's own record gives the digest, None if it has journalled no such page or clip."""
        mine = (object_refs.c.sha256 == sha256) & (object_refs.c.agent == agent)
        with reading(self._engine) as connection:
            found = connection.scalar(select(object_refs.c.bytes).where(mine).limit(1))
        return None if found is None else int(found)

    def partial(self, sha256: str, agent: str) -> Partial | None:
        """This agent's upload of the digest, if one is under way."""
        return next((found for found in self._of(agent) if found.sha256 == sha256), None)

    def _of(self, agent: str) -> Iterator[Partial]:
        for path in self._partials.glob(f"*.{agent}.*"):
            match = _PARTIAL.fullmatch(path.name)
            if match:
                yield Partial(match[1], match[2], int(match[3]), path)

    def sweep(self) -> None:
        """Remove partial uploads that nobody has continued for PARTIAL_LIFE_S."""
        for path in self._partials.iterdir():
            try:
                if time.time() - path.stat().st_mtime > PARTIAL_LIFE_S:
                    path.unlink()
            except FileNotFoundError:
                continue  # another worker swept it, or it became whole

    def drop(self, sha256: str, agent: str) -> None:
        """Forget this agent's upload of what is whole already."""
        partial = self.partial(sha256, agent)
        if partial is not None:
            partial.path.unlink(missing_ok=True)

    def quota_left(self, agent: str, length: int) -> bool:
        """Whether this agent may begin one more upload of so many bytes."""
        open_ones = list(self._of(agent))
        reserved = sum(found.length for found in open_ones)
        return len(open_ones) < PARTIALS_MAX and reserved + length <= PARTIALS_BYTES * self._upload_bytes

    def create(self, sha256: str, agent: str, length: int) -> Partial:
        """Begin an upload, or find the one that was begun."""
        path = self._partials / f"{sha256}.{agent}.{length}"
        path.touch(mode=0o600)
        return Partial(sha256, agent, length, path)

    @contextmanager
    def _locked(self, partial: Partial) -> Iterator[int]:
        try:
            descriptor = os.open(partial.path, os.O_RDWR)
        except FileNotFoundError as error:
            raise WrongOffset(0) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Busy from error
            if not partial.path.exists() or os.fstat(descriptor).st_ino != partial.path.stat().st_ino:
                raise WrongOffset(partial.length)  # it became whole between opening and locking
            yield descriptor
        finally:
            os.close(descriptor)

    def append(self, partial: Partial, *, offset: int, stream: Stream, checksum: Checksum | None) -> int:
        """Add a PATCH body at this offset and return the new one; whole uploads are verified and stored.

        Raises Busy, WrongOffset, Mismatch (of the checksum: the body is dropped; of the digest: the whole upload).
        """
        with self._locked(partial) as descriptor:
            start = os.fstat(descriptor).st_size
            if start != offset:
                raise WrongOffset(start)
            os.lseek(descriptor, start, os.SEEK_SET)
            whole = hashlib.sha256() if start == 0 else None
            part = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
            end = -1
            try:
                end = self._copy(descriptor, stream, partial.length - start, (whole, part)) + start
            finally:
                if end < 0 and part is not None:
                    os.ftruncate(descriptor, start)  # what came cannot be checked any more
            if part is not None and checksum is not None and part.digest() != checksum.digest:
                os.ftruncate(descriptor, start)
                raise Mismatch("the bytes of this request are not what Upload-Checksum says")
            if end == partial.length:
                digest = whole.hexdigest() if whole else None
                self._blocking(lambda: self._finish(partial, descriptor, digest))
                self._keep(partial.sha256, partial.agent, partial.length)
        return end

    @staticmethod
    def _copy(descriptor: int, stream: Stream, room: int, hashes: tuple[object, object]) -> int:
        copied = 0
        while copied < room:
            chunk = stream.read(min(CHUNK, room - copied))
            if not chunk:
                break
            view = memoryview(chunk)
            while view:
                view = view[os.write(descriptor, view) :]
            for hash_ in hashes:
                if hash_ is not None:
                    hash_.update(chunk)  # type: ignore[attr-defined]
            copied += len(chunk)
        return copied

    def _finish(self, partial: Partial, descriptor: int, digest: str | None) -> None:
        os.fsync(descriptor)
        if digest is None:
            with os.fdopen(os.dup(descriptor), "rb") as file:
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != partial.sha256:
            partial.path.unlink(missing_ok=True)
            raise Mismatch("the bytes are not what their SHA-256 says; the upload begins anew")
        target = self.path(partial.sha256)
        target.parent.mkdir(exist_ok=True)
        try:
            partial.path.rename(target)
        except FileNotFoundError as error:  # dropped, since the same bytes had come another way
            if not target.exists():
                raise WrongOffset(0) from error
        _fsync_folder(target.parent)
        _fsync_folder(self._folder)

    def put(self, data: bytes) -> str:
        """Store bytes that the centre itself made, whole or not at all; their SHA-256."""
        sha256 = hashlib.sha256(data).hexdigest()
        target = self.path(sha256)
        if self.stored_bytes(sha256) is None or not target.is_file():
            self._blocking(lambda: self._write(target, data))
            self._keep(sha256, OWN, len(data))
        return sha256

    def _write(self, target: Path, data: bytes) -> None:
        with tempfile.NamedTemporaryFile(dir=self._partials, delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                target.parent.mkdir(exist_ok=True)
                Path(file.name).rename(target)
            except OSError:
                Path(file.name).unlink(missing_ok=True)
                raise
        _fsync_folder(target.parent)
        _fsync_folder(self._folder)

    def adopt(self, sha256: str, agent: str) -> bool:
        """Give a whole file its row back, where the power went between the two; whether there was such a file."""
        path = self.path(sha256)
        if not path.exists():
            return False
        with path.open("rb") as file:
            good = hashlib.file_digest(file, "sha256").hexdigest() == sha256
        if good:
            self._keep(sha256, agent, path.stat().st_size)
        return good

    def _keep(self, sha256: str, agent: str, length: int) -> None:
        now = now_ms()
        row = {
            "sha256": sha256,
            "bytes": length,
            "state": "stored",
            "received": length,
            "agent": agent,
            "created_ms": now,
            "stored_ms": now,
        }
        row["path"] = f"{sha256[:2]}/{sha256}"
        whole = {"state": "stored", "received": length, "bytes": length, "stored_ms": now, "path": row["path"]}
        with writing(self._engine) as connection:
            connection.execute(insert(objects).values(row).on_conflict_do_update(index_elements=["sha256"], set_=whole))
            refs = connection.execute(select(object_refs).where(object_refs.c.sha256 == sha256)).all()
            for ref in refs:
                data = {"id": ref.ref_id, ref.kind: ref.ref_id, "stored": True}
                connection.execute(insert(live).values(t_ms=now, event=ref.kind, agent=ref.agent, data=as_json(data)))


def stored_bytes(connection: Connection, sha256: str) -> int | None:
    """The size of a whole object, None if there is none."""
    whole = (objects.c.sha256 == sha256) & (objects.c.state == "stored")
    found = connection.scalar(select(objects.c.bytes).where(whole))
    return None if found is None else int(found)
