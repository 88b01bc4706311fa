"""What the centre set at this agent, as documents beside the configuration file: limits, works, calendar, calibration, profiles."""

import json
from collections.abc import Mapping
from typing import Any

from edge_agent.calibration import date_of
from edge_agent.catalogue import quantities
from edge_agent.config import Config, taken_names
from edge_agent.documents import Documents
from edge_agent.errors import CommandRefused
from edge_agent.hours import OFF, WORK, Calendar
from edge_agent.limit_tables import Known, facts_of, judge_limits, limit_rule
from edge_agent.rule import Rule
from wire.operators import fingerprint, mistake_in

CALIBRATION, PROFILE, LIMITS, WORKS, CALENDAR = "calibration", "profile", "limits", "works", "calendar"
OPERATORS = "operators"  # by bench; a `config` record tells their fingerprints, never names or hashes of PINs
LIMITS_BYTES_MAX = 20 * 1024  # all of it stands in one `config` record of at most 64 KiB
WORKS_MAX = 16
WORKS_MAX_MS = 92 * 86_400_000
WORDS_MAX = 200
DAYS_MAX = 500


class Settings:
    """What is in force, from the documents where the centre has set something, else from the file."""

    def __init__(self, config: Config, documents: Documents) -> None:
        self._config = config
        self._documents = documents
        self._calibrations: dict[str, Any] | None = None
        sensors = {name: quantities(device.driver, device.options) for name, device in config.sensors.items()}
        self.known = Known(sensors, taken_names(config.sensors, config.contacts, config.controls))

    def changed(self) -> None:
        """A document has changed."""
        self._calibrations = None

    def calibration(self, channel: str) -> Mapping[str, Any] | None:
        """A channel's calibration."""
        if self._calibrations is None:
            self._calibrations = self._documents.all(CALIBRATION)
        found: Mapping[str, Any] | None = self._calibrations.get(channel)
        return found

    @property
    def limits_source(self) -> str:
        """Where the limits come from: `file` or `centre`."""
        return "file" if self._documents.get(LIMITS, LIMITS) is None else "centre"

    def limits(self) -> tuple[Mapping[str, Mapping[str, Any]], list[tuple[str, str]]]:
        """The limits in force by name, and (name, words) for those that the centre set and that do not fit the file any more."""
        given = self._documents.get(LIMITS, LIMITS)
        return (self._config.limits, []) if given is None else judge_limits(given, self.known)

    def rules(self) -> tuple[list[Rule], list[str]]:
        """The rules of the limits in force, and the names of those that cannot be judged here."""
        limits, mistakes = self.limits()
        made = [limit_rule(self._config.name, name, limit, sample_s=self._sample_s, room=self.room) for name, limit in limits.items()]
        return made, sorted({name.partition(".")[0] for name, _ in mistakes})

    def _sample_s(self, sensor: str) -> float:
        device = self._config.sensors.get(sensor)
        return float((device["sample_s"] if device else None) or self._config.agent["sample_s"])

    def room(self, sensor: str) -> str:
        """The room that a sensor hangs in, where it is not the agent's; empty for the agent's."""
        device = self._config.sensors.get(sensor)
        return str((device["room"] if device else None) or "")

    def works(self) -> list[dict[str, Any]]:
        """The planned works."""
        found: list[dict[str, Any]] = self._documents.get(WORKS, WORKS) or []
        return found

    def calendar(self) -> Calendar | None:
        """The calendar, None where none was ever set."""
        given = self._documents.get(CALENDAR, CALENDAR)
        return None if given is None else Calendar(frozenset(given["weekend"]), given["days"])

    def facts(self, *, settled: bool) -> dict[str, Any]:
        """What `config` records say of it.

        `limits_source`, works, calendar, calibration and profile only where it is settled what is set: a Pi that replaces another
        must not tell the centre that there is nothing before it has asked.
        """
        limits, mistakes = self.limits()
        told: dict[str, Any] = {"limits": {name: facts_of(limit) for name, limit in limits.items()}}
        if mistakes:
            told["limits_unfit"] = {name: words[:200] for name, words in mistakes}
        if settled:
            told |= {"limits_source": self.limits_source, WORKS: self.works(), CALENDAR: self._documents.get(CALENDAR, CALENDAR)}
            told |= {kind: self._documents.all(kind) for kind in (CALIBRATION, PROFILE)}
            told[OPERATORS] = {bench: fingerprint(operators) for bench, operators in self._documents.all(OPERATORS).items()}
        return told

    # -- what a command or the centre's answer brings

    def checked_limits(self, given: Any) -> dict[str, Any] | None:
        """Limits as they are kept (None = those of the file); CommandRefused says everything that is wrong, as `check` would."""
        if given is None:
            return None
        _, mistakes = judge_limits(given, self.known)
        if mistakes:
            raise CommandRefused("; ".join(f"{path}: {words}" for path, words in mistakes))
        kept: dict[str, Any] = {name: {key: value for key, value in limit.items() if value is not None} for name, limit in given.items()}
        if len(json.dumps(kept)) > LIMITS_BYTES_MAX:
            raise CommandRefused(f"the limits take over {LIMITS_BYTES_MAX} bytes")
        return kept


def operators_of(given: Any) -> list[dict[str, str]]:
    """A bench's operators as they are kept; CommandRefused for anything else."""
    if mistake := mistake_in(given):
        raise CommandRefused(mistake)
    return [{key: one[key] for key in ("id", "name", "pin")} for one in given]


def works_of(given: Any) -> list[dict[str, Any]]:
    """Planned works as they are kept; CommandRefused for anything else."""
    if not isinstance(given, list) or len(given) > WORKS_MAX:
        raise CommandRefused(f"works is a list of at most {WORKS_MAX}")
    made = []
    for number, work in enumerate(given, 1):
        if not isinstance(work, Mapping):
            raise CommandRefused(f"work {number} is no object")
        ident, words, begin, end = work.get("id"), work.get("words", ""), work.get("from"), work.get("to")
        texts = list(words.values()) if isinstance(words, Mapping) else [words]
        if not isinstance(ident, str) or not 1 <= len(ident) <= WORDS_MAX:
            raise CommandRefused(f"work {number}: id is a text of 1-{WORDS_MAX} characters")
        if len(texts) > 2 or not all(isinstance(text, str) and len(text) <= WORDS_MAX for text in texts):
            raise CommandRefused(f"work {number}: words is a text of at most {WORDS_MAX} characters, or one each in zh and en")
        if type(begin) is not int or type(end) is not int or not 0 <= begin < end < 2**53:
            raise CommandRefused(f"work {number}: from and to are wall times in ms, from before to")
        if end - begin > WORKS_MAX_MS:
            raise CommandRefused(f"work {number}: lasts more than {WORKS_MAX_MS // 86_400_000} days")
        made.append({"id": ident, "from": begin, "to": end, "words": dict(words) if isinstance(words, Mapping) else words})
    return made


def calendar_of(given: Any) -> dict[str, Any]:
    """A calendar as it is kept; CommandRefused for anything else."""
    if not isinstance(given, Mapping):
        raise CommandRefused("a calendar is an object with weekend and days")
    weekend, days = given.get("weekend", []), given.get("days", {})
    if not isinstance(weekend, list) or len(weekend) > 7 or not all(type(day) is int and 0 <= day <= 6 for day in weekend):
        raise CommandRefused("weekend is a list of weekdays, 0 (Monday) to 6")
    if not isinstance(days, Mapping) or len(days) > DAYS_MAX:
        raise CommandRefused(f"days is an object of at most {DAYS_MAX} days")
    for day, what in days.items():
        date_of(day, f"days: {str(day)[:20]}")
        if what not in (OFF, WORK):
            raise CommandRefused(f"days: {day} is {OFF} or {WORK}, not {str(what)[:20]!r}")
    return {"weekend": sorted(set(weekend)), "days": dict(sorted(days.items()))}
