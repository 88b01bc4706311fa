"""Who may work at a bench: added, moved, kept out at the centre; PINs shown once, hashed, and found nowhere else."""

import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import select

from central.digitization.people import queries, roster
from central.digitization.people.sending import Courier
from central.ledger.tables import acts, commands
from central.store.engine import reading, writing
from central.times import now_ms
from scanner_line.operators import is_pin, operators_of
from tests.central.site import Site
from wire.operators import fingerprint
from wire.records import record

BENCH = "bench-1/bench-1"
PATH = "/api/v1/line/people"


@pytest.fixture(scope="module", autouse=True)
def known_bench(site: Site) -> None:
    """The bench's agent has told of its bench."""
    tell(site, {})


def tell(site: Site, operators: dict[str, str]) -> None:
    """The bench's agent says what is in force there."""
    facts = {"benches": {"bench-1": {"screen": "10.0.0.7:8081"}}, "operators": operators}
    site.bench.add("events", record("config", now_ms(), 20_000_000, facts=facts))
    site.send()


def everything_kept(site: Site) -> str:
    """All text of acts, and of commands but for the hashes that are on their way."""
    with reading(site.centre.engine) as connection:
        return "\n".join(str(row.body) for row in connection.execute(select(acts.c.body)))


def add(site: Site, name: str, who: str = "archivist", **more: Any) -> Any:
    answer = site.call("POST", PATH, who, json={"name": name, "stations": [BENCH], **more})
    assert answer.status_code == 201, answer.text
    return answer.json


def sent(site: Site) -> list[dict[str, Any]]:
    with reading(site.centre.engine) as connection:
        rows = connection.execute(select(commands).where(commands.c.name == "operators.set").order_by(commands.c.created_ms)).all()
    return [json.loads(row.args) for row in rows]


def test_a_made_pin_is_told_once_and_what_the_bench_gets_verifies_it(site: Site) -> None:
    made = add(site, "Li Na")
    pin, ident = made["pin"], made["person"]["id"]
    assert len(pin) == 6
    last = sent(site)[-1]
    assert last["station"] == BENCH
    (one,) = [one for one in operators_of(last["operators"]) if one.id == ident]
    assert is_pin(pin, one.pin)
    assert not is_pin("000000", one.pin)
    shown = site.get(PATH, "archivist").json
    assert pin not in json.dumps(shown)
    assert "scrypt" not in json.dumps(shown)
    assert shown["benches"] == [BENCH]
    assert pin not in everything_kept(site)
    assert "scrypt" not in everything_kept(site), "no hash of a PIN in an act"
    assert "Li Na" not in everything_kept(site), "acts carry opaque ids"


def test_a_chosen_pin_is_never_told_and_weak_ones_are_refused(site: Site) -> None:
    assert add(site, "Wu", who="admin", pin="402918")["pin"] is None
    for pin in ("123456", "000000", "121212", "654321", "12345", "1" * 13, "abcdef"):
        answer = site.call("POST", PATH, "archivist", json={"name": "X", "stations": [BENCH], "pin": pin})
        assert answer.status_code == 400, pin
        assert pin not in answer.text


def test_a_person_is_renamed_moved_kept_out_and_given_another_pin(site: Site) -> None:
    ident = add(site, "Chen")["person"]["id"]
    with reading(site.centre.engine) as connection:
        before = {one["id"]: one["pin"] for one in queries.operators_at(connection, BENCH)}[ident]
    assert site.call("POST", f"{PATH}/{ident}/pin", "archivist", json={}).json["pin"]
    with reading(site.centre.engine) as connection:
        assert {one["id"]: one["pin"] for one in queries.operators_at(connection, BENCH)}[ident] != before
    assert site.call("PATCH", f"{PATH}/{ident}", "archivist", json={"name": "Chen Yu"}).json["person"]["name"] == "Chen Yu"
    assert site.call("PATCH", f"{PATH}/{ident}", "archivist", json={"enabled": False}).status_code == 200
    assert ident not in {one["id"] for one in sent(site)[-1]["operators"]}
    assert site.call("PATCH", f"{PATH}/{ident}", "archivist", json={"enabled": True, "stations": []}).status_code == 200
    assert ident not in {one["id"] for one in sent(site)[-1]["operators"]}, "the bench that lost a person is told so"
    for wrong in ({"name": "Wu"}, {"stations": ["nowhere/bench"]}, {"name": "a\nb"}):
        assert site.call("PATCH", f"{PATH}/{ident}", "archivist", json=wrong).status_code == 400, wrong
    assert site.call("PATCH", f"{PATH}/none", "archivist", json={"enabled": False}).status_code == 404


def test_only_archivist_and_admin_may_and_no_general_command_does_the_same(site: Site) -> None:
    for who in ("operator", "facility", "security", "auditor", "nobody"):
        assert site.call("POST", PATH, who, json={"name": "Y", "stations": [BENCH]}).status_code == 403, who
    body = {"name": "operators.set", "args": {"operators": []}}
    assert site.call("POST", "/api/v1/agents/bench-1/commands", "admin", json=body).status_code == 400
    assert site.call("POST", f"/api/v1/stations/{BENCH}/commands", "operator", json=body).status_code == 400


def test_what_a_bench_lacks_is_sent_again_and_a_new_pi_gets_it_back(site: Site) -> None:
    zhao = add(site, "Zhao")["person"]["id"]
    now = now_ms() + 3_600_000
    with writing(site.centre.engine) as connection:
        assert Courier().run(connection, now) == 1
        rows = queries.operators_at(connection, BENCH)
        assert queries.person_named(connection, zhao).waiting == [BENCH]  # type: ignore[union-attr]
    own = site.call("GET", "/api/v1/agents/bench-1/documents", "bench-1").json["operators"]
    assert own == {"bench-1": rows}
    assert site.call("GET", "/api/v1/agents/bench-1/documents", "room-101").status_code in (403, 404)
    tell(site, {"bench-1": fingerprint(rows)})
    with writing(site.centre.engine) as connection:
        assert Courier().run(connection, now) == 0
        assert queries.person_named(connection, zhao).waiting == []  # type: ignore[union-attr]


def test_hashes_differ_for_the_same_pin_and_arguments_are_emptied_when_they_are_over(site: Site) -> None:
    assert roster.hash_of("402918") != roster.hash_of("402918")
    with writing(site.centre.engine) as connection:
        connection.execute(commands.update().where(commands.c.name == "operators.set").values(expires_ms=1))
    add(site, "Qian")
    assert [args for args in sent(site)[:-1] if args] == []


def test_the_hash_is_scrypt_as_the_standard_library_makes_it() -> None:
    kind, log2n, r, p, salt, made = roster.hash_of("402918").split("$")
    assert (kind, r, p) == ("scrypt", "8", "1")
    expected = hashlib.scrypt(b"402918", salt=bytes.fromhex(salt), n=2 ** int(log2n), r=8, p=1, maxmem=2**27, dklen=32)
    assert made == expected.hex()


def test_made_pins_are_none_of_the_weak() -> None:
    assert all(roster.checked_pin(roster.made_pin()) for _ in range(200))
