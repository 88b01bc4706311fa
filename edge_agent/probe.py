"""`muniment-agent probe`: asks the running core, or else reads every configured device once, and prints what came."""

import asyncio
import contextlib
import json
import sys
import time
from typing import Any

from edge_agent.breath import lacking
from edge_agent.config import Bench, Config, Device
from edge_agent.errors import HandoffError
from edge_agent.handoff import request_core
from edge_agent.probe_pedals import pedal_rows
from sensors.errors import SensorError

READ_S = 20.0
ASK_S = 30.0
COLUMNS = ("device", "what", "value", "unit", "quality", "took", "serial", "why", "note")


def main(config: Config, *, as_json: bool) -> int:
    """Print a row a channel, contact, output or child; 1 if one failed."""
    try:
        rows = request_core(config.data / "core.sock", {"op": "probe"}, timeout_s=ASK_S)["rows"]
        source = "the running agent"
    except HandoffError:
        rows = asyncio.run(_read_all(config))
        source = "the devices themselves, as no agent is running"
    if as_json:
        json.dump({"source": source, "rows": rows}, sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        print(f"asked: {source}")
        print(table(rows))
    return 0 if all(row["ok"] for row in rows) else 1


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as an aligned table of text."""
    cells = [[_cell(row, column) for column in COLUMNS] for row in rows]
    widths = [max(len(column), *(len(row[i]) for row in cells)) if cells else len(column) for i, column in enumerate(COLUMNS)]
    shown = [i for i, column in enumerate(COLUMNS) if column not in ("serial", "note") or any(row[i] for row in cells)]
    lines = [
        "  ".join(text.ljust(width) for text, width in ((row[i], widths[i]) for i in shown)).rstrip() for row in [list(COLUMNS), *cells]
    ]
    return "\n".join(lines)


def _cell(row: dict[str, Any], column: str) -> str:
    if column == "took":
        took = row.get("took_ms")
        return "" if took is None else f"{took:.1f} ms"
    if column == "quality":
        return str(row.get("quality") or ("good" if row["ok"] else "FAILED"))
    value = row.get(column)
    if value is None:
        return "-" if column == "value" else ""
    return f"{value:g}" if isinstance(value, float) else str(value)


async def _read_all(config: Config) -> list[dict[str, Any]]:
    from edge_agent.room import room_wires  # the drivers are loaded only when there is no core to ask

    config.data.mkdir(parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        wires = await room_wires(config, stack)
        rows: list[dict[str, Any]] = []
        for name, device in config.sensors.items():
            note = lacking(name, device, None)
            rows += [{**row, "note": note or row.get("note", "")} for row in await _sensor(name, device, wires.of(device))]
        for name, device in config.contacts.items():
            rows.append(await _contact(name, device, wires.of(device)))
        for name, device in config.cameras.items():
            rows.append(await asyncio.to_thread(_stream, name, device))
        for bench in config.benches.values():
            rows += await _bench(bench)
            rows += await pedal_rows(bench)
        return rows


def _stream(name: str, device: Device) -> dict[str, Any]:
    """Open a custody camera's stream and wait for its first picture; those on the Pi and simulated ones run with the agent only."""
    if device.sim or device.driver != "stream":
        return {"device": name, "what": "camera", "value": None, "ok": True, "why": "runs with the agent only"}
    from av import FFmpegError  # 32 MiB: for this command only

    from edge_agent.recorder.errors import StreamError
    from edge_agent.recorder.source import open_url

    began = time.monotonic()
    try:
        with open_url(device["url"]) as container:
            stream = next(iter(container.demux(video=0))).stream
            size = f"{stream.codec_context.width}x{stream.codec_context.height}"
    except (StreamError, FFmpegError, OSError, StopIteration, IndexError) as error:
        return {"device": name, "what": "camera", "ok": False, "why": str(error) or "no picture"}
    return _took({"device": name, "what": "camera", "value": size, "ok": True, "why": ""}, began)


async def _bench(bench: Bench) -> list[dict[str, Any]]:
    """One photograph of each of a bench's cameras."""
    from scanner_line.cameras.registry import camera_from
    from scanner_line.errors import ScannerLineError

    rows = []
    for name, device in bench.cameras.items():
        began = time.monotonic()
        row: dict[str, Any] = {"device": f"{bench.name}/{name}", "what": device.driver}
        try:
            camera = camera_from({"driver": device.driver, **device.options}, name=name)
            try:
                await asyncio.wait_for(camera.start(), READ_S)
                frame = await asyncio.wait_for(camera.capture(time.monotonic_ns()), READ_S)
            finally:
                await camera.close()
        except (ScannerLineError, OSError) as error:
            rows.append({**row, "ok": False, "why": str(error) or type(error).__name__})
        else:
            found = {"value": f"{frame.width}x{frame.height}", "ok": True, "why": "", "serial": camera.serial}
            rows.append(_took({**row, **found}, began))
    return rows


def _took(row: dict[str, Any], began: float) -> dict[str, Any]:
    return {**row, "took_ms": round((time.monotonic() - began) * 1000, 1)}


async def _sensor(name: str, device: Any, wires: Any) -> list[dict[str, Any]]:
    from sensors.registry import build_sensor

    began = time.monotonic()
    try:
        sensor = build_sensor(device.driver, name, device.driver_options, wires=wires)
        try:
            readings = await asyncio.wait_for(sensor.read(), READ_S)
        finally:
            await sensor.close()
    except (SensorError, OSError, TimeoutError) as error:
        return [{"device": name, "what": device.driver, "ok": False, "why": str(error) or type(error).__name__}]
    took_ms = round((time.monotonic() - began) * 1000, 1)
    serials = {channel.quantity: channel.serial for channel in sensor.channels}
    return [
        {
            "device": name,
            "what": reading.quantity,
            "value": reading.value,
            "unit": reading.unit,
            "quality": reading.quality,
            "ok": reading.quality != "bad",
            "why": reading.why,
            "serial": serials.get(reading.quantity, ""),
            "note": "; ".join(sensor.notes),
            "took_ms": took_ms,
        }
        for reading in {reading.quantity: reading for reading in readings}.values()
    ]


async def _contact(name: str, device: Any, wires: Any) -> dict[str, Any]:
    from edge_agent.room import gpio_errors
    from sensors.registry import build_contact

    told: asyncio.Queue[str] = asyncio.Queue()
    began = time.monotonic()
    try:
        contact = build_contact(
            device.driver, name, device.driver_options, wires=wires, on_change=lambda state, _t, _m: told.put_nowait(state)
        )
        try:
            state = await asyncio.wait_for(told.get(), READ_S)
        finally:
            contact.close()
    except gpio_errors() as error:  # TimeoutError is one of them, as an OSError
        return {"device": name, "what": device["kind"], "ok": False, "why": str(error) or type(error).__name__}
    took_ms = round((time.monotonic() - began) * 1000, 1)
    return {"device": name, "what": device["kind"], "value": state, "quality": "good", "ok": True, "why": "", "took_ms": took_ms}
