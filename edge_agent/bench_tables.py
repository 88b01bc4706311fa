"""What a bench's tables may hold, as the scan line itself says: cameras, pedals and scanners by driver, thresholds of the page profile.

Apart from `config.py`, so that the core, which is handed a configuration, loads nothing of the scan line.
"""

from collections.abc import Mapping
from typing import Any

from scanner_line.cameras.registry import CAMERAS
from scanner_line.pedals.registry import PEDALS
from scanner_line.profile import read_profile
from scanner_line.scanners.registry import DRIVERS
from sensors.registry import Driver


class ScanLineTables:
    """The scan line's part of a configuration."""

    @property
    def cameras(self) -> Mapping[str, Driver]:
        """Drivers of bench cameras by name."""
        return CAMERAS

    @property
    def pedals(self) -> Mapping[str, Driver]:
        """Drivers of bench pedals by name."""
        return PEDALS

    @property
    def sources(self) -> Mapping[str, Driver]:
        """Drivers of benches that have no cameras, by name: scanners, watched folders."""
        return DRIVERS

    def profile_mistakes(self, table: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(key, words) for each mistake in a table of thresholds."""
        return read_profile(table)[1]
