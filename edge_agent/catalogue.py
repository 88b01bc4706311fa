"""Which drivers each configuration table may name, and the options that each brings along."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from edge_agent.options import Option
from edge_agent.tables import CAMERA_DRIVERS
from sensors import registry
from sensors.catalogue.option import Mistakes
from wire.units import QUANTITIES

BENCH_CAMERA, BENCH_PEDAL = "bench.camera", "bench.pedal"
DEFAULT_DRIVERS = {BENCH_CAMERA: "picamera2"}
_REGISTERED: dict[str, Mapping[str, registry.Driver]] = {
    "sensor": registry.SENSORS,
    "contact": registry.CONTACTS,
    "output": registry.OUTPUTS,
}


class BenchTables(Protocol):
    """The scan line's own part of a configuration."""

    @property
    def cameras(self) -> Mapping[str, registry.Driver]:
        """Drivers of bench cameras by name."""

    @property
    def pedals(self) -> Mapping[str, registry.Driver]:
        """Drivers of bench pedals by name."""

    @property
    def sources(self) -> Mapping[str, registry.Driver]:
        """Drivers of benches that have no cameras, by name."""

    def profile_mistakes(self, table: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(key, words) for each mistake in a table of thresholds."""


class Catalogue:
    """Drivers by section: `sensor`, `contact`, `output`, `camera`, `bench.camera`, `bench.pedal`."""

    def __init__(self, benches: BenchTables | None = None) -> None:
        """Without the scan line's tables, what stands in a bench's cameras, pedals and profile is taken as it is."""
        self.benches = benches
        self._registered = {
            **_REGISTERED,
            BENCH_CAMERA: benches.cameras if benches else {},
            BENCH_PEDAL: benches.pedals if benches else {},
        }

    def open(self, section: str) -> bool:
        """Whether a section's drivers are not known here, so that its tables are not judged."""
        return section in (BENCH_CAMERA, BENCH_PEDAL) and self.benches is None

    def drivers(self, section: str) -> list[str]:
        """The drivers of a section."""
        return sorted(CAMERA_DRIVERS if section == "camera" else self._registered[section])

    def options(self, section: str, driver: str, *, sim: bool) -> tuple[Option, ...]:
        """The options that a driver itself takes; those that only a real wire needs are required there."""
        if section == "camera":
            return ()
        return tuple(
            replace(option, required=option.required or (option.on_device and not sim))
            for option in self._registered[section][driver].options
        )

    def mistakes(self, section: str, driver: str, options: Mapping[str, Any]) -> Mistakes:
        """What is wrong with a device's table as a whole: (keys below it, words)."""
        judge = None if self.open(section) or section == "camera" else self._registered[section][driver].mistakes
        return judge(options) if judge else []

    def words(self, section: str, driver: str) -> str:
        """One sentence about a driver, empty where there is none."""
        return self._registered[section][driver].words if section in self._registered else ""


def address(section: str, driver: str, benches: BenchTables | None = None) -> tuple[str, ...]:
    """The options that together say where a device sits: no two devices may agree in all of them."""
    known = benches.cameras if section == BENCH_CAMERA and benches else benches.pedals if section == BENCH_PEDAL and benches else None
    drivers = _REGISTERED.get(section, {}) if known is None else known
    return drivers[driver].address if driver in drivers else ()


def shared(section: str, driver: str) -> bool:
    """Whether several tables may name the same place."""
    return driver in _REGISTERED[section] and _REGISTERED[section][driver].shared


def line(driver: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """How a device on a serial line wants the line set, by option; empty for one that is on none, or whose table has a mistake."""
    known = registry.SENSORS.get(driver)
    return known.line(options) if known and known.line else {}


def quantities(driver: str | None, options: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """What a sensor measures; every known quantity where neither its driver nor its table says."""
    known = registry.SENSORS.get(driver or "")
    own = known.quantities if known else ()
    if known and known.measures and options is not None:
        own = known.measures(options)
    return own or tuple(sorted(QUANTITIES))
