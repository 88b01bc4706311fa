"""Agent and true centre together: journal, link and uploader against ingest and web as they are installed."""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.async_journal import AsyncJournal
from edge_agent.file_queue import FileRef
from edge_agent.handoff import Done
from edge_agent.journal import AckOutcome, Journal
from edge_agent.keys import AgentKey, CentreKey
from edge_agent.link import BrokerAddress, Link
from edge_agent.uploader import CentreAddress, Uploader
from tests.edge_agent.journal_parts import T, channel, contact, reading
from tests.edge_agent.real_centre import RealCentre
from wire.records import record

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[RealCentre]:
    made = RealCentre(tmp_path)
    made.start("broker", "ingest")
    yield made
    made.stop()


class Agent:
    """Journal and link of room-101 while a script runs."""

    def __init__(self, centre: RealCentre, *, folder: Path | None = None, key: AgentKey | None = None) -> None:
        self.centre, self.folder = centre, folder or centre.folder / "agent"
        self.pinned = CentreKey.load(centre.enrolled / "centre.pub")
        self.key = key or centre.key
        self.outcomes: list[AckOutcome] = []
        self.heard = asyncio.Event()

    async def __aenter__(self) -> "Agent":
        self.journal = AsyncJournal(
            Journal.open(self.folder / "journal.db", site="demo", agent="room-101", key=self.key, centre=self.pinned)
        )
        self.link = Link(
            self.journal,
            broker=BrokerAddress("127.0.0.1", self.centre.mqtt, self.centre.enrolled / "broker-password"),
            centre=self.pinned,
            status=lambda: {"boot": "b", "version": "0", "alarms": []},
            on_command=self._do,
            on_outcome=self._outcome,
            again_s=0.5,
        )
        self._task = asyncio.create_task(self.link.run(), name="link")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.journal.close()

    async def _do(self, _command: dict[str, Any]) -> Done:
        return Done(ok=True)

    def _outcome(self, _lane: str, outcome: AckOutcome) -> None:
        self.outcomes.append(outcome)
        self.heard.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until a condition holds; looked at after each acknowledgement."""
        async with asyncio.timeout(60):
            while not condition():
                self.heard.clear()
                if not condition():
                    await self.heard.wait()

    async def even(self) -> None:
        """Until the centre has all there is."""
        await self.until(lambda: all(lane.acked_seq == lane.last_seq for lane in self.journal.journal.snapshot()[1].values()))


def run(script: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(script(), 150))  # type: ignore[arg-type]


def numbers(centre: RealCentre) -> list[int]:
    """The contacts' numbers in the ledger, in its order."""
    return [record["m"] for record in centre.records("events", "contact")]


def test_everything_is_in_the_ledger_once_and_an_outsider_can_check_it(centre: RealCentre) -> None:
    async def script() -> None:
        async with Agent(centre) as agent:
            await agent.journal.append("readings", [channel(1), *(reading(n) for n in range(2_500))])
            for n in range(20):
                await agent.journal.append("events", [contact(n)])
            await agent.even()

    run(script)
    assert numbers(centre) == list(range(20))
    assert centre.records("readings", "reading") == [reading(n) for n in range(2_500)]
    verified = subprocess.run(
        [sys.executable, "-m", "central.ledger.verifier", str(centre.folder / "export.ndjson")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_killing_ingest_and_broker_in_turn_loses_and_doubles_nothing(centre: RealCentre) -> None:
    async def script() -> None:
        async with Agent(centre) as agent:
            for n in range(120):
                await agent.journal.append("events", [contact(n)])
                if n in (30, 90):
                    await asyncio.to_thread(centre.stop, "ingest", kill=True)
                    await asyncio.to_thread(centre.start, "ingest")
                if n == 60:
                    await asyncio.to_thread(centre.stop, "broker", kill=True)
                    await asyncio.to_thread(centre.start, "broker")
            await agent.even()

    run(script)
    assert numbers(centre) == list(range(120))


def test_an_agent_put_back_to_an_old_image_goes_on_in_a_new_epoch(centre: RealCentre) -> None:
    file = centre.folder / "agent" / "journal.db"

    async def day(*given: int) -> list[AckOutcome]:
        async with Agent(centre) as agent:
            await agent.journal.append("events", [contact(n) for n in given])
            await agent.until(lambda: agent.journal.journal.lane("events").acked_seq == agent.journal.journal.lane("events").last_seq)
            await agent.even()
            return agent.outcomes

    async def script() -> None:
        await day(0, 1, 2)
        image = file.read_bytes()
        await day(3, 4, 5)
        file.write_bytes(image)
        assert AckOutcome.NEW_EPOCH in await day(100, 101)

    run(script)
    assert numbers(centre) == [0, 1, 2, 3, 4, 5, 100, 101]
    (epoch,) = centre.records("events", "epoch")
    assert epoch["agreed_seq"] == 3


def test_a_centre_put_back_to_a_backup_asks_for_the_rest_again(centre: RealCentre) -> None:
    async def script() -> None:
        async with Agent(centre) as agent:
            await agent.journal.append("events", [contact(n) for n in range(3)])
            await agent.even()
            await asyncio.to_thread(centre.command, "backup", str(centre.folder / "backup"))
            await agent.journal.append("events", [contact(n) for n in range(3, 6)])
            await agent.even()
            await asyncio.to_thread(centre.stop, "ingest")
            await asyncio.to_thread(centre.put_back, centre.folder / "backup")
            await asyncio.to_thread(centre.start, "ingest")
            await agent.journal.append("events", [contact(6)])
            await agent.until(lambda: AckOutcome.REWOUND in agent.outcomes)
            await agent.even()

    run(script)
    assert numbers(centre) == list(range(7))


def test_a_batch_signed_by_another_key_is_refused_and_the_right_key_delivers_it(centre: RealCentre) -> None:
    async def wrong() -> None:
        stranger = AgentKey.load_or_create(centre.folder / "stranger")
        async with Agent(centre, key=stranger) as agent:
            await agent.journal.append("events", [contact(0)])
            await agent.until(lambda: AckOutcome.WAITING in agent.outcomes)
            assert agent.outcomes.count(AckOutcome.NEW_EPOCH) == 1, "one new epoch, then patience"

    async def right() -> None:
        async with Agent(centre) as agent:
            await agent.even()

    run(wrong)
    assert numbers(centre) == []
    run(right)
    assert numbers(centre) == [0]


def test_two_agents_under_one_name_both_arrive(centre: RealCentre) -> None:
    async def script() -> None:
        other = centre.folder / "other"
        async with Agent(centre) as one, Agent(centre, folder=other) as two:
            for n in range(5):
                await one.journal.append("events", [contact(n)])
                await one.even()
                await two.journal.append("events", [contact(100 + n)])
                await two.even()

    run(script)
    assert sorted(numbers(centre)) == [*range(5), *range(100, 105)]
    assert len({entry["epoch"] for entry in centre.ledger()}) == 2


def test_an_image_reaches_the_centre_with_its_record(centre: RealCentre) -> None:
    picture = centre.folder / "agent" / "page.jpg"
    picture.write_bytes(b"\xff\xd8" + bytes(3_000_000) + b"\xff\xd9")
    sha256 = hashlib.sha256(picture.read_bytes()).hexdigest()
    made = {
        "page": "0b1e7c52-0000-4000-8000-000000000001", "press": "0b1e7c52-0000-4000-8000-000000000002",
        "batch": "0b1e7c52-0000-4000-8000-000000000003", "sha256": sha256, "bytes": picture.stat().st_size, "width": 10, "height": 10,
        "checks": [], "verdict": "good", "station": "room-101/room-101",
    }  # fmt: skip
    centre.start("web")

    async def script() -> None:
        async with Agent(centre) as agent:
            uploader = Uploader(agent.journal.journal, centre=CentreAddress(centre.url, centre.enrolled / "token"), first_wait_s=0.2)
            uploader.start()
            try:
                ref = FileRef(sha256=sha256, path=str(picture), bytes=picture.stat().st_size)
                await agent.journal.append("capture", [record("page", T, 0, **made)], files=[ref])
                await agent.even()
                uploader.notify()
                async with asyncio.timeout(40):
                    while agent.journal.journal.files.state_of(sha256) != "sent":  # noqa: ASYNC110 - the uploader's threads have no event
                        await asyncio.sleep(0.05)
            finally:
                await asyncio.to_thread(uploader.close)

    run(script)
    stored = [path for path in (centre.data / "objects").rglob(f"{sha256}*") if path.is_file()]
    assert [path.read_bytes() == picture.read_bytes() for path in stored] == [True]
    assert centre.records("capture", "page")[0]["sha256"] == sha256
