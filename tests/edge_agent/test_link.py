"""The link over a real Mosquitto: everything arrives once and in order, alarms first, whatever is lost on the way."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_agent.async_journal import AsyncJournal
from edge_agent.handoff import Done
from edge_agent.journal import AckOutcome, Journal
from edge_agent.keys import AgentKey, CentreKey, write_private
from edge_agent.link import BrokerAddress, Link
from tests.edge_agent.centre import Centre
from tests.edge_agent.mqtt_parts import Broker, ListeningCentre
from wire import codec
from wire.records import record

T = 1_790_000_000_000


def reading(n: int) -> dict[str, Any]:
    return record("reading", T + n, n, i=1, v=float(n))  # type: ignore[no-any-return]


def contact(n: int) -> dict[str, Any]:
    return record("contact", T + n, n, contact="room-101/door", state="open")  # type: ignore[no-any-return]


@dataclass
class House:
    """A broker, a centre behind it, and an agent's journal."""

    folder: Path
    broker: Broker
    centre: ListeningCentre
    key: AgentKey

    def journal(self) -> AsyncJournal:
        centre = CentreKey(self.centre.centre.key.public_base64)
        return AsyncJournal(Journal.open(self.folder / "journal.db", site="demo", agent="room-101", key=self.key, centre=centre))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    broker = Broker(tmp_path)
    broker.start()
    centre_key, key = AgentKey.load_or_create(tmp_path / "centre-key"), AgentKey.load_or_create(tmp_path / "key")
    write_private(tmp_path / "password", b"r-secret\n")
    centre = ListeningCentre(broker, Centre(centre_key, site="demo", agent="room-101"))
    yield House(folder=tmp_path, broker=broker, centre=centre, key=key)
    centre.close()
    broker.close()


def run(
    house: House,
    script: Callable[[AsyncJournal, Link], Awaitable[None]],
    *,
    again_s: float = 10.0,
    do: Callable[[dict[str, Any]], Awaitable[Done]] | None = None,
    outcomes: list[AckOutcome] | None = None,
    password_file: Path | None = None,
) -> None:
    """Run a script beside a link; stop the link in order afterwards."""

    async def nothing(_command: dict[str, Any]) -> Done:
        return Done(ok=True)

    async def main() -> None:
        journal = house.journal()
        link = Link(
            journal,
            broker=BrokerAddress(host="127.0.0.1", port=house.broker.port, password_file=password_file or house.folder / "password"),
            centre=CentreKey(house.centre.centre.key.public_base64),
            status=lambda: {"boot": "b", "version": "0", "alarms": []},
            on_command=do or nothing,
            on_outcome=lambda _lane, outcome: outcomes.append(outcome) if outcomes is not None else None,
            again_s=again_s,
        )
        task = asyncio.create_task(link.run(), name="link")
        try:
            await asyncio.wait_for(script(journal, link), 60)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await journal.close()

    asyncio.run(main())


async def seen(house: House, condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    await asyncio.to_thread(house.centre.wait, condition, timeout_s)


async def acked(journal: AsyncJournal, lane: str, seq: int) -> None:
    async with asyncio.timeout(20):
        while journal.journal.lane(lane).acked_seq < seq:
            await asyncio.sleep(0.01)


def test_what_is_journalled_arrives_once_in_order_and_is_acknowledged(house: House) -> None:
    async def script(journal: AsyncJournal, link: Link) -> None:
        await journal.append("readings", [reading(n) for n in range(2500)])
        await link.connected.wait()
        await journal.append("events", [contact(0)])
        await acked(journal, "readings", 2500)
        await acked(journal, "events", 1)

    run(house, script)
    assert house.centre.records("readings") == [reading(n) for n in range(2500)]
    assert house.centre.records("events") == [contact(0)]
    assert max(size for _, _, size in house.centre.batches) <= codec.BATCH_BYTES_MAX


def test_status_is_online_while_running_and_offline_after(house: House) -> None:
    async def script(_journal: AsyncJournal, link: Link) -> None:
        await link.connected.wait()
        await seen(house, lambda: len(house.centre.statuses) > 0)

    run(house, script)
    house.centre.wait(lambda: len(house.centre.statuses) == 2)
    online, offline = house.centre.statuses
    assert online["online"] is True
    assert online["boot"] == "b"
    assert online["alarms"] == []
    assert offline == {"online": False}


def test_idle_round_trip_is_not_slowed_by_nagle(house: House) -> None:
    times = []

    async def script(journal: AsyncJournal, link: Link) -> None:
        await link.connected.wait()
        for n in range(30):
            started = time.perf_counter()
            await journal.append("events", [contact(n)])
            await acked(journal, "events", n + 1)
            times.append(time.perf_counter() - started)

    run(house, script)
    assert sorted(times)[15] < 0.040, "each acknowledgement waits for Nagle's algorithm"
