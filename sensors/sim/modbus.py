"""A simulated RS-485 line: Modbus RTU transmitters that answer requests byte by byte, or fail in the ways that real ones do.

Source: "MODBUS over Serial Line Specification and Implementation Guide V1.02", sections 2.5.1 (RTU framing, CRC) and
"MODBUS Application Protocol Specification V1.1b3", 6.3, 6.4 (functions 3 and 4) and 7 (exceptions).
"""

import asyncio
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sensors.sim.cable import Pty
from sensors.sim.chips import Climate

REQUEST_BYTES = 8  # unit, function, address (2), count (2), CRC (2)
COUNT_MAX = 125
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
ANSWER_S = 0.004  # a transmitter takes a few milliseconds
LATE_FACTOR = 1.5  # the fault `timeout`: an answer this much later than the driver waits


def crc16(data: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first as it travels."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


class SimTransmitter:
    """One transmitter with the register map that its options describe."""

    def __init__(self, options: Mapping[str, Any], climate: Climate) -> None:
        """options: as of the driver `modbus_th`; climate: what the air is like."""
        self._options = options
        self._climate = climate
        self._stuck: tuple[float, float] | None = None
        self.faults: set[str] = set()

    def _registers(self) -> dict[int, int]:
        climate = self._climate()
        if "stuck" in self.faults:
            climate = self._stuck = self._stuck or climate
        else:
            self._stuck = None
        registers: dict[int, int] = {}
        for name, value in zip(("temperature_register", "humidity_register"), climate, strict=True):
            for offset, word in enumerate(self._words(value)):
                registers[self._options[name] + offset] = word
        return registers

    def _words(self, value: float) -> list[int]:
        """A value as this transmitter stores it."""
        kind, signed, little = self._options["format"], self._options["signed"], self._options["order"] == "little"
        counts = value / self._options["scale"]
        if kind == "float32":
            words = list(struct.unpack(">2H", struct.pack(">f", counts)))
        elif kind == "int32":
            words = list(struct.unpack(">2H", round(counts).to_bytes(4, "big", signed=signed)))
        else:
            (word,) = struct.unpack("<H" if little else ">H", round(counts).to_bytes(2, "big", signed=signed))
            return [word]
        return words[::-1] if little else words

    def answer(self, request: bytes) -> bytes:
        """The answer to a request whose CRC is right."""
        unit, function, address, count = struct.unpack(">BBHH", request[:6])
        registers = self._registers()
        if function != self._options["function"]:
            return self._exception(unit, function, ILLEGAL_FUNCTION)
        if not 1 <= count <= COUNT_MAX:
            return self._exception(unit, function, ILLEGAL_VALUE)
        wanted = range(address, address + count)
        if any(number not in registers for number in wanted):
            return self._exception(unit, function, ILLEGAL_ADDRESS)
        words = struct.pack(f">{count}H", *(registers[number] for number in wanted))
        body = struct.pack(">BBB", unit, function, len(words)) + words
        return body + crc16(body)

    @staticmethod
    def _exception(unit: int, function: int, code: int) -> bytes:
        body = struct.pack(">BBB", unit, function | 0x80, code)
        return body + crc16(body)


class SimModbusLine:
    """The line with its transmitters by unit address; silence for addresses that nobody has."""

    def __init__(self, path: Path, *, timeout_s: float) -> None:
        """path: where the driver opens the line; timeout_s: how long the driver waits, for the fault `timeout`."""
        self.units: dict[int, SimTransmitter] = {}
        self._timeout_s = timeout_s
        self._buffer = b""
        self._pty = Pty(path, self._received)

    @property
    def path(self) -> Path:
        """The line's device."""
        return self._pty.path

    def _received(self, data: bytes) -> None:
        self._buffer = (self._buffer + data)[-256:]
        while len(self._buffer) >= REQUEST_BYTES:
            request = self._buffer[:REQUEST_BYTES]
            if crc16(request[:6]) != request[6:]:
                self._buffer = self._buffer[1:]  # not a request from its start: look one byte on
                continue
            self._buffer = self._buffer[REQUEST_BYTES:]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        unit = self.units.get(request[0])
        if unit is None or "unplugged" in unit.faults:
            return
        answer = unit.answer(request)
        if "crc" in unit.faults:
            answer = answer[:-1] + bytes([answer[-1] ^ 0xFF])
        if "half" in unit.faults:
            answer = answer[: len(answer) // 2]
        delay_s = self._timeout_s * LATE_FACTOR if "timeout" in unit.faults else ANSWER_S
        asyncio.get_running_loop().call_later(delay_s, self._pty.send, answer)

    def close(self) -> None:
        """Take the line away; idempotent."""
        self._pty.close()
