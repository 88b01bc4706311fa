"""Reads the agent's TOML file into typed settings, or says everything that is wrong with it at once, each with its line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_agent import tables
from edge_agent.catalogue import BENCH_CAMERA, BENCH_PEDAL, DEFAULT_DRIVERS, BenchTables, Catalogue, address, line, quantities, shared
from edge_agent.control_tables import judge_control, judge_relays
from edge_agent.errors import ConfigError
from edge_agent.limit_tables import Known, judge_limit
from edge_agent.options import Judge, Option, nearest, suggestion
from edge_agent.rule import BLIND
from edge_agent.toml_lines import KeyPath, TomlDocument, read_toml
from wire.topics import valid_name

FILE_BYTES_MAX = 512 * 1024
SINGLE = {"agent": tables.AGENT, "broker": tables.BROKER, "central": tables.CENTRAL, "sim": tables.SIM}
CAMERAS = "cameras"  # the driver of a bench that names none
NAMED = ("sensor", "limit", "contact", "output", "control", "camera", "bench")
TRANSPORT = "transport"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a configuration file."""

    file: str
    line: int
    key: str
    words: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.words}" if self.key else f"{self.file}:{self.line}: {self.words}"


@dataclass(frozen=True, slots=True)
class Device:
    """One named table of a device: its driver, whether its wire is simulated, and all its options by name, defaults filled in."""

    name: str
    driver: str
    sim: bool
    options: Mapping[str, Any]
    driver_options: Mapping[str, Any]

    def __getitem__(self, option: str) -> Any:
        return self.options[option]


@dataclass(frozen=True, slots=True)
class Bench:
    """A `[bench.NAME]` with its cameras and pedals by name."""

    name: str
    sim: bool
    options: Mapping[str, Any]
    cameras: Mapping[str, Device]
    pedals: Mapping[str, Device] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole valid configuration. Single tables are mappings by option name; `broker` and `central` are None when left out."""

    path: Path
    agent: Mapping[str, Any]
    broker: Mapping[str, Any] | None
    central: Mapping[str, Any] | None
    sim: Mapping[str, Any]
    sensors: Mapping[str, Device]
    limits: Mapping[str, Mapping[str, Any]]
    contacts: Mapping[str, Device]
    outputs: Mapping[str, Device]
    controls: Mapping[str, Mapping[str, Any]]
    cameras: Mapping[str, Device]
    benches: Mapping[str, Bench]

    @property
    def name(self) -> str:
        return str(self.agent["name"])

    @property
    def site(self) -> str:
        return str(self.agent["site"])

    @property
    def room(self) -> str:
        return str(self.agent["room"] or self.agent["name"])

    @property
    def data(self) -> Path:
        return Path(self.agent["data"])


def load_config(path: Path, *, benches: BenchTables | None = None) -> Config:
    """Read and judge a configuration file; ConfigError carries every mistake, ordered by line.

    `benches`: the scan line's own tables; left out (by processes that run no bench), cameras and profiles of benches are not judged.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError([Mistake(str(path), 1, "", f"cannot be read: {error.strerror or error}")]) from None
    if len(raw) > FILE_BYTES_MAX:
        raise ConfigError([Mistake(str(path), 1, "", f"{len(raw)} bytes are over the limit of {FILE_BYTES_MAX}")])
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError([Mistake(str(path), line, "", "is not UTF-8")]) from None
    return _Reader(path, read_toml(text), Catalogue(benches)).config()


def taken_names(sensors: Iterable[str], contacts: Iterable[str], controls: Iterable[str]) -> frozenset[str]:
    """The names of rules that devices bring along: no limit may be called so."""
    made = {BLIND}
    for name in sensors:
        made |= {f"{name}-bad", f"{name}-calibration"}
    for name in contacts:
        made |= {f"{name}-{what}" for what in ("held-open", "after-hours", "leak", "smoke", "mains", "ups")}
    return frozenset(made | {f"{name}-max-on" for name in controls})


class _Reader:
    """Judges one document; `mistakes` grows, nothing is raised before the end."""

    def __init__(self, path: Path, document: TomlDocument, catalogue: Catalogue) -> None:
        self.path = path
        self.document = document
        self.catalogue = catalogue
        self.mistakes = [Mistake(str(path), line, "", words) for line, words in document.mistakes]
        self.judge = Judge(self.report)
        self.places: dict[tuple[Any, ...], KeyPath] = {}

    def report(self, path: KeyPath, words: str) -> None:
        self.mistakes.append(Mistake(str(self.path), self.document.line(path), ".".join(path), words))

    def config(self) -> Config:
        given = self.document.values
        for key in given:
            if key not in SINGLE and key not in NAMED:
                self.report((key,), f"unknown table{suggestion(key, [*SINGLE, *NAMED])}")
        single = {name: self._single(name, options) for name, options in SINGLE.items()}
        sensors = self._devices("sensor", tables.SENSOR)
        contacts = self._devices("contact", tables.CONTACT)
        outputs = self._devices("output", ())
        relays = {name: device.options for name, device in outputs.items() if device.driver == "gpio_relay"}
        measured = Known({name: quantities(device.driver, device.options) for name, device in sensors.items()})
        controls = {
            name: judge_control(self.judge, ("control", name), table, known=measured, relays=relays)
            for name, table in self._named("control")
        }
        judge_relays(self.judge, relays, controls)
        cameras = self._devices("camera", tables.CAMERA)
        known = replace(measured, taken=taken_names(sensors, contacts, controls))
        limits = {name: judge_limit(self.judge, ("limit", name), table, known) for name, table in self._named("limit")}
        benches = {name: self._bench(name, table) for name, table in self._named("bench")}
        self._references(contacts, cameras)
        self._claims(sensors)
        if self.mistakes:
            ordered = sorted(self.mistakes, key=lambda mistake: (mistake.line, mistake.key))
            raise ConfigError(ordered)
        agent, sim = single["agent"], single["sim"]
        if agent is None or sim is None:
            raise ConfigError([Mistake(str(self.path), 1, "agent", "the table [agent] is missing")])
        return Config(
            self.path, agent, single["broker"], single["central"], sim, sensors, limits, contacts, outputs, controls, cameras, benches
        )

    def _single(self, name: str, options: tuple[Option, ...]) -> dict[str, Any] | None:
        table = self.document.values.get(name)
        if table is None:
            if name == "agent" and not self.document.mistakes:  # what could not be read may have been it
                self.report((), "the table [agent] is missing: it names the agent, its site and its data folder")
            return self.judge.table((name,), {}, options) if name == "sim" else None
        if not isinstance(table, dict):
            self.report((name,), f"is a table: write [{name}]")
            return None
        return self.judge.table((name,), table, options)

    def _named(self, section: str, around: KeyPath = (), given: Any = None) -> Iterable[tuple[str, dict[str, Any]]]:
        """The (name, table) pairs of a section whose names and types are in order."""
        tables_given = self.document.values.get(section, {}) if given is None else given
        if not isinstance(tables_given, dict):
            self.report((*around, section), f"is a group of tables: write [{'.'.join((*around, section))}.NAME]")
            return
        for name, table in tables_given.items():
            if not isinstance(table, dict):
                self.report((*around, section, name), f"is a table: write [{'.'.join((*around, section, name))}]")
            elif not valid_name(name):
                self.report((*around, section, name), f'"{name[:60]}" is not a name: 1-40 of a-z, 0-9, - and _')
            else:
                yield name, table

    def _devices(self, section: str, common: tuple[Option, ...]) -> dict[str, Device]:
        return {name: self._device(section, (section, name), table, common) for name, table in self._named(section)}

    def _device(self, section: str, path: KeyPath, given: dict[str, Any], common: tuple[Option, ...]) -> Device:
        drivers = self.catalogue.drivers(section)
        driver = given.get("driver", DEFAULT_DRIVERS.get(section))
        rest = {key: value for key, value in given.items() if key != "driver"}
        common = (*tables.DEVICE, *common)
        if self.catalogue.open(section):
            return Device(path[-1], str(driver), rest.get(TRANSPORT) == "sim", rest, rest)
        if not isinstance(driver, str) or driver not in drivers:
            shown = str(driver)[:60]
            if driver is None:
                self.report(path, f"driver is missing: one of {', '.join(drivers)}")
            else:
                self.report((*path, "driver"), f'unknown driver "{shown}": one of {", ".join(drivers)}{suggestion(shown, drivers)}')
            meant = nearest(shown, drivers)
            if meant is None:  # only the options that every device has can be judged
                rest = {key: value for key, value in rest.items() if key in {option.name for option in common}}
                return Device(path[-1], "", False, self.judge.table(path, rest, common), {})
            driver = meant
        sim = rest.get(TRANSPORT) == "sim"
        own = self.catalogue.options(section, driver, sim=sim)
        names = {option.name for option in own}
        options = self.judge.table(path, rest, (*(option for option in common if option.name not in names), *own))
        for keys, words in self.catalogue.mistakes(section, driver, options):
            self.report((*path, *keys), words)
        return Device(path[-1], driver, sim, options, {name: options[name] for name in names})

    def _bench(self, name: str, given: dict[str, Any]) -> Bench:
        path = ("bench", name)
        cameras_given = given.get("camera", {})
        rest = {key: value for key, value in given.items() if key not in ("camera", "pedal", "driver")}
        driver, options = self._bench_options(path, given.get("driver", CAMERAS), rest)
        pairs = self._named("camera", path, cameras_given)
        cameras = {name: self._device(BENCH_CAMERA, (*path, "camera", name), table, ()) for name, table in pairs}
        pedals_given = self._named("pedal", path, given.get("pedal", {}))
        pedals = {name: self._device(BENCH_PEDAL, (*path, "pedal", name), table, ()) for name, table in pedals_given}
        self._places(path, cameras, pedals)
        if options["session_required"] != "off" and not cameras:
            self.report((*path, "session_required"), "cards are for cameras, and this bench has none")
        if self.catalogue.benches and isinstance(rest.get("profile"), dict):
            for key, words in self.catalogue.benches.profile_mistakes(rest["profile"]):
                self.report((*path, "profile", key), words)
        if not cameras_given and driver == CAMERAS:
            self.report(path, f"no camera: write [bench.{name}.camera.NAME]")
        elif cameras_given and driver != CAMERAS:
            self.report((*path, "camera"), f"a bench of driver {driver} has no cameras")
        return Bench(name, options[TRANSPORT] == "sim", options, cameras, pedals)

    def _bench_options(self, path: KeyPath, driver: object, rest: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The bench's driver and its options, those of its scanner or folder among them; without the scan line's tables those stay as they
        are given."""
        common = (*tables.DEVICE, *tables.BENCH)
        if self.catalogue.benches is None:
            names = {option.name for option in common}
            own = {} if driver == CAMERAS else {key: value for key, value in rest.items() if key not in names}
            judged = self.judge.table(path, {key: value for key, value in rest.items() if key not in own}, common)
            return str(driver), {**own, **judged, "driver": str(driver)}
        known = [CAMERAS, *sorted(self.catalogue.benches.sources)]
        if driver not in known:
            shown = str(driver)[:60]
            self.report((*path, "driver"), f'unknown driver "{shown}": one of {", ".join(known)}{suggestion(shown, known)}')
            driver = nearest(shown, known) or CAMERAS
        source = self.catalogue.benches.sources.get(str(driver))
        options = self.judge.table(path, rest, (*common, *(source.options if source else ())))
        for keys, words in source.mistakes(options) if source and source.mistakes else ():
            self.report((*path, *keys), words)
        return str(driver), {**options, "driver": str(driver)}

    def _places(self, path: KeyPath, cameras: Mapping[str, Device], pedals: Mapping[str, Device]) -> None:
        """Report cameras and pedals that are the very same device as another, at whatever bench."""
        for section, group, devices in ((BENCH_CAMERA, "camera", cameras), (BENCH_PEDAL, "pedal", pedals)):
            for name, device in devices.items():
                for key in () if device.sim else address(section, device.driver, self.catalogue.benches):
                    if device.options.get(key):
                        self._claim((section, key, device.options[key]), (*path, group, name, key), f"{key} {device.options[key]}")

    def _references(self, contacts: Mapping[str, Device], cameras: Mapping[str, Device]) -> None:
        for name, camera in cameras.items():
            if camera.driver == "stream" and not camera.sim and not camera["url"]:
                self.report(("camera", name), "url is missing: where the camera streams from")
            for contact in camera["contacts"] or ():
                if contact not in contacts:
                    self._unknown(("camera", name, "contacts"), "contact", contact, contacts)

    def _unknown(self, path: KeyPath, what: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        listed = f"; there are {', '.join(names)}" if names else ""
        self.report(path, f"there is no [{what}.{name[:60]}]{listed}{suggestion(name, names)}")

    def _claims(self, sensors: Mapping[str, Device]) -> None:
        """Report what two devices want at once: GPIO pins, addresses on a bus, serial ports, listening ports."""
        for path, option, value in self.judge.used:
            if option.kind == "pin":
                self._claim(("GPIO", value), path, f"GPIO {value}")
            elif option.kind == "bind":
                self._claim(("bind", value.rpartition(":")[2]), path, f"port {value.rpartition(':')[2]}")
        for name, device in sensors.items():
            keys = address("sensor", device.driver)
            values = tuple(device.options.get(key) for key in keys)
            if device.driver == "node":
                self._node(name, device)
                keys, values = (keys, values) if device.options.get("address") else (keys[:1], values[:1])
            if shared("sensor", device.driver):
                values = (*values, name)
            if keys and not device.sim and None not in values:
                self._claim_address(("sensor", name), keys, values)
        self._lines({name: device for name, device in sensors.items() if not device.sim and device.options.get("port")})

    def _lines(self, sensors: Mapping[str, Device]) -> None:
        """Report devices that share a serial line and want it set differently."""
        first: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for name, device in sensors.items():
            wanted = line(device.driver, device.options)
            other, kept = first.setdefault(device["port"], (name, wanted))
            for option in wanted.keys() & kept.keys():
                if wanted[option] != kept[option]:
                    words = (
                        f"{device['port']} has {option} = {kept[option]} by sensor.{other} on line {self.document.line(('sensor', other))}"
                    )
                    self.report(("sensor", name, option), f"{wanted[option]}, but {words}: a line is set in one way for all on it")

    def _node(self, name: str, device: Device) -> None:
        """What a node needs on the way that it is reached by."""
        over_mqtt = device.options.get("link") == "mqtt"
        if not over_mqtt and not device.sim and not device.options.get("port"):
            self.report(("sensor", name), "port is missing: the node's serial port, such as /dev/serial/by-id/…")
        if over_mqtt and not device.sim and "broker" not in self.document.values:
            self.report(("sensor", name, "link"), 'link = "mqtt" needs the table [broker]')

    def _claim_address(self, path: KeyPath, keys: tuple[str, ...], values: tuple[Any, ...]) -> None:
        """One device's place on its wire; a device that takes a serial port for itself shares it with none."""
        words = " ".join(f"{key} 0x{value:02x}" if key == "address" else f"{key} {value}" for key, value in zip(keys, values, strict=False))
        wanted = (keys[0], *values)
        clashing = (key for key in self.places if key[:2] == wanted[:2] and (len(key) == 2 or len(wanted) == 2 or key == wanted))
        self._claim(next(clashing, wanted), (*path, keys[-1]), words)

    def _claim(self, key: tuple[Any, ...], path: KeyPath, words: str) -> None:
        first = self.places.setdefault(key, path)
        if first != path:
            self.report(path, f"{words} is already taken by {'.'.join(first)} on line {self.document.line(first)}")
