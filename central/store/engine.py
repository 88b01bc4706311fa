"""Opens the SQLite database for many readers and short, durable write transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

BUSY_TIMEOUT_S = 10.0
CHECKPOINT_PAGES = 2000  # of 4 KiB
_WRITE = "muniment_write"


def open_engine(path: Path, *, checkpoint_pages: int = CHECKPOINT_PAGES) -> Engine:
    """An engine on the database file: WAL, synchronous=FULL (what is committed survives a power cut), foreign keys on.

    A commit that finds more than checkpoint_pages in the WAL moves them into the database, and waits for that.
    """
    engine = create_engine(
        f"sqlite+pysqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}, pool_size=8, max_overflow=8
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin below, where it is known whether they write
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"wal_autocheckpoint={checkpoint_pages}",
            "cache_size=-16384",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the database; nothing may be written in it."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction, committed durably at the end; waits up to BUSY_TIMEOUT_S for other writers."""
    with engine.connect().execution_options(**{_WRITE: True}) as connection, connection.begin():
        yield connection
