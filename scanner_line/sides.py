"""Pages of sheets whose fronts and backs run apart: which of them have no other side yet."""

from collections.abc import Sequence

from scanner_line.presses import Page

FRONT, BACK = "front", "back"


def loose(pages: Sequence[Page]) -> tuple[list[Page], list[Page]]:
    """Of a batch's counting pages in order: fronts with no back behind them, and backs with no front before them. The first back of a run
    lies behind the last front already, where it belongs."""
    sides = [page.side for page in pages]
    fronts = [page for place, page in enumerate(pages) if page.side == FRONT and sides[place + 1 : place + 2] != [BACK]]
    backs = [page for place, page in enumerate(pages) if page.side == BACK and (place == 0 or sides[place - 1] != FRONT)]
    return fronts, backs
