"""The two CRC-8 that sensor chips use, and Sensirion's words that carry one each; runs on MicroPython."""

from sensors.errors import ChipError


def crc8(data):
    """Sensirion's: polynomial 0x31, start 0xFF, not reflected; crc8(b"\\xbe\\xef") is 0x92."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1) ^ 0x31 if crc & 0x80 else crc << 1
            crc &= 0xFF
    return crc


def crc8_maxim(data):
    """Maxim's for 1-Wire: polynomial 0x31 reflected (0x8C), start 0 (Analog Devices application note 27)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x8C if crc & 1 else crc >> 1
    return crc


def words(frame, count):
    """`count` 16-bit words, each followed by its CRC; ChipError when the length or a CRC is wrong."""
    if len(frame) != 3 * count:
        raise ChipError("an answer has %d bytes, not %d" % (3 * count, len(frame)))
    found = []
    for start in range(0, 3 * count, 3):
        if crc8(frame[start : start + 2]) != frame[start + 2]:
            raise ChipError("wrong CRC in the answer")
        found.append(frame[start] << 8 | frame[start + 1])
    return found
