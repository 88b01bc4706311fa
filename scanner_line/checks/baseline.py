"""The batch so far: what its own pages measure, against which the next one is judged."""

from collections.abc import Iterator
from statistics import median

from scanner_line.checks.measures import Measures
from scanner_line.profile import Profile

PAGES_MAX = 5000  # of one batch; the oldest fall out of the baseline, never out of the batch
KNOWN_AFTER = 5  # text pages until the batch speaks for itself
KNOWN_SHARE = 0.7  # the quantile that stands for "sharp": blurred pages in the batch must not pull it down
PRIOR_SIDE_PX = 3300.0  # up to this long side the shipped prior holds as it is; larger photographs spread an edge over more pixels
TYPICAL_SHARE = 0.8  # of a batch alike, for the odd one to be called odd


class Baseline:
    """Measures of a batch's pages by page id, in the order they came. Bounded; replaced pages are taken out with `forget`."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._pages: dict[str, Measures] = {}

    def __len__(self) -> int:
        return len(self._pages)

    def __contains__(self, page: str) -> bool:
        return page in self._pages

    def add(self, page: str, measures: Measures) -> None:
        """Count a page to the batch."""
        self._pages[page] = measures
        while len(self._pages) > PAGES_MAX:
            del self._pages[next(iter(self._pages))]

    def forget(self, page: str) -> None:
        """Take a replaced or deleted page out again; an unknown one is no error."""
        self._pages.pop(page, None)

    def before(self, page: str | None) -> Iterator[tuple[str, Measures]]:
        """The pages before the given one, the nearest first; all of them for a page the batch does not hold."""
        ids = list(self._pages)
        end = ids.index(page) if page is not None and page in self._pages else len(ids)
        for at in range(end - 1, -1, -1):
            yield ids[at], self._pages[ids[at]]

    def sharp_reference(self, like: Measures) -> tuple[float, ...]:
        """The steepness, per pixel and direction, that a sharp text page of this size has: the prior at first, then the batch's own."""
        prior = self._profile.sharpness_prior * min(1.0, PRIOR_SIDE_PX / max(like.width, like.height))
        peers = [page.steep for page in self._pages.values() if page.steep is not None and self.same_size(page, like)]
        known = min(1.0, len(peers) / KNOWN_AFTER)
        reference = []
        for direction in range(4):
            own = _quantile([value for steep in peers if (value := steep[direction]) is not None], prior)
            reference.append(max(self._profile.sharpness_floor * prior, known * own + (1 - known) * prior))
        return tuple(reference)

    def paper_reference(self, like: Measures) -> float | None:
        """The median grey level of the batch's paper, from pages of this size; None before five are known."""
        levels = [page.paper for page in self._pages.values() if self.same_size(page, like)]
        return median(levels) if len(levels) >= KNOWN_AFTER else None

    def ink_reference(self) -> float | None:
        """The median share of ink of the batch's text pages; None before five are known."""
        inks = [page.ink for page in self._pages.values() if page.steep is not None]
        return median(inks) if len(inks) >= KNOWN_AFTER else None

    def shade_reference(self) -> float | None:
        """The median unevenness of the batch's text pages; None before two are known."""
        shades = [page.shade for page in self._pages.values() if page.steep is not None]
        return median(shades) if len(shades) > 1 else None

    def typical(self) -> tuple[int, int, str] | None:
        """Width, height and colour mode of a batch whose pages are alike; None for a short or a mixed one."""
        pages = list(self._pages.values())
        if len(pages) < KNOWN_AFTER:
            return None
        width, height = round(median(page.width for page in pages)), round(median(page.height for page in pages))
        modes = [page.mode for page in pages]
        mode = max(sorted(set(modes)), key=modes.count)
        alike = sum(1 for page in pages if self._near(page.width, width) and self._near(page.height, height) and page.mode == mode)
        return (width, height, mode) if alike >= TYPICAL_SHARE * len(pages) else None

    def usual_touches(self, like: Measures) -> str | None:
        """The sides of the picture that the batch's pages usually run into; None before five pages of this size are known."""
        pages = [page.touches for page in self._pages.values() if self.same_size(page, like)]
        if len(pages) < KNOWN_AFTER:
            return None
        return "".join(side for side in "lrtb" if sum(side in touches for touches in pages) > (1 - TYPICAL_SHARE) * len(pages))

    def same_size(self, one: Measures, other: Measures) -> bool:
        """Whether two pages were photographed alike, so that their pixels mean the same."""
        return one.mode == other.mode and self._near(one.width, other.width) and self._near(one.height, other.height)

    def _near(self, value: int, reference: int) -> bool:
        return abs(value - reference) <= self._profile.size_tolerance * reference


def _quantile(values: list[float], otherwise: float) -> float:
    if not values:
        return otherwise
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(KNOWN_SHARE * len(ordered)))]
