"""Whether two photographs show the same page: a 256-bit hash to find candidates, alignment to be sure.

Pages of one book look alike to a hash; what tells them apart is the text, so the candidate is laid over the page and correlated.
"""

import cv2
import numpy as np

from scanner_line.checks.images import Floats, Gray

THUMB_PX = 384  # long side of the picture kept for alignment
HASH_SIDE = 16
SHIFT_MAX = 0.15  # of the picture: two photographs further apart are not compared
SIZE_STEP = 0.1  # of the thumbnail: pictures of more different shape are not compared
ECC_STEPS = 25


def fingerprint(view: Gray) -> str:
    """256 bits, as 64 hex digits: the signs of the lowest frequencies of the picture against their median."""
    square = cv2.resize(view, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(square)[:HASH_SIDE, :HASH_SIDE].ravel()
    return np.packbits(low > np.median(low[1:])).tobytes().hex()


def bits_apart(one: str, other: str) -> int:
    """How many of the 256 bits differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def thumbnail(view: Gray) -> bytes:
    """A small JPEG of the reduced picture, for `match`."""
    height, width = view.shape
    scale = min(1.0, THUMB_PX / max(height, width))
    small = cv2.resize(view, (max(8, round(width * scale)), max(8, round(height * scale))), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data.tobytes() if done else b""


def match(one: bytes, other: bytes) -> float:
    """Correlation, -1 to 1, of two thumbnails laid over each other as well as they will go; 0 where they cannot be compared."""
    first, second = _fine(one), _fine(other)
    if (
        first is None
        or second is None
        or max(abs(first.shape[0] - second.shape[0]), abs(first.shape[1] - second.shape[1])) > 0.1 * THUMB_PX
    ):
        return 0.0
    if first.shape != second.shape:
        second = np.asarray(cv2.resize(second, (first.shape[1], first.shape[0]), interpolation=cv2.INTER_AREA), np.float32)
    window = cv2.createHanningWindow((first.shape[1], first.shape[0]), cv2.CV_32F)
    (shift_x, shift_y), _ = cv2.phaseCorrelate(first, second, window)
    if max(abs(shift_x), abs(shift_y)) > SHIFT_MAX * THUMB_PX:
        shift_x = shift_y = 0.0
    warp = np.array([[1, 0, shift_x], [0, 1, shift_y]], np.float32)
    best = _correlation(first, second, warp)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ECC_STEPS, 1e-4)
    try:
        _, refined = cv2.findTransformECC(first, second, warp.copy(), cv2.MOTION_AFFINE, stop, np.full(first.shape, 255, np.uint8), 5)
    except cv2.error:  # it did not converge: two different pages
        return best
    return max(best, _correlation(first, second, np.asarray(refined, np.float32)))


def _fine(data: bytes) -> Floats | None:
    """The text of a thumbnail without its light: small scales only."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if image is None:
        return None
    plain = image.astype(np.float32)
    return cv2.GaussianBlur(plain, (0, 0), 1.0) - cv2.GaussianBlur(plain, (0, 0), 8.0)


def _correlation(first: Floats, second: Floats, warp: Floats) -> float:
    size = (first.shape[1], first.shape[0])
    laid = cv2.warpAffine(second, warp, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    seen = cv2.warpAffine(np.ones_like(second), warp, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0.5
    if np.count_nonzero(seen) < 0.5 * seen.size:
        return 0.0
    a, b = first[seen], laid[seen]
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0
