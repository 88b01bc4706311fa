"""Batches of the ledger as one small body, and back, to the last byte: what can be derived is left out, readings lie in columns.

The body is a pack of columns (central/store/columns.py). Batches stand in the order of their leaves; a group is an epoch's lane. In order:

    bytes     the groups, as a JSON list of [epoch id, lane]
    numbers   each batch's group
    numbers   each batch's leaf index, less the first of the pack
    numbers   first: less the sequence that follows the group's batch before; the group's first one as it is
    numbers   n
    numbers   1 where prev is not the head of the group's batch before; bytes: those prevs
    numbers   1 where head is not the chain's hash over the lines; bytes: those heads
    bytes     the keys' ids as a JSON list; numbers: each batch's place in it
    numbers   1 where the signature is canonical base64 of 64 bytes; bytes: those, raw; bytes: the others as a JSON list
    numbers   received_ms
    bytes     flags, as a JSON list, null where there are none
    then the lines, group by group: see `_write_lines`
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from central.store.columns import ColumnReader, Columns, PackError
from wire import chain

SIG = 64
HASH = 32
_NUMBER = rb"-?[0-9]{1,10}\.[0-9]{1,12}"
_LINE = re.compile(
    rb'\{"k":"reading","t":(0|[1-9][0-9]{0,14}),"m":(0|[1-9][0-9]{0,14}),"i":(0|[1-9][0-9]{0,8}),"v":(null|'
    + _NUMBER
    + rb')(?:,"raw":('
    + _NUMBER
    + rb"))?(.*)\}",
    re.DOTALL,
)


class StoredBatch(NamedTuple):
    """A batch of the ledger; prev and head raw, `data` = its lines, each with its newline."""

    leaf_idx: int
    epoch_id: int
    lane: str
    first: int
    n: int
    prev: bytes
    head: bytes
    key: str
    sig: str
    received_ms: int
    flags: str | None
    data: bytes

    @property
    def lines(self) -> list[bytes]:
        """The lines, without their newlines."""
        return self.data.split(b"\n")[: self.n]


def _head_of(prev: bytes, lines: Sequence[bytes]) -> bytes:
    return bytes(chain.head_of(prev, lines))


def _raw_sig(sig: str) -> bytes | None:
    try:
        raw = base64.b64decode(sig, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == SIG and base64.b64encode(raw).decode() == sig else None


def encode(batches: Sequence[StoredBatch], *, first_leaf: int) -> bytes:
    """The body of batches in the order of their leaves; ValueError where their lines are not what n says."""
    made = Columns()
    groups = list(dict.fromkeys((one.epoch_id, one.lane) for one in batches))
    places = {group: place for place, group in enumerate(groups)}
    made.text(msgspec.json.encode(groups))
    made.numbers([places[one.epoch_id, one.lane] for one in batches])
    made.numbers([one.leaf_idx - first_leaf for one in batches], order=1)
    after: dict[tuple[int, str], StoredBatch] = {}
    firsts, prevs, heads = [], [], []
    for one in batches:
        if one.data.count(b"\n") != one.n or not one.data.endswith(b"\n"):
            raise ValueError(f"batch at leaf {one.leaf_idx} has not its {one.n} lines")
        before = after.get((one.epoch_id, one.lane))
        firsts.append(one.first - (before.first + before.n if before else 0))
        prevs.append(b"" if before and before.head == one.prev else one.prev)
        heads.append(b"" if _head_of(one.prev, one.lines) == one.head else one.head)
        after[one.epoch_id, one.lane] = one
    made.numbers(firsts)
    made.numbers([one.n for one in batches])
    for hashes in (prevs, heads):
        made.numbers([bool(given) for given in hashes])
        made.text(b"".join(hashes))
    keys = sorted({one.key for one in batches})
    made.text(msgspec.json.encode(keys))
    made.numbers([keys.index(one.key) for one in batches])
    sigs = [_raw_sig(one.sig) for one in batches]
    made.numbers([sig is not None for sig in sigs])
    made.text(b"".join(sig for sig in sigs if sig is not None))
    made.text(msgspec.json.encode([one.sig for one, sig in zip(batches, sigs, strict=True) if sig is None]))
    made.numbers([one.received_ms for one in batches], order=1)
    made.text(msgspec.json.encode([one.flags for one in batches] if any(one.flags is not None for one in batches) else []))
    for group in groups:
        lines = [line for one in batches if (one.epoch_id, one.lane) == group for line in one.lines]
        _write_lines(made, lines)
    return made.pack()


def _reading_of(line: bytes) -> "re.Match[bytes] | None":
    """The line's parts if it is a reading as agents write it, from whose numbers the same bytes can be made again."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    for text in (found[4], found[5]):
        if text is not None and text != b"null" and repr(float(text)).encode() != text:
            return None
    return found


def _write_lines(made: Columns, lines: Sequence[bytes]) -> None:
    """A group's lines: numbers 1 for a reading, 0 for a line as it is; bytes the latter; then of the readings: bytes the tails as a JSON
    list of base64, numbers each one's place there, numbers i, numbers t - m (differences), numbers m (see `_m_step`), numbers 1 without a
    value, 2 with a raw one; then for each i in order of appearance its values and its raw ones as floats."""
    found = [_reading_of(line) for line in lines]
    made.numbers([one is not None for one in found])
    made.text(b"\n".join(line for line, one in zip(lines, found, strict=True) if one is None))
    readings = [one for one in found if one is not None]
    tails = list(dict.fromkeys(one[6] for one in readings))
    places = {tail: place for place, tail in enumerate(tails)}
    made.text(msgspec.json.encode(tails))
    made.numbers([places[one[6]] for one in readings])
    numbers = [(int(one[1]), int(one[2]), int(one[3])) for one in readings]
    made.numbers([i for _, _, i in numbers])
    made.numbers([t - m for t, m, _ in numbers], order=1)
    steps = _Steps()
    made.numbers([steps.step(i, m) for _, m, i in numbers])
    made.numbers([(one[4] == b"null") + 2 * (one[5] is not None) for one in readings])
    values: dict[int, tuple[list[float], list[float]]] = {}
    for (_, _, i), one in zip(numbers, readings, strict=True):
        value, raw = values.setdefault(i, ([], []))
        if one[4] != b"null":
            value.append(float(one[4]))
        if one[5] is not None:
            raw.append(float(one[5]))
    for pair in values.values():
        for side in pair:
            made.floats(side)


class _Steps:
    """What is kept of m: a channel's step since its last reading, less that of the reading before; one sensor's channels give nought."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._before = self._step = 0

    def step(self, i: int, m: int) -> int:
        """The number for this m."""
        if i in self._last:
            step = m - self._last[i]
            rest, self._step = step - self._step, step
        else:
            rest = m - self._before
        self._last[i] = self._before = m
        return rest

    def back(self, i: int, rest: int) -> int:
        """The m of this number."""
        if i in self._last:
            self._step += rest
            m = self._last[i] + self._step
        else:
            m = self._before + rest
        self._last[i] = self._before = m
        return m


def _read_lines(read: ColumnReader, count: int) -> list[bytes]:
    kinds = read.numbers(count)
    text = read.text()
    plain = iter(text.split(b"\n"))
    n = sum(1 for kind in kinds if kind)
    tails = msgspec.json.decode(read.text(), type=list[bytes])
    places, which, apart, rests, marks = (read.numbers(n) for _ in range(5))
    order = list(dict.fromkeys(which))
    have = {i: [0, 0] for i in order}
    for i, mark in zip(which, marks, strict=True):
        have[i][0] += not mark & 1
        have[i][1] += bool(mark & 2)
    values = {i: tuple(iter(read.floats(many)) for many in have[i]) for i in order}
    steps = _Steps()
    lines: list[bytes] = []
    at = 0
    for kind in kinds:
        if not kind:
            lines.append(next(plain))
            continue
        i, mark = which[at], marks[at]
        m = steps.back(i, rests[at])
        v = "null" if mark & 1 else repr(next(values[i][0]))
        raw = f',"raw":{next(values[i][1])!r}' if mark & 2 else ""
        lines.append(f'{{"k":"reading","t":{m + apart[at]},"m":{m},"i":{i},"v":{v}{raw}'.encode() + tails[places[at]] + b"}")
        at += 1
    return lines


def decode(body: bytes, *, first_leaf: int) -> list[StoredBatch]:
    """The batches of a body; PackError for anything that `encode` does not write."""
    try:
        read = ColumnReader(body)
        return _decode(read, first_leaf)
    except (msgspec.MsgspecError, IndexError, KeyError, StopIteration, OverflowError, UnicodeDecodeError) as error:
        raise PackError(f"a pack that contradicts itself: {error}") from error


def _decode(read: ColumnReader, first_leaf: int) -> list[StoredBatch]:
    groups = msgspec.json.decode(read.text(), type=list[tuple[int, str]])
    which = read.numbers()
    count = len(which)
    leaves, firsts, sizes = (read.numbers(count) for _ in range(3))
    hashes = []
    for _ in range(2):
        given = read.numbers(count)
        data = read.text()
        parts = iter(data[at : at + HASH] for at in range(0, len(data), HASH))
        hashes.append([next(parts) if mark else b"" for mark in given])
    keys = msgspec.json.decode(read.text(), type=list[str])
    key_of = read.numbers(count)
    canonical = read.numbers(count)
    data = read.text()
    raw = iter(base64.b64encode(data[at : at + SIG]).decode() for at in range(0, len(data), SIG))
    other = iter(msgspec.json.decode(read.text(), type=list[str]))
    sigs = [next(raw) if mark else next(other) for mark in canonical]
    received = read.numbers(count)
    flags = msgspec.json.decode(read.text(), type=list[str | None]) or [None] * count
    totals = [0] * len(groups)
    for n, group in zip(sizes, which, strict=True):
        totals[group] += n
    lines = [_read_lines(read, total) for total in totals]
    read.end()
    after: dict[int, StoredBatch] = {}
    used = [0] * len(groups)
    made: list[StoredBatch] = []
    for k, group in enumerate(which):
        before = after.get(group)
        first = firsts[k] + (before.first + before.n if before else 0)
        mine = lines[group][used[group] : used[group] + sizes[k]]
        used[group] += sizes[k]
        prev = hashes[0][k] or (before.head if before else b"")
        head = hashes[1][k] or _head_of(prev, mine)
        one = StoredBatch(
            first_leaf + leaves[k],
            *groups[group],
            first,
            sizes[k],
            prev,
            head,
            keys[key_of[k]],
            sigs[k],
            received[k],
            flags[k],
            b"\n".join(mine) + b"\n",
        )
        after[group] = one
        made.append(one)
    return made
