"""A small disk that a test can fill to the byte: some MiB of tmpfs where the test may mount one, else as much of a folder's quota."""

import os
import subprocess
from pathlib import Path
from typing import Self

from edge_agent.quota import MB, used_bytes

SIZE = 64 * MB


class SmallDisk:
    """A folder with `size` bytes of room, a filler file in it; a context manager that leaves no mount behind.

    Where nothing can be mounted, `free` is what the size leaves beside the folder's files, and `offset_mb` is what the real disk has
    beyond: whoever looks at the real disk is to be given limits that are so much larger.
    """

    def __init__(self, folder: Path, *, size: int = SIZE) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._size = size
        self._filler = folder / "filler"
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        self.mounted = os.geteuid() == 0 and subprocess.run(mount, timeout=20, check=False).returncode == 0
        self.offset_mb = 0 if self.mounted else (self._disk_free() - size) // MB

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.empty()
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True, timeout=20)  # lazy: a failed test may hold a file open

    def _disk_free(self) -> int:
        facts = os.statvfs(self.folder)
        return facts.f_bavail * facts.f_frsize

    def free(self) -> int:
        """Bytes that still fit."""
        return self._disk_free() if self.mounted else max(0, self._size - used_bytes(self.folder))

    def leave(self, free_bytes: int) -> None:
        """Make the filler larger or smaller until so many bytes are free, or as near to it as everybody else's files allow."""
        size = self._filler.stat().st_size if self._filler.exists() else 0
        wanted = max(0, size + self.free() - free_bytes)
        with self._filler.open("ab") as file:
            if wanted > size:
                os.posix_fallocate(file.fileno(), size, wanted - size)
            else:
                file.truncate(wanted)

    def fill_up(self) -> None:
        """Not a byte is left (without a mount: of the quota)."""
        if not self.mounted:
            self.leave(0)
            return
        with self._filler.open("ab", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def empty(self) -> None:
        """Take the filler away."""
        self._filler.unlink(missing_ok=True)
