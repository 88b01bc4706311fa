"""Frames on a serial line between a sensor node and its agent: one text line, CRC-32 first, JSON after.

``<8 hex digits of CRC-32 (IEEE 802.3) over the JSON bytes> <JSON object>\\n``, at most FRAME_BYTES_MAX in all. Newlines never stand
inside, so a receiver that lost its place finds it again at the next newline.
"""

import binascii

from wire.codec import dumps, loads
from wire.errors import WireError

FRAME_BYTES_MAX = 1024
_PREFIX = 9  # eight hex digits and a blank


def encode_frame(message):
    """A frame's bytes, newline included; WireError if it is over the limit."""
    body = dumps(message).encode()
    frame = ("%08x " % (binascii.crc32(body) & 0xFFFFFFFF)).encode() + body + b"\n"
    if len(frame) > FRAME_BYTES_MAX:
        raise WireError("a frame of %d bytes is over the limit of %d" % (len(frame), FRAME_BYTES_MAX))
    return frame


def decode_frame(line):
    """The message of one frame without its newline; WireError if CRC, size or JSON is wrong."""
    if len(line) >= FRAME_BYTES_MAX:
        raise WireError("a frame of %d bytes is over the limit of %d" % (len(line), FRAME_BYTES_MAX))
    body = bytes(line[_PREFIX:])
    if bytes(line[:_PREFIX]) != ("%08x " % (binascii.crc32(body) & 0xFFFFFFFF)).encode():
        raise WireError("frame with a wrong CRC")
    return loads(body, "frame", FRAME_BYTES_MAX)


class FrameReader:
    """Cuts a stream of bytes into messages; what is not a frame is counted in `bad` and skipped."""

    def __init__(self):
        self.bad = 0
        self._buffer = b""

    def feed(self, data):
        """The messages completed by these bytes, in order."""
        messages = []
        parts = (self._buffer + data).split(b"\n")
        self._buffer = parts[-1]
        for line in parts[:-1]:
            try:
                messages.append(decode_frame(line))
            except WireError:
                self.bad += 1
        if len(self._buffer) > FRAME_BYTES_MAX:
            self._buffer = b""
            self.bad += 1
        return messages
