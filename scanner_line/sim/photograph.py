"""Photographs a rendered page as an overhead camera would: desk, light, lens, noise, and the defects that happen at a bench."""

from dataclasses import dataclass
from random import Random

import cv2
import numpy as np

from scanner_line.checks.images import Gray, as_gray

DEFECTS = ("blur", "shake", "skew", "finger", "double", "glare", "bright", "dark", "cut")
SIZES_PX = {3: (1520, 2028), 5: (1944, 2592), 8: (2464, 3280), 12: (3040, 4056)}  # of a camera turned upright over a page
DESK_BGR = (52, 50, 48)
SKIN_BGR = (118, 142, 196)
FILL = 0.88  # of the picture's height that the page takes
NOISE = 2.0  # grey levels
JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Shot:
    """How one photograph is taken: size in pixels, the defect if any, and the seed of its small accidents."""

    width: int
    height: int
    defect: str | None = None
    seed: int = 0


def photograph(page: Gray, shot: Shot, *, under: Gray | None = None) -> bytes:
    """A JPEG of the page (BGR) lying on the desk. `under`: the page that shows when a turn took two leaves at once or none."""
    return encode(take(page, shot, under=under))


def take(page: Gray, shot: Shot, *, under: Gray | None = None) -> Gray:
    """The photograph's pixels, BGR."""
    rng = Random(shot.seed)
    seen = _doubled(page, under) if shot.defect == "double" and under is not None else page
    turn_deg = rng.uniform(-0.35, 0.35)
    if shot.defect == "skew":
        turn_deg = rng.choice((-1, 1)) * rng.uniform(2.6, 4.0)
    scale = FILL * shot.height / seen.shape[0] if shot.defect != "skew" else 0.84 * shot.height / seen.shape[0]
    aside = 0.12 * shot.width if shot.defect == "cut" else 0.0
    warp = cv2.getRotationMatrix2D((seen.shape[1] / 2, seen.shape[0] / 2), turn_deg, scale)
    warp[0, 2] += shot.width / 2 - seen.shape[1] / 2 + rng.uniform(-0.008, 0.008) * shot.width + aside
    warp[1, 2] += shot.height / 2 - seen.shape[0] / 2 + rng.uniform(-0.008, 0.008) * shot.height
    image = as_gray(cv2.warpAffine(seen, warp, (shot.width, shot.height), flags=cv2.INTER_AREA, borderValue=DESK_BGR))
    return spoil(image, shot, rng)


def spoil(image: Gray, shot: Shot, rng: Random | None = None) -> Gray:
    """What hand, light and lens do to a picture: the shot's defect, then the lens's own softness and the sensor's noise."""
    rng = rng or Random(shot.seed)
    unit = image.shape[1] / 1000
    if shot.defect == "finger":
        image = _finger(image, rng)
    gain = {"bright": 1.9, "dark": 0.28}.get(shot.defect or "", 1.0)
    image = _lit(image, gain=gain, glare=shot.defect == "glare", rng=rng)
    if shot.defect == "blur":
        image = as_gray(cv2.GaussianBlur(image, (0, 0), max(1.5, rng.uniform(2.0, 3.2) * unit)))
    elif shot.defect == "shake":
        length = max(5, round(rng.uniform(7, 11) * unit))
        kernel = np.zeros((length, length), np.float32)
        cv2.line(kernel, (0, rng.randrange(length)), (length - 1, rng.randrange(length)), 1.0)
        image = as_gray(cv2.filter2D(image, -1, kernel / kernel.sum()))
    else:
        image = as_gray(cv2.GaussianBlur(image, (3, 3), 0.6))
    return _noisy(image, shot.seed)


def encode(image: Gray, *, quality: int = JPEG_QUALITY) -> bytes:
    """The picture as a JPEG."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def with_comment(jpeg: bytes, text: str) -> bytes:
    """The same JPEG with a comment after its first marker, as cameras write when and by whom a picture was taken."""
    comment = text.encode()[:1000]
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def _doubled(page: Gray, under: Gray) -> Gray:
    """The page before still lies on top, but for a strip at its side."""
    both = under.copy()
    strip = round(page.shape[1] * 0.06)
    both[:, -strip:] = page[:, -strip:]
    both[:, -strip - 3 : -strip] //= 2
    return both


def _finger(image: Gray, rng: Random) -> Gray:
    """A thumb over the lower part of the right or left edge."""
    height, width = image.shape[:2]
    side = rng.choice((-1, 1))
    x = round(width / 2 + side * width * 0.36)
    y = round(height * rng.uniform(0.45, 0.75))
    soft = np.zeros((height, width), np.uint8)
    cv2.ellipse(soft, (x + side * width // 8, y), (width // 5, width // 22), side * 8.0, 0, 360, 255, -1)
    weight = cv2.GaussianBlur(soft, (0, 0), max(1.0, width / 500))[:, :, None].astype(np.float32) / 255
    return as_gray((image * (1 - weight) + np.array(SKIN_BGR, np.float32) * weight).astype(np.uint8))


def _lit(image: Gray, *, gain: float, glare: bool, rng: Random) -> Gray:
    """The lamps' fall-off towards the corners, the exposure, and a lamp mirrored on glossy paper."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:64, 0:64].astype(np.float32) / 63 - 0.5
    light = (gain * (1.0 - 0.16 * (x * x + y * y) + 0.04 * x)).astype(np.float32)
    if glare:
        centre_x, centre_y = rng.uniform(-0.2, 0.2), rng.uniform(-0.25, 0.25)
        light += 2.5 * np.exp(-((x - centre_x) ** 2 + (y - centre_y) ** 2) / (2 * 0.055**2)).astype(np.float32)
    large = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
    return as_gray(cv2.multiply(image, cv2.merge([large, large, large]), dtype=cv2.CV_8U))


def _noisy(image: Gray, seed: int) -> Gray:
    """Sensor noise, from one tile laid at another place each time."""
    height, width = image.shape[:2]
    tile = np.random.default_rng(seed).normal(0, NOISE, (256, 256)).astype(np.float32)
    noise = np.tile(tile, (height // 256 + 1, width // 256 + 1))[:height, :width]
    return as_gray(cv2.add(image, cv2.merge([noise, noise, noise]), dtype=cv2.CV_8U))
