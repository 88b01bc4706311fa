"""The books of a fault campaign: what the agents made, what the centre has, and what of it is lost, doubled or out of order."""

import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LANES = ("events", "capture", "readings")
Place = tuple[str, str, str]  # agent, epoch, lane


@dataclass
class Books:
    """made: records in the agents' journals that had to arrive; the lists say, in words, what is wrong."""

    made: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.duplicated or self.disordered)


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as database:
        return database.execute(query).fetchall()


def arrived(data: Path) -> dict[Place, int]:
    """The highest sequence that the centre has committed, by agent, epoch and lane."""
    query = "SELECT a.name, e.epoch, t.lane, t.seq FROM tips t JOIN epochs e ON e.id = t.epoch_id JOIN agents a ON a.id = e.agent_id"
    return {(agent, epoch, lane): seq for agent, epoch, lane, seq in _rows(data / "central" / "muniment.db", query)}


def journalled(data: Path, agents: Iterable[str]) -> dict[Place, list[bytes]]:
    """The lines of each agent's journal, by agent, epoch and lane; every one since the beginning, as long as nothing was pruned."""
    found: dict[Place, list[bytes]] = {}
    query = "SELECT e.name, r.lane, r.line FROM records r JOIN epochs e ON e.epoch = r.epoch ORDER BY r.epoch, r.lane, r.seq"
    for agent in agents:
        for epoch, lane, line in _rows(data / agent / "journal.db", query):
            found.setdefault((agent, epoch, LANES[lane]), []).append(line)
    return found


def presses(data: Path, agent: str) -> set[str]:
    """The presses that a bench has finished, by its own books."""
    spool = data / agent / "bench" / agent / "spool.db"
    return {row[0] for row in _rows(spool, "SELECT press FROM presses WHERE outcome IS NOT NULL")}


def presses_at_centre(data: Path) -> set[str]:
    """The presses that the centre shows."""
    return {row[0] for row in _rows(data / "central" / "muniment.db", "SELECT id FROM presses")}


def ledger(data: Path) -> list[tuple[Place, int, list[bytes]]]:
    """The centre's batches in the order of the tree: place, first sequence, lines."""
    query = (
        "SELECT a.name, e.epoch, b.lane, b.first, b.body FROM ledger_leaves l JOIN ledger_batches b ON b.id = l.ref_id "
        "JOIN epochs e ON e.id = b.epoch_id JOIN agents a ON a.id = e.agent_id WHERE l.type = 'batch' ORDER BY l.idx"
    )
    rows = _rows(data / "central" / "muniment.db", query)
    return [((agent, epoch, lane), first, zlib.decompress(body).splitlines()) for agent, epoch, lane, first, body in rows]


def _identity(agent: str, record: dict[str, Any]) -> tuple[object, ...] | None:
    """What may be there only once; None for records that repeat by nature."""
    kind = record["k"]
    if kind in ("press", "clip"):
        return kind, record[kind]
    if kind == "contact":
        return kind, record["contact"], record["m"]
    if kind == "page":
        return kind, record["page"], record["verdict"], record.get("replaces"), record.get("reason"), json.dumps(record.get("checks"))
    if kind == "alarm":
        return kind, record["id"], record["state"]
    if kind == "reading":
        return kind, agent, record["i"], record["m"]
    return None


def compare(data: Path, agents: Iterable[str], *, due: dict[Place, int], finished: dict[str, set[str]]) -> Books:
    """The books of a site at rest; `due`: how many records of each place, `finished`: which presses of an agent must be at the centre."""
    books, made = Books(made=sum(due.values())), journalled(data, agents)
    stored: dict[Place, list[bytes]] = {}
    for place, first, lines in ledger(data):
        have = stored.setdefault(place, [])
        name = "/".join(place)
        if first <= len(have):
            books.duplicated.append(f"{name}: {first} again after {len(have)}")
        elif first > len(have) + 1:
            books.disordered.append(f"{name}: {first} follows {len(have)}")
        have += lines
    for place, lines in made.items():
        have, name = stored.get(place, []), "/".join(place)
        books.lost += [f"{name} {seq}" for seq in range(len(have) + 1, due.get(place, 0) + 1)]
        books.disordered += [
            f"{name} {seq}: another record" for seq, (one, other) in enumerate(zip(lines, have, strict=False), 1) if one != other
        ]
    seen: Counter[tuple[object, ...]] = Counter()
    for (agent, _epoch, _lane), lines in stored.items():
        records = [json.loads(line) for line in lines if not line.startswith(b"#")]
        seen.update(identity for record in records if (identity := _identity(agent, record)) is not None)
    books.duplicated += [" ".join(map(str, identity))[:200] for identity, count in seen.items() if count > 1]
    books.lost += [
        f"press {press} of {agent}" for agent, known in finished.items() for press in sorted(known) if not seen[("press", press)]
    ]
    return books
