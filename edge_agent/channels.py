"""The numbers under which an agent's channels stand in its journal: a channel keeps its number for the life of the journal."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from edge_agent.async_journal import AsyncJournal
from edge_agent.errors import JournalFull
from sensors.readings import Channel
from wire.records import record

NOTE = "channels"
log = logging.getLogger(__name__)


class Channels:
    """Declares each channel once per boot and whenever what it says changes."""

    def __init__(self, *, journal: AsyncJournal, agent: str, room: str, saved: str | None) -> None:
        """`saved`: what NOTE held in the journal at the start."""
        self._journal = journal
        self._agent = agent
        self._room = room
        self._numbers: dict[str, int] = json.loads(saved) if saved else {}
        self._declared: dict[str, Mapping[str, Any]] = {}
        self._saved = True

    def channel_id(self, sensor: str, quantity: str) -> str:
        """`{agent}.{sensor}.{quantity}`."""
        return f"{self._agent}.{sensor}.{quantity}"

    def number(self, channel_id: str) -> int:
        """The number of a declared channel."""
        return self._numbers[channel_id]

    @property
    def known(self) -> frozenset[str]:
        """The ids of all channels that were ever declared."""
        return frozenset(self._numbers)

    async def declare(self, sensor: str, channel: Channel, *, t: int, m: int, room: str = "") -> None:
        """Journal the channel's declaration if it is new or says something new; it stands before the readings that follow.

        room: where the sensor hangs, where that is not the agent's. A sensor exchanged for another keeps its channel's number.
        """
        ident = self.channel_id(sensor, channel.quantity)
        said = {
            "sensor": f"{self._agent}/{sensor}",
            "q": channel.quantity,
            "u": channel.unit,
            "serial": channel.serial or None,
            "resolution": channel.resolution,
            "tolerance": channel.tolerance,
            "room": room or self._room,
        }
        if self._declared.get(ident) != said:
            self._declared[ident] = said
            number = self._numbers.setdefault(ident, max(self._numbers.values(), default=0) + 1)
            await self._journal.keep("readings", [record("channel", t, m, i=number, **said)])
            self._saved = False
        if not self._saved:
            await self._save()

    async def _save(self) -> None:
        try:
            await self._journal.call(self._journal.journal.memory.remember, {NOTE: json.dumps(self._numbers)})
        except JournalFull as error:
            log.debug("the channels' numbers are saved later: %s", error)
        else:
            self._saved = True
