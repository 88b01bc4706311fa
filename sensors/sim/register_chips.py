"""Simulated chips with numbered registers: BME280, VEML7700, AS7331; and the SCD4x. Faults as in sensors/sim/chips.py."""

import time
from collections.abc import Callable

from sensors.chips import as7331, bme280, scd4x, veml7700
from sensors.errors import TransportError
from sensors.sim.chips import EARLY_S, Air, SensirionChip, SimChip

# the trimming values of the worked example in Bosch's BMP280 datasheet, table 3.12, and usual ones for humidity
TRIM_T = (27504, 26435, -1000)
TRIM_P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
TRIM_H = (75, 360, 0, 322, 50, 30)


class RegisterChip(SimChip):
    """A chip whose first byte written is the register's number."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    def write(self, data: bytes) -> None:
        """A register's number, and bytes for it where there are any."""
        self.acknowledge(reading=False)
        self._at = data[0]
        if len(data) > 1:
            self.set(data[0], data[1:])

    def read(self, count: int) -> bytes:
        """Bytes from the register that was named last."""
        self.acknowledge(reading=True)
        return self.answered(self.get(self._at, count), count)

    def set(self, register: int, data: bytes) -> None:
        """Bytes for a register."""
        raise NotImplementedError

    def get(self, register: int, count: int) -> bytes:
        """Bytes from a register on."""
        raise NotImplementedError


def searched(value: float, shown: Callable[[int], float], bits: int, *, falling: bool = False) -> int:
    """The converter's number for which a monotonous `shown` comes nearest to a value."""
    low, high = 0, (1 << bits) - 1
    while low < high:
        middle = (low + high) // 2
        if (shown(middle) < value) != falling:
            low = middle + 1
        else:
            high = middle
    return low


class SimBme280(RegisterChip):
    """A BME280 in forced mode."""

    def __init__(self, air: Air) -> None:
        """air: what there is to measure."""
        super().__init__()
        self._air = air
        self._trims = (TRIM_T, TRIM_P, TRIM_H)
        self._memory = bytearray(256)
        self._memory[bme280.ID] = bme280.ID_BME280
        both = b"".join(value.to_bytes(2, "little", signed=value < 0) for value in (*TRIM_T, *TRIM_P))
        self._memory[bme280.TRIM_LOW : bme280.TRIM_LOW + 24] = both
        self._memory[0xA1] = TRIM_H[0]
        h4, h5 = TRIM_H[3], TRIM_H[4]
        tail = [
            *TRIM_H[1].to_bytes(2, "little", signed=True),
            TRIM_H[2],
            h4 >> 4 & 0xFF,
            (h4 & 0xF) | (h5 & 0xF) << 4,
            h5 >> 4 & 0xFF,
            TRIM_H[5],
        ]
        self._memory[bme280.TRIM_HIGH : bme280.TRIM_HIGH + 7] = bytes(tail)
        self._memory[bme280.DATA : bme280.DATA + 8] = bytes.fromhex("8000008000008000")
        self._done_at = 0.0

    def set(self, register: int, data: bytes) -> None:
        """Settings; a write of forced mode starts one measurement."""
        self._memory[register : register + len(data)] = data
        if register == bme280.CONTROL and data[0] & 3:
            self._done_at = float("inf") if "timeout" in self.faults else time.monotonic() + bme280.MEASURE_MS / 1000 - EARLY_S
            air = self.seen(self._air())
            temperature = searched(air["temperature"], lambda raw: bme280.temp_c(bme280.fine(self._trims, raw)), 20)
            fine = bme280.fine(self._trims, temperature)
            pressure = searched(air["air_pressure"], lambda raw: bme280.pressure_hpa(self._trims, fine, raw), 20, falling=True)
            humidity = searched(air["relative_humidity"], lambda raw: bme280.rh_pct(self._trims, fine, raw), 16)
            shifted = (pressure << 4).to_bytes(3, "big") + (temperature << 4).to_bytes(3, "big") + humidity.to_bytes(2, "big")
            self._memory[bme280.DATA : bme280.DATA + 8] = shifted

    def get(self, register: int, count: int) -> bytes:
        """Registers; the status tells whether it measures."""
        self._memory[bme280.STATUS] = bme280.MEASURING if time.monotonic() < self._done_at else 0
        return bytes(self._memory[register : register + count])


class SimVeml7700(RegisterChip):
    """A VEML7700: a count of the light at each integration since it was set up."""

    def __init__(self, air: Air) -> None:
        """air: what there is to measure."""
        super().__init__()
        self._air = air
        self._configuration = veml7700.SHUT_DOWN
        self._since = 0.0

    def set(self, register: int, data: bytes) -> None:
        """The configuration: a 16-bit word, low byte first."""
        if register == veml7700.CONFIGURATION:
            self._configuration = data[0] | data[1] << 8
            self._since = time.monotonic()

    def get(self, register: int, count: int) -> bytes:
        """A 16-bit word, low byte first; 0 before the first integration has ended."""
        if register == veml7700.ID:
            return bytes([veml7700.ID_BYTE, 0xC4])
        if register != veml7700.ALS or self._configuration & veml7700.SHUT_DOWN or "timeout" in self.faults:
            return bytes(2)
        which = next(number for number, (_, _, bits) in enumerate(veml7700.RANGES) if bits == self._configuration)
        if time.monotonic() - self._since < veml7700.RANGES[which][1] / 1000:
            return bytes(2)
        light = self.seen(self._air())["illuminance"]
        counts = light / veml7700.lx_per_count(which)
        if veml7700.RANGES[which][0] < 1 and light > 1000:
            counts = searched(light, lambda number: veml7700.lux(which, min(number, 0xFFFE)), 16)
        return int(min(round(counts), veml7700.FULL)).to_bytes(2, "little")


class SimAs7331(RegisterChip):
    """An AS7331 with its two states; UV-A carries nine tenths of the ultraviolet."""

    def __init__(self, air: Air) -> None:
        """air: what there is to measure."""
        super().__init__()
        self._air = air
        self._state = as7331.CONFIGURE
        self._settings = {as7331.CREG1: 0xA6, as7331.CREG3: as7331.COMMAND_MODE}
        self._ready_at = 0.0
        self._counts = (0, 0, 0)

    def set(self, register: int, data: bytes) -> None:
        """The state, or a setting in the configuration state."""
        if register == as7331.STATE:
            self._state = data[0] & 7
            if data[0] == as7331.MEASURE_START:
                self._ready_at = float("inf") if "timeout" in self.faults else time.monotonic() + as7331.TIME_MS / 1000 - EARLY_S
                self._measure()
        elif self._state == as7331.CONFIGURE:
            self._settings[register] = data[0]

    def _measure(self) -> None:
        gain = 2048 >> (self._settings[as7331.CREG1] >> 4)
        uv = self.seen(self._air())["uv_irradiance"]
        parts = zip((0.9 * uv, 0.1 * uv, 0.0), as7331.COUNTS_PER_UW_CM2, strict=True)
        wanted = [round(part * keenness * gain / 2048) for part, keenness in parts]
        self._over = max(wanted) > 0xFFFF
        self._counts = tuple(min(number, 0xFFFF) for number in wanted)  # type: ignore[assignment]

    def get(self, register: int, count: int) -> bytes:
        """Settings, or in the measuring state OSR with STATUS, and results."""
        if self._state == as7331.CONFIGURE:
            return bytes([as7331.ID_BYTE]) if register == as7331.ID else bytes([self._settings.get(register, self._state)])
        if register == as7331.STATE:
            waiting = time.monotonic() < self._ready_at
            return bytes([as7331.MEASURE, as7331.NOT_READY if waiting else 0x40 if self._over else 0x08])
        return b"".join(number.to_bytes(2, "little") for number in self._counts)[:count]


class SimScd4x(SensirionChip):
    """An SCD4x in periodic measurement."""

    def __init__(self, air: Air, serial: int, *, period_s: float = scd4x.PERIOD_MS / 1000) -> None:
        """air: what there is to measure; serial: the chip's number; period_s: shorter than a real chip's 5 s in tests."""
        super().__init__()
        self._air = air
        self._serial = serial
        self.period_s = period_s
        self._running_since: float | None = None
        self._taken = 0

    def write(self, data: bytes) -> None:
        """A command; while it measures it takes only some."""
        self.acknowledge(reading=False)
        idle_only = data in (scd4x.SERIAL, scd4x.START)
        if idle_only and self._running_since is not None:
            raise TransportError("the chip measures and does not take this command")
        self._ready_at = 0.0
        if data == scd4x.START:
            self._running_since, self._taken = time.monotonic(), 0
        elif data == scd4x.STOP:
            self._running_since = None
        elif data == scd4x.SERIAL:
            self.give(0, self._serial >> 16 & 0xFFFF, self._serial & 0xFFFF)
        elif data == scd4x.READY:
            self.give(0x8006 if self._made() > self._taken else 0x8000)
        elif data == scd4x.READ:
            if self._made() <= self._taken:
                raise TransportError("the chip has nothing to read")
            self._taken = self._made()
            air = self.seen(self._air())
            warm = (air["temperature"] + 4 + 45) / 175
            self.give(round(air["co2"]), min(round(warm * 65535), 0xFFFF), min(round(air["relative_humidity"] / 100 * 65535), 0xFFFF))
        else:
            raise TransportError("the chip does not know this command")

    def _made(self) -> int:
        """How many measurements have ended since the start."""
        if self._running_since is None or "timeout" in self.faults:
            return 0
        return int((time.monotonic() - self._running_since) / self.period_s)
