"""The ring in RAM of samples that the agent has not acknowledged: bounded, packed, oldest dropped first and counted."""

import struct


def entry_format(channels):
    """The packed form of one sample: uptime ms, then one 32-bit value a channel."""
    return "<Q%di" % channels


class Ring:
    """Samples with consecutive sequence numbers from 1; `oldest`..`newest` are held (none while oldest > newest).

    Uses 8 + 4 * channels bytes a sample, reserved at the start, so that a full ring cannot run out of memory later.
    """

    def __init__(self, capacity, channels=2):
        """capacity: the most samples held; channels: values a sample."""
        self.capacity = capacity
        self.oldest = 1
        self.newest = 0
        self.dropped = 0
        self._format = entry_format(channels)
        self.entry_bytes = struct.calcsize(self._format)
        self._store = bytearray(capacity * self.entry_bytes)

    def append(self, at_ms, values):
        """Keep one sample (uptime in ms, one stored value a channel) and return its sequence number."""
        if self.newest - self.oldest + 1 >= self.capacity:
            self.oldest += 1
            self.dropped += 1
        self.newest += 1
        struct.pack_into(self._format, self._store, self.newest % self.capacity * self.entry_bytes, at_ms, *values)
        return self.newest

    def get(self, seq):
        """(at_ms, value, …) of a sequence number that is held."""
        return struct.unpack(self._format, self.packed(seq))

    def packed(self, seq):
        """The same as bytes."""
        if not self.oldest <= seq <= self.newest:
            raise IndexError("sample %d is not held" % seq)
        start = seq % self.capacity * self.entry_bytes
        return bytes(self._store[start : start + self.entry_bytes])

    def release(self, seq):
        """Forget everything up to and including this sequence number; what is unknown or already gone changes nothing."""
        if self.oldest <= seq <= self.newest:
            self.oldest = seq + 1
