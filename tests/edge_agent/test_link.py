"""The link over a real Mosquitto: everything arrives once and in order, alarms first, whatever is lost on the way."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge_agent.async_journal import AsyncJournal
from edge_agent.handoff import Done
from edge_agent.journal import AckOutcome, Journal
from edge_agent.keys import AgentKey, CentreKey, write_private
from edge_agent.link import BrokerAddress, Link
from tests.edge_agent.centre import Centre
from tests.edge_agent.certificates import self_signed
from tests.edge_agent.mqtt_parts import Broker, ListeningCentre
from wire import codec
from wire.records import record

T = 1_790_000_000_000


def reading(n: int) -> dict[str, Any]:
    return record("reading", T + n, n, i=1, v=float(n))


def contact(n: int) -> dict[str, Any]:
    return record("contact", T + n, n, contact="room-101/door", state="open")


@dataclass
class House:
    """A broker, a centre behind it, and an agent's journal."""

    folder: Path
    broker: Broker
    centre: ListeningCentre
    key: AgentKey
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    outcomes: list[AckOutcome] = field(default_factory=list)

    def heard(self, _lane: str, outcome: AckOutcome) -> None:
        self.outcomes.append(outcome)
        self.acked.set()

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
    soon_s: float | None = None,
    do: Callable[[dict[str, Any]], Awaitable[Done]] | None = None,
    password_file: Path | None = None,
) -> None:
    """Run a script beside a link, with one wait before sending again unless soon_s is given; stop the link in order afterwards."""

    async def nothing(_command: dict[str, Any]) -> Done:
        return Done(ok=True)

    async def main() -> None:
        house.acked = asyncio.Event()
        journal = house.journal()
        link = Link(
            journal,
            broker=BrokerAddress(host="127.0.0.1", port=house.broker.port, password_file=password_file or house.folder / "password"),
            centre=CentreKey(house.centre.centre.key.public_base64),
            status=lambda: {"boot": "b", "version": "0", "alarms": []},
            on_command=do or nothing,
            on_outcome=house.heard,
            again_s=again_s,
            soon_s=again_s if soon_s is None else soon_s,
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


async def acked(house: House, journal: AsyncJournal, lane: str, seq: int, timeout_s: float = 20.0) -> None:
    """Until the agent has the centre's acknowledgement of `seq`."""
    async with asyncio.timeout(timeout_s):
        while journal.journal.lane(lane).acked_seq < seq:
            house.acked.clear()
            if journal.journal.lane(lane).acked_seq < seq:
                await house.acked.wait()


def test_what_is_journalled_arrives_once_in_order_and_is_acknowledged(house: House) -> None:
    async def script(journal: AsyncJournal, link: Link) -> None:
        await journal.append("readings", [reading(n) for n in range(2500)])
        await link.connected.wait()
        await journal.append("events", [contact(0)])
        await acked(house, journal, "readings", 2500)
        await acked(house, journal, "events", 1)

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
            await acked(house, journal, "events", n + 1)
            times.append(time.perf_counter() - started)

    run(house, script)
    assert sorted(times)[15] < 0.040, "each acknowledgement waits for Nagle's algorithm"


# -- what can be lost on the way


def test_a_lost_acknowledgement_is_asked_for_by_sending_again(house: House) -> None:
    house.centre.swallow_acks = 1

    async def script(journal: AsyncJournal, link: Link) -> None:
        await journal.append("events", [contact(n) for n in range(3)])
        await acked(house, journal, "events", 3)
        assert link.counters.repeats == 1

    run(house, script, again_s=0.3)
    assert house.centre.records("events") == [contact(n) for n in range(3)]
    assert [header["first"] for _, header, _ in house.centre.batches] == [1, 1]


def test_an_unanswered_batch_is_left_alone_until_its_time_is_over(house: House) -> None:
    house.centre.deaf = True

    async def script(journal: AsyncJournal, link: Link) -> None:
        await journal.append("events", [contact(0)])
        await seen(house, lambda: len(house.centre.waiting) == 1)
        await journal.append("readings", [reading(n) for n in range(20_000)])
        await seen(house, lambda: len(house.centre.waiting) == 4)  # the window: four in flight and no more
        await asyncio.sleep(1.0)
        assert len(house.centre.waiting) == 4
        await journal.append("events", [contact(1)])
        await asyncio.sleep(0.5)
        assert len(house.centre.waiting) == 4

    run(house, script)


def test_an_alarm_overtakes_a_backlog(house: House) -> None:
    house.centre.deaf = True

    async def script(journal: AsyncJournal, link: Link) -> None:
        await journal.append("readings", [reading(n) for n in range(20_000)])
        await seen(house, lambda: len(house.centre.waiting) == 3)  # one place is kept for events
        await journal.append("capture", [record("health", T, 0, facts={})])
        await journal.append("events", [contact(0)])
        await seen(house, lambda: len(house.centre.waiting) == 4)

    run(house, script)
    assert [lane for lane, _ in house.centre.waiting] == ["readings"] * 3 + ["events"]


def test_after_an_outage_alarms_come_first_and_everything_once(house: House) -> None:
    async def script(journal: AsyncJournal, link: Link) -> None:
        await journal.append("events", [contact(0)])
        await acked(house, journal, "events", 1)
        await asyncio.to_thread(house.broker.kill)
        await journal.append("readings", [reading(n) for n in range(8_000)])
        await journal.append("capture", [record("health", T, 0, facts={})])
        await journal.append("events", [contact(n) for n in range(1, 5)])
        with house.centre.lock:
            house.centre.centre.order.clear()
        await asyncio.to_thread(house.broker.start)
        await acked(house, journal, "readings", 8_000, 60)
        await acked(house, journal, "events", 5)

    run(house, script)
    lanes = [lane for lane, _ in house.centre.centre.order]
    assert lanes[:4] == ["events"] * 4
    assert lanes[4] == "capture"
    assert house.centre.records("readings") == [reading(n) for n in range(8_000)]


def test_a_centre_that_listens_a_little_later_than_the_agent_sends_need_not_wait_long(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.centre.deaf = True

    async def script(journal: AsyncJournal, link: Link) -> None:
        await journal.append("events", [contact(0)])
        await seen(house, lambda: len(house.centre.waiting) == 1)  # nobody was there
        house.centre.deaf = False
        await acked(house, journal, "events", 1, timeout_s=6)
        house.centre.swallow_acks = 1
        await journal.append("events", [contact(1)])
        await asyncio.sleep(3)
        assert journal.journal.lane("events").acked_seq == 1, "once the centre has answered, its time is the usual one"

    run(house, script, soon_s=2.0)
    assert house.centre.records("events") == [contact(0), contact(1)]
    assert "no acknowledgement" not in caplog.text


def test_a_centre_that_is_away_is_not_flooded_and_gets_everything_when_it_is_back(house: House) -> None:
    house.centre.deaf = True

    async def script(journal: AsyncJournal, link: Link) -> None:
        await journal.append("readings", [reading(n) for n in range(20_000)])
        await asyncio.sleep(3.0)
        assert len(house.centre.waiting) <= 3 + 4, "with doubling waits and one batch at a time"
        house.centre.deaf = False
        await acked(house, journal, "readings", 20_000)

    run(house, script, again_s=0.3)
    assert house.centre.records("readings") == [reading(n) for n in range(20_000)]


def test_the_agent_goes_on_where_it_was_after_a_restart(house: House) -> None:
    async def first(journal: AsyncJournal, link: Link) -> None:
        await journal.append("events", [contact(n) for n in range(5)])
        await acked(house, journal, "events", 5)
        await asyncio.to_thread(house.broker.kill)
        await journal.append("events", [contact(n) for n in range(5, 9)])

    async def second(journal: AsyncJournal, link: Link) -> None:
        await acked(house, journal, "events", 9)

    run(house, first)
    house.broker.start()
    run(house, second, again_s=1.0)
    assert house.centre.records("events") == [contact(n) for n in range(9)]


def test_a_centre_put_back_to_a_backup_gets_the_rest_again(house: House) -> None:
    async def script(journal: AsyncJournal, link: Link) -> None:
        await journal.append("events", [contact(0)])
        await acked(house, journal, "events", 1)
        house.centre.centre.backup()
        await journal.append("events", [contact(n) for n in range(1, 6)])
        await acked(house, journal, "events", 6)
        with house.centre.lock:
            house.centre.centre.restore()
        await journal.append("events", [contact(6)])
        await seen(house, lambda: len(house.centre.records("events")) == 7)

    run(house, script)
    assert house.centre.records("events") == [contact(n) for n in range(7)]
    assert AckOutcome.REWOUND in house.outcomes


def test_an_old_disk_image_shows_in_a_new_epoch_and_loses_nothing(house: House) -> None:
    async def first(journal: AsyncJournal, link: Link) -> None:
        await journal.append("events", [contact(0)])
        await acked(house, journal, "events", 1)

    async def second(journal: AsyncJournal, link: Link) -> None:
        await journal.append("events", [contact(1), contact(2)])
        await acked(house, journal, "events", 3)

    async def third(journal: AsyncJournal, link: Link) -> None:
        await journal.append("events", [contact(3)])  # sequence 2 for the second time
        await seen(house, lambda: contact(3) in house.centre.records("events"))

    run(house, first)
    image = (house.folder / "journal.db").read_bytes()  # closed in order: nothing is left in the WAL
    run(house, second)
    (house.folder / "journal.db").write_bytes(image)
    run(house, third)
    contacts = [r for r in house.centre.records("events") if r["k"] == "contact"]
    assert contacts == [contact(n) for n in range(4)]
    assert AckOutcome.NEW_EPOCH in house.outcomes


# -- what nobody should send


def test_what_is_not_an_acknowledgement_is_counted_and_said_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async def script(journal: AsyncJournal, link: Link) -> None:
        await link.connected.wait()
        stranger = AgentKey.load_or_create(house.folder / "stranger")
        forged = Centre(stranger, site="demo", agent="room-101").ack("events", journal.journal.epoch, 1, bytes(32))
        junk = [b"", b"\xff\xfe", b"[]", b"{}", b"{" * 70_000, codec.encode_message(forged), b'{"epoch":"x","seq":-1,"head":"0","sig":""}']
        for payload in junk:
            house.centre.say("events/ack", payload)
        await journal.append("events", [contact(0)])
        await acked(house, journal, "events", 1)
        assert link.counters.bad_acknowledgements == len(junk)

    run(house, script)
    assert house.centre.records("events") == [contact(0)]
    assert len([r for r in caplog.records if "not understood or not believed" in r.message]) == 1


class Said(logging.Handler):
    """Sets an event when words are logged."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words, self.event = words, asyncio.Event()

    def emit(self, said: logging.LogRecord) -> None:
        if self.words in said.getMessage():
            self.event.set()


def test_a_wrong_password_is_said_and_tried_again_until_it_is_right(house: House) -> None:
    write_private(house.folder / "wrong", b"nonsense\n")

    async def script(journal: AsyncJournal, link: Link) -> None:
        said = Said("refuses this agent")
        logging.getLogger("edge_agent.link").addHandler(said)
        await journal.append("events", [contact(0)])
        await asyncio.wait_for(said.event.wait(), 20)
        logging.getLogger("edge_agent.link").removeHandler(said)
        write_private(house.folder / "wrong", b"r-secret\n")
        await acked(house, journal, "events", 1)

    run(house, script, password_file=house.folder / "wrong")


# -- commands


def commands(house: House, script: Callable[[list[dict[str, Any]]], Awaitable[None]]) -> list[dict[str, Any]]:
    """Run a script with an agent that does what it is told; the commands it did."""
    done: list[dict[str, Any]] = []

    async def do(command: dict[str, Any]) -> Done:
        done.append(command)
        return Done(ok=command["name"] != "output.set", why="" if command["name"] != "output.set" else "no such output")

    async def inner(_journal: AsyncJournal, link: Link) -> None:
        await link.connected.wait()
        await script(done)

    run(house, inner, do=do)
    return done


def answers(house: House) -> list[dict[str, Any]]:
    return [r for r in house.centre.records("events") if r["k"] == "command.done"]


def soon_ms() -> int:
    return time.time_ns() // 1_000_000 + 60_000


def test_a_signed_command_is_done_once_and_answered(house: House) -> None:
    expires = soon_ms()

    async def script(_done: list[dict[str, Any]]) -> None:
        for _ in range(3):
            house.centre.command("c1", "identify", {"seconds": 3, "wort": "灯"}, expires)
        house.centre.command("c2", "output.set", {"output": "lamp"}, expires)
        await seen(house, lambda: len(answers(house)) == 2)

    assert [c["id"] for c in commands(house, script)] == ["c1", "c2"]
    by_id = {r["id"]: (r["ok"], r.get("why")) for r in answers(house)}
    assert by_id == {"c1": (True, None), "c2": (False, "no such output")}


def test_a_command_is_not_done_again_after_a_restart(house: House) -> None:
    expires = soon_ms()

    async def first(_done: list[dict[str, Any]]) -> None:
        house.centre.command("c1", "identify", {}, expires)
        await seen(house, lambda: len(answers(house)) == 1)

    async def second(_done: list[dict[str, Any]]) -> None:
        house.centre.command("c1", "identify", {}, expires)
        house.centre.command("c2", "identify", {}, expires)
        await seen(house, lambda: len(answers(house)) == 2)

    assert [c["id"] for c in commands(house, first)] == ["c1"]
    assert [c["id"] for c in commands(house, second)] == ["c2"]


def test_an_expired_or_forged_command_is_not_done(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async def script(_done: list[dict[str, Any]]) -> None:
        stranger = AgentKey.load_or_create(house.folder / "stranger")
        house.centre.say("command", b'{"id": 1}')
        house.centre.command("forged", "identify", {}, soon_ms(), signer=stranger)
        house.centre.command("old", "identify", {}, 1_700_000_000_000)
        house.centre.command("eternal", "identify", {}, soon_ms() + 10 * 86_400_000)
        house.centre.command("good", "identify", {}, soon_ms())
        await seen(house, lambda: len(answers(house)) == 3)

    assert [c["id"] for c in commands(house, script)] == ["good"]
    by_id = {r["id"]: (r["ok"], r.get("why")) for r in answers(house)}
    assert by_id == {"old": (False, "expired"), "eternal": (False, "valid for longer than a day"), "good": (True, None)}
    assert len([r for r in caplog.records if "command not understood" in r.message]) == 1


def test_the_link_speaks_tls(tmp_path: Path) -> None:
    certificate, private = self_signed(tmp_path)
    broker = Broker(tmp_path, tls=(certificate, private))
    broker.start()
    write_private(tmp_path / "password", b"r-secret\n")

    async def nothing(_command: dict[str, Any]) -> Done:
        return Done(ok=True)

    async def main() -> None:
        journal = AsyncJournal(
            Journal.open(tmp_path / "journal.db", site="demo", agent="room-101", key=AgentKey.load_or_create(tmp_path / "k"))
        )
        address = BrokerAddress(host="127.0.0.1", port=broker.port, password_file=tmp_path / "password", tls_ca=certificate)
        link = Link(journal, broker=address, centre=None, status=dict, on_command=nothing)
        task = asyncio.create_task(link.run(), name="link")
        try:
            await asyncio.wait_for(link.connected.wait(), 20)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await journal.close()

    try:
        asyncio.run(main())
    finally:
        broker.close()
