"""The table of the general Modbus driver: presets shipped as data, free maps, and what both together come to."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sensors.catalogue.option import Driver, Mistakes, Option
from sensors.errors import OptionError
from sensors.registers import FORMATS, ORDERS, ValueMap
from wire.units import QUANTITIES

FALLBACK: Mapping[str, Any] = {"unit": 1, "baud": 9600, "parity": "N", "stop_bits": 1, "function": 3, "timeout_ms": 500, "gap": 0}
LINE = ("baud", "parity", "stop_bits", "timeout_ms")  # what all devices on a line share

CHANNEL = (
    Option("quantity", "text", "What it measures; left out, the table's NAME.", choices=tuple(sorted(QUANTITIES))),
    Option("register", "integer", "Address of its first register, counted from 0.", required=True, low=0, high=65535),
    Option("function", "integer", "Function code; left out, the device's.", low=3, high=4),
    Option("format", "text", "How the number is written; 32 bits take two registers.", "int16", choices=FORMATS),
    Option("order", "text", "Order of the bytes of two registers; of one register, BADC swaps the two.", "ABCD", choices=ORDERS),
    Option("scale", "number", "The value is raw * scale + offset.", 1.0, low=-1e9, high=1e9),
    Option("offset", "number", "See scale.", 0.0, low=-1e9, high=1e9),
    Option("raw_low", "number", "A lower raw number means no value (a 4-20 mA loop that is broken)."),
    Option("raw_high", "number", "A higher raw number means no value."),
    Option("invalid", "integer", "The raw number by which the device says that it has no value.", low=-(2**31), high=2**32 - 1),
    Option("low", "number", "Lowest value that the device can measure; lower ones are bad."),
    Option("high", "number", "Highest value that it can measure."),
    Option("tolerance", "number", "Its accuracy, plus or minus, in the quantity's unit.", low=0),
)


@cache
def presets() -> Mapping[str, Mapping[str, Any]]:
    """Every shipped preset by name: the line's settings, `channel` tables, words and the source of the map."""
    return tomllib.loads(files("sensors.catalogue").joinpath("presets.toml").read_text(encoding="utf-8"))


def preset(name: str) -> Mapping[str, Any]:
    """One preset; OptionError names the known ones."""
    if name not in presets():
        raise OptionError(f"there is no preset {name[:60]!r}; known: {', '.join(sorted(presets()))}")
    return presets()[name]


def resolved(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with what the preset, or else the fallback, says where the table says nothing."""
    base = {**FALLBACK, **({} if not options.get("preset") else preset(options["preset"]))}
    return {**base, **{key: value for key, value in options.items() if value is not None}}


def channel_tables(options: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The wanted channels by name: the preset's, each replaced by the table's own of the same name, then the table's own."""
    named = preset(options["preset"])["channel"] if options.get("preset") else {}
    only = options.get("only")
    return {**{name: table for name, table in named.items() if not only or name in only}, **(options.get("channel") or {})}


def value_maps(options: Mapping[str, Any]) -> list[ValueMap]:
    """The maps of all channels."""
    function = resolved(options)["function"]
    return [ValueMap.of(name, table, function=function) for name, table in channel_tables(options).items()]


def measures(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The quantities of a table; none where its preset is unknown."""
    if options.get("preset") and options["preset"] not in presets():
        return ()
    wanted = (str(table.get("quantity") or name) for name, table in channel_tables(options).items())
    return tuple(quantity for quantity in wanted if quantity in QUANTITIES)


def line_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """How the table wants its line set; {} where its preset is unknown."""
    if options.get("preset") and options["preset"] not in presets():
        return {}
    whole = resolved(options)
    return {name: whole[name] for name in LINE if name in whole}


def mistakes(options: Mapping[str, Any]) -> Mistakes:
    """What is wrong with the table as a whole."""
    name, own = options.get("preset"), options.get("channel") or {}
    if name and name not in presets():
        return [(("preset",), f'"{name[:60]}" is not one of {", ".join(sorted(presets()))}')]
    if not name and not own:
        return [((), "preset or channel is missing: name a preset, or write [sensor.NAME.channel.QUANTITY] for each value")]
    found: Mistakes = []
    known = preset(name)["channel"] if name else {}
    found += [
        (("only",), f'"{one[:60]}" is not one of {", ".join(known) or "none"}') for one in options.get("only") or () if one not in known
    ]
    seen: dict[str, str] = {}
    for key, table in channel_tables(options).items():
        quantity = table.get("quantity") or key
        place = ("channel", key)
        if quantity not in QUANTITIES:
            found.append((place, f'"{quantity[:60]}" is not a quantity: write quantity = one of {", ".join(sorted(QUANTITIES))}'))
        elif quantity in seen:
            found.append(
                (place, f"{quantity} is already measured by {seen[quantity]}: one more of it is a sensor of its own on the same unit")
            )
        seen.setdefault(quantity, key)
        low, high = table.get("raw_low"), table.get("raw_high")
        if low is not None and high is not None and low >= high:
            found.append(((*place, "raw_low"), f"{low:g} is not less than raw_high = {high:g}"))
        if table.get("scale") == 0:
            found.append(((*place, "scale"), "0 would make every value the same"))
    return found


MODBUS = Driver(
    "modbus",
    "Any transmitter or input module on RS-485 that speaks Modbus RTU, by a preset or by a map of your own.",
    (
        Option("port", "text", "The RS-485 adapter's serial port; several devices may share it.", on_device=True),
        Option("preset", "text", "A device whose map is known: docs/sensors.md lists them."),
        Option("only", "names", "Channels of the preset that are wanted; left out, all.", ()),
        Option("channel", "named", "The values, by name; one with the name of a preset's replaces it.", {}, options=CHANNEL),
        Option("unit", "integer", "The device's Modbus address; left out, the preset's or 1.", low=1, high=254),
        Option("baud", "integer", "Bits per second; left out, the preset's or 9600.", low=1200, high=115200),
        Option("parity", "text", "None, even or odd; left out, the preset's or N.", choices=("N", "E", "O")),
        Option("stop_bits", "integer", "Stop bits; left out, the preset's or 1.", low=1, high=2),
        Option("timeout_ms", "integer", "How long an answer may take; left out, 500.", low=20, high=10000, unit="ms"),
        Option("function", "integer", "3 reads holding, 4 reads input registers; left out, the preset's or 3.", low=3, high=4),
        Option("gap", "integer", "Unwanted registers that may be read along to save a request; some devices refuse that.", low=0, high=60),
        Option("temperature_rate", "number", "Fastest change of temperature taken for real.", 5.0, low=0.01, high=1000, unit="Cel/min"),
        Option("humidity_rate", "number", "Fastest change of humidity taken for real.", 30.0, low=0.01, high=1000, unit="%/min"),
        Option(
            "stuck_s", "number", "As for other sensors; of temperature, humidity, pressure and CO2.", 14400.0, low=0, high=604800, unit="s"
        ),
    ),
    ("port",),
    shared=True,
    measures=measures,
    mistakes=mistakes,
    line=line_of,
)
