"""`muniment-agent probe --pedals`: asks an installer to press each switch of a bench's pedals, and says what came."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

from edge_agent.config import Bench, Config
from edge_agent.errors import AgentError, HandoffError
from edge_agent.handoff import request_core

ASK_S = 5.0
FOUND_S = 3.0  # how long a pedal may take until it says whether it is there
WITHIN_S = 30.0  # to press one switch


class Told:
    """What a bench's pedals tell: the state of each, and every press with how long it was held."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.presses: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.changed = asyncio.Event()
        self._down: dict[str, int] = {}

    def down(self, pedal: str, wish: str = "", *, edge: Any = None) -> None:
        """A switch went down."""
        self._down[pedal] = edge.monotonic_ns
        self.presses.put_nowait((pedal, wish))

    def up(self, pedal: str, *, at_ns: int | None = None) -> None:
        """A switch came up."""
        if pedal in self._down and at_ns is not None:
            print(f"  {pedal}: held for {(at_ns - self._down.pop(pedal)) / 1e9:.2f} s", flush=True)


@contextlib.contextmanager
def listening(bench: Bench, told: Told, *, other: bool) -> Iterator[list[Any]]:
    """The bench's pedals, started; raises what the pins' factory raises. `other`: print keys and bytes that are no switch's."""
    from scanner_line.pedals.foot import FootPedal
    from scanner_line.pedals.registry import pedal_from, pedals_of
    from sensors.transports.gpio import device_pins, simulated_pins

    def shown(words: str) -> None:
        if other:
            print(f"  {words} came, which is no switch of the configuration", flush=True)

    given = {name: {"driver": pedal.driver, **pedal.options} for name, pedal in bench.pedals.items()}
    tables = pedals_of({**bench.options, "pedal": given})
    gpio = any(table["driver"] == "gpio" for table in tables.values())
    pins = None if not gpio else simulated_pins() if bench.sim else device_pins()
    pedals: list[FootPedal] = []
    try:
        for name, table in tables.items():
            driver = pedal_from(table, pins=pins, on_other=shown)
            pedals.append(FootPedal(driver, table["switch"], station=told, name=name, changed=told.changed.set))
            pedals[-1].start()
        yield pedals
    finally:
        for pedal in pedals:
            pedal.close()
        if pins is not None:
            pins.close()


async def pedal_rows(bench: Bench) -> list[dict[str, Any]]:
    """A row a pedal for the probe: whether it is there, and by what it is known."""
    from edge_agent.room import gpio_errors

    drivers = {name: pedal.driver for name, pedal in bench.pedals.items()}
    told, began = Told(), time.monotonic()
    try:
        with listening(bench, told, other=False) as pedals:
            for pedal in pedals:
                await _settled(pedal, told)
            return [
                {
                    "device": f"{bench.name}/{pedal.name}",
                    "what": f"pedal {drivers.get(pedal.name, 'gpio')}",
                    "value": None if pedal.fault else "found",
                    "ok": not pedal.fault,
                    "why": pedal.fault,
                    "serial": pedal.serial,
                    "note": "press each switch: probe --pedals",
                    "took_ms": round((time.monotonic() - began) * 1000, 1),
                }
                for pedal in pedals
            ]
    except gpio_errors() as error:
        return [{"device": bench.name, "what": "pedals", "ok": False, "why": str(error) or type(error).__name__}]


async def _settled(pedal: Any, told: Told) -> None:
    """Wait until a pedal has said whether it is there."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FOUND_S):
            while pedal.fault == "not started":
                await told.changed.wait()
                told.changed.clear()


def main(config: Config, *, within_s: float = WITHIN_S) -> int:
    """Ask for one press of each switch, each within_s; 0 when all came, else 1. AgentError while an agent holds the pedals."""
    with contextlib.suppress(HandoffError):
        request_core(config.data / "core.sock", {"op": "status"}, timeout_s=ASK_S)
        raise AgentError("an agent is running and holds the pedals: stop it before they are tried")
    return asyncio.run(_ask_all(config, within_s))


async def _ask_all(config: Config, within_s: float) -> int:
    from edge_agent.room import gpio_errors

    missing = tried = 0
    for bench in config.benches.values():
        told = Told()
        try:
            with listening(bench, told, other=True) as pedals:
                for pedal in pedals:
                    await _settled(pedal, told)
                    if pedal.fault:
                        print(f"{bench.name}/{pedal.name}: {pedal.fault}", flush=True)
                    for name in pedal.names():
                        tried += 1
                        missing += not await _ask(f"{bench.name}/", name, pedal.wish_of(name), told, within_s)
        except gpio_errors() as error:
            raise AgentError(f"{bench.name}: the pins cannot be used: {error}") from None
    if not tried:
        print("no bench of this configuration has a pedal")
    return 1 if missing or not tried else 0


async def _ask(bench: str, name: str, wish: str, told: Told, within_s: float) -> bool:
    """Whether the switch that was asked for was pressed in time; others are told too."""
    while not told.presses.empty():
        told.presses.get_nowait()
    print(f"press {bench}{name} ({wish}) within {within_s:g} s", flush=True)
    try:
        async with asyncio.timeout(within_s):
            while True:
                pressed, _ = await told.presses.get()
                if pressed == name:
                    print(f"  {name}: pressed", flush=True)
                    return True
                print(f"  {pressed} came instead", flush=True)
    except TimeoutError:
        print(f"  {name}: nothing came", flush=True)
        return False
