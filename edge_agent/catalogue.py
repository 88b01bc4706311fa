"""Which drivers each configuration table may name, and the options that each brings along."""

from collections.abc import Mapping

from edge_agent.options import Option
from edge_agent.tables import BENCH_CAMERA_DRIVERS, CAMERA_DRIVERS
from sensors import registry
from wire.units import QUANTITIES

_REGISTERED: dict[str, Mapping[str, registry.Driver]] = {
    "sensor": registry.SENSORS,
    "contact": registry.CONTACTS,
    "output": registry.OUTPUTS,
}
_PLAIN = {"camera": CAMERA_DRIVERS, "bench.camera": BENCH_CAMERA_DRIVERS}


def drivers(section: str) -> list[str]:
    """The drivers of a section (`sensor`, `contact`, `output`, `camera`, `bench.camera`)."""
    return sorted(_REGISTERED[section] if section in _REGISTERED else _PLAIN[section])


def driver_options(section: str, driver: str, *, sim: bool) -> tuple[Option, ...]:
    """The options that a driver itself takes; a simulated wire needs no port."""
    if section not in _REGISTERED:
        return ()
    return tuple(
        Option(
            option.name,
            option.kind,
            option.words,
            option.default,
            required=option.required or (option.on_device and not sim),
            low=option.low,
            high=option.high,
            choices=option.choices,
            unit=option.unit,
        )
        for option in _REGISTERED[section][driver].options
    )


def driver_words(section: str, driver: str) -> str:
    """One sentence about a driver, empty where there is none."""
    return _REGISTERED[section][driver].words if section in _REGISTERED else ""


def address(section: str, driver: str) -> tuple[str, ...]:
    """The options that together say where a device sits: no two devices may agree in all of them."""
    return _REGISTERED[section][driver].address if section in _REGISTERED and driver in _REGISTERED[section] else ()


def quantities(driver: str | None) -> tuple[str, ...]:
    """What a sensor's driver measures; every known quantity where the driver does not say."""
    known = registry.SENSORS[driver].quantities if driver in registry.SENSORS else ()
    return known or tuple(sorted(QUANTITIES))
