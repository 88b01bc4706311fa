"""Samples in flash: append-only segment files with a checksum an entry, the oldest file dropped when room runs out.

A segment is one header line (a frame of wire/frames.py: boot, first sequence number, quantities) and then entries of one size: a packed
sample of the ring and the CRC-32 of it. Nothing is ever written twice in place: wear is one append a block of samples, one file removed
a segment. A write cut short anywhere leaves a tail that does not check, and what stands before it is whole.
"""

import binascii
import os
import struct

from wire.errors import WireError
from wire.frames import FRAME_BYTES_MAX, decode_frame, encode_frame

STATE = "state"
SUFFIX = ".seg"
NAME_DIGITS = 8


def _crc(data):
    return struct.pack("<I", binascii.crc32(data) & 0xFFFFFFFF)


class Segment:
    """One file of samples of one boot; `oldest`..`newest` are not yet acknowledged."""

    def __init__(self, path, header, header_bytes, entry_bytes):
        """header: boot, first, q; header_bytes: where the entries begin; entry_bytes: of a packed sample without its CRC."""
        self.path = path
        self.boot = header["boot"]
        self.first = self.oldest = header["first"]
        self.channels = header["q"]
        self.chips = header.get("chips")
        self.newest = self.first - 1
        self._start = header_bytes
        self._entry_bytes = entry_bytes
        self._format = "<Q%di" % len(self.channels)

    def scan(self):
        """Count the entries up to the first that does not check; how many bytes stand after it."""
        size = self._entry_bytes + 4
        with open(self.path, "rb") as file:
            file.seek(self._start)
            while True:
                entry = file.read(size)
                if len(entry) < size or _crc(entry[:-4]) != entry[-4:]:
                    return len(entry)
                self.newest += 1

    def append(self, entries):
        """Add packed samples, as one write; OSError where there is no room."""
        with open(self.path, "ab") as file:
            file.write(b"".join([entry + _crc(entry) for entry in entries]))
        self.newest += len(entries)

    def get(self, seq):
        """(at_ms, value, …); IndexError when it is not held, OSError when its bytes no longer check."""
        if not self.oldest <= seq <= self.newest:
            raise IndexError("sample %d is not held" % seq)
        size = self._entry_bytes + 4
        with open(self.path, "rb") as file:
            file.seek(self._start + (seq - self.first) * size)
            entry = file.read(size)
        if len(entry) < size or _crc(entry[:-4]) != entry[-4:]:
            raise OSError("sample %d does not check" % seq)
        return struct.unpack(self._format, entry[:-4])

    def last_ms(self):
        """Uptime of the newest sample."""
        kept, self.oldest = self.oldest, self.first
        try:
            return self.get(self.newest)[0]
        finally:
            self.oldest = kept


class Flash:
    """The folder of segments, oldest first, and the node's few lasting facts (boot counter, clocks of earlier boots)."""

    def __init__(self, folder, *, segment_samples, segments_max):
        """folder: made where missing; segment_samples: a file's most samples; segments_max: the most files."""
        self.dropped = 0  # samples given up for want of room
        self.damaged = 0  # files or tails that did not check
        self.segments = []
        self._folder = folder
        self._segment_samples = segment_samples
        self._segments_max = segments_max
        self._open = None  # the segment of this start that may still grow
        self._number = 0
        try:
            os.mkdir(folder)
        except OSError:
            pass  # it is there, or the first write will say
        self._load()
        self.state = self._load_state()

    def _path(self, name):
        return self._folder + "/" + name

    def _load(self):
        try:
            names = sorted([name for name in os.listdir(self._folder) if name.endswith(SUFFIX)])
        except OSError:
            names = []
        for name in names:
            path = self._path(name)
            try:
                self._number = max(self._number, int(name[: -len(SUFFIX)]))
                segment = self._read(path)
            except (OSError, ValueError, KeyError, TypeError, WireError):
                self.damaged += 1
                self._remove(path)
                continue
            if segment.newest < segment.first:
                self._remove(path)
            else:
                self.segments.append(segment)

    def _read(self, path):
        with open(path, "rb") as file:
            line = file.readline(FRAME_BYTES_MAX)
        if line[-1:] != b"\n":
            raise ValueError("no header")
        header = decode_frame(line[:-1])
        if not isinstance(header["boot"], str) or not isinstance(header["first"], int) or not 1 <= len(header["q"]) <= 16:
            raise ValueError("not a header of ours")
        segment = Segment(path, header, len(line), 8 + 4 * len(header["q"]))
        if segment.scan():
            self.damaged += 1
        return segment

    def _remove(self, path):
        try:
            os.remove(path)
        except OSError:
            pass  # gone already, or the flash fails: then the next write says so

    # -- samples

    def keep(self, boot, first, channels, chips, entries):
        """Append packed samples numbered from `first`; whether they are in flash now. Drops the oldest segment for room."""
        while True:
            try:
                self._append(boot, first, channels, chips, entries)
                return True
            except OSError:
                self._abandon()
                if len(self.segments) < 2:
                    return False  # the room is not ours to make
                self._drop_oldest()

    def _append(self, boot, first, channels, chips, entries):
        segment = self._open
        if segment is None or segment.newest - segment.first + 1 + len(entries) > self._segment_samples or segment.newest + 1 != first:
            while len(self.segments) >= self._segments_max:
                self._drop_oldest()
            segment = self._begin(boot, first, channels, chips)
        segment.append(entries)
        if segment not in self.segments:
            self.segments.append(segment)
        self._open = segment

    def _begin(self, boot, first, channels, chips):
        self._number += 1
        path = self._path(("%0" + str(NAME_DIGITS) + "d") % self._number + SUFFIX)
        header = {"boot": boot, "first": first, "q": channels, "chips": chips}
        line = encode_frame(header)
        self._open = Segment(path, header, len(line), 8 + 4 * len(channels))
        with open(path, "wb") as file:
            file.write(line)
        return self._open

    def _abandon(self):
        """After a write that failed: what it left behind is a damaged tail, so nothing may be appended after it."""
        segment, self._open = self._open, None
        if segment is not None and segment not in self.segments:
            self._remove(segment.path)

    def _drop_oldest(self):
        segment = self.segments.pop(0)
        self.dropped += segment.newest - segment.oldest + 1
        if segment is self._open:
            self._open = None
        self._remove(segment.path)

    def release(self, seq):
        """The head segment is acknowledged up to seq; its file goes when all of it is."""
        head = self.segments[0]
        if head.oldest <= seq <= head.newest:
            head.oldest = seq + 1
        if head.oldest > head.newest:
            self.segments.pop(0)
            if head is self._open:
                self._open = None
            self._remove(head.path)

    # -- lasting facts

    def _load_state(self):
        for name in (STATE, STATE + ".new"):
            try:
                with open(self._path(name), "rb") as file:
                    state = decode_frame(file.read(FRAME_BYTES_MAX).rstrip())
                if isinstance(state["boots"], int) and isinstance(state["clocks"], dict):
                    return state
            except (OSError, KeyError, WireError):
                continue
        return {"boots": 0, "clocks": {}}

    def save_state(self):
        """Write the facts beside the old ones, then in their place; whether that worked."""
        held = [segment.boot for segment in self.segments]
        for boot in list(self.state["clocks"]):
            if boot not in held and boot != self.state.get("boot"):
                del self.state["clocks"][boot]
        try:
            with open(self._path(STATE + ".new"), "wb") as file:
                file.write(encode_frame(self.state))
            os.rename(self._path(STATE + ".new"), self._path(STATE))
        except (OSError, WireError):
            return False
        return True
