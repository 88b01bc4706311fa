"""The agent's own signing key, made at first start, and the centre's public key, pinned at enrolment."""

import base64
import binascii
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge_agent.errors import KeyFileError
from wire.chain import key_id

KEY_BYTES = 32  # RFC 8032: Ed25519 private seeds and public keys are 32 bytes
_FILE_MAX = 4096


def write_private(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 so that after a power cut it is there whole or not at all; an existing one is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


BROKER_PASSWORD, CENTRAL_TOKEN = "MUNIMENT_BROKER_PASSWORD", "MUNIMENT_CENTRAL_TOKEN"  # environment variables


def read_secret(path: Path, *, variable: str = "") -> str:
    """The text of a small secret file (token, password) without the white space around it; KeyFileError otherwise.

    Where the environment holds `variable`, that is taken instead and no file is read.
    """
    if variable and (given := os.environ.get(variable, "").strip()):
        return given
    try:
        with path.open("rb") as file:
            data = file.read(_FILE_MAX + 1)
        text = data.decode().strip()
    except (OSError, UnicodeError) as error:
        raise KeyFileError(f"{path}: {error}") from error
    if not text or len(data) > _FILE_MAX:
        raise KeyFileError(f"{path}: empty, or over {_FILE_MAX} bytes")
    return text


class AgentKey:
    """An Ed25519 private key (RFC 8032) that signs batches."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_bytes = private.public_key().public_bytes_raw()
        self.ident: str = key_id(self.public_bytes)

    @classmethod
    def load_or_create(cls, path: Path) -> "AgentKey":
        """The key in `path` (32 raw bytes, mode 0600), made and fsynced there if the file does not exist; KeyFileError if it is unfit."""
        try:
            if not path.exists():
                write_private(path, Ed25519PrivateKey.generate().private_bytes_raw())
            if path.stat().st_mode & 0o077:
                raise KeyFileError(f"{path}: others may read this private key; `chmod 600` it, or remove it and enrol the agent anew")
            with path.open("rb") as file:
                data = file.read(KEY_BYTES + 1)
        except OSError as error:
            raise KeyFileError(f"{path}: {error}") from error
        if len(data) != KEY_BYTES:
            raise KeyFileError(f"{path}: a private key has {KEY_BYTES} bytes, this file {len(data)}{'+' if len(data) > KEY_BYTES else ''}")
        return cls(Ed25519PrivateKey.from_private_bytes(data))

    @property
    def public_base64(self) -> str:
        """The public key as `muniment-central agent enrol --key` takes it."""
        return base64.b64encode(self.public_bytes).decode()

    def sign(self, text: bytes) -> str:
        """The signature over the text, base64."""
        return base64.b64encode(self._private.sign(text)).decode()


class CentreKey:
    """The centre's Ed25519 public key, against which acknowledgements and commands are checked."""

    def __init__(self, public_base64: str) -> None:
        try:
            raw = base64.b64decode(public_base64, validate=True)
            self._public = Ed25519PublicKey.from_public_bytes(raw)
        except (binascii.Error, ValueError) as error:
            raise KeyFileError(f"not a base64 Ed25519 public key: {error}") from error
        self.ident: str = key_id(raw)

    @classmethod
    def load(cls, path: Path) -> "CentreKey":
        """The key in a text file holding one line of base64; KeyFileError otherwise."""
        try:
            return cls(read_secret(path))
        except KeyFileError as error:
            raise KeyFileError(f"{path}: {error}") from error

    def verify(self, text: bytes, signature_base64: str) -> bool:
        """Whether the base64 signature over the text is the centre's."""
        try:
            self._public.verify(base64.b64decode(signature_base64, validate=True), text)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True
