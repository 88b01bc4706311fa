"""Checkpoints as signed notes (C2SP tlog-checkpoint and signed-note): origin, size, root, and an Ed25519 signature line."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central.keys import public_bytes

ED25519 = b"\x01"  # signature type of C2SP signed-note


def origin_of(site: str) -> str:
    """The name of a site's log, which is also its key's name."""
    return f"muniment/{site}"


def key_hash(name: str, public_key: bytes) -> bytes:
    """The four bytes that stand before a signature: SHA-256(name || newline || type || public key)."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:4]


def checkpoint_note(key: Ed25519PrivateKey, *, site: str, size: int, root: bytes) -> str:
    """The signed note of a tree."""
    origin = origin_of(site)
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    signature = key_hash(origin, public_bytes(key)) + key.sign(text.encode())
    return f"{text}\n\u2014 {origin} {base64.b64encode(signature).decode()}\n"
