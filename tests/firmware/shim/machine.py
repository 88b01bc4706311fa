"""What a board's `machine` gives, as far as the node uses it: an SHT4x on I2C, pins, a watchdog that counts how often it was fed."""


def _crc(data):
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1) ^ 0x31 if crc & 0x80 else crc << 1
            crc &= 0xFF
    return bytes([crc])


class Pin:
    IN, OUT, PULL_UP = 0, 1, 2

    def __init__(self, number, mode=0, pull=0, value=0):
        self.number = number
        self._value = 1

    def value(self, value=None):
        if value is not None:
            self._value = value
        return self._value


class I2C:
    def __init__(self, number, sda, scl, freq):
        self._asked = b""

    def writeto(self, address, data, stop=True):
        if address != 0x44:
            raise OSError(5)
        self._asked = data

    def readfrom(self, address, count):
        if address != 0x44:
            raise OSError(5)
        words = (b"\x00\x00", b"\x00\x07") if self._asked == b"\x89" else (b"\x66\x66", b"\x80\x00")
        return words[0] + _crc(words[0]) + words[1] + _crc(words[1])


class WDT:
    def __init__(self, timeout):
        self.fed = 0

    def feed(self):
        self.fed += 1


def unique_id():
    return b"\x01\x02"
