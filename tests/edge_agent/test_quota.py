"""A disk that fills up: steps in the stated order, each announced before it is needed, nothing acknowledged lost, events to the end."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent.async_journal import AsyncJournal
from edge_agent.disk_guard import DiskGuard, level_args
from edge_agent.errors import JournalFull
from edge_agent.file_queue import FileRef
from edge_agent.journal import Journal
from edge_agent.keys import AgentKey, CentreKey
from edge_agent.quota import MARKS, MB, DiskQuota, DiskState, Level, used_bytes
from tests.edge_agent.centre import Centre
from tests.edge_agent.journal_parts import Room, T, contact, reading
from wire import codec
from wire.records import record

ROOT = os.geteuid() == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 24 MiB where the tests may mount one, else a plain folder (whose limits the tests then set themselves)."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = ROOT and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], timeout=20).returncode == 0
    yield folder
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=20)  # lazy: a failed test may hold a file open


@contextmanager
def no_room(folder: Path) -> Iterator[None]:
    """No byte more: a mounted disk is filled up, elsewhere no file may grow."""
    if os.path.ismount(folder):
        ballast = folder / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        yield
        ballast.unlink()
    else:
        largest = max(path.stat().st_size for path in folder.iterdir())
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def fill(folder: Path, name: str, size: int) -> None:
    (folder / name).write_bytes(b"x" * size)


# -- levels


def test_the_steps_come_in_the_stated_order(tmp_path: Path) -> None:
    quota = DiskQuota(tmp_path, quota_bytes=20 * MB)
    assert quota.reserve_bytes == 2 * MB, "a tenth of what there is, where that is less than 64 MiB"
    seen: list[Level] = []
    announced: list[Level] = []
    for n in range(80):
        state = quota.measure()
        if state.level not in seen:
            seen.append(state.level)
            assert state.level is Level.OK or state.level in announced, f"{state.level.name} was not announced"
        if state.coming is not None:
            announced.append(state.coming)
        fill(tmp_path, f"f{n}", MB // 4)
    assert seen == list(Level)


def test_a_step_is_left_only_when_there_is_clearly_room(tmp_path: Path) -> None:
    quota = DiskQuota(tmp_path, quota_bytes=20 * MB)
    mark = int(MARKS[Level.NO_VIDEO] * 2 * MB)
    fill(tmp_path, "a", 20 * MB - mark + 8192)
    assert quota.measure().level is Level.NO_VIDEO
    fill(tmp_path, "a", 20 * MB - mark - 8192)
    assert quota.measure().level is Level.NO_VIDEO
    fill(tmp_path, "a", 20 * MB - int(mark * 1.2))
    assert quota.measure().level is Level.NOTICE


def test_the_disk_counts_as_well_as_the_quota(small_disk: Path) -> None:
    quota = DiskQuota(small_disk, quota_bytes=10**12)
    first = quota.measure()
    assert first.free_bytes < 10**12, "what is free on the disk, not what the quota would allow"
    assert quota.reserve_bytes <= 64 * MB
    fill(small_disk, "ours", 4 * MB)
    assert used_bytes(small_disk) >= 4 * MB


def test_children_are_told_a_number_and_a_name() -> None:
    state = DiskState(level=Level.NO_CAPTURE, coming=None, free_bytes=5, used_bytes=1, reserve_bytes=2)
    assert level_args(state) == {"level": 3, "name": "NO_CAPTURE", "free": 5}


# -- the guard


def test_a_filling_disk_is_told_thinned_and_shut_and_opens_again(tmp_path: Path) -> None:
    told: list[DiskState] = []
    room = Room(tmp_path / "data")
    room.journal.append("readings", [reading(n) for n in range(40_000)])

    async def on_level(state: DiskState) -> None:
        told.append(state)

    async def main() -> None:
        journal = AsyncJournal(room.journal)
        quota = DiskQuota(tmp_path / "data", quota_bytes=40 * MB, inner_free=room.journal.free_bytes)
        guard = DiskGuard(quota, journal, on_level=on_level)
        await guard.look()
        assert quota.level is Level.OK
        used = used_bytes(tmp_path / "data")
        fill(tmp_path / "data", "other", 40 * MB - used - int(1.49 * quota.reserve_bytes))
        await guard.look()
        assert told[-1].level is Level.THIN_READINGS
        assert room.kept("readings")[:3] == [None, None, None], "the oldest readings first"
        gap = room.kept("readings")[-1]
        assert gap["k"] == "gap"
        assert gap["from"] == 1
        assert f"{gap['to']} readings" in gap["why"]
        assert quota.measure().level < Level.THIN_READINGS, "no more is thinned than is needed"
        fill(tmp_path / "data", "more", 12 * MB)
        await guard.look()
        assert told[-1].level is Level.EVENTS_ONLY
        with pytest.raises(JournalFull):
            await journal.append("readings", [reading(0)])
        await journal.append("events", [contact(0)])
        assert await journal.keep("readings", [reading(50_000)]) is False
        (tmp_path / "data" / "more").unlink()
        (tmp_path / "data" / "other").unlink()
        await guard.look()
        assert told[-1].level is Level.OK
        assert journal.held("readings") == 0, "what waited in memory is journalled when there is room"
        assert room.kept("readings")[-1] == reading(50_000)
        await journal.close()

    asyncio.run(main())
    levels = [state.level for state in told]
    assert levels.count(Level.THIN_READINGS) == 1


def test_delivered_copies_go_before_anything_is_refused(tmp_path: Path) -> None:
    room = Room(tmp_path / "data")
    room.clock.t_ms = time.time_ns() // 1_000_000
    refs = []
    for n in range(8):
        fill(tmp_path / "data", f"{n}.jpg", MB)
        ref = FileRef(sha256=f"{n:064x}", path=str(tmp_path / "data" / f"{n}.jpg"), bytes=MB)
        room.journal.append("capture", [record("health", T, n, facts={})], files=[ref])
        refs.append(ref)
    room.drain("capture")
    for ref in refs[:6]:
        room.journal.files.mark_sent(ref.sha256)

    async def on_level(state: DiskState) -> None:
        raise AssertionError(f"no step was needed: {state}")

    async def main() -> None:
        journal = AsyncJournal(room.journal)
        quota = DiskQuota(tmp_path / "data", quota_bytes=14 * MB, inner_free=room.journal.free_bytes)
        await DiskGuard(quota, journal, on_level=on_level).look()
        await journal.close()

    asyncio.run(main())
    left = sorted(path.name for path in (tmp_path / "data").glob("*.jpg"))
    assert left == ["6.jpg", "7.jpg"], "what was not delivered stays"


# -- a full disk


def test_a_full_disk_refuses_loses_nothing_and_goes_on_afterwards(small_disk: Path) -> None:
    room = Room(small_disk)
    room.journal.append("events", [contact(n) for n in range(100)])
    room.drain("events")
    stored = 0
    with no_room(small_disk):
        with pytest.raises(JournalFull):
            for n in range(100_000):
                room.journal.append("readings", [reading(n)])
                stored = n + 1
        with pytest.raises(JournalFull):
            room.journal.append("readings", [reading(n) for n in range(50_000)])
    assert room.journal.lane("readings").last_seq == stored
    room.journal.append("readings", [reading(stored)])
    room.reopen()
    assert room.kept("readings") == [reading(n) for n in range(stored + 1)]
    assert room.kept("events") == [contact(n) for n in range(100)]
    room.drain("readings")
    room.journal.close()


def test_records_wait_in_bounded_memory_and_a_gap_says_what_was_dropped(small_disk: Path) -> None:
    room = Room(small_disk)

    async def main() -> None:
        journal = AsyncJournal(room.journal, held_max=50)
        large = record("config", T, 0, facts={"words": "x" * 50_000})
        with no_room(small_disk):
            with pytest.raises(JournalFull):
                for _ in range(2_000):
                    await journal.append("events", [large])
            for n in range(80):
                await journal.keep("readings", [record("config", T + n, 0, facts={"n": n, "words": "x" * 50_000})])
            assert journal.held("readings") <= 51
        assert await journal.retry("readings")
        kept = room.kept("readings")
        assert kept[0]["k"] == "gap"
        assert (kept[0]["from"], kept[0]["to"]) == (1, 1)
        assert "30 records of 2026-09-21T14:13:20Z/" in kept[0]["why"]
        assert [r["facts"]["n"] for r in kept[1:]] == list(range(30, 80))
        await journal.close()

    asyncio.run(main())


# -- killed while it writes

WRITER = """
import sys
from pathlib import Path
from edge_agent.file_queue import FileRef
from edge_agent.journal import Journal
from edge_agent.keys import AgentKey, CentreKey
from wire.records import record
folder = Path(sys.argv[1])
centre = CentreKey.load(folder / "centre.pub")
journal = Journal.open(folder / "journal.db", site="demo", agent="room-101", key=AgentKey.load_or_create(folder / "key"), centre=centre)
n = int(sys.argv[2])
while True:
    lane = ("events", "readings", "capture")[n % 3]
    journal.append(lane, [record("config", 1790000000000, n, facts={"n": n})], source=("w", n + 1))
    if n % 40 == 39:
        journal.new_epoch("by hand")
    if n % 25 == 24:
        journal.prune(14)
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
    n += 1
"""


def test_sigkill_at_any_moment_loses_nothing_that_was_said_to_be_durable(tmp_path: Path) -> None:
    centre_key, key = AgentKey.load_or_create(tmp_path / "centre-key"), AgentKey.load_or_create(tmp_path / "key")
    (tmp_path / "centre.pub").write_text(centre_key.public_base64 + "\n")
    centre = Centre(centre_key, site="demo", agent="room-101")
    durable = -1
    for round_ in range(8):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(durable + 1)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            durable = int(line)
            if durable >= (round_ + 1) * 37:
                break
        process.kill()
        for line in process.stdout:  # what it still said before it died
            if line.endswith("\n"):
                durable = int(line)
        process.stdout.close()
        process.wait(10)
        journal = Journal.open(tmp_path / "journal.db", site="demo", agent="room-101", key=key, centre=CentreKey(centre_key.public_base64))
        assert journal.damaged is None
        assert journal.memory.source_n("w") in (durable + 1, durable + 2), "the last one may have been durable and not yet said"
        for lane in ("events", "readings", "capture"):
            while (batch := journal.batch(lane, journal.lane(lane).acked_seq)) is not None:
                journal.acknowledge(lane, codec.decode_ack(codec.encode_message(centre.receive(lane, batch.payload))))
        durable = journal.memory.source_n("w") - 1
        journal.close()
        stored: list[Any] = [r["facts"]["n"] for _, r in centre.order if r["k"] == "config"]
        assert sorted(stored) == list(range(durable + 1)), "each once, none missing"
    assert centre.refused == []
