"""The node's side of the protocol: hello, samples with sequence numbers, a window in flight, resending what nobody acknowledged.

Node to agent: ``{"k":"hello","node","version","board","boot","start","boots","chips","session","up"}`` (`boot` is
the start whose samples follow, `start` the present one) and
``{"k":"sample","seq","oldest","age","up","v"}``, `v` one entry a channel: thousandths of its unit or the name of a fault. A sample of an
earlier start of the node has ``"past": 1`` where its age is known and 2 where it is only at least that.
Agent to node: ``{"k":"hello","session","t"}``, ``{"k":"ack","boot","seq"}``, ``{"k":"identify","s"}`` and, where several nodes share a
line, ``{"k":"poll"}``. Messages on such a line carry the node's address as `a`. Times are milliseconds of the node's uptime.
"""

from firmware.chips import unpacked
from wire.frames import encode_frame

WINDOW = 16  # samples in flight
RESEND_MS = 1000
TURN = 8  # samples that a polled node sends at once
IDENTIFY_MAX_S = 600


class Link:
    """Says what to send and takes what arrives; moves no bytes itself. Silent until the agent has said hello on this connection."""

    def __init__(self, store, identity, uptime_ms, on_identify=None):
        """store: unacknowledged samples (a Store); identity: dict of node, version; on_identify(seconds): blink."""
        self._store = store
        self._identity = identity
        self._uptime_ms = uptime_ms
        self._on_identify = on_identify
        self.heard_ms = 0  # when the agent last said something of sense
        self.disconnected()

    def disconnected(self):
        """The wire is gone or new: wait for the agent's hello."""
        self._session = None
        self._told = None  # the boot that the last hello was about
        self._next = 0
        self._progress_ms = 0

    def take(self, message):
        """One message from the agent; what is not understood is passed over."""
        kind = message.get("k")
        seq = message.get("seq")
        store = self._store
        if kind == "hello" and isinstance(message.get("session"), str):
            self._session = message["session"][:32]
            wall = message.get("t")
            if isinstance(wall, int) and not isinstance(wall, bool) and wall > 0:
                store.clock(wall, self._uptime_ms())
            self._begin(None)
        elif kind == "ack" and isinstance(seq, int) and message.get("boot") == store.boot and seq >= store.oldest:
            store.release(seq)
            self._progress_ms = self._uptime_ms()
        elif kind == "identify" and self._on_identify is not None and isinstance(message.get("s"), (int, float)):
            self._on_identify(max(0, min(message["s"], IDENTIFY_MAX_S)))
        else:
            return
        self.heard_ms = self._uptime_ms()

    def _begin(self, told):
        self._told = told
        self._next = self._store.oldest
        self._progress_ms = self._uptime_ms()

    def message(self):
        """The next message to send now, or None."""
        if self._session is None:
            return None
        now = self._uptime_ms()
        store = self._store
        boot = store.boot
        if boot != self._told:
            self._begin(boot)
            hello = {
                "k": "hello",
                "session": self._session,
                "up": now,
                "boot": boot,
                "start": store.here,
                "boots": store.count,
                "chips": store.head_chips,
            }
            hello.update(self._identity)
            return hello
        oldest = store.oldest
        if self._next <= oldest:
            if self._next < oldest:
                self._next = oldest
            if oldest <= store.newest:
                self._progress_ms = now
        elif now - self._progress_ms >= RESEND_MS:
            self._next = oldest
            self._progress_ms = now
        if self._next > store.newest or self._next >= oldest + WINDOW:
            return None
        self._next += 1
        return self._sample(self._next - 1, oldest, now)

    def frame(self):
        """The next frame to send now, or None."""
        message = self.message()
        return None if message is None else encode_frame(message)

    def again(self):
        """Whatever is in flight may go out again at once: on a polled line an acknowledgement comes before the next turn or never."""
        if self._session is not None:
            self._next = self._store.oldest

    def _sample(self, seq, oldest, now):
        stored = self._store.get(seq)
        age, sure = self._store.age(stored[0], now)
        sample = {"k": "sample", "seq": seq, "oldest": oldest, "age": age, "up": now, "v": [unpacked(value) for value in stored[1:]]}
        if self._store.boot != self._store.here:
            sample["past"] = 1 if sure else 2
        return sample


class PolledLink:
    """A link on a line that several nodes share: says nothing but in its own turn, and ends the turn with `{"k":"end"}`."""

    def __init__(self, link, address):
        """address: the node's own; messages to others are passed over unread."""
        self._link = link
        self._address = address
        self._turn = 0  # messages that may still go out

    def disconnected(self):
        """See Link."""
        self._turn = 0
        self._link.disconnected()

    def take(self, message):
        """See Link; a poll gives the node its turn."""
        if message.get("a") != self._address or message.get("k") in ("sample", "end"):
            return
        if message.get("k") == "poll":
            self._turn = TURN + 1
            self._link.again()
        else:
            self._link.take(message)

    def frame(self):
        """See Link."""
        if not self._turn:
            return None
        self._turn -= 1
        message = self._link.message() if self._turn else None
        if message is None:
            self._turn = 0
            message = {"k": "end"}
        message["a"] = self._address
        return encode_frame(message)
