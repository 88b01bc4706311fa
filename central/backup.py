"""Backup and restore: a consistent copy of the database, every object, and the secrets without which a restored centre is another one.

A backup holds the centre's private key and everything that was recorded: keep it as you keep the centre itself (its folder is 0700).
"""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from central.config import CentralConfig

SECRETS = ("key",)  # people sign in again after a restore: sessions are not kept
FOLDERS = ("broker",)
BUSY_S = 30.0
MARK = "muniment-backup"


class BackupError(Exception):
    """A backup or restore cannot be done as asked; the text says why."""


def _copy_object(source: Path, target: Path) -> int:
    """Hard-link an object (they never change), or copy it to another filesystem; how many were made: 0 if it is there already."""
    if target.exists() and target.stat().st_size == source.stat().st_size:
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return 1


def _copy_objects(source: Path, target: Path) -> int:
    """Copy what is whole; partial uploads are sent again by their agents."""
    made = 0
    for folder in sorted(source.glob("??")):
        for path in sorted(folder.iterdir()):
            made += _copy_object(path, target / folder.name / path.name)
    return made


def _copy_database(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.part")
    temporary.unlink(missing_ok=True)
    with closing(sqlite3.connect(source, timeout=BUSY_S)) as old, closing(sqlite3.connect(temporary)) as new:
        old.backup(new)
        if new.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise BackupError(f"{source} is damaged; nothing was replaced at {target}")
    temporary.replace(target)


def _copy_secrets(config: CentralConfig, folder: Path, *, back: bool) -> None:
    pairs = [(config.data / name, folder / name) for name in SECRETS]
    if config.broker.password_file is not None:
        pairs.append((config.broker.password_file, folder / "central-broker-password"))
    for name in FOLDERS:
        base = folder if back else config.data
        pairs += [(config.data / name / path.name, folder / name / path.name) for path in sorted((base / name).glob("*")) if path.is_file()]
    for here, there in pairs:
        source, target = (there, here) if back else (here, there)
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            target.chmod(0o600)


def backup(config: CentralConfig, folder: Path) -> int:
    """Back up into a folder, new or of an earlier backup (only new objects are added); the number of objects added.

    The database is copied while the centre works. Objects follow it, so that every object that the copy speaks of is there.
    """
    if not config.database.exists():
        raise BackupError(f"{config.database}: there is nothing to back up")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise BackupError(f"{folder} is neither empty nor a backup")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / MARK).write_text(f"{config.site}\n")
    _copy_database(config.database, folder / "muniment.db")
    _copy_secrets(config, folder, back=False)
    return _copy_objects(config.objects, folder / "objects")


def restore(config: CentralConfig, folder: Path) -> int:
    """Put a backup where the configuration points; the number of objects. Only onto an empty data folder, with the centre stopped.

    Agents notice the older tip and send again what they still keep; nothing else has to be done.
    """
    if not (folder / MARK).exists():
        raise BackupError(f"{folder} is not a backup")
    site = (folder / MARK).read_text().strip()
    if site != config.site:
        raise BackupError(f"{folder} is a backup of site {site}, not of {config.site}")
    if config.database.exists():
        raise BackupError(f"{config.database} exists; move the data folder away first, restore replaces nothing")
    config.data.mkdir(parents=True, exist_ok=True)
    config.data.chmod(0o700)
    _copy_secrets(config, folder, back=True)
    made = _copy_objects(folder / "objects", config.objects)
    _copy_database(folder / "muniment.db", config.database)
    return made
