"""The journal under the event loop: a task cancelled while its record is being written leaves that record once, and no second one."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from edge_agent.alarms import AlarmDesk
from edge_agent.async_journal import AsyncJournal
from edge_agent.errors import JournalFull
from edge_agent.journal_db import translated
from edge_agent.panel import Panel
from edge_agent.rule import Rule
from tests.edge_agent.journal_parts import Room, T, contact

CHANNEL = "room-101.climate.temperature"


@contextmanager
def busy_disk(journal: Path) -> Iterator[None]:
    """Another program holds the database's lock: whoever writes has to wait."""
    other = sqlite3.connect(journal, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def stored(room: Room) -> list[dict[str, Any]]:
    """Every record of the events lane."""
    reader = sqlite3.connect(room.folder / "journal.db")
    lines = [row[0] for row in reader.execute("SELECT line FROM records WHERE lane = 0 ORDER BY seq")]
    reader.close()
    return [json.loads(line) for line in lines]


async def cancelled_while_writing(task: "asyncio.Task[Any]", *, writing: threading.Event) -> None:
    """Cancel a task whose write waits for the disk, then let the disk go on."""
    assert await asyncio.to_thread(writing.wait, 10)
    task.cancel()
    await asyncio.sleep(0)


async def test_a_record_whose_task_is_cancelled_meanwhile_is_stored_once(tmp_path: Path) -> None:
    room, writing = Room(tmp_path), threading.Event()
    journal = AsyncJournal(room.journal)

    def made(_epoch: str, _seq: int) -> dict[str, Any]:
        writing.set()  # in the writer's thread, just before its transaction
        return contact(1)

    with busy_disk(room.folder / "journal.db"):
        task = asyncio.create_task(journal.keep("events", [made]))
        await cancelled_while_writing(task, writing=writing)
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert await journal.retry("events")
    await journal.close()
    assert [record["state"] for record in stored(room)] == ["open"]


async def test_an_alarm_whose_task_is_cancelled_meanwhile_is_raised_once(tmp_path: Path) -> None:
    room, writing = Room(tmp_path), threading.Event()
    journal = AsyncJournal(room.journal)
    rule = Rule("temperature-high", "limit", CHANNEL, "high", CHANNEL, above=24.0)
    desk = AlarmDesk([rule], journal=journal, panel=Panel({}), agent="room-101", room="room-101", saved=None, now=room.clock)
    await journal.call(lambda: None)  # the writer's thread is there: what comes next begins at once
    with busy_disk(room.folder / "journal.db"):
        task = asyncio.create_task(desk.reading(CHANNEL, 25.0, good=True, t=T, m=1_000))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.2, writing.set)  # the write has begun by then, or is not begun at all
        await cancelled_while_writing(task, writing=writing)
    with suppress(asyncio.CancelledError):
        await task
    await desk.flush()
    await journal.close()
    assert [(record["rule"], record["state"]) for record in stored(room)] == [("temperature-high", "active")]


def test_a_locked_journal_is_one_to_try_again(tmp_path: Path) -> None:
    room = Room(tmp_path)
    impatient = sqlite3.connect(room.folder / "journal.db", isolation_level=None, timeout=0)
    with busy_disk(room.folder / "journal.db"), pytest.raises(JournalFull), translated():
        impatient.execute("BEGIN IMMEDIATE")
    impatient.close()
    room.journal.close()
