"""A sensor node: measures at a steady pace, keeps what is not acknowledged, and talks to its agent over its link."""

import asyncio
import sys

from firmware.chips import Chips
from firmware.flash import Flash
from firmware.link import Link, PolledLink
from firmware.store import Store
from wire.frames import FrameReader

VERSION = "0.2.0"
REOPEN_MS = 200
REOPEN_MAX_MS = 30000
IDLE_MS = 250
BLINK_MS = 150
LINK_DEAD_MS = 600000  # a link that needs watching and did not even try for this long hangs


class Uptime:
    """Milliseconds since the start, from a counter that wraps: ask at least once in six days."""

    def __init__(self, ticks_ms, ticks_diff):
        """ticks_ms, ticks_diff: as MicroPython's `time` has them."""
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._last = ticks_ms()
        self._total = 0

    def __call__(self):
        """The uptime in ms."""
        ticks = self._ticks_ms()
        self._total += self._ticks_diff(ticks, self._last)
        self._last = ticks
        return self._total


class Lamp:
    """The node's LED: a short flash for each measurement while nobody has greeted it, and quick blinking to be found."""

    def __init__(self, board):
        """board: has `led(on)`."""
        self._board = board
        self._until_ms = None
        self._wake = asyncio.Event()

    def identify(self, seconds):
        """Blink for so long from now on; 0 ends it."""
        self._until_ms = self._board.uptime_ms() + int(seconds * 1000)
        self._wake.set()

    async def run(self):
        """Blink when asked, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._board.uptime_ms() < self._until_ms:
                for on in (True, False):
                    self._board.led(on)
                    await asyncio.sleep(BLINK_MS / 1000)


class Node:
    """The node's loops over one board: measure, send, receive, blink."""

    def __init__(self, board, *, chips, store, link, lamp):
        """board: see board_unix; chips: measures; store: keeps; link: speaks; the loops end when `board.gone` is true."""
        self._board = board
        self._chips = chips
        self._store = store
        self._link = link
        self._lamp = lamp
        self._wake = asyncio.Event()
        self._tried_ms = 0  # when the link last did something

    async def run(self):
        """Work until the board is gone."""
        tasks = [asyncio.create_task(self._serve()), asyncio.create_task(self._lamp.run())]
        await self._measure()
        for task in tasks:
            task.cancel()

    async def _measure(self):
        board = self._board
        due = board.uptime_ms()
        while not board.gone:
            at_ms = board.uptime_ms()
            self._store.append(at_ms, await self._chips.measure())
            self._wake.set()
            if self._link_lives():
                board.feed_watchdog()
            due += board.period_ms
            wait_ms = due - board.uptime_ms()
            if wait_ms < 0:
                due -= wait_ms  # late by more than a period: keep the pace from now on instead of catching up
            await self._sleep(max(wait_ms, 1))

    async def _sleep(self, wait_ms):
        """Wait, feeding the watchdog on the way where a period is longer than it allows."""
        step_ms = self._board.watchdog_ms // 2
        while step_ms and wait_ms > step_ms:
            await asyncio.sleep(step_ms / 1000)
            wait_ms -= step_ms
            if self._link_lives():
                self._board.feed_watchdog()
        await asyncio.sleep(wait_ms / 1000)

    def _link_lives(self):
        if self._board.uptime_ms() - self._tried_ms < LINK_DEAD_MS or not self._board.watches_link:
            return True
        self._store.spill()  # the watchdog will bite: what RAM holds shall outlive it
        return False

    async def _serve(self):
        wait_ms = REOPEN_MS
        while True:
            self._tried_ms = self._board.uptime_ms()
            port = await self._board.open_port()
            if port is not None:
                self._link.disconnected()
                opened_ms = self._board.uptime_ms()
                over = asyncio.Event()
                tasks = [asyncio.create_task(self._send(port, over)), asyncio.create_task(self._receive(port, over))]
                await over.wait()
                for task in tasks:
                    task.cancel()
                await port.close()
                if self._board.uptime_ms() - opened_ms > REOPEN_MAX_MS:
                    wait_ms = REOPEN_MS
            await asyncio.sleep(wait_ms / 1000)
            wait_ms = min(wait_ms * 2, REOPEN_MAX_MS) if self._board.watches_link else REOPEN_MS

    async def _receive(self, port, over):
        frames = FrameReader()
        try:
            while True:
                data = await port.read()
                if not data:
                    return
                self._tried_ms = self._board.uptime_ms()
                for message in frames.feed(data):
                    self._link.take(message)
                    self._wake.set()
        except OSError:
            return
        finally:
            over.set()

    async def _send(self, port, over):
        try:
            while True:
                frame = self._link.frame()
                if frame is not None:
                    await port.write(frame)
                    self._tried_ms = self._board.uptime_ms()
                    continue
                self._wake.clear()
                try:
                    await asyncio.wait_for(self._wait(), IDLE_MS / 1000)
                except asyncio.TimeoutError:
                    pass
        except OSError:
            over.set()

    async def _wait(self):
        await self._wake.wait()


def run(board_class, argv, settings):
    """Run a node on a board until the board is gone."""
    board = board_class(argv, Uptime, settings)
    asyncio.run(made(board, settings).run())


def made(board, settings):
    """A node of a board and its settings."""
    chips = Chips(board, settings.chips)
    flash = None
    if board.folder and settings.segments:
        flash = Flash(board.folder, segment_samples=settings.segment_samples, segments_max=settings.segments)
    store = Store(board.boot, chips.channels, chips.identity(), ram=settings.ram_samples, flash=flash, spill=settings.spill_samples)
    lamp = Lamp(board)
    identity = {"node": settings.name, "version": VERSION, "board": board.model}
    link = Link(store, identity, board.uptime_ms, lamp.identify)
    speaks = PolledLink(link, settings.address) if settings.link == "rs485" else link
    return Node(board, chips=chips, store=store, link=speaks, lamp=lamp)


if __name__ == "__main__":
    from firmware.board_unix import Board, settings_of

    run(Board, sys.argv[1:], settings_of(sys.argv[1:]))
