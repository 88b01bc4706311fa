"""Fronts and backs from a scanner that sees one side: a run of fronts, the stack turned over, a run of backs, put together page by page.

Both runs are pages of the batch as they came. They are put together, by moving each back behind its front, only when there are as many
backs as fronts; no blank back is left out, for it is a page, and nothing is renamed.
"""

from collections.abc import Sequence

from scanner_line.errors import BatchError
from scanner_line.presses import Page
from scanner_line.sides import loose
from scanner_line.station import Station

BOTH = " / "  # between the words in English and those in Chinese
REASON = "front and back put together"


def pairs(fronts: Sequence[Page], backs: Sequence[Page]) -> list[tuple[str, str]]:
    """(back, the front that it goes behind): the stack was turned over, so that the last sheet's back came first. BatchError, in words for
    the operator, where there are not as many backs as fronts."""
    if len(fronts) != len(backs):
        english = f"{len(fronts)} fronts without a back, {len(backs)} backs without a front: nothing was put together"
        chinese = f"缺背面的正面 {len(fronts)} 页、缺正面的背面 {len(backs)} 页，未合并：请在原位补扫或删除多余页"
        raise BatchError(f"{english}. Insert what is missing where it belongs, or take out what is too much{BOTH}{chinese}")
    return [(back.page, front.page) for back, front in zip(backs, reversed(fronts), strict=True)]


async def collate(station: Station) -> int:
    """Put the loose fronts and backs of the open batch together; how many pages moved. BatchError as `pairs`, or where no batch is
    open. Broken off in the middle, it goes on with the rest when it is called again."""
    batch = station.facts.batch
    if batch is None:
        raise BatchError("no batch is open")
    asked = pairs(*loose(station.presses.live_pages(batch.batch)))
    for back, front in asked:
        await station.move([back], after=front, reason=REASON)
    return len(asked)
