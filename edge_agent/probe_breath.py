"""`muniment-agent probe --breathe NAME`: asks a person to breathe on a sensor, watches, and says whether its registers are right."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from edge_agent.breath import OUTCOMES, PAIR, RIGHT, Verdict, can_be_breathed_on, judged
from edge_agent.config import Config
from edge_agent.errors import AgentError, HandoffError
from edge_agent.handoff import request_core

EVERY_S = 1.0
BEFORE = 3  # samples before the breath
WATCH_S = 60.0
ASK_S = 30.0
READ_S = 20.0
Pair = tuple[float, float]
Ask = Callable[[], Any]


def main(config: Config, name: str, *, watch_s: float = WATCH_S) -> int:
    """Test one sensor; 0 when its registers are the right way round, else 1. AgentError for a sensor that cannot be tested."""
    device = config.sensors.get(name)
    if device is None:
        raise AgentError(f"there is no [sensor.{name[:60]}]; there are {', '.join(sorted(config.sensors)) or 'none'}")
    if not can_be_breathed_on(device):
        raise AgentError(f"{name} does not measure both temperature and humidity")
    verdict = asyncio.run(_test(config, name, watch_s=watch_s))
    print(f"temperature rose by {verdict.rise_c:.1f} Cel, humidity by {verdict.rise_pct:.1f} %")
    print(OUTCOMES[verdict.outcome])
    told = {"sensor": name, "outcome": verdict.outcome, "rise_c": verdict.rise_c, "rise_pct": verdict.rise_pct}
    try:
        request_core(config.data / "core.sock", {"op": "breathe", **told}, timeout_s=ASK_S)
        print("the running agent has noted it")
    except HandoffError:
        print("not noted: no agent is running")
    return 0 if verdict.outcome == RIGHT else 1


async def _test(config: Config, name: str, *, watch_s: float) -> Verdict:
    async with contextlib.aclosing(_pairs(config, name)) as pairs:
        before = [await anext(pairs) for _ in range(BEFORE)]
        shown = before[-1]
        print(f"{name} shows {shown[0]:.1f} Cel and {shown[1]:.1f} %. Breathe on it now, slowly, for ten seconds.", flush=True)
        since: list[Pair] = []
        until = time.monotonic() + watch_s
        while True:
            verdict = judged(before, since)
            if verdict.plain or time.monotonic() >= until:
                return verdict
            since.append(await anext(pairs))


async def _pairs(config: Config, name: str) -> AsyncGenerator[Pair, None]:
    """(temperature, humidity) every second: from the running agent, or else from the device; failed readings are left out."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            await asyncio.to_thread(request_core, config.data / "core.sock", {"op": "probe"}, timeout_s=ASK_S)
        except HandoffError:
            read = await _own(config, name, stack)
        else:
            read = _asked(config, name)
        patience = READ_S
        while True:
            began = time.monotonic()
            found = await read()
            values = {what: value for what, value in found.items() if what in PAIR and value is not None}
            if len(values) == len(PAIR):
                patience = READ_S
                yield values[PAIR[0]], values[PAIR[1]]
            elif patience <= 0:
                raise AgentError(f"{name} gives no values; try probe without --breathe first")
            patience -= EVERY_S
            await asyncio.sleep(max(0.0, EVERY_S - (time.monotonic() - began)))


def _asked(config: Config, name: str) -> Ask:
    async def read() -> dict[str, float | None]:
        answer = await asyncio.to_thread(request_core, config.data / "core.sock", {"op": "probe"}, timeout_s=ASK_S)
        return {row["what"]: row.get("value") for row in answer["rows"] if row["device"] == name}

    return read


async def _own(config: Config, name: str, stack: contextlib.AsyncExitStack) -> Ask:
    from edge_agent.room import room_wires  # the drivers are loaded only when there is no core to ask
    from sensors.registry import build_sensor

    config.data.mkdir(parents=True, exist_ok=True)
    wires = await room_wires(config, stack)
    device = config.sensors[name]
    sensor = build_sensor(device.driver, name, device.driver_options, wires=wires.of(device))
    stack.push_async_callback(sensor.close)

    async def read() -> dict[str, float | None]:
        try:
            return {reading.quantity: reading.value for reading in await asyncio.wait_for(sensor.read(), READ_S)}
        except TimeoutError:
            return {}

    return read
