"""The ledger packed: every byte, hash, proof, export and resent batch as before, and a pack that would lose anything is not made."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from central.keys import public_bytes
from central.ledger.batches import LEAVES, leaves_from, next_pack, pack, stored_node, tree_size
from central.ledger.export import export_file
from central.ledger.packs import StoredBatch, decode, encode
from central.ledger.queries import consistency, entries, entry_at, proof
from central.ledger.tables import ledger_nodes
from central.ledger.verifier import main as verify
from central.rebuild import rebuild
from central.store.columns import PackError
from central.store.engine import reading, writing
from central.tables import projections
from tests.central.journals import SITE, Centre, Journal
from wire import chain
from wire.records import record

T = 1_790_000_000_000

numbers = st.sampled_from(["20.5", "20.25", "-0.0", "1e-05", "20", "20.50", "0.30000000000000004", "null", "1e400", "007.5", "-3.25"])
lines = st.one_of(
    st.builds(
        lambda t, m, i, v, raw, tail: f'{{"k":"reading","t":{t},"m":{m},"i":{i},"v":{v}{raw}{tail}}}'.encode(),
        st.sampled_from(["1790000000000", "1790000000001", "0", "01", "99999999999999999999"]),
        st.integers(0, 10**6),
        st.integers(0, 3),
        numbers,
        st.sampled_from(["", ',"raw":20.75', ',"raw":3']),
        st.sampled_from(["", ',"quality":"bad","why":"超时"', ',"x":[1]']),
    ),
    st.binary(min_size=1, max_size=40).filter(lambda line: b"\n" not in line and line[:1] != b"#"),
    st.just(b"#" + b"ab" * 32),
)


@st.composite
def batches(draw: st.DrawFn) -> list[StoredBatch]:
    made = []
    for place in range(draw(st.integers(1, 6))):
        mine = draw(st.lists(lines, min_size=1, max_size=8))
        prev = draw(st.binary(min_size=32, max_size=32))
        head = draw(st.one_of(st.just(bytes(chain.head_of(prev, mine))), st.binary(min_size=32, max_size=32)))
        sig = draw(st.sampled_from(["YWJj", "A" * 86 + "==", "A" * 86 + "=", "no base64 ü"]))
        first, flags = draw(st.integers(1, 2**40)), draw(st.sampled_from([None, '["5: no"]']))
        lane = draw(st.sampled_from(["readings", "events"]))
        data = b"\n".join(mine) + b"\n"
        about = 5000 + 3 * place, draw(st.integers(1, 2)), lane, first, len(mine), prev, head, "k" * 16, sig, T - place
        made.append(StoredBatch(*about, flags, data))
    return made


@given(batches())
@settings(max_examples=200, deadline=None)
def test_any_batches_come_back_to_the_last_byte(given_batches: list[StoredBatch]) -> None:
    assert decode(encode(given_batches, first_leaf=4096), first_leaf=4096) == given_batches


@given(st.binary(max_size=100))
def test_bytes_that_are_no_pack_are_refused(body: bytes) -> None:
    with pytest.raises(PackError):
        decode(body, first_leaf=0)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Centre, Journal]]:
    """Two agents, a little over two packs of batches of four readings, an event now and then."""
    centre = Centre(Path(tmp_path_factory.mktemp("packs")) / "central")
    dice = random.Random(5)
    agents = [centre.enrol(Journal(name)) for name in ("room-101", "vault-01")]
    heads = {}
    for agent in agents:
        for i, q, u in ((1, "temperature", "Cel"), (2, "relative_humidity", "%"), (3, "illuminance", "lx"), (4, "co2", "[ppm]")):
            agent.add("readings", record("channel", T, 1, i=i, sensor="climate", q=q, u=u, room="room-101"))
        heads[agent.agent] = 1
    arrivals = []
    for k in range(1060):
        for agent in agents:
            t = T + k * 60_000 + dice.randrange(4)
            bad = k % 97 == 0
            for i in range(1, 5):
                about = {"v": None, "quality": "bad", "why": "crc"} if bad else {"v": round(20 + i + dice.randrange(9) / 100, 2)}
                agent.add("readings", record("reading", t, t - T + 5000, i=i, **about))
            n = len(agent.lines["readings"]) - heads[agent.agent] + 1
            arrivals.append((agent, heads[agent.agent], n))
            heads[agent.agent] += n
    step = {agent.agent: HeadCache(agent) for agent in agents}
    made = [step[agent.agent].batch(first, n) for agent, first, n in arrivals]
    for start in range(0, len(made), 300):
        centre.send(*made[start : start + 300])
    yield centre, agents[0]
    centre.close()


class HeadCache:
    """Batches of a long journal without hashing it from the start each time."""

    def __init__(self, agent: Journal) -> None:
        self.agent = agent
        self.heads = [chain.start(agent.site, agent.agent, "readings", agent.epoch)]
        for line in agent.lines["readings"]:
            self.heads.append(chain.extend(self.heads[-1], chain.line_digest(line)))
        slow = agent.head
        agent.head = lambda lane, seq: self.heads[seq].hex() if lane == "readings" else slow(lane, seq)  # type: ignore[method-assign]

    def batch(self, first: int, n: int) -> Any:
        return self.agent.batch("readings", first, n)


def everything(centre: Centre, tmp_path: Path) -> dict[str, Any]:
    """What can be read of the ledger, by every door."""
    key = public_bytes(centre.key)
    for digests in (False, True):
        with reading(centre.engine) as connection:
            export_file(connection, tmp_path / f"ledger-{digests}", site=SITE, public_key=key, digests_only=digests)
    with reading(centre.engine) as connection:
        size = tree_size(connection)
        return {
            "size": size,
            "leaves": [leaf._replace(act_id=None) for leaf in leaves_from(connection, 0, most=LEAVES)],
            "export": [(tmp_path / f"ledger-{digests}").read_text() for digests in (False, True)],
            "newest": entries(connection, after=None, limit=80, newest_first=True, with_body=True),
            "across": entries(connection, after=LEAVES - 5, limit=10, newest_first=False, with_body=True),
            "down": entries(connection, after=LEAVES + 3, limit=9, newest_first=True, with_body=True),
            "one": entry_at(connection, 700),
            "proofs": [proof(connection, index, at) for index, at in ((0, size), (700, 1501), (1500, size), (LEAVES, LEAVES + 1))],
            "consistency": [consistency(connection, old, size) for old in (1, 777, LEAVES, LEAVES + 1, 1501)],
        }


def test_a_packed_ledger_reads_verifies_and_rebuilds_as_before_and_is_a_fraction_of_it(
    filled: tuple[Centre, Journal], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    centre, agent = filled
    tables = [table.name for table in projections()]
    rows = {name: sorted(centre.rows(f"SELECT * FROM {name}"), key=repr) for name in tables}  # noqa: S608
    before = everything(centre, tmp_path)
    held = centre.one("SELECT sum(length(body) + length(prev) + length(head) + length(key) + length(sig)) FROM ledger_batches")
    with reading(centre.engine) as connection:
        assert next_pack(connection, now_ms=T) is None  # it has not been at rest
    packed = 0
    with writing(centre.engine) as connection:
        while (number := next_pack(connection, now_ms=2**62)) is not None:
            pack(connection, number, site=SITE)
            packed += 1
    assert packed == 2
    assert everything(centre, tmp_path) == before
    assert verify([str(tmp_path / "ledger-False")]) == 0
    kept = "SELECT sum(length(body)) FROM ledger_packs"
    assert centre.one(kept) < held / 2.5
    assert centre.one("SELECT count(*) FROM ledger_nodes WHERE level < 10") < 2 * LEAVES
    assert centre.send(agent.batch("readings", 40, 100))[0]["seq"] == len(agent.lines["readings"])  # known, though packed
    other = agent.copy()
    other.lines["readings"][50] = other.lines["readings"][51]
    (ack,) = centre.send(other.batch("readings", 40, 100))
    assert ack["refused"]["agreed_seq"] == 50
    centre.restart()
    rebuild(centre.engine)
    rows.pop("alarms"), rows.pop("alarm_notes")  # the refused batch raised one
    assert {name: sorted(centre.rows(f"SELECT * FROM {name}"), key=repr) for name in rows} == rows  # noqa: S608
    agent.add("events", record("contact", T, 5, contact="room-101/door", state="open", kind="door"))
    assert centre.send(agent.batch("events"))[0]["seq"] == 1  # the tree grows on
    with reading(centre.engine) as connection:
        assert stored_node(connection, 3, 5) == stored_node(connection, 3, 5)
        with pytest.raises(LookupError):
            stored_node(connection, 9, 2**20)
    capsys.readouterr()


def test_a_pack_that_would_not_hash_to_the_tree_is_not_made(tmp_path: Path) -> None:
    centre = Centre(tmp_path / "central")
    agent = centre.enrol(Journal("room-101"))
    for k in range(LEAVES + 1):
        agent.add("readings", record("health", T, k, facts={}))
    cache = HeadCache(agent)
    made = [cache.batch(k, 1) for k in range(1, LEAVES + 2)]
    centre.send(*made)
    with writing(centre.engine) as connection:
        connection.exec_driver_sql("UPDATE ledger_batches SET key = 'another' WHERE id = 7")
    counts = "SELECT (SELECT count(*) FROM ledger_batches), (SELECT count(*) FROM ledger_leaves), (SELECT count(*) FROM ledger_packs)"
    before = centre.rows(counts)
    with pytest.raises(PackError, match="does not hash to its leaf"), writing(centre.engine) as connection:
        pack(connection, 0, site=SITE)
    assert centre.rows(counts) == before
    with reading(centre.engine) as connection:
        assert connection.execute(select(ledger_nodes).where(ledger_nodes.c.level == 0)).first() is not None
    centre.close()
