"""Checks an exported ledger with nothing but the standard library and `cryptography`: chains, signatures, leaves, tree, checkpoint.

Usage: muniment-verify FILE [--key BASE64] [--objects FOLDER]. FILE is an export of the ledger, or the `ledger.ndjson` of a package: the
part of a ledger that speaks of one batch, each entry with its proof of inclusion. Exit 0 and a summary, or 1 and the first entry that
fails. A part proves that what it shows is in the ledger; it cannot prove that nothing else is: a later retake may be left out. So each
acceptance names the digest of all pages that it accepted, and --objects, with the folder of a package's masters, compares the files with
the records and with the last acceptance shown. With --key the centre's public key is the one you were given by a way you trust; without
it, the file's own is believed, which proves that nothing was altered since it was exported, but not by whom.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LINE_BYTES_MAX = 4 * 1024 * 1024


class BadEntry(Exception):
    """The first thing in the export that does not hold."""


def sha256(data: bytes) -> bytes:
    """FIPS 180-4."""
    return hashlib.sha256(data).digest()


def check_signature(public_key: bytes, text: bytes, signature: str, what: str) -> None:
    """Ed25519, RFC 8032."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(base64.b64decode(signature, validate=True), text)
    except (InvalidSignature, ValueError) as error:
        raise BadEntry(f"{what}: the signature is wrong") from error


class Root:
    """The root of RFC 6962, leaf by leaf: one hash for each set bit of the number of leaves."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[tuple[int, bytes]] = []  # (level, hash), highest level first

    def add(self, leaf: bytes) -> None:
        """Append a leaf."""
        level, hash_ = 0, sha256(b"\x00" + leaf)
        while self._edge and self._edge[-1][0] == level:
            hash_ = sha256(b"\x01" + self._edge.pop()[1] + hash_)
            level += 1
        self._edge.append((level, hash_))
        self.size += 1

    def value(self) -> bytes:
        """The root now."""
        if not self._edge:
            return sha256(b"")
        root = self._edge[-1][1]
        for _, hash_ in reversed(self._edge[:-1]):
            root = sha256(b"\x01" + hash_ + root)
        return root


def accepted_digest(batch: str, pages: Iterable[tuple[str, str | None]]) -> str:
    """What an acceptance says of a batch's pages that count: hex SHA-256 over its id and each (page, SHA-256 of its image), sorted."""
    lines = sorted(f"{page} {digest or '-'}" for page, digest in pages)
    return sha256("\n".join(("muniment-accepted/1", batch, *lines, "")).encode()).hex()


def check_inclusion(leaf: bytes, index: int, size: int, proof: list[str], root: bytes, what: str) -> None:
    """RFC 9162 section 2.1.3.2: the leaf is in the tree of `size` leaves that has this root."""
    if not 0 <= index < size:
        raise BadEntry(f"{what}: is not in the tree of {size} entries that was signed")
    node, last, hash_ = index, size - 1, sha256(b"\x00" + leaf)
    for step in proof:
        if last == 0:
            raise BadEntry(f"{what}: its proof of inclusion is too long")
        sibling = bytes.fromhex(step)
        if node & 1 or node == last:
            hash_ = sha256(b"\x01" + sibling + hash_)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            hash_ = sha256(b"\x01" + hash_ + sibling)
        node, last = node >> 1, last >> 1
    if last or hash_ != root:
        raise BadEntry(f"{what}: is not in the tree that was signed")


class Verifier:
    """Reads the export's lines in order; every method raises BadEntry at the first thing that does not hold."""

    def __init__(self, trusted_key: bytes | None) -> None:
        self.site, self.origin, self.centre_key = "", "", trusted_key
        self.keys: dict[tuple[str, str], bytes] = {}
        self.tips: dict[tuple[str, str, str], tuple[int, str]] = {}  # (agent, lane, epoch) -> (seq, head)
        self.gaps: dict[tuple[str, str, str, int], int] = {}  # (agent, lane, epoch, from) -> to
        self.tree, self.counts = Root(), dict.fromkeys(("batch", "act", "records", "withheld", "erased"), 0)
        self.note, self.signed, self.root = "", 0, b""
        self.extract = False  # a part of a ledger: its entries carry proofs of inclusion
        self.pages: dict[str, tuple[str, str | None]] = {}  # page -> (agent, SHA-256), as its agent's last record says
        self.shown = -1  # the last entry
        self.accepted: dict[str, Any] = {}  # of the last acceptance shown: entry, batch, digest

    def line(self, entry: dict[str, Any]) -> None:
        """Take one line of the export."""
        {"ledger": self.ledger, "key": self.key, "batch": self.batch, "act": self.act, "checkpoint": self.checkpoint}[entry["type"]](entry)

    def ledger(self, entry: dict[str, Any]) -> None:
        """The first line: whose ledger this is."""
        if self.site:
            raise BadEntry("ledger: stands there twice")
        self.site, self.origin, given = entry["site"], entry["origin"], base64.b64decode(entry["key"])
        if self.centre_key not in (None, given):
            raise BadEntry("ledger: the centre's key in the file is not the one you trust")
        self.centre_key, self.extract = given, entry.get("extract") is True

    def key(self, entry: dict[str, Any]) -> None:
        """An agent's public key; its id is a hash of it."""
        raw = base64.b64decode(entry["public_key"])
        if sha256(raw).hex()[:16] != entry["key"]:
            raise BadEntry(f"key {entry['key']}: is not the hash of the public key beside it")
        self.keys[entry["agent"], entry["key"]] = raw

    def leaf(self, entry: dict[str, Any], text: str) -> None:
        """Append a leaf, which has to be the next; in an extract, show that it is in the tree that was signed."""
        index = entry["index"]
        if self.extract:
            if not self.note:
                raise BadEntry(f"entry {index}: stands before the checkpoint")
            if index <= self.shown:
                raise BadEntry(f"entry {index}: stands after entry {self.shown}")
            self.shown = index
            check_inclusion(text.encode(), index, self.signed, entry["proof"], self.root, f"entry {index}")
            return
        if index != self.tree.size:
            raise BadEntry(f"entry {index}: entry {self.tree.size} was expected")
        self.tree.add(text.encode())

    def batch(self, entry: dict[str, Any]) -> None:
        """A batch: continues its lane's chain, holds together, and is signed by its agent."""
        what, lane = f"entry {entry['index']}", (entry["agent"], entry["lane"], entry["epoch"])
        names = "\n".join((self.site, *lane))
        seq, head = self.tips.get(lane, (0, sha256(f"muniment-chain/1\n{names}\n".encode()).hex()))
        first, last = entry["first"], entry["first"] + entry["n"] - 1
        if not self.extract and first != seq + 1 and self.gaps.pop((*lane, seq + 1), None) != first - 1:
            raise BadEntry(f"{what}: begins at {first}, but its lane has come to {seq}")
        if first == seq + 1 and entry["prev"] != head:
            raise BadEntry(f"{what}: does not continue its lane's chain")
        h = bytes.fromhex(entry["prev"])
        if len(entry["lines"]) != entry["n"]:
            raise BadEntry(f"{what}: {entry['n']} records are named, {len(entry['lines'])} are there")
        for line in entry["lines"]:
            withheld = line.startswith("#")
            h = sha256(h + (bytes.fromhex(line[1:]) if withheld else sha256(line.encode())))
            self.counts["withheld" if withheld else "records"] += 1
            if not withheld:
                self.record(entry["agent"], line)
        if h.hex() != entry["head"]:
            raise BadEntry(f"{what}: its records do not lead to its head")
        key = self.keys.get((entry["agent"], entry["key"]))
        if key is None:
            raise BadEntry(f"{what}: the key {entry['key']} is not the agent's")
        check_signature(key, f"muniment-batch/1\n{names}\n{last}\n{entry['head']}\n".encode(), entry["sig"], what)
        fields = ("agent", "lane", "epoch", "first", "n", "prev", "head", "key", "sig")
        self.leaf(entry, f"muniment-leaf/1\nbatch\n{self.site}\n" + "".join(f"{entry[field]}\n" for field in fields))
        self.tips[lane] = (last, entry["head"])
        self.counts["batch"] += 1

    def record(self, agent: str, line: str) -> None:
        """Remember what a page's record says of its image; nothing that another agent says of it."""
        found = json.loads(line) if '"page"' in line or "\\u" in line else None
        if isinstance(found, dict) and found.get("k") == "page":
            page = str(found["page"])
            if self.pages.get(page, (agent, None))[0] == agent:
                self.pages[page] = (agent, found["sha256"])

    def act(self, entry: dict[str, Any]) -> None:
        """An act: its body, where it was not erased, has the digest that is in the leaf."""
        what = f"entry {entry['index']}"
        if "body" not in entry:
            self.counts["erased"] += 1
        elif sha256(bytes.fromhex(entry["salt"]) + entry["body"].encode()).hex() != entry["digest"]:
            raise BadEntry(f"{what}: the act's body was changed")
        elif entry["kind"] == "gap":
            body = json.loads(entry["body"])
            self.gaps[body["agent"], body["lane"], body["epoch"], body["from"]] = body["to"]
        elif entry["kind"] == "batch.accept":
            body = json.loads(entry["body"])
            self.accepted = {"entry": entry["index"], "batch": str(body["batch"]), "digest": body.get("digest")}
        self.leaf(entry, f"muniment-leaf/1\nact\n{entry['t_ms']}\n{entry['kind']}\n{entry['digest']}\n")
        self.counts["act"] += 1

    def checkpoint(self, entry: dict[str, Any]) -> None:
        """The signed note: the tree had this root when it had this size."""
        if self.extract and self.note:
            raise BadEntry("checkpoint: a part of a ledger has one")
        self.note, (text, _, signatures) = entry["note"], entry["note"].partition("\n\n")
        origin, size, root = text.split("\n")
        if origin != self.origin:
            raise BadEntry(f"checkpoint: is of {origin}, not of {self.origin}")
        _, name, blob = signatures.split("\n")[0].split(" ")
        raw, key = base64.b64decode(blob), self.centre_key or b""
        if name != origin or raw[:4] != sha256(name.encode() + b"\n\x01" + key)[:4]:
            raise BadEntry("checkpoint: is signed with another key")
        check_signature(key, (text + "\n").encode(), base64.b64encode(raw[4:]).decode(), "checkpoint")
        if self.extract:
            self.signed, self.root = int(size), base64.b64decode(root)
            return
        if int(size) != self.tree.size or self.tree.value() != base64.b64decode(root):
            raise BadEntry(f"checkpoint: the {self.tree.size} entries before it are not the tree of {size} entries that was signed")
        self.signed = int(size)

    def summary(self) -> str:
        """What was found to hold."""
        if not self.note:
            raise BadEntry("checkpoint: there is none")
        c = self.counts
        if self.extract:
            words = f"{self.site}: a part of the ledger of {self.signed} entries: {c['batch']} batches, {c['act']} acts, "
            words += f"{c['records']} records, {c['withheld']} withheld, {len(self.pages)} pages: "
            return words + "signatures, proofs of inclusion and checkpoint hold"
        words = f"{self.site}: {self.tree.size} entries ({c['batch']} batches, {c['act']} acts), {c['records']} records, "
        words += f"{c['withheld']} withheld, {c['erased']} acts without body: chains, signatures, tree and checkpoint hold"
        later = self.tree.size - self.signed
        return words + (f"; the last {later} entries are younger than the checkpoint" if later else "")


def check_objects(folder: Path, pages: dict[str, tuple[str, str | None]], accepted: dict[str, Any]) -> str:
    """What was found of the files whose names end in _PAGE.suffix: each has to be the image that the page's record names, and together
    they have to be what the last acceptance shown was about."""
    checked, found_here = 0, []
    for path in sorted(folder.iterdir()):
        found = re.fullmatch(r".*_([^_]+)\.\w+", path.name)
        page = found.group(1) if found else ""
        if page not in pages:
            raise BadEntry(f"{path.name}: no record in the ledger speaks of it")
        digest = pages[page][1]
        found_here.append((page, digest))
        with path.open("rb") as file:
            if digest is not None and hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise BadEntry(f"{path.name}: is not the image that the ledger names")
        checked += digest is not None
    words = f"; {checked} files in {folder} are the images that it names"
    if accepted.get("digest") is None:
        return words + ", but no acceptance shown names its pages: that these are all, and the last ones, is NOT proven"
    if accepted_digest(accepted["batch"], found_here) != accepted["digest"]:
        raise BadEntry(f"{folder}: its files are not the pages of batch {accepted['batch']} that entry {accepted['entry']} accepted")
    return words + f", all pages that entry {accepted['entry']} accepted; what the ledger says after that entry is not shown"


def verify(path: Path, trusted_key: bytes | None = None, *, objects: Path | None = None) -> str:
    """The summary of an export that holds; BadEntry at the first entry that does not."""
    verifier, number = Verifier(trusted_key), 0
    with path.open("rb") as file:
        while line := file.readline(LINE_BYTES_MAX):
            number += 1
            try:
                verifier.line(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise BadEntry(f"line {number}: is not what an export has there: {type(error).__name__}: {error}") from error
    return verifier.summary() + (check_objects(objects, verifier.pages, verifier.accepted) if objects else "")


def main(argv: list[str] | None = None) -> int:
    """Command line; 0 it holds, 1 it does not, 2 wrong input."""
    parser = argparse.ArgumentParser(prog="muniment-verify", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("file", type=Path, metavar="FILE", help="what `muniment-central export-ledger` wrote")
    parser.add_argument("--key", help="the centre's public key in base64, from a source you trust (an agent's centre.pub)")
    parser.add_argument(
        "--objects", type=Path, metavar="FOLDER", help="masters of a package (data/objects), to be compared with the ledger"
    )
    args = parser.parse_args(argv)
    try:
        print(verify(args.file, base64.b64decode(args.key, validate=True) if args.key else None, objects=args.objects))
    except BadEntry as error:
        print(f"{args.file}: {error}", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
