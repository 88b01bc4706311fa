"""Gets what the centre had set back for an agent on an empty disk, a Pi that replaces another: calibration, limits, profiles and so on."""

import asyncio
import http.client
import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from edge_agent.backoff import Backoff
from edge_agent.calibration import calibration_of, is_none
from edge_agent.commands import profile_of
from edge_agent.documents import Documents
from edge_agent.errors import CentreError, CommandRefused, DocumentError, KeyFileError
from edge_agent.handoff import Done
from edge_agent.keys import CENTRAL_TOKEN, read_secret
from edge_agent.settings import (
    CALENDAR,
    CALIBRATION,
    LIMITS,
    OPERATORS,
    PROFILE,
    WORKS,
    Settings,
    calendar_of,
    operators_of,
    works_of,
)

WAIT_S = 5.0  # a start waits so long for the answer; then the room is measured without, and asking goes on
TIMEOUT_S = 5.0
ANSWER_MAX = 512 * 1024  # what was set is cut from one record of at most 64 KiB; 200 operators of a bench take 50 KiB
APPLY_TRIES = 20  # a bench that was starting just then is asked so often, 1 s to 10 s apart
log = logging.getLogger(__name__)


class Restorer:
    """Asks the centre for what was last in force, until it has answered or somebody has set something here."""

    def __init__(
        self,
        documents: Documents,
        *,
        ask: Callable[[], dict[str, Any]],
        benches: tuple[str, ...],
        request: Callable[[str, str, dict[str, Any]], Awaitable[Done]],
        settings: Settings,
        apply: Callable[[], Awaitable[None]],
        wait_s: float = WAIT_S,
    ) -> None:
        """`ask()` blocks for the centre's answer, see `ask_centre`; `request(child, name, args)` asks a child process.

        `apply()` puts limits, works and calendar into force.
        """
        self._settings = settings
        self._apply_settings = apply
        self._documents = documents
        self._ask = ask
        self._benches = benches
        self._request = request
        self._wait_s = wait_s

    async def begin(self) -> None:
        """Before anything is measured: get the documents, or go on without them after wait_s seconds."""
        try:
            await asyncio.wait_for(self._get(), self._wait_s)
        except TimeoutError:
            log.warning("the centre has not told calibration and profiles yet: this agent begins without them and asks on")

    async def run(self) -> None:
        """Ask on until there is an answer, and let the benches that run already take theirs; done at once when there is nothing to get."""
        for bench in await self._get():
            await self._apply(bench)

    async def _get(self) -> list[str]:
        """Ask until it is settled what is in force; the benches whose profile came with the answer."""
        backoff, told = Backoff(first_s=0.5, most_s=300.0), False
        while not self._documents.begun:
            try:
                answer = await asyncio.to_thread(self._ask)
                if not self._documents.begun:
                    benches = self._take(answer)
                    await self._apply_settings()
                    return benches
            except (OSError, http.client.HTTPException, CentreError, KeyFileError, DocumentError) as error:
                if not told:
                    log.info("calibration and profiles cannot be had from the centre yet: %s", str(error) or type(error).__name__)
                told = True
                await asyncio.sleep(backoff.next_s())
        return []

    def _take(self, answer: dict[str, Any]) -> list[str]:
        calibrations = self._sound(answer, CALIBRATION, calibration_of)
        profiles = {
            bench: values for bench, values in self._sound(answer, PROFILE, profile_of).items() if bench in self._benches and values
        }
        operators = self._operators(answer.get(OPERATORS))
        calibrations = {channel: value for channel, value in calibrations.items() if not is_none(value)}
        single = {
            LIMITS: self._limits(answer.get(LIMITS)),
            WORKS: self._one(WORKS, answer.get(WORKS), works_of),
            CALENDAR: self._one(CALENDAR, answer.get(CALENDAR), calendar_of),
        }
        kept = {kind: {kind: value} for kind, value in single.items() if value is not None}
        self._documents.begin({CALIBRATION: calibrations, PROFILE: profiles, OPERATORS: operators, **kept})
        if calibrations or profiles:
            log.info("calibration of %d channels and profiles of %d benches are back from the centre", len(calibrations), len(profiles))
        return sorted({*profiles, *operators})

    def _limits(self, given: Any) -> Any:
        """The limits that were set, those with a mistake too: they are told of as unfit, and fit again once their sensor is there."""
        if given is None:
            return None
        try:
            return self._settings.checked_limits(given)
        except CommandRefused as error:
            log.error("of the limits that the centre has some do not fit this agent's sensors: %s", str(error)[:1000])
            return given if isinstance(given, dict) else None

    def _operators(self, given: Any) -> dict[str, list[dict[str, str]]]:
        """The operators of each bench of this agent; an older centre tells none."""
        found = {}
        for bench, operators in given.items() if isinstance(given, dict) else ():
            try:
                if bench in self._benches:
                    found[bench] = operators_of(operators)
            except CommandRefused as error:
                log.error("the operators of %s that the centre has are not taken: %s", bench, error)
        return found

    @staticmethod
    def _one(kind: str, given: Any, checked: Callable[[Any], Any]) -> Any:
        """A document of which there is one; None where there is none or it is out of bounds."""
        if given is None:
            return None
        try:
            return checked(given)
        except CommandRefused as error:
            log.error("the %s that the centre has is not taken: %s", kind, error)
            return None

    @staticmethod
    def _sound(answer: dict[str, Any], kind: str, checked: Callable[[Any], dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """What the answer has of a kind, by name; what is out of bounds is left out, loudly."""
        found = {}
        for name, value in answer[kind].items():
            try:
                found[name] = checked(value)
            except CommandRefused as error:
                log.error("the %s of %s that the centre has is not taken: %s", kind, name[:100], error)
        return found

    async def _apply(self, bench: str) -> None:
        """Have a running bench start again with its profile; one that starts later reads it by itself."""
        backoff = Backoff(first_s=1.0, most_s=10.0)
        for _ in range(APPLY_TRIES):
            done = await self._request(f"station:{bench}", "profile.apply", {})
            if done.ok:
                return
            await asyncio.sleep(backoff.next_s())
        log.error("bench %s has not taken its profile; it will at its next start", bench)


def ask_centre(url: str, *, agent: str, token_file: Path, tls_ca: Path | None = None) -> dict[str, Any]:
    """What the centre last heard to be in force at this agent: {"calibration": {channel: …}, "profile": {bench: …}}; blocks.

    OSError or HTTPException where the centre cannot be reached, CentreError where it answers something else.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CentreError(f"not an http or https address: {url!r}")
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=str(tls_ca) if tls_ca else None)
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
    headers = {"Authorization": f"Bearer {read_secret(token_file, variable=CENTRAL_TOKEN)}", "Accept": "application/json"}
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/api/v1/agents/{quote(agent)}/documents", headers=headers)
        response = connection.getresponse()
        body = response.read(ANSWER_MAX + 1)
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise CentreError(f"the centre answers {response.status}")
    return _decoded(body)


def _decoded(body: bytes) -> dict[str, Any]:
    if len(body) > ANSWER_MAX:
        raise CentreError(f"the centre's answer has over {ANSWER_MAX} bytes")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CentreError(f"the centre's answer is not JSON: {error}") from error
    if not isinstance(answer, dict) or not all(isinstance(answer.get(kind), dict) for kind in (CALIBRATION, PROFILE)):
        raise CentreError("the centre's answer names no calibration and profile")
    return answer
