"""The centre's own key on disk, made once and readable by its owner only; signing, and checking what agents signed."""

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_BYTES = 32  # RFC 8032


class BadKeyFile(Exception):
    """A key's file does not hold a key."""


def write_secret(path: Path, data: bytes) -> None:
    """Write a file durably, mode 0600: temporary name, fsync, rename, fsync of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_or_make_key(path: Path) -> Ed25519PrivateKey:
    """The private key of a file, made at the first call; BadKeyFile if the file holds anything but 32 bytes."""
    if not path.exists():
        write_secret(path, Ed25519PrivateKey.generate().private_bytes_raw())
    raw = path.read_bytes()
    if len(raw) != KEY_BYTES:
        raise BadKeyFile(f"{path} holds {len(raw)} bytes, an Ed25519 key has {KEY_BYTES}")
    return Ed25519PrivateKey.from_private_bytes(raw)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The raw 32-byte public key."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def parse_public_key(text: str) -> bytes:
    """Raw bytes of a base64 public key; ValueError says what is wrong."""
    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except ValueError as error:
        raise ValueError(f"a public key is base64: {error}") from error
    if len(raw) != KEY_BYTES:
        raise ValueError(f"a public key has {KEY_BYTES} bytes, this one {len(raw)}")
    return raw


def sign(key: Ed25519PrivateKey, text: bytes) -> str:
    """The signature as base64."""
    return base64.b64encode(key.sign(text)).decode()


def verify(key: Ed25519PublicKey, text: bytes, signature: str) -> bool:
    """Whether a base64 signature is this key's over the text; garbage is simply not."""
    try:
        key.verify(base64.b64decode(signature, validate=True), text)
    except (InvalidSignature, ValueError):
        return False
    return True
