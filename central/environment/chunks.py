"""A channel's readings of one UTC day as one small body, and back, to the last bit.

The body is a pack of columns (central/store/columns.py), in this order; n = the number of readings, sorted by (t_ms, epoch_id, seq):

    numbers   [n, step]: step = grid of the times in ms (0: none)
    numbers   times from the day's start: without a grid themselves; with one, (t - first) // step, then as a column of its own the rest
    numbers   quality * 2 + 1 where there is no value, else quality * 2
    floats    the values that are there
    numbers   epoch ids
    numbers   sequences
    numbers   raw_ms - t_ms where a raw time is kept, else 0; then 1 where it is kept, else 0
    bytes     the reasons' texts, as a JSON list of strings
    numbers   0 without a reason, else its place in that list, from 1
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from central.store.columns import ColumnReader, Columns, PackError

WINDOW_MS = 86_400_000
ROWS_MAX = 100_000  # a day with more readings than this stays as rows
WHYS_MAX = 1_000_000  # characters of different reasons of one day; with more it stays as rows
Row = tuple[int, int, int, float | None, int, str | None, int | None]  # t_ms, epoch_id, seq, v, quality, why, raw_ms


def window_of(t_ms: int) -> int:
    """The start of the UTC day."""
    return t_ms - t_ms % WINDOW_MS


def encode(start_ms: int, rows: Sequence[Row]) -> bytes:
    """The body of a day's readings, which are sorted by time, epoch and sequence; ValueError where they are not such a day's."""
    if not rows or len(rows) > ROWS_MAX or not start_ms <= rows[0][0] <= rows[-1][0] < start_ms + WINDOW_MS:
        raise ValueError("not the readings of one day")
    times = [row[0] - start_ms for row in rows]
    steps = Counter(later - earlier for earlier, later in pairwise(times) if later > earlier)
    step = steps.most_common(1)[0][0] if steps else 0
    whys = sorted({row[5] for row in rows if row[5] is not None})
    if sum(map(len, whys)) > WHYS_MAX:
        raise ValueError("reasons longer than a chunk holds")
    places = {why: place for place, why in enumerate(whys, 1)}
    made = Columns()
    made.numbers([len(rows), step])
    if step:
        first = times[0]
        made.numbers([(t - first) // step for t in times], order=1)
        made.best([(t - first) % step for t in times], (0, 1))
        made.numbers([first])
    else:
        made.numbers(times, order=1)
    made.numbers([row[4] * 2 + (row[3] is None) for row in rows])
    made.floats([row[3] for row in rows if row[3] is not None])
    made.numbers([row[1] for row in rows], order=1)
    made.best([row[2] for row in rows], (1, 2))
    made.numbers([0 if row[6] is None else row[6] - row[0] for row in rows], order=1)
    made.numbers([row[6] is not None for row in rows])
    made.text(msgspec.json.encode(whys))
    made.numbers([0 if row[5] is None else places[row[5]] for row in rows])
    return made.pack()


def decode(start_ms: int, body: bytes) -> list[Row]:
    """The readings of a body; PackError for anything that `encode` does not write."""
    read = ColumnReader(body)
    n, step = read.numbers(2)
    if not 0 < n <= ROWS_MAX or not 0 <= step < WINDOW_MS:
        raise PackError(f"a chunk of {n} readings, step {step}")
    if step:
        grid, rest = read.numbers(n), read.numbers(n)
        (first,) = read.numbers(1)
        times = [first + k * step + r for k, r in zip(grid, rest, strict=True)]
    else:
        times = read.numbers(n)
    if times != sorted(times) or times[0] < 0 or times[-1] >= WINDOW_MS:
        raise PackError("a chunk whose times are not of its day")
    marks = read.numbers(n)
    if any(not 0 <= mark < 6 for mark in marks):
        raise PackError("a chunk with a quality that there is not")
    values = read.floats(sum(1 - mark % 2 for mark in marks))
    epochs, seqs, shifts, kept = read.numbers(n), read.numbers(n), read.numbers(n), read.numbers(n)
    try:
        whys = msgspec.json.decode(read.text(), type=list[str])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PackError("a chunk whose reasons are no texts") from error
    places = read.numbers(n)
    read.end()
    if any(not 0 <= place <= len(whys) for place in places):
        raise PackError("a chunk with a reason that there is not")
    value = iter(values)
    return [
        (
            start_ms + times[k],
            epochs[k],
            seqs[k],
            None if marks[k] % 2 else next(value),
            marks[k] // 2,
            whys[places[k] - 1] if places[k] else None,
            start_ms + times[k] + shifts[k] if kept[k] else None,
        )
        for k in range(n)
    ]
