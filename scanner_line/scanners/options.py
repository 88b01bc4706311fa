"""The options of a SANE backend as `scanimage -A` prints them, and the arguments that ask a scanner for what a bench wants of it."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scanner_line.errors import ScannerError

MM = {
    "A3": (297.0, 420.0),
    "A4": (210.0, 297.0),
    "A5": (148.0, 210.0),
    "A6": (105.0, 148.0),
    "B4": (250.0, 353.0),
    "B5": (176.0, 250.0),
    "16K": (184.0, 260.0),
    "letter": (215.9, 279.4),
    "legal": (215.9, 355.6),
}  # ISO 216; 16K: the Chinese size of registers and forms, GB/T 788's 184 x 260; letter and legal: ANSI/ASME Y14.1
SIZE = re.compile(r"(\d{1,3}(?:\.\d)?)x(\d{1,4}(?:\.\d)?)")
LINE = re.compile(
    r"    (?:-(?P<short>[ltxy])|--(?P<name>[a-z0-9-]+))"
    r"(?:\[=\((?P<optional>[^)]*)\)\]| (?P<values>.*?))?(?: \(in steps of (?P<step>[\d.]+)\))?(?P<state>(?: \[[^\]]*\])*)"
)
RANGE = re.compile(r"(?:auto\|)?(-?[\d.]+)\.\.(-?[\d.]+)([a-z%]*)(?:,\.\.\.)?")
SLACK_MM = 0.5  # a glass of 215.985 mm is one of 216
SOURCES = ("flatbed", "feeder", "duplex")
SOURCE_WORDS = {
    "flatbed": re.compile(r"flatbed|platen|normal|document table", re.IGNORECASE),
    "feeder": re.compile(r"^(?!.*(?:duplex|back)).*(?:adf|feeder)", re.IGNORECASE),
    "duplex": re.compile(r"duplex|both sides", re.IGNORECASE),
}
MODES = ("colour", "grey")
MODE_WORDS = {"colour": re.compile(r"colou?r", re.IGNORECASE), "grey": re.compile(r"gr[ae]y", re.IGNORECASE)}


@dataclass(frozen=True, slots=True)
class BackendOption:
    """One option of a backend: its choices or its range, how a number's unit is written, whether it can be set now, its value."""

    name: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    active: bool = True
    value: str = ""

    def argument(self, value: str | float) -> str:
        """The argument that sets it; ScannerError, with the nearest that it takes, for a value that it does not take."""
        text = f"{value:g}" if isinstance(value, int | float) else value
        if not self.active:
            raise ScannerError(f"the scanner's option {self.name} cannot be set with this source and mode")
        if self.choices and text not in self.choices:
            raise ScannerError(f"the scanner's {self.name} is one of {', '.join(self.choices)}, not {text}{_nearest(text, self.choices)}")
        if self.low is not None and self.high is not None:
            try:
                number = float(text)
            except ValueError:
                number = float("nan")
            if not self.low <= number <= self.high:
                raise ScannerError(f"the scanner's {self.name} is {self.low:g} to {self.high:g} {self.unit}, not {text}".replace(" ,", ","))
        return f"-{self.name}{text}" if len(self.name) == 1 else f"--{self.name}={text}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a bench asks of its scanner. `page_size` is a name of `MM` or WIDTHxHEIGHT in mm; `longest_mm` is how long a sheet may be
    scanned (0: as long as the page); `more` are the backend's own options by name."""

    source: str = "flatbed"
    resolution: int = 300
    mode: str = "colour"
    page_size: str = "A4"
    longest_mm: float = 0.0
    brightness: float | None = None
    more: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """ScannerError for what is wrong whatever the scanner is."""
        _ = self.size_mm

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of a page; ScannerError for a size that is none."""
        if self.page_size in MM:
            return MM[self.page_size]
        match = SIZE.fullmatch(self.page_size)
        if match is None or not all(10 <= float(side) <= 2000 for side in match.groups()):
            raise ScannerError(
                f"page_size is one of {', '.join(MM)}, or such as 210x297, not {self.page_size}{_nearest(self.page_size, MM)}"
            )
        return float(match[1]), float(match[2])


def read_options(text: str) -> dict[str, BackendOption]:
    """The options that a backend printed, by name (`l`, `t`, `x`, `y` are the scanned area's)."""
    found = {}
    for line in text.splitlines():
        match = LINE.fullmatch(line.rstrip())
        if match is None:
            continue
        name = match["short"] or match["name"]
        values = match["optional"] or match["values"] or ""
        states = re.findall(r"\[([^\]]*)\]", match["state"])
        span = RANGE.fullmatch(values)
        choices: tuple[str, ...] = ()
        unit = ""
        if span is not None:
            unit = span[3]
        elif "|" in values or (values and not values.startswith("<")):
            choices = tuple(choice for choice in values.split("|") if choice and choice != "auto")
            last = re.fullmatch(r"(-?[\d.]+)(dpi|mm|bit|pel|us|%)", choices[-1]) if choices else None
            if last is not None:
                choices, unit = (*choices[:-1], last[1]), last[2]
        found[name] = BackendOption(
            name,
            choices,
            float(span[1]) if span else None,
            float(span[2]) if span else None,
            unit,
            "inactive" not in states,
            states[0] if states and states[0] != "inactive" else "",
        )
    return found


def source_arguments(options: Mapping[str, BackendOption], source: str) -> list[str]:
    """The arguments that choose flatbed, feeder or duplex, or a source by the backend's own name; ScannerError if it has none such."""
    known = options.get("source")
    choices = known.choices if known is not None else ()
    if known is not None and source in choices:
        return [known.argument(source)]
    if source not in SOURCES:
        named = (*SOURCES, *choices)
        raise ScannerError(f"the scanner's source is one of {', '.join(named)}, not {source}{_nearest(source, named)}")
    fitting = [choice for choice in choices if SOURCE_WORDS[source].search(choice)]
    if known is not None and fitting:
        return [known.argument(fitting[0])]
    if source == "flatbed" and not choices:
        return []
    if source == "duplex":
        for name, value in (("adf-mode", "Duplex"), ("duplex", "yes")):
            if name in options:
                return [*source_arguments(options, "feeder"), f"--{name}={value}"]
    raise ScannerError(f"the scanner has no {source}; its sources are {', '.join(choices) or 'not named'}")


def arguments(options: Mapping[str, BackendOption], wanted: Wanted) -> list[str]:
    """The arguments for everything but source and `more`, from the options that the backend has with that source; ScannerError names
    what it lacks and the nearest that it has."""
    made = [*_mode(options, wanted.mode), needed(options, "resolution").argument(wanted.resolution)]
    width, height = wanted.size_mm
    height = max(height, wanted.longest_mm)
    widest, longest = _active(options, "page-width"), _active(options, "page-height")
    if widest is not None and longest is not None:  # such backends let no area be larger than the page they were told of
        made += [widest.argument(_within(widest, width)), longest.argument(_within(longest, height))]
        made += [f"-{name}{value:g}" for name, value in (("l", 0), ("t", 0), ("x", width), ("y", height)) if name in options]
    elif "x" in options and "y" in options:
        area = (("l", 0.0), ("t", 0.0), ("x", width), ("y", height))
        made += [options[name].argument(_within(options[name], value)) for name, value in area if name in options]
    else:
        raise ScannerError("the scanner cannot be told how large a page is")
    if wanted.brightness is not None:
        made.append(needed(options, "brightness").argument(wanted.brightness))
    return made


def _mode(options: Mapping[str, BackendOption], mode: str) -> list[str]:
    known = options.get("mode")
    if known is None:
        return []
    if mode in known.choices:
        return [known.argument(mode)]
    if mode not in MODES:
        named = (*MODES, *known.choices)
        raise ScannerError(f"the scanner's mode is one of {', '.join(named)}, not {mode}{_nearest(mode, named)}")
    fitting = [choice for choice in known.choices if MODE_WORDS[mode].search(choice)]
    if not fitting:
        raise ScannerError(f"the scanner has no {mode} mode; its modes are {', '.join(known.choices)}")
    return [known.argument(min(fitting, key=len))]


def needed(options: Mapping[str, BackendOption], name: str) -> BackendOption:
    """The option of this name; ScannerError, with the nearest, if the backend has none such."""
    if name not in options:
        raise ScannerError(f"the scanner has no option {name}{_nearest(name, options)}")
    return options[name]


def _active(options: Mapping[str, BackendOption], name: str) -> BackendOption | None:
    return options[name] if name in options and options[name].active else None


def _within(option: BackendOption, value: float) -> float:
    """The value, brought down to the end of a range that is short of it by less than its rounding."""
    if option.high is not None and option.high < value <= option.high + SLACK_MM:
        return option.high
    return value


def _nearest(word: str, known: Sequence[str] | Mapping[str, object]) -> str:
    near = difflib.get_close_matches(word.lower(), {name.lower(): name for name in known}, 1, 0.5)
    return f"; did you mean {next(name for name in known if name.lower() == near[0])}?" if near else ""
