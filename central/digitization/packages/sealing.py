"""Encrypts a finished package for its recipients with age (https://age-encryption.org/v1), through the kept library pyrage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyrage import RecipientError, encrypt_file
from pyrage.x25519 import Recipient


def check_recipients(recipients: Sequence[str]) -> list[str]:
    """What of them is no age recipient (a public key that begins with age1), as it was given."""
    wrong = []
    for one in recipients:
        try:
            Recipient.from_str(one)
        except (RecipientError, ValueError):
            wrong.append(one)
    return wrong


def seal(source: Path, target: Path, recipients: Sequence[str]) -> None:
    """Encrypt a file of any size as a stream; only the holder of one of the identities can read it."""
    encrypt_file(str(source), str(target), [Recipient.from_str(one) for one in recipients])
