"""The address of a network camera: taken from the configuration alone, with its secret from a file, and never shown with it."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from scanner_line.errors import CameraError

STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")
HTTP_SCHEMES = ("http", "https")
SECRET_BYTES_MAX = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where a camera is asked, and as whom."""

    url: str
    user: str = ""
    password_file: str = ""
    tls_ca: str = ""

    def trusted(self) -> str:
        """The file of certificates by which an encrypted connection is judged: the configured one, else the system's. CameraError where it
        cannot be read; without one nothing would be judged at all."""
        path = self.tls_ca or ssl.get_default_verify_paths().cafile or ""
        if not Path(path).is_file():
            raise CameraError(f"the certificates {path or 'of the system'} cannot be read")
        return path

    def password(self) -> str:
        """The secret, read anew each time, so that it can be changed; CameraError where the file cannot be read."""
        if not self.password_file:
            return ""
        try:
            with Path(self.password_file).open("rb") as file:
                return file.read(SECRET_BYTES_MAX).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CameraError(f"the password file {self.password_file} cannot be read: {error}") from None

    def with_secret(self) -> str:
        """The address as a program that takes the secret inside it wants it. Not for logs or words."""
        if not self.user:
            return self.url
        parts = urlsplit(self.url)
        secret = f"{quote(self.user, safe='')}:{quote(self.password(), safe='')}"
        return urlunsplit(parts._replace(netloc=f"{secret}@{parts.netloc}"))

    @property
    def host(self) -> str:
        """Host and port, for words."""
        return urlsplit(self.url).netloc


def address_fault(url: str, schemes: tuple[str, ...]) -> str | None:
    """What is wrong with an address in a configuration, in words; None if nothing is."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in schemes:
        return f"begins with one of {', '.join(f'{scheme}://' for scheme in schemes)}"
    if not host:
        return "names no host"
    if "@" in parts.netloc:
        return "carries a user or a password: use `user` and `password_file`"
    return None
