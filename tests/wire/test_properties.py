"""Properties of the codec: what is written is read, and whatever happens to it on the way is noticed."""

import contextlib
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wire import chain, codec
from wire.errors import WireError
from wire.frames import FRAME_BYTES_MAX, FrameReader, decode_frame, encode_frame
from wire.records import CHOICES, LANE_KINDS, SCHEMA, check
from wire.topics import LANES
from wire.units import QUANTITIES

INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
NUMBERS = INTEGERS | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
DIGESTS = st.binary(min_size=32, max_size=32).map(chain.hex_of)
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "s": TEXTS,
    "i": INTEGERS,
    "n": NUMBERS,
    "N": st.none() | NUMBERS,
    "b": st.booleans(),
    "o": st.dictionaries(TEXTS, JSON, max_size=3),
    "l": st.lists(JSON, max_size=3),
    "h": st.none() | DIGESTS,
}


@st.composite
def records(draw: st.DrawFn, lane: str) -> dict[str, Any]:
    """Any record that may stand in a lane."""
    kind = draw(st.sampled_from(LANE_KINDS[lane]))
    record = {"k": kind, "t": draw(INTEGERS), "m": draw(INTEGERS)}
    for name, type_, required in SCHEMA[kind]:
        if required or draw(st.booleans()):
            record[name] = draw(st.sampled_from(CHOICES[kind, name]) if (kind, name) in CHOICES else BY_TYPE[type_])
    if kind == "channel":
        record["q"] = draw(st.sampled_from(sorted(QUANTITIES)))
        record["u"] = QUANTITIES[record["q"]][0]
    if kind == "reading" and record["v"] is None:
        record["quality"] = draw(st.sampled_from(("suspect", "bad")))
    extra = draw(st.dictionaries(st.text("xyz", min_size=3, max_size=5), JSON, max_size=2))
    return check({**extra, **record}, lane)


@st.composite
def batches(draw: st.DrawFn, least: int = 0) -> tuple[str, list[dict[str, Any]], bytes]:
    """(lane, records, payload) of any batch."""
    lane = draw(st.sampled_from(LANES))
    made = draw(st.lists(records(lane), min_size=least, max_size=6))
    lines = [codec.encode_record(record) for record in made]
    before = draw(st.binary(min_size=32, max_size=32))
    header = {
        "v": 1,
        "epoch": "e1",
        "first": draw(st.integers(1, 2**40)),
        "n": len(lines),
        "oldest": 1,
        "prev": chain.hex_of(before),
        "head": chain.hex_of(chain.head_of(before, lines)),
        "key": "0123456789abcdef",
        "seen": 0,
        "sig": "c2ln",
    }
    return lane, made, codec.encode_batch(header, lines)


def held(header: dict[str, Any], lines: list[bytes], *, lane: str, expected: dict[str, Any]) -> bool:
    """What a receiver does with what arrived: the chain, and the header's fields that the signature binds."""
    codec.verify_chain(header, lines)
    for line in lines:
        codec.decode_record(line, lane)
    names = ("epoch", "first", "n", "prev", "head")
    return all(header[name] == expected[name] for name in names)


@given(batches())
def test_any_records_survive_encoding_and_decoding(batch: tuple[str, list[dict[str, Any]], bytes]) -> None:
    lane, made, payload = batch
    header, decoded = codec.decode_batch(payload, lane)
    assert decoded == made
    assert header["n"] == len(made)


@given(batches(least=1), st.data())
def test_a_changed_dropped_or_repeated_byte_of_a_record_is_noticed(
    batch: tuple[str, list[dict[str, Any]], bytes], data: st.DataObject
) -> None:
    _, _, payload = batch
    start = payload.index(b"\n") + 1
    place = data.draw(st.integers(start, len(payload) - 1))
    how = data.draw(st.sampled_from(("change", "drop", "repeat", "swap")))
    if how == "change":
        byte = data.draw(st.integers(0, 255))
        assume(byte != payload[place])
        damaged = payload[:place] + bytes([byte]) + payload[place + 1 :]
    elif how == "drop":
        damaged = payload[:place] + payload[place + 1 :]
    elif how == "repeat":
        damaged = payload[: place + 1] + payload[place:]
    else:
        assume(place + 1 < len(payload) and payload[place] != payload[place + 1])
        damaged = payload[:place] + payload[place : place + 2][::-1] + payload[place + 2 :]
    with pytest.raises(WireError):
        codec.decode_batch(damaged)


@given(batches(), st.data())
def test_a_changed_byte_of_the_header_is_noticed_or_lies_outside_what_is_signed(
    batch: tuple[str, list[dict[str, Any]], bytes], data: st.DataObject
) -> None:
    lane, _, payload = batch
    end = payload.index(b"\n")
    place = data.draw(st.integers(0, end - 1))
    byte = data.draw(st.integers(0, 255))
    assume(byte != payload[place])
    expected, _ = codec.split_batch(payload)
    try:
        header, lines = codec.split_batch(payload[:place] + bytes([byte]) + payload[place + 1 :])
        same = held(header, lines, lane=lane, expected=expected)
    except WireError:
        return
    # the last sequence and the head are in the signed text: a batch that passes the chain and differs there fails its signature
    text = [chain.batch_text("s", "a", lane, part["epoch"], part["first"] + part["n"] - 1, part["head"]) for part in (header, expected)]
    assert same or text[0] != text[1] or header["prev"] == expected["prev"]


@given(batches(least=2), st.data())
def test_a_dropped_repeated_or_reordered_line_is_noticed(batch: tuple[str, list[dict[str, Any]], bytes], data: st.DataObject) -> None:
    _, _, payload = batch
    header, lines = codec.split_batch(payload)
    place = data.draw(st.integers(0, len(lines) - 1))
    changed = data.draw(
        st.sampled_from((lines[:place] + lines[place + 1 :], [*lines[: place + 1], *lines[place:]], data.draw(st.permutations(lines))))
    )
    assume(changed != lines)
    with pytest.raises(WireError):
        codec.decode_batch(codec.encode_batch({**header, "n": len(changed)}, changed))


@given(batches(least=1), st.data())
def test_a_withheld_line_keeps_its_place_in_the_chain(batch: tuple[str, list[dict[str, Any]], bytes], data: st.DataObject) -> None:
    lane, made, payload = batch
    header, lines = codec.split_batch(payload)
    place = data.draw(st.integers(0, len(lines) - 1))
    lines[place] = b"#" + chain.hex_of(chain.line_digest(lines[place])).encode()
    _, decoded = codec.decode_batch(codec.encode_batch(header, lines), lane)
    assert decoded == [*made[:place], None, *made[place + 1 :]]


MESSAGES = st.dictionaries(TEXTS, JSON, max_size=4).filter(lambda message: len(codec.dumps(message).encode()) < FRAME_BYTES_MAX - 10)


@given(st.lists(MESSAGES, max_size=5), st.data())
def test_frames_survive_any_cut_of_the_stream(messages: list[dict[str, Any]], data: st.DataObject) -> None:
    stream = b"".join(encode_frame(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    reader = FrameReader()
    got: list[Any] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += reader.feed(stream[start:end])
    assert got == messages
    assert reader.bad == 0


@given(MESSAGES, st.data())
def test_a_changed_dropped_or_repeated_byte_of_a_frame_is_noticed(message: dict[str, Any], data: st.DataObject) -> None:
    line = encode_frame(message)[:-1]
    place = data.draw(st.integers(0, len(line) - 1))
    byte = data.draw(st.integers(0, 255))
    damaged = data.draw(
        st.sampled_from(
            (line[:place] + bytes([byte]) + line[place + 1 :], line[:place] + line[place + 1 :], line[: place + 1] + line[place:])
        )
    )
    assume(damaged != line)
    with pytest.raises(WireError):
        decode_frame(damaged)


@given(MESSAGES, st.binary(max_size=3 * FRAME_BYTES_MAX))
@settings(max_examples=200)
def test_a_reader_finds_its_place_again_after_any_bytes(message: dict[str, Any], noise: bytes) -> None:
    reader = FrameReader()
    reader.feed(noise)
    reader.feed(b"\n")
    assert reader.feed(encode_frame(message))[-1:] == [message]


@given(st.binary(max_size=2000))
def test_no_bytes_raise_anything_but_a_wire_error(data: bytes) -> None:
    for decode in (codec.split_batch, codec.decode_record, codec.decode_ack, codec.decode_command, decode_frame):
        with contextlib.suppress(WireError):
            decode(data)


@pytest.mark.parametrize(
    "text", ['{"a":NaN}', '{"a":"\\ud800"}', '{"a":Infinity}', '{"a":' + "[" * 15000 + "]" * 15000 + "}", '{"a":"\ud800"}']
)
def test_what_json_should_not_hold_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        codec.loads(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("depth", [codec.DEPTH_MAX, 900, 20_000])
def test_nesting_is_bounded(depth: int) -> None:
    """What is read is written again to be verified, one call a level: the stack must suffice for whatever is read."""
    nested = b"[" * depth + b"]" * depth
    with pytest.raises(WireError, match="not JSON"):
        codec.decode_command(b'{"id":"c","name":"identify","args":{"a":' + nested + b'},"expires":1,"sig":"x"}')
    with pytest.raises(WireError, match="not JSON"):
        codec.decode_record(b'{"k":"health","t":1,"m":1,"facts":{"a":' + nested + b"}}")
    assert codec.decode_command(b'{"id":"c","name":"x","args":{"a":[%s1]},"expires":1,"sig":"x"}' % (b"[]," * 200))


def test_sizes_are_bounded() -> None:
    with pytest.raises(WireError, match="over the limit"):
        codec.split_batch(b"x" * (codec.BATCH_BYTES_MAX + 1))
    with pytest.raises(WireError, match="over the limit"):
        codec.encode_record({"k": "config", "t": 1, "m": 1, "facts": {"text": "x" * codec.LINE_BYTES_MAX}})
    with pytest.raises(WireError, match="over the limit"):
        encode_frame({"text": "x" * FRAME_BYTES_MAX})
