"""The node's side of the serial link: hello, samples with sequence numbers, a window in flight, resending what nobody acknowledged.

Node to agent: ``{"k":"hello","node","version","boot","chip","session","up"}`` and
``{"k":"sample","seq","oldest","age","up","t","h"}`` (ticks) or with ``"fault"`` in place of the ticks.
Agent to node: ``{"k":"hello","session"}`` and ``{"k":"ack","boot","seq"}``. Times are milliseconds of the node's uptime.
"""

from wire.frames import encode_frame

WINDOW = 16  # samples in flight
RESEND_MS = 1000
FAULTS = ("", "crc", "absent")


class Link:
    """Says what to send and takes what arrives; moves no bytes itself. Silent until the agent has said hello on this connection."""

    def __init__(self, ring, identity, uptime_ms):
        """ring: unacknowledged samples; identity: dict of node, version, boot, chip; uptime_ms: function."""
        self._ring = ring
        self._identity = identity
        self._uptime_ms = uptime_ms
        self.disconnected()

    def disconnected(self):
        """The wire is gone or new: wait for the agent's hello."""
        self._session = None
        self._hello_due = False
        self._next = 0
        self._progress_ms = 0

    def take(self, message):
        """One message from the agent; what is not understood is passed over."""
        kind = message.get("k")
        seq = message.get("seq")
        if kind == "hello" and isinstance(message.get("session"), str):
            self._session = message["session"][:32]
            self._hello_due = True
            self._next = self._ring.oldest
            self._progress_ms = self._uptime_ms()
        elif kind == "ack" and isinstance(seq, int) and message.get("boot") == self._identity["boot"] and seq >= self._ring.oldest:
            self._ring.release(seq)
            self._progress_ms = self._uptime_ms()

    def frame(self):
        """The next frame to send now, or None."""
        if self._session is None:
            return None
        now = self._uptime_ms()
        if self._hello_due:
            self._hello_due = False
            hello = {"k": "hello", "session": self._session, "up": now}
            hello.update(self._identity)
            return encode_frame(hello)
        oldest = self._ring.oldest
        if self._next <= oldest:
            if self._next < oldest:
                self._next = oldest
            if oldest <= self._ring.newest:
                self._progress_ms = now
        elif now - self._progress_ms >= RESEND_MS:
            self._next = oldest
            self._progress_ms = now
        if self._next > self._ring.newest or self._next >= oldest + WINDOW:
            return None
        self._next += 1
        return self._sample(self._next - 1, oldest, now)

    def _sample(self, seq, oldest, now):
        at_ms, temperature, humidity, fault = self._ring.get(seq)
        sample = {"k": "sample", "seq": seq, "oldest": oldest, "age": now - at_ms, "up": now}
        if fault:
            sample["fault"] = FAULTS[fault]
        else:
            sample["t"] = temperature
            sample["h"] = humidity
        return encode_frame(sample)
