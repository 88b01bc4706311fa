"""A practice book and what goes wrong in it: which page each shot of a training shows, and afterwards which defects were mended."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

SPOILT = ("blur", "skew", "finger", "glare")  # defects of one picture
ORDER = ("double", "missing", "swapped")  # defects of the order of pages
BREAKS = ("camera", "jam")  # a shot that gives nothing
KINDS = (*SPOILT, *ORDER, *BREAKS)
OF_REAL_SHEETS = (*SPOILT, "camera")  # with real sheets nobody but the trainee knows what lies under the camera
APART = 2  # openings between two defects


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect of the lesson: its kind, and the first page number that it concerns."""

    kind: str
    page: int


@dataclass(frozen=True, slots=True)
class Showing:
    """What one shot shows: page numbers by side, from 1, and what is wrong: a picture's defect at one side, or a break (no picture)."""

    numbers: tuple[int, ...]
    spoilt: str | None = None
    side: int = 0
    fails: str | None = None


@dataclass(slots=True)
class Lesson:
    """The course of one training. `sides` pages lie open at a time; `pages` is rounded to whole openings."""

    pages: int
    sides: int
    kinds: Collection[str] = KINDS
    seed: int = 1
    blank: Callable[[int], bool] = lambda _number: False
    defects: list[Defect] = field(default_factory=list)
    _steps: list[Showing] = field(default_factory=list)
    _at: int = 0
    _last: Showing | None = None
    _met: set[Defect] = field(default_factory=set)
    _mend: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Draw where each defect comes: after a good beginning, apart from each other, and never where nothing could be seen of it."""
        rng = Random(self.seed)  # noqa: S311 (a practice book is no secret)
        places = self._places(rng)
        openings = max(self.pages // self.sides, max(places, default=0) + 4)
        self.pages = openings * self.sides
        skip = -1
        for opening in range(openings):
            kind, side, numbers = places.get(opening), rng.randrange(self.sides), self._numbers(opening)
            spoilt = kind if kind in SPOILT else None
            showing = Showing(numbers, spoilt=spoilt, side=side, fails=kind if kind in BREAKS else None)
            if kind is not None:
                self.defects.append(Defect(kind, numbers[side] if spoilt else numbers[0]))
            if kind == "missing" or opening == skip:
                continue
            if kind == "swapped":
                self._steps += [Showing(self._numbers(opening + 1)), showing]
                skip = opening + 1
            else:
                self._steps += [showing, showing] if kind == "double" else [showing]

    def _places(self, rng: Random) -> dict[int, str]:
        kinds = sorted(self.kinds, key=KINDS.index)
        rng.shuffle(kinds)
        opening, places = APART, dict[int, str]()
        for kind in kinds:
            while any(self.blank(number) for number in (*self._numbers(opening), *self._numbers(opening + 1))):
                opening += 1
            places[opening] = kind
            opening += APART + (kind == "swapped")
        return places

    def _numbers(self, opening: int) -> tuple[int, ...]:
        return tuple(opening * self.sides + at + 1 for at in range(self.sides))

    @property
    def left(self) -> int:
        """Shots that are still to come."""
        return len(self._steps) - self._at

    def capture(self) -> Showing | None:
        """The next shot's; None when the book is at its end. After a break the same opening comes again, whole."""
        if self._last is not None and self._last.fails:
            self._last = Showing(self._last.numbers)
            return self._last
        if not self.left:
            self._last = None
            return None
        self._last = self._steps[self._at]
        self._at += 1
        return self._last

    def retake(self, number: int | None) -> Showing | None:
        """The opening with this page (None: the last one shown), lying as it should."""
        if number is None:
            return None if self._last is None else Showing(self._last.numbers)
        return Showing(self._numbers((number - 1) // self.sides))

    def insert(self, after: int | None) -> Showing | None:
        """The opening that follows a page in the book; None behind its end."""
        opening = 0 if after is None else (after - 1) // self.sides + 1
        return Showing(self._numbers(opening)) if opening * self.sides < self.pages else None

    def back(self) -> None:
        """The last capture was none (the pedal was held): its opening comes again."""
        if self._at and self._last is self._steps[self._at - 1]:
            self._at -= 1
            self._last = None

    def shown(self, digest: str, number: int, *, spoilt: bool) -> None:
        """A picture with this SHA-256 was given of a page, spoilt or as it should be."""
        self._mend[digest] = (number, spoilt)

    def number_of(self, digest: str) -> int | None:
        """Which page a picture shows."""
        return self._mend[digest][0] if digest in self._mend else None

    def score(self, digests: Sequence[str]) -> list[tuple[Defect, bool]]:
        """Every defect that the trainee has met, in order, and whether it is mended in the batch, whose pictures stand in order."""
        known = [self._mend[one] for one in digests if one in self._mend]
        reached = max((number for number, _ in self._mend.values()), default=0)
        numbers = [number for number, _ in known]
        spoilt = {number for number, bad in known if bad}
        return [(one, self._mended(one, numbers, spoilt)) for one in self.defects if one.page <= reached]

    def _mended(self, defect: Defect, numbers: Sequence[int], spoilt: Collection[int]) -> bool:
        page = defect.page
        if defect.kind in SPOILT:
            return page in numbers and page not in spoilt
        own = [page + at for at in range(self.sides)]
        if defect.kind == "double":
            return all(numbers.count(one) == 1 for one in own)
        if not all(one in numbers for one in own):
            return False
        if defect.kind in BREAKS:
            return True
        near = (*range(page - self.sides, page), *own, *range(page + self.sides, page + 2 * self.sides))
        places = {number: at for at, number in enumerate(numbers)}
        return all(places[one] < places[other] for one, other in pairwise(number for number in near if number in places))


def words_of(kind: str) -> Mapping[str, str]:
    """What a break says at the bench, in both languages."""
    return {
        "camera": {"words": "training: the camera gave no picture", "words_zh": "训练：相机没有给出图像"},
        "jam": {"words": "training: the paper has jammed", "words_zh": "训练：卡纸"},
    }[kind]
