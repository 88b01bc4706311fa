"""A simulated RS-485 line: Modbus RTU transmitters that answer requests byte by byte, or fail in the ways that real ones do.

Source: "MODBUS over Serial Line Specification and Implementation Guide V1.02", sections 2.5.1 (RTU framing, CRC) and
"MODBUS Application Protocol Specification V1.1b3", 6.3, 6.4 (functions 3 and 4) and 7 (exceptions).
"""

import asyncio
import struct
from collections.abc import Sequence
from pathlib import Path

from sensors.registers import ValueMap
from sensors.sim.cable import Pty
from sensors.sim.chips import Air

REQUEST_BYTES = 8  # unit, function, address (2), count (2), CRC (2)
COUNT_MAX = 125
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, BUSY = 1, 2, 3, 6
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
    """One device at a unit address with the register maps that its tables describe.

    Faults: stuck, unplugged, crc, half (an answer that ends in the middle), timeout (too late), nack (the exception "device busy"),
    swapped (temperature and humidity stand in each other's registers), echo (the adapter repeats each request).
    """

    def __init__(self) -> None:
        self._maps: list[tuple[ValueMap, Air]] = []
        self._stuck: dict[int, dict[str, float]] = {}
        self.faults: set[str] = set()

    def add(self, maps: Sequence[ValueMap], air: Air) -> None:
        """Have these values too; air: what there is to measure."""
        self._maps += [(value, air) for value in maps]

    def _registers(self, function: int) -> dict[int, int]:
        registers: dict[int, int] = {}
        seen: dict[int, dict[str, float]] = {}
        for value, air in self._maps:
            if value.function != function:
                continue
            if id(air) not in seen:
                seen[id(air)] = dict(air())
            registers.update(zip(value.registers, value.encode(self._shown(id(air), seen[id(air)])[value.quantity]), strict=True))
        return registers

    def _shown(self, which: int, air: dict[str, float]) -> dict[str, float]:
        if "stuck" in self.faults:
            air = self._stuck.setdefault(which, air)
        else:
            self._stuck.clear()
        if "swapped" in self.faults:
            return {**air, "temperature": air["relative_humidity"], "relative_humidity": air["temperature"]}
        return air

    def answer(self, request: bytes) -> bytes:
        """The answer to a request whose CRC is right."""
        unit, function, address, count = struct.unpack(">BBHH", request[:6])
        registers = self._registers(function)
        if "nack" in self.faults:
            return self._exception(unit, function, BUSY)
        if not registers:
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
        if any("echo" in other.faults for other in self.units.values()):
            self._pty.send(request)
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
