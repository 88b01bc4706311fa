"""Checks every sample message against the contract; the same file runs under CPython and under MicroPython, and prints what it checked."""

import json
import sys

from wire import chain, codec, separators
from wire.errors import WireError
from wire.frames import FrameReader, encode_frame


def refused_with(call, words):
    """Whether a call refuses with these words."""
    try:
        call()
    except WireError as error:
        return words in str(error)
    return False


def check(samples):
    """Assert on every sample; returns how many there were."""
    for sample in samples["records"]:
        line = sample["line"].encode()
        assert codec.decode_record(line, sample["lane"]) == sample["record"], sample["line"]
        assert codec.encode_record(sample["record"]) == line, codec.encode_record(sample["record"])
        assert chain.hex_of(chain.line_digest(line)) == sample["digest"]
    for sample in samples["refused"]:
        line = sample["line"].encode()
        assert refused_with(lambda line=line: codec.decode_record(line), sample["why"]), sample["line"]
    start = samples["start"]
    assert chain.hex_of(chain.start(*start["names"])) == start["hex"]

    batch = samples["batch"]
    payload = batch["payload"].encode()
    header, records = codec.decode_batch(payload, batch["lane"])
    assert header == batch["header"]
    withheld = [record for record in records if record is None]
    assert len(records) == header["n"] and len(withheld) == 1
    _, lines = codec.split_batch(payload)
    assert codec.encode_batch(header, lines) == payload
    names = (batch["site"], batch["agent"], batch["lane"], header["epoch"])
    assert chain.batch_text(*(names + (header["n"], header["head"]))).decode() == batch["signed"]
    swapped = [lines[1], lines[0]] + lines[2:]
    assert refused_with(lambda: codec.decode_batch(codec.encode_batch(header, swapped)), "chain is broken")

    reader = FrameReader()
    for sample in samples["frames"]:
        assert encode_frame(sample["message"]) == sample["frame"].encode()
        assert reader.feed(sample["frame"].encode()) == [sample["message"]]
    assert reader.bad == 0

    for sample in samples["sheets"]:
        found = separators.parse(sample["text"])
        assert (found and [found.opens, found.volume, found.declared]) == sample["asks"], sample["text"]
        assert found is None or found.text == sample["text"]
    return sum([len(samples[name]) for name in ("records", "refused", "frames", "sheets")]) + 1


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        print("%d samples agree" % check(json.loads(file.read().decode())))
