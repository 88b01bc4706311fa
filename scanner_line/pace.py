"""How fast a bench works: pages an hour, over the time that was worked."""

from itertools import pairwise

WINDOW_MS = 10 * 60 * 1000  # what counts as "now"
PAUSE_MS = 30 * 1000  # a longer pause between two pages is not working time
PAGES_MIN = 5


def pages_per_h(times_ms: list[int]) -> int | None:
    """From the times of the pages of the window, oldest first; None before a few are known."""
    if len(times_ms) < PAGES_MIN:
        return None
    worked_ms = sum(min(later - earlier, PAUSE_MS) for earlier, later in pairwise(times_ms))
    return round((len(times_ms) - 1) * 3_600_000 / worked_ms) if worked_ms else None
