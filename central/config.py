"""The centre's configuration: one TOML file, read whole, every mistake named with its line and the nearest valid word."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wire.topics import valid_name

TOML_BYTES_MAX = 256 * 1024


class ConfigError(Exception):
    """The configuration cannot be used; `errors` lists every reason as `file:line: key: words`."""

    def __init__(self, errors: list[str]) -> None:
        """Keep all reasons; the message is one a line."""
        super().__init__("\n".join(errors))
        self.errors = errors


@dataclass(frozen=True)
class BrokerConfig:
    """Where the broker is, and who the centre is there."""

    host: str
    port: int
    user: str
    password_file: Path | None
    tls_ca: Path | None


@dataclass(frozen=True)
class WebConfig:
    """Where the console is served, and under which address people and agents know it."""

    bind: str  # host:port
    public_url: str
    workers: int


@dataclass(frozen=True)
class Limits:
    """Sizes and times that keep the centre within its disk and people within their patience."""

    upload_mb: int  # the largest single object
    reserve_mb: int  # uploads are refused (507) when less is free
    ledger_reserve_mb: int  # acknowledgements stop when less is free
    silence_s: int  # a channel is missing when its last reading is older
    upload_wait_s: int  # a page or clip without its bytes for so long is an alarm
    escalate_s: int  # an urgent or high alarm that nobody acknowledges is escalated after so long
    live_rows: int  # how many live events are kept for browsers that come back


@dataclass(frozen=True)
class AlarmTimes:
    """When alarms that nobody acknowledges become louder, and how many at once are one; 0 switches a step off."""

    escalate_low_s: int = 0  # a low one becomes medium
    escalate_medium_s: int = 0  # a medium one becomes high; from high on, limits.escalate_s counts
    repeat_s: int = 1800  # one at the top is said again
    flood_count: int = 10  # more alarms of a room than this within flood_s are one alarm
    flood_s: int = 600


@dataclass(frozen=True)
class RecognitionConfig:
    """Whether the text of pages is read, and how it stands back behind capture and ingest."""

    enabled: bool = False  # `run` starts the worker; it needs the extra `ocr`
    quiet_s: int = 3  # it waits until nothing was captured or uploaded for so long
    patience_s: int = 60  # but for no longer than this: then one page is read all the same
    load_pct: int = 150  # and while the load average is more than so many hundredths of a process a processor
    memory_mb: int = 2560  # of the reader's address space
    page_s: int = 120  # for one page; a reader that takes longer is ended


@dataclass(frozen=True)
class CentralConfig:
    """All of the centre's configuration. Paths below `data` are made by their owners at first need."""

    site: str
    data: Path
    broker: BrokerConfig
    web: WebConfig
    limits: Limits
    timezone: str = "UTC"  # IANA name of the site's own time: what a day or a month is in reports and patrols
    source: Path | None = None  # the file it was read from
    alarms: AlarmTimes = AlarmTimes()
    recognition: RecognitionConfig = RecognitionConfig()

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "muniment.db"

    @property
    def objects(self) -> Path:
        """The folder of uploaded images and clips."""
        return self.data / "objects"

    @property
    def key_file(self) -> Path:
        """The centre's Ed25519 private key, raw 32 bytes, 0600."""
        return self.data / "key"

    @property
    def session_secret_file(self) -> Path:
        """The secret that signs session cookies, 0600; made by `migrate` or at the first start."""
        return self.data / "session-secret"

    @property
    def broker_folder(self) -> Path:
        """`passwords` and `acl` for the broker."""
        return self.data / "broker"

    @property
    def enrolled(self) -> Path:
        """Where `agent enrol` leaves an agent's token, broker password and the centre's public key."""
        return self.data / "enrolled"


@dataclass(frozen=True)
class Option:
    """What may stand at one key: its kind, its default, and for an integer its bounds, both included."""

    kind: str  # text, name, integer, flag, path, bind, url, zone
    default: Any = None
    required: bool = False
    low: int = 0
    high: int = 0


SECTIONS: Mapping[str, Mapping[str, Option]] = {
    "central": {"site": Option("name", required=True), "data": Option("path", required=True), "timezone": Option("zone", "UTC")},
    "broker": {
        "host": Option("text", "127.0.0.1"),
        "port": Option("integer", 1883, low=1, high=65535),
        "user": Option("text", "central"),
        "password_file": Option("path"),
        "tls_ca": Option("path"),
    },
    "web": {
        "bind": Option("bind", "127.0.0.1:8080"),
        "public_url": Option("url", "http://127.0.0.1:8080"),
        "workers": Option("integer", 1, low=1, high=32),
    },
    "limits": {
        "upload_mb": Option("integer", 64, low=1, high=4096),
        "reserve_mb": Option("integer", 256, low=1, high=1_000_000),
        "ledger_reserve_mb": Option("integer", 64, low=1, high=100_000),
        "silence_s": Option("integer", 300, low=5, high=86400),
        "upload_wait_s": Option("integer", 900, low=5, high=7 * 86400),
        "escalate_s": Option("integer", 900, low=10, high=86400),
        "live_rows": Option("integer", 50_000, low=1000, high=10_000_000),
    },
    "alarms": {
        "escalate_low_s": Option("integer", 0, low=0, high=7 * 86400),
        "escalate_medium_s": Option("integer", 0, low=0, high=7 * 86400),
        "repeat_s": Option("integer", 1800, low=0, high=7 * 86400),
        "flood_count": Option("integer", 10, low=2, high=1000),
        "flood_s": Option("integer", 600, low=60, high=86400),
    },
    "recognition": {
        "enabled": Option("flag", False),
        "quiet_s": Option("integer", 3, low=0, high=3600),
        "patience_s": Option("integer", 60, low=0, high=86400),
        "load_pct": Option("integer", 150, low=10, high=10_000),
        "memory_mb": Option("integer", 2560, low=1024, high=65536),
        "page_s": Option("integer", 120, low=10, high=3600),
    },
}


def _line_of(text: str, section: str, key: str | None) -> int:
    """The line (from 1) where a key of a section stands, else the section's, else 1."""
    current, section_line = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[([^\]]+)\]", line)
        if header:
            current = header.group(1).strip()
            if current == section:
                section_line = number
        elif current == section and key is not None and re.match(rf"\s*{re.escape(key)}\s*=", line):
            return number
    return section_line


def _hint(word: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else f"; known: {', '.join(known)}"


def _value(option: Option, given: Any) -> tuple[Any, str]:
    """(value, "") or (None, what is wrong)."""
    if option.kind == "integer":
        if not isinstance(given, int) or isinstance(given, bool) or not option.low <= given <= option.high:
            return None, f"{given!r} is not a whole number from {option.low} to {option.high}"
        return given, ""
    if option.kind == "flag":
        return (given, "") if isinstance(given, bool) else (None, f"{given!r} is neither true nor false")
    if not isinstance(given, str) or not given:
        return None, f"{given!r} is not a text"
    if option.kind == "name" and not valid_name(given):
        return None, f"{given!r} is not a name: 1-40 of a-z, 0-9, - and _"
    if option.kind == "bind" and not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}", given):
        return None, f"{given!r} is not host:port"
    if option.kind == "url" and not re.fullmatch(r"https?://[^\s/]+", given):
        return None, f"{given!r} is not http(s)://host[:port] with nothing after it"
    if option.kind == "zone":
        try:
            ZoneInfo(given)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None, f"{given!r} is not a time zone's IANA name, such as Asia/Shanghai"
    return (Path(given) if option.kind == "path" else given), ""


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    if len(raw) > TOML_BYTES_MAX:
        raise ConfigError([f"{path}: {len(raw)} bytes are more than a configuration's {TOML_BYTES_MAX}"])
    try:
        text = raw.decode()
        return text, tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, UnicodeDecodeError, or nested too deeply
        found = re.search(r"at line (\d+)", str(error))
        raise ConfigError([f"{path}:{found.group(1) if found else 1}: not TOML: {error}"]) from error


def load(path: Path) -> CentralConfig:
    """The configuration of a file; ConfigError with every mistake in it. Relative paths are relative to the working directory."""
    text, given = _read(path)
    errors: list[str] = []
    values: dict[str, dict[str, Any]] = {}
    errors.extend(
        f"{path}:{_line_of(text, section, None)}: [{section}]: unknown table{_hint(section, SECTIONS)}"
        for section in given
        if section not in SECTIONS
    )
    for section, options in SECTIONS.items():
        table = given.get(section, {})
        if not isinstance(table, dict):
            errors.append(f"{path}:1: {section}: is a table, written [{section}]")
            table = {}
        errors.extend(
            f"{path}:{_line_of(text, section, key)}: {section}.{key}: unknown key{_hint(key, options)}"
            for key in table
            if key not in options
        )
        values[section] = {}
        for key, option in options.items():
            values[section][key] = option.default
            if key in table:
                values[section][key], wrong = _value(option, table[key])
                if wrong:
                    errors.append(f"{path}:{_line_of(text, section, key)}: {section}.{key}: {wrong}")
            elif option.required:
                errors.append(f"{path}:{_line_of(text, section, None)}: {section}.{key}: is missing")
    if errors:
        raise ConfigError(errors)
    return CentralConfig(
        site=values["central"]["site"],
        data=values["central"]["data"],
        broker=BrokerConfig(**values["broker"]),
        web=WebConfig(**values["web"]),
        limits=Limits(**values["limits"]),
        timezone=values["central"]["timezone"],
        source=path,
        alarms=AlarmTimes(**values["alarms"]),
        recognition=RecognitionConfig(**values["recognition"]),
    )
