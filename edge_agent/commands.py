"""What the centre may ask of an agent: each command by name, its arguments checked, done or refused with words."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from edge_agent.alarms import AlarmDesk
from edge_agent.documents import Documents
from edge_agent.errors import CommandRefused
from edge_agent.handoff import Done
from edge_agent.panel import Panel

SET_S = 60.0
CALIBRATION = "calibration"
PROFILE = "profile"
PROFILE_VALUES_MAX = 100
OFFSET_MAX = 100.0
GAIN_RANGE = (0.5, 2.0)
NO_CALIBRATION: Mapping[str, float] = {"offset": 0.0, "gain": 1.0}
STATION_COMMANDS = ("batch.open", "batch.close", "capture", "retake", "page.insert", "page.delete", "page.move")
RECORDER_COMMANDS = ("clip.request",)

Request = Callable[[str, str, dict[str, Any]], Awaitable[Done]]


class Commands:
    """Does one checked command; what cannot be done is a CommandRefused, whose words the centre gets."""

    def __init__(
        self,
        *,
        desk: AlarmDesk,
        panel: Panel,
        documents: Documents,
        benches: tuple[str, ...],
        cameras: tuple[str, ...],
        channels: Callable[[], frozenset[str]],
        request: Request,
        tell_config: Callable[[], Awaitable[None]],
        agent: str,
    ) -> None:
        """`channels()` are the ids that may be calibrated; `request(child, name, args)` asks a child process."""
        self._desk = desk
        self._panel = panel
        self._documents = documents
        self._benches = benches
        self._cameras = cameras
        self._channels = channels
        self._request = request
        self._tell_config = tell_config
        self._agent = agent
        self._own: Mapping[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "output.set": self._output_set,
            "identify": self._identify,
            "config.get": self._config_get,
            "alarm.acknowledge": self._acknowledge,
            "alarm.shelve": self._shelve,
            "calibration.set": self._calibrate,
            "profile.set": self._profile,
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
        await self._own[name](args)
        return Done(ok=True)

    def _bench(self, args: Mapping[str, Any]) -> str:
        """The bench meant by `station` ({agent}/{bench} or just its name); may be left out where there is one."""
        given = args.get("station")
        if given is None and len(self._benches) == 1:
            return self._benches[0]
        name = str(given or "").removeprefix(f"{self._agent}/")
        if name not in self._benches:
            raise CommandRefused(f"there is no bench {name[:60]!r}; there are {', '.join(self._benches) or 'none'}")
        return name

    async def _output_set(self, args: dict[str, Any]) -> None:
        name = _text(args, "output").removeprefix(f"{self._agent}/")
        self._panel.set(name, _text(args, "state"), for_s=_number(args, "seconds", SET_S))

    async def _identify(self, args: dict[str, Any]) -> None:
        self._panel.identify()

    async def _config_get(self, args: dict[str, Any]) -> None:
        await self._tell_config()

    async def _acknowledge(self, args: dict[str, Any]) -> None:
        if not await self._desk.acknowledge(_alarm(args)):
            raise CommandRefused("no active alarm has this id")

    async def _shelve(self, args: dict[str, Any]) -> None:
        if not await self._desk.shelve(_alarm(args), int(_number(args, "until"))):
            raise CommandRefused("no active alarm has this id")

    async def _calibrate(self, args: dict[str, Any]) -> None:
        channel = _text(args, "channel")
        if channel not in self._channels():
            raise CommandRefused(f"there is no channel {channel[:100]!r}; there are {', '.join(sorted(self._channels()))[:1000]}")
        value = calibration_of(args)
        if value == NO_CALIBRATION:
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


def calibration_of(value: Any) -> dict[str, float]:
    """A calibration {"offset", "gain"} within its bounds; CommandRefused for anything else."""
    if not isinstance(value, Mapping):
        raise CommandRefused("a calibration is an object with offset and gain")
    offset, gain = _number(value, "offset", NO_CALIBRATION["offset"]), _number(value, "gain", NO_CALIBRATION["gain"])
    if abs(offset) > OFFSET_MAX or not GAIN_RANGE[0] <= gain <= GAIN_RANGE[1]:
        raise CommandRefused(f"offset is at most {OFFSET_MAX:g} either way, gain {GAIN_RANGE[0]} to {GAIN_RANGE[1]}")
    return {"offset": offset, "gain": gain}


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
