"""What the centre may ask of an agent: each command by name, its arguments checked, done or refused with words."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from edge_agent.alarms import AlarmDesk
from edge_agent.calibration import calibration_of, is_none
from edge_agent.documents import Documents
from edge_agent.errors import CommandRefused
from edge_agent.handoff import Done
from edge_agent.panel import IDENTIFY_S, Panel
from edge_agent.relays import RelayDesk
from edge_agent.settings import CALENDAR, CALIBRATION, LIMITS, OPERATORS, PROFILE, WORKS, Settings, calendar_of, operators_of, works_of

SET_S = 60.0
PROFILE_VALUES_MAX = 100
STATION_COMMANDS = (
    "batch.open",
    "batch.close",
    "batch.rework",
    "capture",
    "retake",
    "page.insert",
    "page.delete",
    "page.move",
    "page.place",
    "page.undo",
    "feeder.stop",
    "feeder.turn",
    "feeder.collate",
)
RECORDER_COMMANDS = ("clip.request",)

Request = Callable[[str, str, dict[str, Any]], Awaitable[Done]]


class Commands:
    """Does one checked command; what cannot be done is a CommandRefused, whose words the centre gets."""

    def __init__(
        self,
        *,
        desk: AlarmDesk,
        panel: Panel,
        relays: RelayDesk,
        documents: Documents,
        settings: Settings,
        apply: Callable[[], Awaitable[None]],
        sensors: Callable[[], Mapping[str, Any]],
        benches: tuple[str, ...],
        cameras: tuple[str, ...],
        channels: Callable[[], frozenset[str]],
        request: Request,
        tell_config: Callable[[], Awaitable[None]],
        agent: str,
    ) -> None:
        """`channels()` are the ids that may be calibrated; `request(child, name, args)` asks a child process.

        `apply()` puts limits, works and calendar into force; `sensors()` are the drivers of the sensors that run, by name.
        """
        self._desk = desk
        self._panel = panel
        self._relays = relays
        self._settings = settings
        self._apply = apply
        self._sensors = sensors
        self._documents = documents
        self._benches = benches
        self._cameras = cameras
        self._channels = channels
        self._request = request
        self._tell_config = tell_config
        self._agent = agent
        self._own: Mapping[str, Callable[[dict[str, Any]], Awaitable[str | None]]] = {
            "output.set": self._output_set,
            "identify": self._identify,
            "config.get": self._config_get,
            "alarm.acknowledge": self._acknowledge,
            "alarm.shelve": self._shelve,
            "calibration.set": self._calibrate,
            "profile.set": self._profile,
            "operators.set": self._operators,
            "limits.set": self._limits,
            "works.set": self._works,
            "calendar.set": self._calendar,
        }

    async def do(self, command: dict[str, Any]) -> Done:
        """Do one command ({id, name, args, expires})."""
        name, args = command["name"], command["args"]
        if name in STATION_COMMANDS:
            return await self._request(f"station:{self._bench(args)}", name, args)
        if name in RECORDER_COMMANDS:
            if not self._cameras:
                raise CommandRefused("this agent has no camera")
            return await self._request("recorder", name, {"because": command["id"], **args})
        if name not in self._own:
            known = ", ".join(sorted((*self._own, *STATION_COMMANDS, *RECORDER_COMMANDS)))
            raise CommandRefused(f"unknown command {name[:60]!r}; known: {known}")
        return Done(ok=True, why=await self._own[name](args) or "")

    def _bench(self, args: Mapping[str, Any]) -> str:
        """The bench meant by `station` ({agent}/{bench} or just its name); may be left out where there is one."""
        given = args.get("station")
        if given is None and len(self._benches) == 1:
            return self._benches[0]
        name = str(given or "").removeprefix(f"{self._agent}/")
        if name not in self._benches:
            raise CommandRefused(f"there is no bench {name[:60]!r}; there are {', '.join(self._benches) or 'none'}")
        return name

    async def _output_set(self, args: dict[str, Any]) -> str | None:
        name = _text(args, "output").removeprefix(f"{self._agent}/")
        state, for_s = _text(args, "state"), _number(args, "seconds", SET_S)
        if self._relays.has(name):
            return self._relays.set(name, state, for_s=for_s)
        self._panel.set(name, state, for_s=for_s)
        return None

    async def _identify(self, args: dict[str, Any]) -> str | None:
        """Blink the lamp, bench or node that is meant; without a target every lamp and bench of the agent."""
        if args.get("target") is None:
            if self._panel.lamps or not self._benches:
                self._panel.identify()
            for bench in self._benches:
                await self._blink(bench)
            return None
        name = _text(args, "target").removeprefix(f"{self._agent}/")
        sensor = self._sensors().get(name)
        if self._panel.has(name):
            self._panel.identify(name)
        elif name in self._benches:
            await self._blink(name)
        elif sensor is not None and hasattr(sensor, "identify"):
            if not sensor.identify(IDENTIFY_S):
                raise CommandRefused(f"{name} is not there to hear it")
        else:
            kind = "has no light of its own" if sensor is not None else "is no lamp, bench or sensor of this agent"
            raise CommandRefused(f"{name[:60]} {kind}")
        return None

    async def _blink(self, bench: str) -> None:
        done = await self._request(f"station:{bench}", "identify", {})
        if not done.ok:
            raise CommandRefused(done.why)

    async def _config_get(self, args: dict[str, Any]) -> None:
        await self._tell_config()

    async def _acknowledge(self, args: dict[str, Any]) -> None:
        if not await self._desk.acknowledge(_alarm(args)):
            raise CommandRefused("no active alarm has this id")

    async def _shelve(self, args: dict[str, Any]) -> None:
        if not await self._desk.shelve(_alarm(args), int(_number(args, "until"))):
            raise CommandRefused("no active alarm has this id")

    async def _limits(self, args: dict[str, Any]) -> None:
        if "limits" not in args:
            raise CommandRefused("limits is an object of limits by name, or null for those of the file")
        self._keep(LIMITS, self._settings.checked_limits(args["limits"]))
        await self._apply()

    async def _works(self, args: dict[str, Any]) -> None:
        self._keep(WORKS, works_of(args.get("works")))
        await self._apply()

    async def _calendar(self, args: dict[str, Any]) -> None:
        self._keep(CALENDAR, calendar_of(args))
        await self._apply()

    def _keep(self, kind: str, value: Any) -> None:
        if value is None:
            self._documents.remove(kind, kind)
        else:
            self._documents.put(kind, kind, value)

    async def _calibrate(self, args: dict[str, Any]) -> None:
        channel = _text(args, "channel")
        if channel not in self._channels():
            raise CommandRefused(f"there is no channel {channel[:100]!r}; there are {', '.join(sorted(self._channels()))[:1000]}")
        value = calibration_of(args)
        if is_none(value):
            self._documents.remove(CALIBRATION, channel)
        else:
            self._documents.put(CALIBRATION, channel, value)

    async def _profile(self, args: dict[str, Any]) -> None:
        bench, values = self._bench(args), profile_of(args.get("values"))
        checked = await self._request(f"station:{bench}", "profile.check", {"values": values})
        if not checked.ok:
            raise CommandRefused(checked.why)
        if self._documents.put(PROFILE, bench, values) if values else self._documents.remove(PROFILE, bench):
            await self._request(f"station:{bench}", "profile.apply", {})

    async def _operators(self, args: dict[str, Any]) -> None:
        """Kept first: a bench that is away just now reads them when it starts."""
        bench, operators = self._bench(args), operators_of(args.get("operators"))
        checked = await self._request(f"station:{bench}", "operators.apply", {"operators": operators, "check": True})
        if not checked.ok and checked.why.startswith("operator"):
            raise CommandRefused(checked.why)
        self._documents.put(OPERATORS, bench, operators)
        await self._request(f"station:{bench}", "operators.apply", {"operators": operators})


def profile_of(value: Any) -> dict[str, Any]:
    """A bench's thresholds as far as the core can judge them; CommandRefused for anything else."""
    if not isinstance(value, dict) or len(value) > PROFILE_VALUES_MAX:
        raise CommandRefused("values is an object of thresholds; an empty one goes back to the configuration file's")
    return value


def _text(args: Mapping[str, Any], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 200:
        raise CommandRefused(f"{name} is a text of 1-200 characters")
    return value


def _alarm(args: Mapping[str, Any]) -> str:
    return _text(args, "alarm" if "alarm" in args else "id")


def _number(args: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = args.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
        raise CommandRefused(f"{name} is a number")
    return float(value)
