"""A batch's bytes to a checked batch: sizes, header, chain and signature; pure, so that it can run on any thread."""

import hashlib
from dataclasses import dataclass
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta

from central.keys import verify
from central.store.projecting import Reading, Record
from wire import chain
from wire.codec import BATCH_BYTES_MAX, LINE_BYTES_MAX, RECORDS_MAX
from wire.errors import WireError
from wire.records import check

SEQ_MAX = 2**53 - 1
_Seq = Annotated[int, Meta(ge=1, le=SEQ_MAX)]
_Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Short = Annotated[str, Meta(min_length=1, max_length=128, pattern="^[!-~]+$")]  # they stand in signed texts, a line each


class Header(msgspec.Struct, gc=False):
    """The header line of a batch, as the contract names its fields."""

    v: Annotated[int, Meta(ge=1, le=1)]
    epoch: _Short
    first: _Seq
    n: Annotated[int, Meta(ge=0, le=RECORDS_MAX)]
    oldest: _Seq
    prev: _Hash
    head: _Hash
    key: _Short
    seen: Annotated[int, Meta(ge=0, le=SEQ_MAX)]
    sig: _Short


_header = msgspec.json.Decoder(Header)
_readings = msgspec.json.Decoder(Reading)
_any = msgspec.json.Decoder(dict[str, object])
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)  # the last one for what is nested too deeply


@dataclass(slots=True)
class Batch:
    """A batch whose bytes are sound; `digests` are the records' d, `heads` unknown until somebody needs them."""

    site: str
    agent: str
    lane: str
    header: Header
    lines: list[bytes]
    digests: list[bytes]
    wrong: str = ""  # why it is not this agent's own word: chain or signature

    @property
    def last(self) -> int:
        """The sequence of its last record; first - 1 when it has none."""
        return self.header.first + self.header.n - 1


def open_batch(payload: bytes, *, site: str, agent: str, lane: str) -> Batch:
    """Cut a payload into header and lines; WireError says why it is no batch at all."""
    if len(payload) > BATCH_BYTES_MAX:
        raise WireError(f"a batch of {len(payload)} bytes is over the limit of {BATCH_BYTES_MAX}")
    if payload[-1:] != b"\n":
        raise WireError("a batch ends in a newline")
    lines = payload[:-1].split(b"\n")
    try:
        header = _header.decode(lines[0])
    except _UNREADABLE as error:
        raise WireError(f"batch header: {error}") from error
    del lines[0]
    if len(lines) != header.n:
        raise WireError(f"the header names {header.n} records, the batch has {len(lines)}")
    if lines and (not min(map(len, lines)) or max(map(len, lines)) > LINE_BYTES_MAX):
        raise WireError(f"a record line has 1-{LINE_BYTES_MAX} bytes")
    return Batch(site, agent, lane, header, lines, [])


def check_batch(batch: Batch, public_key: Ed25519PublicKey | None) -> None:
    """Compute the digests, follow the chain, verify the signature; what fails is left in `wrong`."""
    header, sha256 = batch.header, hashlib.sha256
    h = bytes.fromhex(header.prev)
    try:
        digests = [sha256(line).digest() if line[0] != 35 else chain.line_digest(line) for line in batch.lines]  # 35 = "#"
    except (ValueError, UnicodeDecodeError) as error:
        batch.wrong = f"withheld line: {error}"
        return
    for digest in digests:
        h = sha256(h + digest).digest()
    batch.digests = digests
    if h.hex() != header.head:
        batch.wrong = "the hash chain is broken: the records do not lead from prev to head"
        return
    if public_key is None:
        batch.wrong = f"the key {header.key} is not this agent's"
        return
    text = chain.batch_text(batch.site, batch.agent, batch.lane, header.epoch, batch.last, header.head)
    if not verify(public_key, text, header.sig):
        batch.wrong = "the signature is wrong"


@dataclass(slots=True)
class Decoded:
    """The records of a batch that could be understood, and in words those that could not."""

    records: list[tuple[int, Record]]
    readings: list[tuple[int, Reading]]
    problems: list[str]


def decode_records(lines: list[bytes], *, first: int, lane: str) -> Decoded:
    """Decode each line by itself: one that is malformed or of an unknown kind is named, and stands in nobody's way."""
    records: list[tuple[int, Record]] = []
    readings: list[tuple[int, Reading]] = []
    problems: list[str] = []
    decode = _readings.decode
    for seq, line in enumerate(lines, first):
        if line[:14] == b'{"k":"reading"' and lane == "readings":
            try:
                reading = decode(line)
            except _UNREADABLE as error:
                problems.append(f"{seq}: {error}")
                continue
            if reading.v is None and reading.quality == "good":
                problems.append(f"{seq}: reading record: a null value cannot be good")
            else:
                readings.append((seq, reading))
        elif line[0] != 35:
            try:
                record = _any.decode(line)
                if record.get("k") == "reading" and lane == "readings":  # other order of fields
                    check(record, lane)
                    readings.append((seq, decode(line)))
                else:
                    records.append((seq, check(record, lane)))
            except (*_UNREADABLE, WireError) as error:
                problems.append(f"{seq}: {error}")
    return Decoded(records, readings, problems)
