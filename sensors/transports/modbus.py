"""A Modbus RTU line (pymodbus on a serial port), shared by all devices on it: one request at a time, each failure told apart."""

import asyncio
import logging
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sensors.errors import ChipError, SilentError, TransportError

REST = 1.0  # a device that failed is left alone for this many timeouts: its late answer must not pass for the answer to the next request
EXCEPTIONS = {  # Modbus Application Protocol V1.1b3, section 7
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
}


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How a line is set; all devices on it share this."""

    baud: int
    parity: str
    stop_bits: int
    timeout_ms: int

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The settings among a device's options."""
        return cls(options["baud"], options["parity"], options["stop_bits"], options["timeout_ms"])

    def __str__(self) -> str:
        return f"{self.baud} 8{self.parity}{self.stop_bits}, timeout {self.timeout_ms} ms"


class ModbusLine:
    """Reads registers. Opened at first use, and again after the port was gone."""

    def __init__(self, port: str, settings: LineSettings) -> None:
        """port: path of the serial device."""
        self.settings = settings
        self._port = port
        self._lock = asyncio.Lock()
        self._client: Any = None
        self._heard = b""
        self._sent = b""
        self._rests_until_s: dict[int, float] = {}
        self.echoes = False  # whether the adapter was heard to repeat what it sends

    async def read_registers(self, unit: int, *, function: int, address: int, count: int) -> list[int]:
        """`count` 16-bit registers from `address` on, by function 3 or 4.

        SilentError: no byte came back; ChipError: bytes came but no answer with a right CRC; TransportError: the port is gone or the
        device answered with an exception.
        """
        from pymodbus.exceptions import ConnectionException, ModbusException, ModbusIOException

        await asyncio.sleep(self._rests_until_s.get(unit, 0.0) - time.monotonic())
        async with self._lock:
            client = await self._connected()
            self._heard = b""
            read = client.read_holding_registers if function == 3 else client.read_input_registers
            try:
                answer = await read(address, count=count, device_id=unit)
            except ConnectionException as error:
                raise TransportError(f"{self._port}: the line is gone") from error
            except ModbusIOException as error:
                raise self._failed(unit) from error
            except ModbusException as error:
                raise ChipError(f"unit {unit}: {error}") from error
        if answer.isError():
            code = getattr(answer, "exception_code", 0)
            raise TransportError(f"unit {unit} answers exception {code}, {EXCEPTIONS.get(code, 'unknown')}")
        registers = list(answer.registers)
        if len(registers) != count:
            raise ChipError(f"unit {unit} answered {len(registers)} registers instead of {count}")
        return registers

    def _failed(self, unit: int) -> Exception:
        self._rests_until_s[unit] = time.monotonic() + self.settings.timeout_ms / 1000 * REST
        waited = f"within {self.settings.timeout_ms} ms"
        if not self._heard:
            return SilentError(f"unit {unit} gave no answer {waited}")
        return ChipError(f"unit {unit}: wrong CRC or half an answer, {len(self._heard)} bytes {waited}")

    async def _connected(self) -> Any:
        from pymodbus.client import AsyncModbusSerialClient

        if self._client is None:
            # pymodbus logs every single failure; ours are told by the reading's quality and logged when that changes
            logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
            self._client = AsyncModbusSerialClient(
                self._port,
                baudrate=self.settings.baud,
                parity=self.settings.parity,
                stopbits=self.settings.stop_bits,
                timeout=self.settings.timeout_ms / 1000,
                retries=0,
                reconnect_delay=0,
                trace_packet=self._trace,
            )
        try:
            if not self._client.connected and not await self._client.connect():
                raise TransportError(f"{self._port}: cannot be opened")
        except termios.error as error:  # no OSError, so pymodbus lets it through
            raise TransportError(f"{self._port}: cannot be set to {self.settings}") from error
        return self._client

    def _trace(self, sending: bool, data: bytes) -> bytes:
        """What pymodbus is shown of the bytes sent, and of all that came since; an echo of the request is left out.

        No answer begins with its whole request, nor ends within it; what may still become one is held back until more has come.
        """
        if sending:
            self._sent = data
            return data
        if self._sent.startswith(data):
            return b""
        if self._sent and data.startswith(self._sent):
            self.echoes = True
            data = data[len(self._sent) :]
        self._heard = data
        return data

    async def close(self) -> None:
        """Close the port; idempotent."""
        if self._client is not None:
            self._client.close()
            self._client = None
