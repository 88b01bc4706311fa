"""The thresholds by which a bench judges its pages, with the shipped values and the bounds each may take."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path

from scanner_line.errors import ProfileError

# Which failing checks make a page bad, so that the lamp turns red and the page is taken again. A double is `look`: the image itself is
# sound, and only the operator knows whether the page was really turned.
FATAL = frozenset({"sharpness", "exposure", "skew"})


@dataclass(frozen=True, slots=True)
class Profile:
    """Limits of the page checks. How the shipped values were found stands in docs/page-checks.md."""

    sharpness_min: float = 0.75  # of the batch's own text pages; 1 = as sharp as they are
    sharpness_bad: float = 0.62  # under this a page is bad, between the two it is to be looked at
    sharpness_prior: float = 0.245  # steepest gradient over contrast, per pixel, expected of a 1 to 9 megapixel page before five are known
    sharpness_floor: float = 0.70  # of the prior: the batch's own level never counts as less
    sharpness_part: float = 0.80  # of the page's own: a ninth of it softer than this is soft
    paper_dark: float = 80.0  # grey level of the paper, 0-255, under which a page is too dark
    paper_ratio_min: float = 0.75  # of the batch's median paper
    paper_ratio_max: float = 1.22
    clipped_max: float = 0.20  # share of the page at full white
    skew_max_deg: float = 1.0
    skew_bad_deg: float = 2.0  # beyond this a page is bad; up to it software can straighten what the print itself has crooked
    blank_ink: float = 0.002  # share of the page under which it counts as blank
    duplicate_bits: float = 60.0  # of 256, for an earlier page to be laid over this one
    duplicate_match: float = 0.70  # what all but the worst quarter of its blocks agree after alignment
    glare_max: float = 0.004  # share of the page in one burnt spot
    finger_max: float = 0.004  # share of the page covered with skin colour from its edge
    moire_max: float = 0.02  # share of the page under a regular pattern
    tint_max: float = 9.0  # from the batch's paper, in Cr and Cb
    size_tolerance: float = 0.10
    max_megapixels: float = 150.0
    fatal: frozenset[str] = field(default=FATAL)

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> "Profile":
        """A profile from a configuration table; every mistake at once in one ProfileError, a line each."""
        made, mistakes = read_profile(table)
        if mistakes:
            raise ProfileError("\n".join(f"{key}: {words}" for key, words in mistakes))
        return made


# Name -> (lowest, highest) value that makes sense.
BOUNDS: dict[str, tuple[float, float]] = {
    "sharpness_min": (0.3, 1.0),
    "sharpness_bad": (0.2, 1.0),
    "sharpness_prior": (0.05, 0.5),
    "sharpness_floor": (0.0, 1.0),
    "sharpness_part": (0.3, 1.0),
    "paper_dark": (10.0, 200.0),
    "paper_ratio_min": (0.1, 1.0),
    "paper_ratio_max": (1.0, 3.0),
    "clipped_max": (0.01, 1.0),
    "skew_max_deg": (0.2, 3.0),
    "skew_bad_deg": (0.2, 10.0),
    "blank_ink": (0.0, 0.05),
    "duplicate_bits": (0.0, 80.0),
    "duplicate_match": (0.3, 0.99),
    "glare_max": (0.0005, 0.2),
    "finger_max": (0.0005, 0.2),
    "moire_max": (0.0, 1.0),
    "tint_max": (2.0, 100.0),
    "size_tolerance": (0.01, 0.5),
    "max_megapixels": (1.0, 170.0),
}


def read_profile(table: Mapping[str, object]) -> tuple[Profile, list[tuple[str, str]]]:
    """The profile of a table of overrides, and every mistake in it as (key, words): unknown names, wrong types, values out of bounds."""
    from scanner_line.checks.results import CHECK_NAMES

    known = [entry.name for entry in fields(Profile)]
    mistakes: list[tuple[str, str]] = []
    values: dict[str, float] = {}
    fatal = FATAL
    for key, value in table.items():
        if key not in known:
            near = get_close_matches(key, known, 1)
            mistakes.append((key, "unknown threshold" + (f" (did you mean {near[0]}?)" if near else "")))
        elif key == "fatal":
            names = value if isinstance(value, list | tuple | set | frozenset) else [value]
            wrong = [str(name) for name in names if name not in CHECK_NAMES]
            if wrong:
                mistakes.append((key, f"no such check: {', '.join(wrong)}; known: {', '.join(CHECK_NAMES)}"))
            else:
                fatal = frozenset(str(name) for name in names)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            mistakes.append((key, f"must be a number, not {value!r}"))
        elif not BOUNDS[key][0] <= value <= BOUNDS[key][1]:
            mistakes.append((key, f"must be between {BOUNDS[key][0]:g} and {BOUNDS[key][1]:g}, not {value:g}"))
        else:
            values[key] = float(value)
    return replace(Profile(fatal=fatal), **values), mistakes  # type: ignore[arg-type]


def read_profile_file(path: Path) -> Profile:
    """The profile of a TOML file: thresholds by themselves, or in a table `profile`. ProfileError with every mistake."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ProfileError(f"{path}: {error}") from None
    inner = table.get("profile", table)
    if not isinstance(inner, dict):
        raise ProfileError(f"{path}: profile must be a table")
    return Profile.from_table(inner)
