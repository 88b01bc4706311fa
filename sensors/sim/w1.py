"""A simulated 1-Wire bus: real folders and files as the kernel shows them, written anew by the simulated room.

Faults: crc (a scratchpad with a wrong checksum), stuck, unplugged (the folder is gone), timeout (an empty answer), half (the file ends
in the middle), power_on (85 degrees, as a chip shows that lost its power during the conversion).
"""

import shutil
from pathlib import Path

from sensors.chips.crc import crc8_maxim
from sensors.chips.ds18b20 import POWER_ON_TICKS, TICK_C
from sensors.sim.chips import Air, SimChip

CONFIGURATION_12_BITS = 0x7F


class SimDs18b20(SimChip):
    """A DS18B20 in a folder of its own."""

    def __init__(self, folder: Path, serial: str, air: Air) -> None:
        """folder: of the bus; serial: such as 28-000000000001; air: what there is to measure: the temperature of a surface."""
        super().__init__()
        self.serial = serial
        self._folder = folder / serial
        self._air = air
        self.refresh()

    def refresh(self) -> None:
        """Measure, and show it."""
        if "unplugged" in self.faults:
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        text = self._text()
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._folder / ".w1_slave"
        fresh.write_text(text[: len(text) // 4] if "half" in self.faults else text, encoding="ascii")
        fresh.replace(self._folder / "w1_slave")

    def _text(self) -> str:
        if "timeout" in self.faults:
            return ""
        ticks = round(self.seen(self._air())["surface"] / TICK_C)
        mark = 0x10 - (ticks & 0x0F)
        if "power_on" in self.faults:
            ticks, mark = POWER_ON_TICKS, 0x0C
        pad = (ticks & 0xFFFF).to_bytes(2, "little") + bytes([0x4B, 0x46, CONFIGURATION_12_BITS, 0xFF, mark, 0x10])
        crc = crc8_maxim(pad) ^ (0x01 if "crc" in self.faults else 0)
        shown = " ".join(f"{byte:02x}" for byte in (*pad, crc))
        verdict = "NO" if "crc" in self.faults else "YES"
        return f"{shown} : crc={crc:02x} {verdict}\n{shown} t={round(ticks * TICK_C * 1000)}\n"
