"""Batches, acknowledgements and commands as bytes: newline-delimited JSON, fields in a fixed order, every size bounded."""

import json

from wire import chain
from wire.errors import WireError
from wire.records import check, field_order

RECORDS_MAX = 1000
BATCH_BYTES_MAX = 256 * 1024
LINE_BYTES_MAX = 64 * 1024
MESSAGE_BYTES_MAX = 64 * 1024  # an acknowledgement, command or status
DEPTH_MAX = 64  # of nesting: whoever reads deeper needs more stack than there may be
HEADER_FIELDS = ("v", "epoch", "first", "n", "oldest", "prev", "head", "key", "seen", "sig")

try:
    json.dumps("", ensure_ascii=False)

    def _scalar(value):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    def _no_number(text):
        raise ValueError("%s is no JSON number" % text)

    def _parse(text):
        return json.loads(text, parse_constant=_no_number)
except TypeError:  # MicroPython's json takes no options, writes UTF-8 as it is and knows no NaN

    def _scalar(value):
        return json.dumps(value)

    def _parse(text):
        return json.loads(text)


def dumps(value):
    """Canonical JSON text: no blanks, keys sorted (MicroPython's dicts keep no order), UTF-8, no NaN."""
    if isinstance(value, dict):
        return "{" + ",".join([_scalar(k) + ":" + dumps(value[k]) for k in sorted(value)]) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([dumps(v) for v in value]) + "]"
    return _scalar(value)


def _depth(value):
    """How deeply a value is nested, found without recursion."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [v for outer in level if isinstance(outer, (dict, list)) for v in (outer.values() if isinstance(outer, dict) else outer)]
    return depth


def loads(data, what="message", limit=MESSAGE_BYTES_MAX):
    """A JSON object from bytes within the limit; WireError says what is wrong."""
    if len(data) > limit:
        raise WireError("%s of %d bytes is over the limit of %d" % (what, len(data), limit))
    try:
        value = _parse(bytes(data).decode())
        if data.count(b"[") + data.count(b"{") > DEPTH_MAX and _depth(value) > DEPTH_MAX:
            raise ValueError("it is nested more than %d deep" % DEPTH_MAX)
        if b"\\u" in data:
            dumps(value).encode()  # half a surrogate pair is no text: nobody could store it
    except (ValueError, RuntimeError, MemoryError) as error:  # too deep: CPython RecursionError, MicroPython RuntimeError
        raise WireError("%s is not JSON in UTF-8: %s" % (what, error))
    if not isinstance(value, dict):
        raise WireError("%s is not a JSON object" % what)
    return value


def encode_record(record):
    """One record as its line, without the newline: known fields in the kind's order, then others sorted."""
    order = field_order(record["k"])
    names = [f for f in order if f in record] + sorted([f for f in record if f not in order])
    line = ("{" + ",".join([_scalar(f) + ":" + dumps(record[f]) for f in names]) + "}").encode()
    if len(line) > LINE_BYTES_MAX:
        raise WireError("a %s record of %d bytes is over the limit of %d" % (record["k"], len(line), LINE_BYTES_MAX))
    return line


def decode_record(line, lane=None):
    """The record of a line (bytes), checked; None for a withheld line ``#<hex digest>``."""
    if line[:1] == b"#":
        try:
            chain.raw_of(line[1:].decode())
        except (ValueError, UnicodeError) as error:
            raise WireError("withheld line: %s" % error)
        return None
    return check(loads(line, "record", LINE_BYTES_MAX), lane)


def encode_batch(header, lines):
    """A batch's bytes from its header (dict of HEADER_FIELDS) and lines (bytes without newline)."""
    head_line = ("{" + ",".join([_scalar(f) + ":" + dumps(header[f]) for f in HEADER_FIELDS]) + "}").encode()
    return b"\n".join([head_line] + list(lines)) + b"\n"


def _is_seq(value, lowest):
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value < 2**53


def check_header(header):
    """Raise WireError unless all fields of a batch's header are there, typed and within bounds."""
    if header.get("v") != 1:
        raise WireError("batch version %r is not 1" % (header.get("v"),))
    for name, lowest in (("first", 1), ("n", 0), ("oldest", 1), ("seen", 0)):
        if not _is_seq(header.get(name), lowest):
            raise WireError("batch header: %r is an integer of at least %d" % (name, lowest))
    if header["n"] > RECORDS_MAX:
        raise WireError("a batch has at most %d records, not %d" % (RECORDS_MAX, header["n"]))
    for name in ("epoch", "key", "sig"):
        if not isinstance(header.get(name), str) or not 1 <= len(header[name]) <= 128:
            raise WireError("batch header: %r is a text of 1-128 characters" % name)
    for name in ("prev", "head"):
        try:
            chain.raw_of(header.get(name))
        except ValueError as error:
            raise WireError("batch header: %r: %s" % (name, error))
    return header


def split_batch(payload):
    """(header, lines) of a batch: sizes, header and line count checked; neither chain nor records are."""
    if len(payload) > BATCH_BYTES_MAX:
        raise WireError("a batch of %d bytes is over the limit of %d" % (len(payload), BATCH_BYTES_MAX))
    if payload[-1:] != b"\n":
        raise WireError("a batch ends in a newline")
    lines = bytes(payload[:-1]).split(b"\n")
    header = check_header(loads(lines[0], "batch header"))
    if len(lines) - 1 != header["n"]:
        raise WireError("the header names %d records, the batch has %d" % (header["n"], len(lines) - 1))
    for line in lines[1:]:
        if not line or len(line) > LINE_BYTES_MAX:
            raise WireError("a record line has 1-%d bytes" % LINE_BYTES_MAX)
    return header, lines[1:]


def verify_chain(header, lines):
    """Raise WireError unless the lines lead from `prev` to `head`, as raw hashes."""
    try:
        head = chain.head_of(chain.raw_of(header["prev"]), lines)
    except ValueError as error:
        raise WireError("withheld line: %s" % error)
    if chain.hex_of(head) != header["head"]:
        raise WireError("the hash chain is broken: the records do not lead from prev to head")


def decode_batch(payload, lane=None):
    """(header, records) of a batch, with chain and records checked; a withheld record is None."""
    header, lines = split_batch(payload)
    verify_chain(header, lines)
    return header, [decode_record(line, lane) for line in lines]


def encode_message(message):
    """An acknowledgement, command or status as bytes, within MESSAGE_BYTES_MAX."""
    data = dumps(message).encode()
    if len(data) > MESSAGE_BYTES_MAX:
        raise WireError("a message of %d bytes is over the limit of %d" % (len(data), MESSAGE_BYTES_MAX))
    return data


def decode_ack(payload):
    """An acknowledgement, checked: epoch, seq >= 0, head, sig, and refused {why, agreed_seq} where present."""
    ack = loads(payload, "acknowledgement")
    if not _is_seq(ack.get("seq"), 0) or not isinstance(ack.get("epoch"), str) or not isinstance(ack.get("sig"), str):
        raise WireError("acknowledgement: epoch, seq or sig is missing or of the wrong type")
    try:
        chain.raw_of(ack.get("head"))
    except ValueError as error:
        raise WireError("acknowledgement: head: %s" % error)
    refused = ack.get("refused")
    if refused is not None and not (
        isinstance(refused, dict) and isinstance(refused.get("why"), str) and _is_seq(refused.get("agreed_seq"), 0)
    ):
        raise WireError("acknowledgement: refused is {why, agreed_seq}")
    return ack


def decode_command(payload):
    """A command, checked: id, name, args, expires (ms), sig."""
    command = loads(payload, "command")
    for name in ("id", "name", "sig"):
        if not isinstance(command.get(name), str) or not 1 <= len(command[name]) <= 200:
            raise WireError("command: %r is a text of 1-200 characters" % name)
    if not isinstance(command.get("args"), dict) or not _is_seq(command.get("expires"), 0):
        raise WireError("command: args is an object and expires an integer of milliseconds")
    return command
