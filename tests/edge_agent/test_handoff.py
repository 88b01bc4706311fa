"""Children hand records to the core over its socket: each once, in order, answered when durable, whoever dies in between."""

import asyncio
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent.async_journal import AsyncJournal
from edge_agent.errors import HandoffError
from edge_agent.handoff import LINE_MAX, Done, HandoffServer, request_core
from edge_agent.handoff_client import HandoffClient
from edge_agent.journal import Journal
from edge_agent.keys import AgentKey
from edge_agent.memory import Errand
from edge_agent.outbox import Outbox
from wire import codec
from wire.errors import WireError
from wire.records import record

T = 1_790_000_000_000


def press(n: int) -> dict[str, Any]:
    return record("press", T + n, n, press=f"p{n}", station="bench-1/bench-1", pedal="left", outcome="ignored", pages=[])


def spool(folder: Path) -> sqlite3.Connection:
    db = sqlite3.connect(folder / "spool.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db


@asynccontextmanager
async def core(folder: Path) -> AsyncIterator[tuple[AsyncJournal, HandoffServer]]:
    """A running core's journal and socket."""
    key = AgentKey.load_or_create(folder / "key")
    journal = AsyncJournal(Journal.open(folder / "journal.db", site="demo", agent="bench-1", key=key))
    server = HandoffServer(folder / "core.sock", journal)
    await server.start()
    try:
        yield journal, server
    finally:
        await server.close()
        await journal.close()


@asynccontextmanager
async def child(
    folder: Path, outbox: Outbox, *, name: str = "station:bench-1", do: Callable[[str, dict[str, Any]], Awaitable[Done]] | None = None
) -> AsyncIterator[HandoffClient]:
    """A running child."""

    async def nothing(_name: str, _args: dict[str, Any]) -> Done:
        return Done(ok=True)

    client = HandoffClient(folder / "core.sock", child=name, outbox=outbox, do=do or nothing)
    task = asyncio.create_task(client.run(), name="client")
    try:
        yield client
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Arrivals:
    """Waits for the journal's sequences in the capture lane."""

    def __init__(self, journal: AsyncJournal) -> None:
        self.journal, self.event, loop = journal, asyncio.Event(), asyncio.get_running_loop()
        journal.journal.on_append(lambda _lane: loop.call_soon_threadsafe(self.event.set))

    async def reach(self, seq: int) -> None:
        async with asyncio.timeout(20):
            while self.journal.journal.lane("capture").last_seq < seq:
                self.event.clear()
                await self.event.wait()


def journalled(folder: Path) -> list[dict[str, Any]]:
    """The capture lane as the journal has it."""
    key = AgentKey.load_or_create(folder / "key")
    journal = Journal.open(folder / "journal.db", site="demo", agent="bench-1", key=key)
    found: list[dict[str, Any]] = []
    while batch := journal.batch("capture", len(found)):
        found += codec.decode_batch(batch.payload, "capture")[1]
    journal.close()
    return found


async def empty(outbox: Outbox) -> None:
    async with asyncio.timeout(20):
        while outbox.count():  # noqa: ASYNC110 - the row goes a moment after the journal has the record
            await asyncio.sleep(0.01)


def test_what_a_child_files_is_journalled_once_and_in_order(tmp_path: Path) -> None:
    outbox = Outbox(spool(tmp_path))
    picture = {"sha256": "ab" * 32, "path": str(tmp_path / "p.jpg"), "bytes": 5}

    async def main() -> None:
        for n in range(30):
            outbox.add("capture", press(n), [picture] if n == 0 else [])
        async with core(tmp_path) as (journal, _), child(tmp_path, outbox) as client:
            arrivals = Arrivals(journal)
            await arrivals.reach(30)
            outbox.add("capture", press(30))
            client.notify()
            await arrivals.reach(31)
            await empty(outbox)
            assert journal.journal.files.counts() == {"queued": (1, 5)}

    asyncio.run(main())
    assert journalled(tmp_path) == [press(n) for n in range(31)]


def test_the_socket_is_private_and_a_second_core_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with core(tmp_path) as (journal, server):
            assert stat.S_IMODE((tmp_path / "core.sock").stat().st_mode) == 0o600
            second = HandoffServer(tmp_path / "core.sock", journal)
            with pytest.raises(HandoffError, match="another agent is running"):
                await second.start()
            assert server.children == []
        assert not (tmp_path / "core.sock").exists()

    asyncio.run(main())


def test_a_socket_left_by_a_killed_core_is_taken_over(tmp_path: Path) -> None:
    async def main() -> None:
        async with core(tmp_path):
            pass
        left = asyncio.get_running_loop()
        server = await asyncio.start_unix_server(lambda _r, _w: None, path=tmp_path / "core.sock")
        server.close()
        assert left.is_running()
        async with core(tmp_path):
            assert await asyncio.to_thread(lambda: (tmp_path / "core.sock").exists())

    asyncio.run(main())


def test_the_outbox_takes_part_in_the_callers_transaction(tmp_path: Path) -> None:
    db = spool(tmp_path)
    outbox = Outbox(db)
    db.execute("BEGIN")
    outbox.add("capture", press(0))
    db.execute("ROLLBACK")
    assert outbox.count() == 0
    db.execute("BEGIN")
    number = outbox.add("capture", press(1))
    db.execute("COMMIT")
    outbox.done(number)
    assert outbox.add("capture", press(2)) == number + 1, "a number is never given twice"
    with pytest.raises(WireError):
        outbox.add("events", press(3))
    with pytest.raises(WireError):
        outbox.add("capture", press(3), [{"sha256": "ab" * 32, "path": "relative.jpg", "bytes": 1}])
    db.close()


def test_a_repeated_record_is_answered_and_not_journalled_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with core(tmp_path) as (journal, _):
            line = codec.encode_record(press(0)).decode()
            message = {"op": "append", "source": "s", "n": 1, "lane": "capture", "line": line, "files": []}
            for _ in range(2):
                answer = await asyncio.to_thread(request_core, tmp_path / "core.sock", message)
                assert answer == {"op": "appended", "source": "s", "n": 1}
            assert journal.journal.lane("capture").last_seq == 1

    asyncio.run(main())


def test_an_errand_is_sent_until_the_child_has_done_it(tmp_path: Path) -> None:
    done: list[dict[str, Any]] = []

    async def main() -> None:
        outbox = Outbox(spool(tmp_path))
        asked = asyncio.Event()

        async def dies(_name: str, _args: dict[str, Any]) -> Done:
            asked.set()
            await asyncio.sleep(60)
            return Done(ok=True)

        finished = asyncio.Event()

        async def does(name: str, args: dict[str, Any]) -> Done:
            done.append({"name": name, **args})
            finished.set()
            return Done(ok=True)

        errand = Errand(id="e1", child="recorder", name="clip.pin", args={"event": "x"})
        async with core(tmp_path) as (journal, server):
            contact = record("contact", T, 0, contact="bench-1/door", state="open")
            await journal.append("events", [contact], errands=[errand])
            await server.errand(errand)  # the recorder is not there
            async with child(tmp_path, outbox, name="recorder", do=dies):
                await asyncio.wait_for(asked.wait(), 20)
            assert journal.journal.memory.errands("recorder") == [errand]
        # the core, too, was away in between
        async with core(tmp_path) as (journal, _), child(tmp_path, outbox, name="recorder", do=does):
            await asyncio.wait_for(finished.wait(), 20)
            async with asyncio.timeout(20):
                while journal.journal.memory.errands("recorder"):  # noqa: ASYNC110 - the yes is on its way
                    await asyncio.sleep(0.01)
        assert done == [{"name": "clip.pin", "event": "x"}]

    asyncio.run(main())


def test_a_request_is_answered_by_the_child_or_by_its_absence(tmp_path: Path) -> None:
    async def main() -> None:
        async def do(name: str, args: dict[str, Any]) -> Done:
            return Done(ok=args == {"n": 1}, why=name)

        async with core(tmp_path) as (_, server):
            assert await server.request("station:bench-1", "batch.open", {}) == Done(ok=False, why="station:bench-1 is not running")
            joined = asyncio.Event()

            async def on_join(_child: str) -> None:
                joined.set()

            server.on_join(on_join)
            async with child(tmp_path, Outbox(spool(tmp_path)), do=do):
                await asyncio.wait_for(joined.wait(), 20)
                assert await server.request("station:bench-1", "batch.open", {"n": 1}) == Done(ok=True, why="batch.open")
                await server.broadcast("disk.level", {"level": 3})

    asyncio.run(main())


def test_command_line_programs_ask_the_running_core(tmp_path: Path) -> None:
    async def probe(_message: dict[str, Any]) -> dict[str, Any]:
        return {"rows": [{"sensor": "climate"}]}

    async def main() -> None:
        async with core(tmp_path) as (_, server):
            server.handle("probe", probe)
            answer = await asyncio.to_thread(request_core, tmp_path / "core.sock", {"op": "probe"})
            assert answer == {"op": "probed", "rows": [{"sensor": "climate"}]}
        with pytest.raises(HandoffError):
            await asyncio.to_thread(request_core, tmp_path / "core.sock", {"op": "probe"})

    asyncio.run(main())


def test_nonsense_on_the_socket_is_counted_said_once_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with core(tmp_path) as (journal, server):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "core.sock")
            bad = [b"\xff\xfe", b"[]", b'{"op":"dance"}', b'{"op":"append"}', b'{"op":"hello","child":7}', b'{"op":"done"}']
            bad += [json.dumps({"op": "append", "source": "s", "n": 1, "lane": "capture", "line": "{}"}).encode()]
            for line in bad:
                writer.write(line + b"\n")
                answer = json.loads(await asyncio.wait_for(reader.readline(), 10))
                assert answer["op"] in ("error", "refused")
            good = {"op": "append", "source": "s", "n": 2, "lane": "capture", "line": codec.encode_record(press(0)).decode(), "files": []}
            writer.write(json.dumps(good).encode() + b"\n")
            assert json.loads(await asyncio.wait_for(reader.readline(), 10))["op"] == "appended"
            writer.write(b"x" * (LINE_MAX + 10) + b"\n")
            assert await asyncio.wait_for(reader.read(), 10) == b"", "who sends endless lines is hung up on"
            writer.close()
            assert server.malformed == len(bad) + 1
            assert journal.journal.lane("capture").last_seq == 1

    asyncio.run(main())


def test_an_older_copy_of_a_childs_database_loses_nothing(tmp_path: Path) -> None:
    db = spool(tmp_path)
    outbox = Outbox(db)
    image = sqlite3.connect(":memory:")

    async def first() -> None:
        async with core(tmp_path) as (_, _server), child(tmp_path, outbox):
            outbox.add("capture", press(0))
            await empty(outbox)
            db.backup(image)
            outbox.add("capture", press(1))
            outbox.add("capture", press(2))
            await empty(outbox)

    asyncio.run(first())
    image.backup(db)
    old = Outbox(db)

    async def second() -> None:
        old.add("capture", press(10))  # number 2 for the second time
        async with core(tmp_path) as (_, _server), child(tmp_path, old):
            await empty(old)

    asyncio.run(second())
    db.close()
    image.close()
    assert journalled(tmp_path) == [press(0), press(1), press(2), press(10)]


CORE = """
import asyncio, sys
from pathlib import Path
from edge_agent.async_journal import AsyncJournal
from edge_agent.handoff import HandoffServer
from edge_agent.journal import Journal
from edge_agent.keys import AgentKey

async def main():
    folder = Path(sys.argv[1])
    journal = AsyncJournal(Journal.open(folder / "journal.db", site="demo", agent="bench-1", key=AgentKey.load_or_create(folder / "key")))
    server = HandoffServer(folder / "core.sock", journal)
    await server.start()
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def start_core(folder: Path) -> subprocess.Popen[str]:
    """The core as its own process, listening."""
    process = subprocess.Popen([sys.executable, "-c", CORE, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_killing_the_core_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    outbox = Outbox(spool(tmp_path))

    async def main() -> None:
        process = await asyncio.to_thread(start_core, tmp_path)
        async with child(tmp_path, outbox) as client:
            for n in range(300):
                outbox.add("capture", press(n))
                client.notify()
                if n % 2 == 0:
                    await asyncio.sleep(0.002)
                if n % 75 == 50:  # in the middle of handing over
                    os.kill(process.pid, signal.SIGKILL)
                    await asyncio.to_thread(process.wait, 10)
                    assert process.stdout is not None
                    process.stdout.close()
                    process = await asyncio.to_thread(start_core, tmp_path)
            await empty(outbox)
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.wait, 10)
        assert process.stdout is not None
        process.stdout.close()

    asyncio.run(main())
    assert journalled(tmp_path) == [press(n) for n in range(300)]
