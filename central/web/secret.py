"""The secret that signs session cookies: random, made once, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

SECRET_BYTES = 32


class WeakSecret(Exception):
    """The session secret cannot be trusted; the service must not start."""


def load_or_make(path: Path) -> bytes:
    """The secret of the file, made (0600) if there is none; WeakSecret if others may read it or it is short or guessable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(SECRET_BYTES).encode())
            file.flush()
            os.fsync(file.fileno())
    if path.stat().st_mode & 0o077:
        raise WeakSecret(f"{path}: others may read it; set its mode to 0600 and, if it was so for long, delete it to have a new one made")
    secret = path.read_bytes().strip()
    if len(secret) < SECRET_BYTES or len(set(secret)) < 8:
        raise WeakSecret(f"{path}: {len(secret)} bytes are too few or too regular; delete it to have a new one made")
    return secret
