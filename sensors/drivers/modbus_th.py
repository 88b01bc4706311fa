"""The older table of a temperature and humidity transmitter (`modbus_th`), as maps of the general driver."""

from collections.abc import Mapping
from typing import Any

from sensors.registers import ValueMap

REGISTERS = (("temperature", "temperature_register"), ("relative_humidity", "humidity_register"))


def transmitter_maps(options: Mapping[str, Any]) -> list[ValueMap]:
    """The two values of a `modbus_th` table; its `order` is of halves for 32-bit values and of bytes for 16-bit ones."""
    kind, little = options["format"], options["order"] == "little"
    if kind != "float32" and not options["signed"]:
        kind = f"u{kind}"
    order = "ABCD" if not little else "BADC" if kind.endswith("16") else "CDAB"
    return [ValueMap(quantity, options[register], options["function"], kind, order, options["scale"]) for quantity, register in REGISTERS]
