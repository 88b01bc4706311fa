"""Commands from the centre: checked, each id taken once, done within bounds, answered by a `command.done` record."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from edge_agent import clock
from edge_agent.async_journal import AsyncJournal
from edge_agent.errors import AgentError
from edge_agent.handoff import Done
from edge_agent.keys import CentreKey
from wire import chain, codec
from wire.errors import WireError
from wire.records import T_MIN, record

log = logging.getLogger(__name__)
AT_ONCE_MAX = 8
LIFETIME_MAX_MS = 86_400_000  # a command that claims to be valid for longer than a day is refused
DO_TIMEOUT_S = 120.0


class Orders:
    """Takes commands off the link. Their ids are durable before anything is done: a command is done at most once, crash or not."""

    def __init__(
        self,
        journal: AsyncJournal,
        *,
        centre: CentreKey | None,
        do: Callable[[dict[str, Any]], Awaitable[Done]],
        now: Callable[[], tuple[int, int]] = clock.now,
    ) -> None:
        """`do` does one command ({id, name, args, expires}) and says how it went; an AgentError from it is a no."""
        self._journal, self._centre, self._do, self._now = journal, centre, do, now
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, payload: bytes) -> None:
        """Check one command and start it. WireError if it is malformed or not signed by the centre: nobody answers that."""
        command = codec.decode_command(payload)
        ident, expires = command["id"], command["expires"]
        site, agent = self._journal.journal.site, self._journal.journal.agent
        text = chain.command_text(site, agent, ident, command["name"], codec.dumps(command["args"]), expires)
        if self._centre is None or not self._centre.verify(text, command["sig"]):
            raise WireError("its signature is not the centre's")
        t_ms, _ = self._now()
        refusal = ""
        if t_ms < T_MIN:
            refusal = "this agent's clock is not set, so it cannot tell whether the command has expired"
        elif expires <= t_ms:
            refusal = "expired"
        elif expires > t_ms + LIFETIME_MAX_MS:
            refusal = "valid for longer than a day"
        elif len(self._tasks) >= AT_ONCE_MAX:
            refusal = f"{AT_ONCE_MAX} commands are being done already"
        keep_ms = min(max(expires, t_ms + 60_000), t_ms + LIFETIME_MAX_MS)
        if not await self._journal.call(self._journal.journal.memory.remember_command, ident, expires_ms=keep_ms, now_ms=t_ms):
            return  # known: it was done, or is being done
        if refusal:
            await self._answer(ident, Done(ok=False, why=refusal))
            return
        task = asyncio.create_task(self._run(command), name=f"command {command['name']}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, command: dict[str, Any]) -> None:
        try:
            done = await asyncio.wait_for(self._do(command), DO_TIMEOUT_S)
        except TimeoutError:
            done = Done(ok=False, why=f"not done within {DO_TIMEOUT_S:g} s")
        except AgentError as error:
            done = Done(ok=False, why=str(error)[:500])
        await self._answer(command["id"], done)

    async def _answer(self, ident: str, done: Done) -> None:
        t_ms, m_ms = self._now()
        await self._journal.keep("events", [record("command.done", t_ms, m_ms, id=ident, ok=done.ok, why=done.why or None)])

    async def close(self) -> None:
        """Cancel what is being done; may be called again."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
