"""What a target tells of a camera, and the levels of ISO 19264-1 and stars of FADGI that its figures reach.

The limits are those of published comparisons of ISO 19264-1:2021 and the FADGI guidelines; verify them against your own copies.
"""

from dataclasses import asdict, dataclass
from typing import TypedDict

# Figure -> limits for levels A, B, C; and for 4, 3, 2, 1 stars. Efficiency is a share to reach, all others are differences to stay within.
ISO_LIMITS: dict[str, tuple[float, float, float]] = {
    "tone": (2.0, 3.0, 4.0),
    "white_balance": (3.0, 4.0, 5.0),
    "delta_e_mean": (4.0, 5.0, 5.0),
    "noise": (1.6, 2.0, 2.2),
    "sfr10": (0.85, 0.80, 0.70),
}
FADGI_LIMITS: dict[str, tuple[float, float, float, float]] = {
    "tone": (1.5, 3.0, 4.5, 6.0),
    "white_balance": (2.0, 4.0, 6.0, 8.0),
    "delta_e_mean": (2.0, 3.5, 5.0, 6.5),
    "noise": (1.0, 2.0, 3.0, 4.0),
    "sfr10": (0.90, 0.80, 0.70, 0.60),
}
MORE_IS_BETTER = frozenset({"sfr10"})


class Levels(TypedDict):
    """The best ISO 19264-1 level (A, B, C, or - for none) and FADGI stars (0-4) that every measured figure reaches."""

    iso: str
    fadgi: int


@dataclass(frozen=True, slots=True)
class TargetResult:
    """Figures of one target in one picture; None where this target does not tell.

    ppi: pixels per inch of the file. sfr10: sampling efficiency, the share of the half-sampling frequency at which the contrast of fine
    detail falls to 10 %. delta_e_mean: mean CIEDE2000 of the patches; white_balance: largest Delta E(a*b*) of the grey patches; tone:
    largest difference of L* of the grey patches; noise: largest RMS of L* within a grey patch; uniformity: share by which the light on
    the sheet varies (darkest over brightest is 1 - uniformity). keystone: the share by
    which two opposite sides of the sheet differ, 0 when it lies square to the camera.
    """

    kind: str
    ppi: float | None
    sfr10: float | None
    delta_e_mean: float | None
    white_balance: float | None
    tone: float | None
    noise: float | None
    uniformity: float | None
    keystone: float | None
    levels: Levels
    by_figure: dict[str, Levels]
    words: str
    words_zh: str

    def as_json(self) -> dict[str, object]:
        """Plain values, rounded to what they are good for."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}


def level_of(name: str, value: float) -> Levels:
    """The level and the stars of one figure."""
    sign = -1.0 if name in MORE_IS_BETTER else 1.0
    iso = next((letter for letter, limit in zip("ABC", ISO_LIMITS[name], strict=True) if sign * value <= sign * limit), "-")
    stars = next((4 - at for at, limit in enumerate(FADGI_LIMITS[name]) if sign * value <= sign * limit), 0)
    return {"iso": iso, "fadgi": stars}


def levels_of(figures: dict[str, float | None]) -> tuple[Levels, dict[str, Levels]]:
    """The levels of all measured figures together, and of each by itself; `-` and 0 when none was measured."""
    single = {name: level_of(name, value) for name, value in figures.items() if value is not None and name in ISO_LIMITS}
    if not single:
        return {"iso": "-", "fadgi": 0}, {}
    order = "ABC-"
    return {"iso": max((level["iso"] for level in single.values()), key=order.index),
            "fadgi": min(level["fadgi"] for level in single.values())}, single  # fmt: skip
