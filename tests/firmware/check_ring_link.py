"""Checks of the node's ring and link that run under CPython and MicroPython alike."""

import os
import sys

from firmware.chips import FAULT_BASE, FAULTS
from firmware.flash import Flash
from firmware.link import RESEND_MS, TURN, WINDOW, Link, PolledLink
from firmware.ring import Ring
from firmware.store import Store
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


CHANNELS = ["temperature", "relative_humidity"]


def made(samples, capacity=100, flash=None, spill=8, boot="b1", clock=None):
    """(store, link, clock) with some samples, one each 100 ms."""
    clock = clock or Clock()
    store = Store(boot, CHANNELS, [["sht4x", "7", CHANNELS]], ram=capacity, flash=flash, spill=spill)
    for number in range(samples):
        store.append(clock.ms + 100 * number, (1000 + number, 2000 + number))
    clock.ms += 100 * samples
    identity = {"node": "n", "version": "1"}
    return store, Link(store, identity, clock), clock


def empty_folder(number):
    """A folder with no file of ours in it."""
    folder = SCRATCH[0] + "/ring%d" % number
    try:
        for name in os.listdir(folder):
            os.remove(folder + "/" + name)
    except OSError:
        os.mkdir(folder)
    return folder


def flash_in(folder, segment_samples=16, segments_max=50):
    return Flash(folder, segment_samples=segment_samples, segments_max=segments_max)


def drain(store, link, stop=None):
    """Take samples as an agent does, acknowledging each; (boot, seq, first value, past) of each, at most `stop`."""
    link.disconnected()
    link.take({"k": "hello", "session": "s1"})
    taken = []
    boot = None
    while True:
        frame = link.frame()
        if frame is None or (stop is not None and len(taken) >= stop):
            return taken
        message = decode_frame(frame[:-1])
        if message["k"] == "hello":
            boot = message["boot"]
            continue
        taken.append((boot, message["seq"], message["v"][0], message.get("past", 0)))
        link.take({"k": "ack", "boot": boot, "seq": message["seq"]})


def ring_drops_the_oldest_and_counts():
    ring = Ring(4)
    for number in range(1, 11):
        assert ring.append(2**40 + number, (number, -number)) == number
    assert (ring.oldest, ring.newest, ring.dropped) == (7, 10, 6)
    assert ring.get(7) == (2**40 + 7, 7, -7)
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
    store, link, clock = made(5, capacity=5)
    link.take({"k": "hello", "session": "s1"})
    sent(link)
    store.append(clock.ms, (FAULT_BASE + FAULTS.index("crc"), 7))
    store.append(clock.ms, (FAULT_BASE + FAULTS.index("absent"), -40000))
    last = sent(link)
    assert sequence(last) == [6, 7] and last[0]["oldest"] == 3
    assert last[0]["v"] == ["crc", 7] and last[1]["v"] == ["absent", -40000]


def a_polled_node_speaks_in_its_turn_only():
    _, inner, _ = made(30)
    link = PolledLink(inner, 5)
    link.take({"k": "hello", "session": "s1", "a": 5})
    link.take({"k": "poll", "a": 6})
    link.take({"k": "poll"})
    link.take({"k": "sample", "a": 5, "seq": 1})
    assert sent(link) == []
    link.take({"k": "poll", "a": 5})
    turn = sent(link)
    assert [message["k"] for message in turn] == ["hello"] + ["sample"] * (TURN - 1) + ["end"]
    assert all(message["a"] == 5 for message in turn)
    link.take({"k": "poll", "a": 5})
    assert sequence(sent(link)) == list(range(1, 1 + TURN)), "what nobody acknowledged comes again in the next turn"
    link.take({"k": "ack", "boot": "b1", "seq": 30, "a": 5})
    link.take({"k": "poll", "a": 5})
    assert [message["k"] for message in sent(link)] == ["end"]


def flash_keeps_samples_over_a_restart_in_order_and_once():
    folder = empty_folder(1)
    store, _, clock = made(40, flash=flash_in(folder))  # 5 blocks of 8
    store.clock(1700000000000, clock.ms)
    later = Clock()
    later.ms = 500
    store, link, _ = made(3, flash=flash_in(folder), boot="b2", clock=later)
    store.clock(1700000010000, later.ms)
    assert store.count == 2
    assert store.boot == "b1" and store.age(1000, later.ms) == (10000 + clock.ms - 1000, True)
    assert drain(store, link, 10) == [("b1", seq, 999 + seq, 1) for seq in range(1, 11)]
    store, link, _ = made(3, flash=flash_in(folder), boot="b3", clock=Clock())
    assert drain(store, link, 6) == [("b1", seq, 999 + seq, 2) for seq in range(1, 7)], "what was not released with its file comes again"
    rest = drain(store, link)
    assert rest[:34] == [("b1", seq, 999 + seq, 2) for seq in range(7, 41)]
    assert rest[34:] == [("b3", seq, 999 + seq, 0) for seq in range(1, 4)]
    assert [name for name in os.listdir(folder) if name.endswith(".seg")] == [], "acknowledged files are gone"


def flash_cut_at_any_byte_gives_a_whole_prefix():
    folder = empty_folder(2)
    made(16, flash=flash_in(folder))
    (name,) = [name for name in os.listdir(folder) if name.endswith(".seg")]
    path = folder + "/" + name
    with open(path, "rb") as file:
        whole = file.read()
    for damage in range(2):
        held = 0
        for length in range(0, len(whole) + 1, 1 if damage == 0 else 3):
            data = whole[:length]
            if damage and length < len(whole):
                data += bytes([whole[length] ^ 1]) + whole[length + 1 :]
            elif damage:
                data = whole
            with open(path, "wb") as file:
                file.write(data)
            store, _, _ = made(0, flash=flash_in(folder), boot="b2", clock=Clock())
            samples = [(store.boot, seq) + store.get(seq)[1:] for seq in range(store.oldest, store.newest + 1)]
            assert samples == [("b1", seq, 999 + seq, 1999 + seq) for seq in range(1, len(samples) + 1)]
            assert damage or len(samples) >= held
            held = len(samples)
        assert held == 16


def flash_that_is_full_drops_the_oldest_file_and_says_so():
    folder = empty_folder(3)
    store, link, _ = made(100, flash=flash_in(folder, segment_samples=16, segments_max=3))
    taken = drain(store, link)
    assert store.dropped >= 40 and taken[-1][1] == 100
    assert [seq for _, seq, _, _ in taken] == list(range(101 - len(taken), 101))


def flash_that_refuses_leaves_the_ring_in_ram():
    store, link, _ = made(30, capacity=20, flash=flash_in("/dev/null/none"))
    assert [seq for _, seq, _, _ in drain(store, link)] == list(range(11, 31))


SCRATCH = ["."]
CHECKS = (
    ring_drops_the_oldest_and_counts,
    link_is_silent_until_greeted,
    link_sends_a_window_and_goes_on_with_acknowledgements,
    link_sends_again_what_nobody_acknowledged,
    link_says_what_the_ring_dropped,
    a_polled_node_speaks_in_its_turn_only,
    flash_keeps_samples_over_a_restart_in_order_and_once,
    flash_cut_at_any_byte_gives_a_whole_prefix,
    flash_that_is_full_drops_the_oldest_file_and_says_so,
    flash_that_refuses_leaves_the_ring_in_ram,
)

if __name__ == "__main__":
    SCRATCH[0] = sys.argv[1]
    for check in CHECKS:
        check()
    print("%d checks passed" % len(CHECKS))
