"""Changes to a photograph of a page: those that leave it sound, and the defects that the checks are there to catch.

For measuring how often the checks are wrong (`scanner_line/tune.py`). Each takes and gives a picture in colour (BGR, 8 bits).
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner_line.checks.images import Gray, as_gray

Floats = npt.NDArray[np.integer | np.floating]  # as OpenCV returns them

Change = Callable[[Gray], Gray]


@dataclass(frozen=True, slots=True)
class Trial:
    """A change to a page: its name, the change, the JPEG quality it is saved with, and the check that should speak (None: the page stays
    sound)."""

    name: str
    change: Change
    quality: int = 90
    check: str | None = None


def blurred(sigma: float) -> Change:
    """Out of focus: a Gaussian of so many pixels."""
    return lambda image: as_gray(cv2.GaussianBlur(image, (0, 0), sigma))


def softened(sigma: float) -> Change:
    """Out of focus in the upper left part only, as where a page does not lie flat."""

    def change(image: Gray) -> Gray:
        height, width = image.shape[:2]
        part = np.zeros((height, width), np.float32)
        cv2.circle(part, (width // 4, height // 5), width // 5, 1.0, -1)
        return _mixed(image, cv2.GaussianBlur(image, (0, 0), sigma).astype(np.float32), cv2.blur(part, (width // 10, width // 10)))

    return change


def shaken(length: int, angle_deg: float) -> Change:
    """Moved during the exposure: so many pixels, in a direction."""
    kernel = np.zeros((length, length), np.float32)
    middle, reach = (length - 1) / 2, (length - 1) / 2
    dx, dy = reach * np.cos(np.radians(angle_deg)), reach * np.sin(np.radians(angle_deg))
    cv2.line(kernel, (round(middle - dx), round(middle - dy)), (round(middle + dx), round(middle + dy)), 1.0)
    return lambda image: as_gray(cv2.filter2D(image, -1, kernel / kernel.sum()))


def gained(gain: float) -> Change:
    """The numbers of the picture multiplied, as under more or less light on a linear sensor without a curve."""
    return lambda image: as_gray(cv2.convertScaleAbs(image, alpha=gain))


def exposed(stops: float) -> Change:
    """Exposed longer or shorter by so many stops: the light is multiplied before the curve of 2.2 that pictures are saved with."""
    return lambda image: as_gray(cv2.convertScaleAbs(image, alpha=2.0 ** (stops / 2.2)))


def shrunk(scale: float) -> Change:
    """Photographed with fewer pixels."""
    return lambda image: as_gray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def turned(angle_deg: float, *, scale: float = 1.0, shift: float = 0.0) -> Change:
    """Lying crooked, nearer or further, moved by a share of the picture."""

    def change(image: Gray) -> Gray:
        height, width = image.shape[:2]
        warp = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, scale)
        warp[0, 2] += shift * width
        warp[1, 2] += shift * height
        return as_gray(cv2.warpAffine(image, warp, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))

    return change


def noisy(sigma: float) -> Change:
    """With so many grey levels of noise."""

    def change(image: Gray) -> Gray:
        noise = np.random.default_rng(1).normal(0, sigma, image.shape[:2]).astype(np.float32)
        return as_gray(cv2.add(image, cv2.merge([noise] * 3), dtype=cv2.CV_8U))

    return change


def cut(side: str, share: float) -> Change:
    """A strip of the page lies outside the picture, at "left", "right", "top" or "bottom"; the picture keeps its size."""

    def change(image: Gray) -> Gray:
        height, width = image.shape[:2]
        across, down = round(share * width), round(share * height)
        parts = {"left": image[:, across:], "right": image[:, : width - across], "top": image[down:], "bottom": image[: height - down]}
        return as_gray(cv2.resize(parts[side], (width, height), interpolation=cv2.INTER_CUBIC))

    return change


def with_finger(colour: tuple[int, int, int]) -> Change:
    """A finger (BGR) reaching in from below."""

    def change(image: Gray) -> Gray:
        height, width = image.shape[:2]
        part = np.zeros((height, width), np.float32)
        cv2.ellipse(part, (round(0.7 * width), height), (round(0.05 * width), round(0.2 * height)), 10, 0, 360, 1.0, -1)
        across = np.abs(np.arange(width, dtype=np.float32) / width - 0.7)[None, :, None]
        skin = np.asarray(colour, np.float32) * np.clip(1 - 2 * across, 0.5, 1) * np.ones((height, 1, 1), np.float32)
        return _mixed(image, skin, cv2.GaussianBlur(part, (0, 0), width / 400))

    return change


def glaring(levels: float, radius: float) -> Change:
    """A lamp mirrored in the page: so many grey levels more, over a spot of a share of the width."""

    def change(image: Gray) -> Gray:
        height, width = image.shape[:2]
        down, across = np.mgrid[0:height, 0:width].astype(np.float32)
        far = (across / width - 0.55) ** 2 + ((down / height - 0.4) * height / width) ** 2
        return _clipped(image.astype(np.float32) + levels * np.exp(-far / (2 * radius * radius))[..., None])

    return change


def striped(period: float, angle_deg: float, *, share: float, coloured: bool = False) -> Change:
    """Moiré: stripes of so many pixels, by a share of the light, or of the three colours one after the other."""

    def change(image: Gray) -> Gray:
        height, width = image.shape[:2]
        down, across = np.mgrid[0:height, 0:width].astype(np.float32)
        angle = np.radians(angle_deg)
        phase = 2 * np.pi * (across * np.cos(angle) + down * np.sin(angle)) / period
        waves = [np.sin(phase + (2.1 * channel if coloured else 0.0)) for channel in range(3)]
        return _clipped(image * (1 + share * np.stack(waves, axis=-1)))

    return change


def greyed(image: Gray) -> Gray:
    """Without its colours."""
    return as_gray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def same(image: Gray) -> Gray:
    """As it is."""
    return image


SOUND = (
    Trial("as it is", same),
    Trial("JPEG quality 50", same, quality=50),
    Trial("shrunk to 70 %", shrunk(0.7)),
    Trial("shrunk to 50 %", shrunk(0.5)),
    Trial("15 % darker", gained(0.85)),
    Trial("8 % brighter", gained(1.08)),
    Trial("noise of 5 levels", noisy(5.0)),
)
SPOILED = (
    *(Trial(f"blur of {sigma:g} px", blurred(sigma), check="sharpness") for sigma in (1.0, 1.5, 2.0, 3.0, 5.0, 8.0)),
    Trial("a part blurred by 2.5 px", softened(2.5), check="sharpness"),
    *(
        Trial(f"shake of {n} px at {angle}°", shaken(n, angle), check="sharpness")
        for n, angle in ((5, 20), (7, 0), (7, 90), (9, 70), (11, 135))
    ),
    *(Trial(f"turned by {angle:+g}°", turned(angle), check="skew") for angle in (-5.0, -3.0, -2.0, 1.5, 2.0, 3.0)),
    *(Trial(f"exposed by {stops:+g} stops", exposed(stops), check="exposure") for stops in (-3.0, -2.0, -1.0, 1.0, 1.5, 2.0)),
    *(Trial(f"cut off at the {side}", cut(side, 0.25), check="crop") for side in ("left", "right", "top", "bottom")),
    Trial("a finger, fair", with_finger((165, 180, 225)), check="finger"),
    Trial("a finger", with_finger((130, 150, 205)), check="finger"),
    Trial("a finger, dark", with_finger((50, 65, 105)), check="finger"),
    Trial("a strong glare", glaring(160, 0.06), check="glare"),
    Trial("a weak glare", glaring(110, 0.1), check="glare"),
    Trial("moiré in the light", striped(14, 35, share=0.06), check="moire"),
    Trial("moiré in the colours", striped(20, 60, share=0.05, coloured=True), check="moire"),
    Trial("in grey", greyed, check="consistency"),
    Trial("30 % smaller", shrunk(0.7), check="consistency"),
)
AGAIN = (
    Trial("again: as it is", same, quality=80, check="duplicate"),
    Trial("again: moved 1 %, 8 % brighter", lambda image: gained(1.08)(turned(0.2, shift=0.01)(image)), quality=80, check="duplicate"),
    Trial("again: moved 3 %, turned 0.8°", turned(0.8, scale=1.01, shift=0.03), quality=70, check="duplicate"),
)


def _mixed(image: Gray, other: Floats, part: Floats) -> Gray:
    weight = part[..., None]
    return _clipped(image * (1 - weight) + other * weight)


def _clipped(picture: npt.NDArray[np.floating]) -> Gray:
    return as_gray(np.clip(picture, 0, 255).astype(np.uint8))
