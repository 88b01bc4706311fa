"""docs/asyncapi.yaml says what `wire/` does: the same topics, lanes, kinds, fields and bounds."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from wire import codec, records, topics
from wire.errors import WireError

DOCUMENT = Path(__file__).parents[2] / "docs/asyncapi.yaml"
TYPES = {
    "s": "text",
    "i": "whole",
    "n": "number",
    "N": "number_or_null",
    "b": "yes_or_no",
    "o": "object",
    "l": "list",
    "h": "digest_or_null",
}
PLACE = {"site": "demo", "agent": "room-101"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())
    return made


def test_its_channels_are_the_topics(document: dict[str, Any]) -> None:
    told: set[str] = set()
    for channel in document["channels"].values():
        lanes = channel["parameters"].get("lane", {"enum": [""]})["enum"]
        told |= {channel["address"].format(**PLACE, lane=lane) for lane in lanes}
    lanes = [make("demo", "room-101", lane) for lane in topics.LANES for make in (topics.lane_topic, topics.ack_topic)]
    assert told == {*lanes, topics.status_topic("demo", "room-101"), topics.command_topic("demo", "room-101")}
    assert {topics.parse(topic)[:2] for topic in told} == {("demo", "room-101")}


def test_each_lane_has_its_kinds(document: dict[str, Any]) -> None:
    told = document["components"]["messages"]["batch"]["x-records"]
    assert {lane: tuple(kinds) for lane, kinds in told.items()} == records.LANE_KINDS


@pytest.mark.parametrize("kind", sorted(records.SCHEMA))
def test_a_kind_of_record_has_its_fields(document: dict[str, Any], kind: str) -> None:
    schemas = document["components"]["schemas"]
    fields = records.COMMON[1:] + records.SCHEMA[kind]
    wanted = {name: schemas[TYPES[type_]] for name, type_, _ in fields}
    for (of, name), choices in records.CHOICES.items():
        if of == kind:
            wanted[name] = {"enum": list(choices)}
    assert schemas[kind]["properties"] == {"k": {"const": kind}, **wanted}
    assert schemas[kind]["required"] == ["k", *(name for name, _, required in fields if required)]


def test_no_kind_is_told_that_is_none(document: dict[str, Any]) -> None:
    told = {name for name, schema in document["components"]["schemas"].items() if "k" in schema.get("properties", {})}
    assert told == set(records.SCHEMA)


def test_header_and_bounds_are_the_codecs(document: dict[str, Any]) -> None:
    header, batch = document["components"]["schemas"]["header"], document["components"]["messages"]["batch"]
    assert tuple(header["required"]) == codec.HEADER_FIELDS == tuple(header["properties"])
    assert header["properties"]["n"]["maximum"] == codec.RECORDS_MAX
    assert batch["payload"]["maxLength"] == codec.BATCH_BYTES_MAX
    assert document["components"]["schemas"]["text"]["maxLength"] == records.TEXT_MAX


@pytest.mark.parametrize(("name", "decode"), [("acknowledgement", codec.decode_ack), ("command", codec.decode_command)])
def test_what_a_message_must_have_is_asked_for(document: dict[str, Any], name: str, decode: Any) -> None:
    whole = {"epoch": "e", "seq": 1, "head": "0" * 64, "sig": "s", "id": "i", "name": "n", "args": {}, "expires": 1}
    message = {field: whole[field] for field in document["components"]["schemas"][name]["required"]}
    assert decode(codec.encode_message(message)) == message
    for field in message:
        with pytest.raises(WireError):
            decode(codec.encode_message({key: value for key, value in message.items() if key != field}))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, list):
            return [found for part in node for found in references(part)]
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for part in node.values() for found in references(part)]
        return []

    found = references(document)
    assert len(found) > 10
    for reference in found:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
