"""Whatever an agent writes into its records, ingest goes on: what is strange is named, what stands beside it is kept."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central.times import now_ms
from tests.central.journals import Centre, Journal
from wire import records
from wire.records import record

T = now_ms()
DEEP = b"[" * 30_000 + b"]" * 30_000
HUGE = 10**400


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path / "central")
    yield made
    made.close()


def contact(name: str = "rogue/door", state: str = "open") -> dict[str, Any]:
    return record("contact", T, 1, contact=name, state=state, kind="door")


def line(kind: str, **fields: Any) -> bytes:
    return json.dumps({"k": kind, "t": T, "m": 1, **fields}).encode()


STRANGE = {
    "deep nesting": ("events", b'{"k":"health","t":1,"m":1,"facts":{"a":' + DEEP + b"}}"),
    "deep nesting in a reading": ("readings", b'{"k":"reading","t":1,"m":1,"i":1,"v":1,"x":' + DEEP + b"}"),
    "deep nesting in a reading of another order": ("readings", b'{"t":1,"k":"reading","m":1,"i":1,"v":1,"x":' + DEEP + b"}"),
    "a number that no float holds": ("events", line("alarm", id="rogue:e1:1", rule="r", state="active", subject="s", value=HUGE)),
    "a resolution that no float holds": ("readings", line("channel", i=1, sensor="s", q="temperature", u="Cel", resolution=HUGE)),
    "a limit that is no number": ("events", line("config", facts={"limits": {"r": {"sensor": "s", "quantity": "q", "above": {}}}})),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_record_stands_in_nobodys_way(centre: Centre, name: str) -> None:
    lane, strange = STRANGE[name]
    rogue, honest = centre.enrol(Journal("rogue")), centre.enrol(Journal("room-101"))
    good = {"events": contact(), "readings": record("health", T, 1, facts={})}[lane]
    rogue.add(lane, strange, good)
    honest.add("events", contact("room-101/door"))
    first, second = centre.send(rogue.batch(lane), honest.batch("events"))
    assert (first["seq"], second["seq"]) == (2, 1)
    assert centre.one("SELECT count(*) FROM ledger_batches") == 2
    assert centre.one("SELECT count(*) FROM security_events WHERE door = 'room-101/door'") == 1
    assert set(centre.writer.counters.counts) <= {"bad record", "record not projected"}
    assert sum(centre.writer.counters.counts.values()) == 1


def test_a_deeply_nested_header_is_no_batch(centre: Centre) -> None:
    rogue = centre.enrol(Journal("rogue")).add("events", contact())
    arrival = rogue.batch("events")
    arrival.payload = arrival.payload.replace(b'{"v":1,', b'{"x":' + DEEP + b',"v":1,', 1)
    assert centre.send(arrival) == []
    assert centre.writer.counters.counts["bad message"] == 1
    (ack,) = centre.send(rogue.batch("events"))
    assert ack["seq"] == 1


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([HUGE, 2**53, -(2**53), 2**63, -1, 0])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "<script>", "../../etc/passwd", "'; DROP TABLE agents; --", "rogue/door", "rogue:e1:1", "\x00", "\u2028"])
)
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=8
)
_TYPED = {
    "s": st.text(max_size=40) | st.sampled_from(["rogue/door", "rogue:e1:1", "temperature", "Cel", "", "b", "<b>"]),
    "i": st.integers(-(2**53) + 1, 2**53 - 1) | st.integers(-1, 5),
    "n": st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([HUGE, 2**64, -1]),
    "N": st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([HUGE, 1]),
    "b": st.booleans(),
    "o": st.dictionaries(
        st.sampled_from(["limits", "limits_source", "works", "calendar", "calibration", "report_s", "sensors", "en", "camera", "x"]),
        _JSON,
        max_size=4,
    ),
    "l": st.lists(_JSON, max_size=4),
    "h": st.sampled_from([None, "0" * 64]),
}


@st.composite
def _records(draw: st.DrawFn, lane: str) -> bytes:
    """A line whose fields mostly have their kinds' types, with any values, and sometimes anything at all."""
    kind = draw(st.sampled_from(sorted(records.LANE_KINDS[lane])))
    made: dict[str, Any] = {"k": kind}
    for name, type_, required in (*records.COMMON[1:], *records.SCHEMA[kind]):
        if required or draw(st.booleans()):
            choices = records.CHOICES.get((kind, name))
            made[name] = draw(st.sampled_from(choices) if choices else _TYPED[type_] if draw(st.integers(0, 9)) else _JSON)
    if kind == "channel":
        made |= {"q": "temperature", "u": "Cel"}
    if "station" in made and draw(st.booleans()):
        made["station"] = "rogue/bench"
    return json.dumps(made).encode()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(_records("events"), max_size=12), capture=st.lists(_records("capture"), max_size=12), data=st.data())
def test_no_record_stops_ingest(
    tmp_path_factory: pytest.TempPathFactory, events: list[bytes], capture: list[bytes], data: st.DataObject
) -> None:
    centre = Centre(tmp_path_factory.mktemp("hostile") / "central")
    try:
        rogue, honest = centre.enrol(Journal("rogue")), centre.enrol(Journal("room-101"))
        rogue.add("events", *events, contact()).add("capture", *capture, record("health", T, 1, facts={}))
        rogue.add("readings", *data.draw(st.lists(_records("readings"), max_size=12)), record("health", T, 1, facts={}))
        honest.add("events", contact("room-101/door"))
        acks = centre.send(*(rogue.batch(lane) for lane in rogue.lines), honest.batch("events"))
        centre.writer._ruled_at = -math.inf
        centre.write()
        assert "rule failed" not in centre.writer.counters.counts
        assert [ack["seq"] for ack in acks] == [*(len(lines) for lines in rogue.lines.values()), 1]
        assert centre.one("SELECT count(*) FROM security_events WHERE door = 'room-101/door' AND agent = 'room-101'") == 1
    finally:
        centre.close()
