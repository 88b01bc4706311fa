"""What a node holds of unacknowledged samples: flash first, which is older, then RAM; one run of one boot at a time.

Samples of an earlier start of the node are given under that start's own id and numbers, so that the agent knows which of them it has.
"""

from firmware.chips import FAULT_BASE, FLASH
from firmware.ring import Ring

CLOCKS_MAX = 8  # starts whose clock is remembered


class Store:
    """`boot`, `oldest`, `newest`, `get`, `release` of the run that goes out now; `append` at the other end."""

    def __init__(self, boot, channels, chips, *, ram, flash=None, spill=64):
        """boot: this start's id; channels: quantities; chips: as Chips.identity; ram: samples; flash: or None; spill: samples a block."""
        self.here = boot
        self.channels = channels
        self.chips = chips
        self.flash = flash
        self.count = 1
        self._ring = Ring(ram, len(channels))
        self._spill = min(spill, ram)
        self._wall_start = None
        self._ends = {}
        if flash is not None:
            for segment in flash.segments:
                self._ends[segment.boot] = segment.last_ms()
            self.count = flash.state["boots"] = flash.state["boots"] + 1
            flash.state["boot"] = boot
            flash.save_state()

    @property
    def dropped(self):
        """Samples that found no room."""
        return self._ring.dropped + (self.flash.dropped if self.flash is not None else 0)

    @property
    def _head(self):
        if self.flash is not None and self.flash.segments:
            return self.flash.segments[0]
        return self._ring

    @property
    def boot(self):
        """The start whose samples go out now."""
        head = self._head
        return self.here if head is self._ring else head.boot

    @property
    def head_chips(self):
        """The chips that those samples are of."""
        head = self._head
        return self.chips if head is self._ring else head.chips

    @property
    def oldest(self):
        """The lowest sequence number held of it."""
        return self._head.oldest

    @property
    def newest(self):
        """The highest; below `oldest` while there is none."""
        return self._head.newest

    def append(self, at_ms, values):
        """Keep one sample of now."""
        ring = self._ring
        ring.append(at_ms, values)
        held = ring.newest - ring.oldest + 1
        if self.flash is not None and held >= self._spill and held % self._spill == 0:
            self.spill()

    def spill(self):
        """Move what RAM holds to flash; without room it stays in RAM, where the oldest is dropped when that is full too."""
        ring = self._ring
        if self.flash is None or ring.newest < ring.oldest:
            return
        entries = [ring.packed(seq) for seq in range(ring.oldest, ring.newest + 1)]
        if self.flash.keep(self.here, ring.oldest, self.channels, self.chips, entries):
            ring.release(ring.newest)

    def get(self, seq):
        """(at_ms, value, …); a sample whose bytes in flash do not check any more is a sample of faults at uptime 0."""
        try:
            return self._head.get(seq)
        except OSError:
            return (0,) + (FAULT_BASE + FLASH,) * len(self._head.channels)

    def release(self, seq):
        """Everything of this run up to seq is the agent's now."""
        if self._head is self._ring:
            self._ring.release(seq)
        else:
            self.flash.release(seq)

    def clock(self, wall_ms, up_ms):
        """The agent says what time it is: kept, so that samples of this start keep their age after the next one."""
        fresh = self._wall_start is None
        self._wall_start = wall_ms - up_ms
        if fresh and self.flash is not None:
            clocks = self.flash.state["clocks"]
            while len(clocks) >= CLOCKS_MAX:
                del clocks[min(clocks, key=lambda boot: clocks[boot])]
            clocks[self.here] = self._wall_start
            self.flash.save_state()

    def age(self, at_ms, up_ms):
        """(age in ms, whether that is sure) of a sample of the run that goes out now.

        A sample of an earlier start is as old as both starts' clocks say; where one had none, at least as old as if the node had
        started again at once.
        """
        boot = self.boot
        if boot == self.here:
            return up_ms - at_ms, True
        if self.flash is not None and self._wall_start is not None and boot in self.flash.state["clocks"] and at_ms:
            age = self._wall_start + up_ms - (self.flash.state["clocks"][boot] + at_ms)
            if age >= up_ms:
                return age, True
        return up_ms + max(self._ends.get(boot, at_ms) - at_ms, 0), False
