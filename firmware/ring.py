"""The ring of samples that the agent has not acknowledged: bounded, packed, oldest dropped first and counted."""

import struct

_ENTRY = "<QHHB"  # uptime ms, temperature ticks, humidity ticks, fault
_ENTRY_BYTES = struct.calcsize(_ENTRY)


class Ring:
    """Samples with consecutive sequence numbers from 1; `oldest`..`newest` are held (none while oldest > newest).

    Uses 13 bytes a sample, reserved at the start, so that a full ring cannot run out of memory later.
    """

    def __init__(self, capacity):
        """capacity: the most samples held."""
        self.capacity = capacity
        self.oldest = 1
        self.newest = 0
        self.dropped = 0
        self._store = bytearray(capacity * _ENTRY_BYTES)

    def append(self, at_ms, temperature, humidity, fault):
        """Keep one sample (uptime in ms, two 16-bit ticks, fault 0 = none) and return its sequence number."""
        if self.newest - self.oldest + 1 >= self.capacity:
            self.oldest += 1
            self.dropped += 1
        self.newest += 1
        struct.pack_into(_ENTRY, self._store, self.newest % self.capacity * _ENTRY_BYTES, at_ms, temperature, humidity, fault)
        return self.newest

    def get(self, seq):
        """(at_ms, temperature, humidity, fault) of a sequence number that is held."""
        if not self.oldest <= seq <= self.newest:
            raise IndexError("sample %d is not held" % seq)
        return struct.unpack_from(_ENTRY, self._store, seq % self.capacity * _ENTRY_BYTES)

    def release(self, seq):
        """Forget everything up to and including this sequence number; what is unknown or already gone changes nothing."""
        if self.oldest <= seq <= self.newest:
            self.oldest = seq + 1
