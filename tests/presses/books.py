"""The books of a bench after its presses: the spool, its files, the journal and the centre have to say the same."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faults.books import _rows, journalled
from tests.system.site import Site

AGENT = "bench-1"
OUTCOMES = ("captured", "rejected", "failed", "ignored", "control")


def spool_of(data: Path) -> Path:
    """The bench's folder."""
    return data / AGENT / "bench" / AGENT


def ended(data: Path) -> int:
    """How many presses have an outcome in the bench's books."""
    rows = _rows(spool_of(data) / "spool.db", "SELECT count(*) FROM presses WHERE outcome IS NOT NULL")
    return int(rows[0][0])


def files(data: Path) -> dict[str, int]:
    """The bench's images by name, with the inode that tells a renamed file from a new one."""
    objects = spool_of(data) / "objects"
    return {path.name: path.stat().st_ino for path in objects.glob("*/*") if not path.name.startswith(".")}


def wrong_files(before: dict[str, int], now: dict[str, int]) -> list[str]:
    """Files that were there and have another inode, and inodes that were there and have another name."""
    found = [f"{name} is another file than before" for name, inode in before.items() if now.get(name, inode) != inode]
    names = {inode: name for name, inode in before.items()}
    found += [f"{names[inode]} was renamed to {name}" for name, inode in now.items() if inode in names and names[inode] != name]
    return found


def check(site: Site) -> tuple[dict[str, int], int, list[str]]:
    """(presses by outcome, pages, what is wrong) of a site at rest whose centre has everything."""
    data, wrong = site.data, list[str]()
    spool = spool_of(data)
    presses = dict(_rows(spool / "spool.db", "SELECT press, outcome FROM presses"))
    wrong += [f"press {press} has no outcome" for press, outcome in presses.items() if outcome not in OUTCOMES]
    rows = _rows(spool / "spool.db", "SELECT page, press, sha256 FROM pages")
    pages = {page: press for page, press, _ in rows}
    told_presses, told_pages = _told(data, wrong)
    named = [page for record in told_presses.values() for page in record["pages"]]
    wrong += [f"page {page} is named by {count} presses" for page, count in Counter(named).items() if count > 1]
    wrong += [f"page {page} is named by no press" for page in pages if page not in named]
    wrong += [f"page {page} is named by a press and is no page" for page in named if page not in told_pages]
    for press, outcome in presses.items():
        if told_presses.get(press, {}).get("outcome") != outcome:
            wrong.append(f"press {press} is {outcome} in the spool and {told_presses.get(press)} in the journal")
    for page, _, sha256 in rows:
        if sha256 is None:
            continue  # a placeholder
        path = next(iter((spool / "objects" / sha256[:2]).glob(f"{sha256}.*")), None)
        if path is None or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            wrong.append(f"page {page}: its image is not what its name says")
    kept = {sha256 for _, _, sha256 in rows}
    wrong += [f"{name} belongs to no page" for name in files(data) if name.split(".")[0] not in kept]
    wrong += _centre(site, told_presses, told_pages)
    return dict(Counter(presses.values())), len(pages), wrong


def _told(data: Path, wrong: list[str]) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The journal's press records, and the last page record of each page; each press must be told once."""
    presses: dict[str, dict[str, Any]] = {}
    pages: dict[str, dict[str, Any]] = {}
    for (_, _, lane), lines in journalled(data, [AGENT]).items():
        for line in lines if lane == "capture" else ():
            record = json.loads(line)
            if record["k"] == "press":
                if record["press"] in presses:
                    wrong.append(f"press {record['press']} is told twice")
                presses[record["press"]] = record
            elif record["k"] == "page":
                pages[record["page"]] = record
    return presses, pages


def _centre(site: Site, presses: dict[str, dict[str, Any]], pages: dict[str, dict[str, Any]]) -> list[str]:
    """What the centre has differently, the order of each batch against the bench's own included."""
    database = site.data / "central" / "muniment.db"
    wrong = []
    there = dict(_rows(database, "SELECT id, outcome FROM presses"))
    wrong += [f"press {press}: {there.get(press)} at the centre" for press, one in presses.items() if there.get(press) != one["outcome"]]
    wrong += [f"press {press} is at the centre alone" for press in there if press not in presses]
    ids = {row[0] for row in _rows(database, "SELECT id FROM pages")}
    wrong += [f"page {page} is on one side alone" for page in ids ^ set(pages)]
    order = "SELECT page FROM pages WHERE batch = ? AND replaced_by IS NULL AND NOT deleted ORDER BY seq, rowid"
    for batch in site.items("/batches", user="archivist"):
        shown = [page for page in site.items(f"/batches/{batch['id']}/pages", user="archivist") if not page["replaced"] and page["seq"]]
        own = [row[0] for row in _rows(spool_of(site.data) / "spool.db", order.replace("?", f"'{batch['id']}'"))]
        if [page["id"] for page in shown] != own:
            wrong.append(f"batch {batch['id']}: the centre's order is not the bench's")
        if [page["seq"] for page in shown] != list(range(1, len(shown) + 1)):
            wrong.append(f"batch {batch['id']}: its places are not 1 to {len(shown)}")
        wrong += [f"page {page['id']}: its image has not arrived" for page in shown if page["pending"] and page["sha256"]]
    return wrong
