"""What the centre may ask of a bench: each command by name, its arguments checked, done or refused with words."""

from collections.abc import Mapping
from typing import Any

from scanner_line.errors import BatchError, SpoolError
from scanner_line.presses import RETAKE
from scanner_line.states import CAPTURE
from scanner_line.station import Station


async def obey(station: Station, name: str, args: Mapping[str, Any]) -> tuple[bool, str | None]:
    """Do batch.open {declared?, volume?}, batch.close {confirm?}, capture, retake, page.delete (the last spread) or identify.

    Returns whether it was done, and why not.
    """
    declared, volume = args.get("declared"), args.get("volume")
    if not (declared is None or type(declared) is int) or not (volume is None or isinstance(volume, str)):
        return False, "declared is a whole number and volume a text"
    try:
        if name == "batch.open":
            await station.open_batch(declared=declared, volume=volume)
        elif name == "batch.close":
            await station.close_batch(confirmed=args.get("confirm") is True)
        elif name in (CAPTURE, RETAKE):
            outcome = await station.press("centre", name)
            return outcome == "captured", None if outcome == "captured" else outcome
        elif name == "page.delete":
            await station.undo()
        elif name == "identify":
            station.identify()
        else:
            return False, f"a bench does not know the command {name}"
    except (BatchError, SpoolError) as error:
        return False, str(error)
    return True, None
