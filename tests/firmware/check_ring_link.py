"""Checks of the node's ring and link that run under CPython and MicroPython alike."""

from firmware.link import RESEND_MS, WINDOW, Link
from firmware.ring import Ring
from wire.frames import decode_frame


class Clock:
    """An uptime that the checks set."""

    def __init__(self):
        self.ms = 1000

    def __call__(self):
        return self.ms


def sent(link):
    """Every message that the link wants to send now."""
    messages = []
    while True:
        frame = link.frame()
        if frame is None:
            return messages
        messages.append(decode_frame(frame[:-1]))


def sequence(messages):
    """The sequence numbers of the samples among messages."""
    return [message["seq"] for message in messages if message["k"] == "sample"]


def made(samples, capacity=100):
    """(ring, link, clock) with some samples, one each 100 ms."""
    clock = Clock()
    ring = Ring(capacity)
    for number in range(samples):
        ring.append(clock.ms + 100 * number, 1000 + number, 2000 + number, 0)
    clock.ms += 100 * samples
    identity = {"node": "n", "version": "1", "boot": "b1", "chip": ""}
    return ring, Link(ring, identity, clock), clock


def ring_drops_the_oldest_and_counts():
    ring = Ring(4)
    for number in range(1, 11):
        assert ring.append(2**40 + number, number, 65535, number % 3) == number
    assert (ring.oldest, ring.newest, ring.dropped) == (7, 10, 6)
    assert ring.get(7) == (2**40 + 7, 7, 65535, 1)
    ring.release(8)
    assert (ring.oldest, ring.newest) == (9, 10)
    ring.release(8)
    ring.release(99)
    assert (ring.oldest, ring.newest) == (9, 10)
    for held in (8, 11):
        try:
            ring.get(held)
        except IndexError:
            continue
        raise AssertionError("%d is not held" % held)


def link_is_silent_until_greeted():
    _, link, _ = made(3)
    assert sent(link) == []
    link.take({"k": "ack", "boot": "b1", "seq": 1})
    link.take({"k": "hello", "session": 5})
    link.take({"k": "nonsense"})
    link.take({})
    assert sent(link) == []
    link.take({"k": "hello", "session": "s1"})
    messages = sent(link)
    assert messages[0]["k"] == "hello" and messages[0]["session"] == "s1" and messages[0]["boot"] == "b1"


def link_sends_a_window_and_goes_on_with_acknowledgements():
    ring, link, clock = made(40)
    link.take({"k": "hello", "session": "s1"})
    assert sequence(sent(link)) == list(range(1, 1 + WINDOW))
    clock.ms += RESEND_MS // 2
    link.take({"k": "ack", "boot": "b1", "seq": 10})
    assert sequence(sent(link)) == list(range(1 + WINDOW, 11 + WINDOW))
    link.take({"k": "ack", "boot": "another", "seq": 40})
    link.take({"k": "ack", "boot": "b1", "seq": "40"})
    assert ring.oldest == 11
    link.take({"k": "ack", "boot": "b1", "seq": 40})
    assert sent(link) == [] and ring.oldest == 41


def link_sends_again_what_nobody_acknowledged():
    _, link, clock = made(5)
    link.take({"k": "hello", "session": "s1"})
    assert len(sent(link)) == 6
    assert sent(link) == []
    clock.ms += RESEND_MS
    again = sent(link)
    assert sequence(again) == [1, 2, 3, 4, 5]
    assert again[0]["age"] == 500 + RESEND_MS, "the age grows, the time of measurement stays"
    link.disconnected()
    assert sent(link) == []
    link.take({"k": "hello", "session": "s2"})
    assert sequence(sent(link)) == [1, 2, 3, 4, 5]


def link_says_what_the_ring_dropped():
    ring, link, clock = made(5, capacity=5)
    link.take({"k": "hello", "session": "s1"})
    sent(link)
    ring.append(clock.ms, 0, 0, 1)
    ring.append(clock.ms, 0, 0, 2)
    last = sent(link)
    assert sequence(last) == [6, 7] and last[0]["oldest"] == 3
    assert last[0]["fault"] == "crc" and last[1]["fault"] == "absent" and "t" not in last[0]


CHECKS = (
    ring_drops_the_oldest_and_counts,
    link_is_silent_until_greeted,
    link_sends_a_window_and_goes_on_with_acknowledgements,
    link_sends_again_what_nobody_acknowledged,
    link_says_what_the_ring_dropped,
)

if __name__ == "__main__":
    for check in CHECKS:
        check()
    print("%d checks passed" % len(CHECKS))
