"""A small, true centre for tests of the agent: keeps what it is sent as the contract says, and signs its acknowledgements."""

import copy
from dataclasses import dataclass, field
from typing import Any

from edge_agent.keys import AgentKey
from wire import chain, codec


@dataclass
class Tip:
    """What the centre has of one epoch in one lane: lines from `first` on, and the chain's hash after each sequence."""

    lines: dict[int, bytes] = field(default_factory=dict)
    heads: dict[int, bytes] = field(default_factory=dict)
    seq: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)


class Centre:
    """Stores batches per (lane, epoch), answers each with a signed acknowledgement."""

    def __init__(self, key: AgentKey, *, site: str, agent: str) -> None:
        self.key, self.site, self.agent = key, site, agent
        self.tips: dict[tuple[str, str], Tip] = {}
        self.order: list[tuple[str, dict[str, Any]]] = []  # every record as it was committed: (lane, record)
        self.refused: list[str] = []
        self.backup()

    def backup(self) -> None:
        """Remember everything as it is now."""
        self._saved = copy.deepcopy((self.tips, self.order))

    def restore(self) -> None:
        """Be again what `backup` remembered."""
        self.tips, self.order = copy.deepcopy(self._saved)

    def tip(self, lane: str, epoch: str) -> Tip:
        tip = self.tips.get((lane, epoch))
        if tip is None:
            tip = self.tips[(lane, epoch)] = Tip()
            tip.heads[0] = chain.start(self.site, self.agent, lane, epoch)
        return tip

    def ack(self, lane: str, epoch: str, seq: int, head: bytes, refused: dict[str, Any] | None = None) -> dict[str, Any]:
        """A signed acknowledgement."""
        why, agreed = (refused["why"], refused["agreed_seq"]) if refused else ("", -1)
        made: dict[str, Any] = {"epoch": epoch, "seq": seq, "head": chain.hex_of(head)}
        if refused:
            made["refused"] = refused
        made["sig"] = self.key.sign(chain.ack_text(self.site, self.agent, lane, epoch, seq, made["head"], why, agreed))
        return made

    def receive(self, lane: str, payload: bytes) -> dict[str, Any]:
        """Store a batch by the contract's rules; the acknowledgement."""
        header, lines = codec.split_batch(payload)
        codec.verify_chain(header, lines)
        epoch, first = header["epoch"], header["first"]
        tip = self.tip(lane, epoch)
        if first > tip.seq + 1:
            if header["oldest"] <= tip.seq + 1:
                return self.ack(lane, epoch, tip.seq, tip.heads[tip.seq])
            assert first == header["oldest"], "a batch out of nowhere"
            tip.gaps.append((tip.seq + 1, first - 1))
            tip.seq, tip.heads[first - 1] = first - 1, chain.raw_of(header["prev"])
        h = chain.raw_of(header["prev"])
        for seq, line in enumerate(lines, first):
            if seq <= tip.seq:
                if seq in tip.lines and chain.line_digest(tip.lines[seq]) != chain.line_digest(line):
                    self.refused.append("overlap")
                    refused = {"why": "overlap with other digests", "agreed_seq": seq - 1}
                    return self.ack(lane, epoch, tip.seq, tip.heads[tip.seq], refused)
                h = chain.extend(h, chain.line_digest(line))
                continue
            if seq == first and tip.heads.get(first - 1) != h:
                self.refused.append("prev")
                refused = {"why": "prev is not the tip", "agreed_seq": 0}
                return self.ack(lane, epoch, tip.seq, tip.heads[tip.seq], refused)
            h = chain.extend(h, chain.line_digest(line))
            tip.lines[seq], tip.heads[seq], tip.seq = line, h, seq
            record = codec.decode_record(line, lane)
            if record is not None:
                self.order.append((lane, record))
        return self.ack(lane, epoch, tip.seq, tip.heads[tip.seq])
