"""The batch so far: what its own pages measure, against which the next one is judged."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from scanner_line.checks.measures import Measures
from scanner_line.profile import Profile

PAGES_MAX = 5000  # of one batch; the oldest fall out of the baseline, never out of the batch
KNOWN_AFTER = 5  # text pages until the batch speaks for itself
KNOWN_SHARE = 0.7  # the quantile that stands for "sharp": blurred pages in the batch must not pull it down
PRIOR_SIDE_PX = 3300.0  # up to this long side the shipped prior holds as it is; larger photographs spread an edge over more pixels
LEAN = 4.0  # grey levels between the halves of a page from which it has a light and a dark side
SAMPLE_MAX = 400
SIDE_PAGES = 2  # on each side, for the sides to be compared apart
SPREAD_UNKNOWN = 0.02  # log10 of the steepness between sharp pages of one batch, before five are known
SPREAD_TIMES = 2.5
CLOSE_MIN, CLOSE_MAX = 0.042, 0.11  # log10 by which a page may be less steep than its batch, as the batch is alike or mixed
CLOSE_FEW = 0.05  # the same, more for few pages
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

    def sharp_reference(self, like: Measures) -> "SharpReference":
        """What a sharp text page of this size measures: the prior at first, then the batch's own pages, of the same side of the book where
        the two sides are lit apart."""
        prior = self._profile.sharpness_prior * min(1.0, PRIOR_SIDE_PX / max(like.width, like.height))
        peers = _same_side([page for page in self._alike(like) if page.steep is not None], like)
        known = min(1.0, len(peers) / KNOWN_AFTER)
        levels = []
        for direction in range(4):
            own = _quantile([value for page in peers if page.steep and (value := page.steep[direction]) is not None], prior)
            levels.append(max(self._profile.sharpness_floor * prior, known * own + (1 - known) * prior))
        means = sorted(mean for page in peers if (mean := steepness_of(page)) is not None)
        fines = [page.fine for page in peers if page.fine is not None]
        if not means or not fines:
            return SharpReference(tuple(levels), None, 0.0, None)
        usual = means[min(len(means) - 1, int(KNOWN_SHARE * len(means)))]
        upper = means[min(len(means) - 1, int(0.9 * len(means)))]
        spread = math.log10(upper / median(means)) if len(means) >= KNOWN_AFTER else SPREAD_UNKNOWN
        closest = max(CLOSE_MIN, min(CLOSE_MAX, SPREAD_TIMES * spread)) + CLOSE_FEW / len(means)
        return SharpReference(tuple(levels), usual, 10.0**-closest, (median(fine[0] for fine in fines), median(fine[1] for fine in fines)))

    def _alike(self, like: Measures) -> list[Measures]:
        """The batch's pages of about this size and mode."""
        return [page for page in self._pages.values() if self.same_size(page, like)]

    def paper_reference(self, like: Measures) -> float | None:
        """The median grey level of the batch's paper, from pages of this size; None before five are known."""
        levels = [page.paper for page in self._alike(like)]
        return median(levels) if len(levels) >= KNOWN_AFTER else None

    def clipped_reference(self, like: Measures) -> float | None:
        """The share at full white that the batch's pages usually have; None before five are known."""
        shares = [page.clipped for page in self._alike(like)]
        return median(shares) if len(shares) >= KNOWN_AFTER else None

    def inked_reference(self, like: Measures) -> float | None:
        """The grey level of the batch's text; None before five text pages are known."""
        levels = [page.inked for page in self._alike(like) if page.inked is not None]
        return median(levels) if len(levels) >= KNOWN_AFTER else None

    def tint_reference(self, like: Measures) -> tuple[float, float, float] | None:
        """Cr and Cb of the batch's paper, and how far half of the pages lie from it; None before five are known."""
        tints = [page.tint for page in self._alike(like) if page.tint is not None]
        if len(tints) < KNOWN_AFTER:
            return None
        red, blue = median(tint[0] for tint in tints), median(tint[1] for tint in tints)
        return red, blue, median(math.hypot(tint[0] - red, tint[1] - blue) for tint in tints)

    def usual_cuts(self, like: Measures) -> str:
        """The sides at which the batch's pages usually show cut text: the neighbouring page's, then."""
        pages = [page.cut for page in self._alike(like)]
        if len(pages) < KNOWN_AFTER:
            return ""
        return "".join(side for side in "lrtb" if sum(side in cut for cut in pages) > (1 - TYPICAL_SHARE) * len(pages))

    def ink_reference(self) -> float | None:
        """The median share of ink of the batch's text pages; None before five are known."""
        inks = [page.ink for page in self._sample() if page.steep is not None]
        return median(inks) if len(inks) >= KNOWN_AFTER else None

    def shade_reference(self) -> float | None:
        """The median unevenness of the batch's text pages; None before two are known."""
        shades = [page.shade for page in self._sample() if page.steep is not None]
        return median(shades) if len(shades) > 1 else None

    def typical(self) -> tuple[int, int, str] | None:
        """Width, height and colour mode of a batch whose pages are alike; None for a short or a mixed one."""
        pages = self._sample()
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

    def _sample(self) -> list[Measures]:
        """The batch's pages; of a large batch evenly spread ones, so that a thousandth page costs no more than a hundredth."""
        pages = list(self._pages.values())
        return pages[:: 1 + len(pages) // SAMPLE_MAX]

    def same_size(self, one: Measures, other: Measures) -> bool:
        """Whether two pages were photographed alike, so that their pixels mean the same."""
        return one.mode == other.mode and self._near(one.width, other.width) and self._near(one.height, other.height)

    def _near(self, value: int, reference: int) -> bool:
        return abs(value - reference) <= self._profile.size_tolerance * reference


@dataclass(frozen=True, slots=True)
class SharpReference:
    """`levels`: steepness by direction; `usual`: its mean over directions, and `closest`: the share of it that a page of this batch has at
    least; `fine`: fineness of detail. None until a page of the kind is known."""

    levels: tuple[float, ...]
    usual: float | None
    closest: float
    fine: tuple[float, float] | None


def steepness_of(page: Measures) -> float | None:
    """The mean steepness of a page over its directions."""
    found = [value for value in page.steep or () if value is not None]
    return sum(found) / len(found) if found else None


def _same_side(pages: list[Measures], like: Measures) -> list[Measures]:
    """The pages lit from the same side as this one, in a batch whose left and right pages are lit apart; else all of them."""
    groups = [page for page in pages if page.lean >= LEAN], [page for page in pages if page.lean <= -LEAN]
    if min(len(group) for group in groups) < SIDE_PAGES or abs(like.lean) < LEAN:
        return pages
    return groups[0] if like.lean > 0 else groups[1]


def _quantile(values: list[float], otherwise: float) -> float:
    if not values:
        return otherwise
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(KNOWN_SHARE * len(ordered)))]
