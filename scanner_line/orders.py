"""What the centre may ask of a bench: each command by name, its arguments checked, done or refused with words."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from scanner_line.errors import BatchError, ScannerError, SpoolError
from scanner_line.pagebook import PAGES_MAX, PLACEHOLDERS, REASON_CHARS_MAX
from scanner_line.pages import END, INSERT
from scanner_line.presses import RETAKE
from scanner_line.scanners.collating import collate
from scanner_line.scanners.sane import SaneSource
from scanner_line.states import CAPTURE
from scanner_line.station import Station
from wire.separators import VOLUME_CHARS_MAX

CENTRE = "centre"  # the pedal's name in press records
BEGUN_S = 60.0  # a run of many sheets that brought none in this time has begun all the same
Args = Mapping[str, Any]


async def obey(station: Station, name: str, args: Args) -> tuple[bool, str | None]:
    """Do batch.open {declared?, volume?}, batch.close {confirm?}, batch.rework {batch, pages?, reason}, capture, retake {page?},
    page.insert {after?}, page.delete {page|pages?, reason?}, page.move {page|pages, after?, volume?, reason}, page.place {kind, after?,
    note?}, page.undo, feeder.stop, feeder.turn {side: front|back}, feeder.collate or identify. `after` is a page's id, null for the front;
    left out, the end.

    Returns whether it was done, and why not.
    """
    if name not in ORDERS:
        return False, f"a bench does not know the command {name[:60]}"
    try:
        why = await ORDERS[name](station, args)
    except (BatchError, SpoolError) as error:
        return False, str(error)
    return why is None, why


async def _open(station: Station, args: Args) -> str | None:
    declared, volume = args.get("declared"), args.get("volume")
    if not (declared is None or type(declared) is int) or not (volume is None or isinstance(volume, str)):
        raise BatchError("declared is a whole number and volume a text")
    await station.open_batch(declared=declared, volume=volume)
    return None


async def _close(station: Station, args: Args) -> str | None:
    await station.close_batch(confirmed=args.get("confirm") is True)
    return None


async def _rework(station: Station, args: Args) -> str | None:
    reason, given = _text(args, "reason"), args.get("pages") or []
    if not isinstance(given, list) or len(given) > PAGES_MAX or not all(isinstance(one, dict) for one in given):
        raise BatchError(f"pages is a list of at most {PAGES_MAX} objects")
    pages = [(_ident(one, "page"), _text(one, "reason", default=reason)) for one in given]
    await station.reopen(_ident(args, "batch"), pages, reason=reason)
    return None


async def _capture(station: Station, _args: Args) -> str | None:
    return await _begun(station, station.press(CENTRE, CAPTURE))


async def _retake(station: Station, args: Args) -> str | None:
    page = None if args.get("page") is None else _ident(args, "page")
    return await _begun(station, station.take_page(RETAKE, pedal=CENTRE, page=page))


async def _insert(station: Station, args: Args) -> str | None:
    return await _begun(station, station.take_page(INSERT, pedal=CENTRE, after=_after(args)))


async def _delete(station: Station, args: Args) -> str | None:
    reason = _text(args, "reason", default="asked by the centre")
    pages = _pages(args)
    if not pages:
        batch = station.facts.batch
        pages = [] if batch is None else [page.page for page in station.presses.last_pages(batch.batch)]
        if not pages:
            raise BatchError("there is no page to take out")
    await station.delete(pages, reason=reason)
    return None


async def _move(station: Station, args: Args) -> str | None:
    volume = None if args.get("volume") is None else _text(args, "volume", most=VOLUME_CHARS_MAX)
    batch = None if args.get("batch") is None else _ident(args, "batch")
    await station.move(_pages(args), after=_after(args), batch=batch, volume=volume, reason=_text(args, "reason"))
    return None


async def _place(station: Station, args: Args) -> str | None:
    kind = args.get("kind")
    if kind not in PLACEHOLDERS:
        raise BatchError(f"kind is one of {', '.join(PLACEHOLDERS)}")
    note = None if args.get("note") is None else _text(args, "note")
    await station.place(kind, after=_after(args), note=note, pedal=CENTRE)
    return None


async def _undo(station: Station, _args: Args) -> str | None:
    await station.undo()
    return None


async def _stop(station: Station, _args: Args) -> str | None:
    station.stop()
    return None


async def _turn(station: Station, args: Args) -> str | None:
    source = station.source
    if not isinstance(source, SaneSource):
        raise BatchError("this bench has no feeder whose fronts and backs run apart")
    try:
        source.turn(str(args.get("side")))
    except ScannerError as error:
        raise BatchError(str(error)) from error
    return None


async def _collate(station: Station, _args: Args) -> str | None:
    await collate(station)
    return None


async def _identify(station: Station, _args: Args) -> str | None:
    station.identify()
    return None


ORDERS: Mapping[str, Callable[[Station, Args], Awaitable[str | None]]] = {
    "batch.open": _open,
    "batch.close": _close,
    "batch.rework": _rework,
    "capture": _capture,
    "retake": _retake,
    "page.insert": _insert,
    "page.delete": _delete,
    "page.move": _move,
    "page.place": _place,
    "page.undo": _undo,
    "feeder.stop": _stop,
    "feeder.turn": _turn,
    "feeder.collate": _collate,
    "identify": _identify,
}


async def _begun(station: Station, press: "asyncio.Task[str]") -> str | None:
    """None once a press is captured, else how it ended. A run of many sheets lasts as long as there is paper: it is waited for until its
    first sheet is recorded, or for BEGUN_S; how it ends stands in its press record."""
    before, until = station.facts, asyncio.get_running_loop().time() + BEGUN_S
    changed = station.listen()
    try:
        while not press.done():
            left_s = until - asyncio.get_running_loop().time()
            if station.source.many and (station.facts is not before or left_s <= 0):
                return None
            changed.clear()
            waiter = asyncio.ensure_future(changed.wait())
            await asyncio.wait({press, waiter}, timeout=left_s if station.source.many else None, return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
    finally:
        station.unlisten(changed)
    outcome = press.result()
    return None if outcome == "captured" else outcome


def _ident(args: Args, key: str) -> str:
    try:
        return str(uuid.UUID(args[key]))
    except (KeyError, ValueError, AttributeError, TypeError):
        raise BatchError(f"{key} is the id of a {key}") from None


def _pages(args: Args) -> list[str]:
    given = args.get("pages")
    if given is None:
        return [] if args.get("page") is None else [_ident(args, "page")]
    if not isinstance(given, list) or not 1 <= len(given) <= PAGES_MAX:
        raise BatchError(f"pages is a list of 1 to {PAGES_MAX} ids")
    return [_ident({"page": one}, "page") for one in given]


def _after(args: Args) -> str | None:
    if "after" not in args:
        return END
    return None if args["after"] is None else _ident({"page": args["after"]}, "page")


def _text(args: Args, key: str, *, most: int = REASON_CHARS_MAX, default: str | None = None) -> str:
    """A text of bounded length; what is longer is cut, since the centre's words may be."""
    given = args.get(key)
    if given in (None, "") and default is not None:
        return default
    if not isinstance(given, str) or not given.strip():
        raise BatchError(f"{key} is a text")
    return "".join(letter for letter in given if letter.isprintable())[:most].strip() or (default or key)
