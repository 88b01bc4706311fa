"""One option of a table, and one driver with the options that it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Mistakes = list[tuple[tuple[str, ...], str]]
"""(keys below the device's table, words) for each thing that is wrong."""


@dataclass(frozen=True, slots=True)
class Option:
    """What may stand at one key.

    kind: as in `edge_agent.options.KINDS`; low and high bound numbers, both included; `options` describe a `table`, or leave it open,
    or each of several `tables` (a list) or `named` ones (by name); `on_device` marks an option that a real wire needs and a simulated
    one does not.
    """

    name: str
    kind: str
    words: str
    default: Any = None
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    options: tuple["Option", ...] = ()
    on_device: bool = False

    def range_words(self) -> str:
        """The bounds as a reader is told them, empty where there are none."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        unit = f" {self.unit}" if self.unit else ""
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}{unit}"
        if self.low is not None:
            return f"at least {self.low:g}{unit}"
        if self.high is not None:
            return f"at most {self.high:g}{unit}"
        return ""


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver.

    address: the options that together say where on which wire it sits, so that no two may have the same; shared: several tables may
    name the same place (a module with many inputs); `line(options)` tells how the serial line that several share is to be set;
    quantities: what it measures, empty where its table says so; `measures(options)` then tells them; `mistakes(options)` judges what no
    single option can.
    """

    name: str
    words: str
    options: tuple[Option, ...]
    address: tuple[str, ...]
    quantities: tuple[str, ...] = ()
    shared: bool = False
    measures: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None
    mistakes: Callable[[Mapping[str, Any]], Mistakes] | None = None
    line: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
