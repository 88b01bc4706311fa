"""Whether two photographs show the same page: a 256-bit hash to find candidates, alignment to be sure.

Pages of one book look alike to a hash; what tells them apart is the text, so the candidate is laid over the page and correlated.
"""

import cv2
import numpy as np

from scanner_line.checks.images import Floats, Gray
from scanner_line.checks.layout import Layout

THUMB_PX = 384  # long side of the picture kept for alignment
HASH_SIDE = 16
SHIFT_MAX = 0.15  # of the picture: two photographs further apart are not compared
SIZE_STEP = 0.1  # of the thumbnail: pictures of more different shape are not compared
COARSE_STEPS = 40
FINE_STEPS = 15
WORTH = 0.3  # correlation of the halved pictures from which the full ones are aligned
PLAIN = 0.8  # a shift alone that gives this much needs no refining
EDGE_PX = 15  # of the page's edge left out, in the reduced picture
BLOCK_PX = 24  # side of the blocks that are compared one by one, in the thumbnail
BLOCK_SHARE = 0.1  # of a full block's ink: blocks with less say nothing
BLOCKS_MIN = 6
BLOCK_QUANTILE = 25  # per cent of the blocks may disagree: a finger, a burnt spot, a strip of the next page
THUMB_QUALITY = 70
INK_MAX = 40.0  # grey levels: strong edges must not outweigh the text
ROW_PX = 31  # longer than a word, in the thumbnail


def fingerprint(view: Gray) -> str:
    """256 bits, as 64 hex digits: the signs of the lowest frequencies of the picture against their median."""
    square = cv2.resize(view, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(square)[:HASH_SIDE, :HASH_SIDE].ravel()
    return np.packbits(low > np.median(low[1:])).tobytes().hex()


def bits_apart(one: str, other: str) -> int:
    """How many of the 256 bits differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def page_only(view: Gray, layout: Layout) -> Gray:
    """The picture with everything but the page painted over in the colour of paper: desks are all alike."""
    inside = cv2.erode(layout.mask, np.ones((EDGE_PX, EDGE_PX), np.uint8))
    return np.where(inside > 0, view, np.uint8(min(255, max(0, round(layout.paper)))))


def thumbnail(view: Gray) -> bytes:
    """A small JPEG of the reduced picture, for `match`."""
    height, width = view.shape
    scale = min(1.0, THUMB_PX / max(height, width))
    small = cv2.resize(view, (max(8, round(width * scale)), max(8, round(height * scale))), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, THUMB_QUALITY])
    return data.tobytes() if done else b""


def match(one: bytes, other: bytes) -> float:
    """Correlation, -1 to 1, of the words of two thumbnails laid over each other as well as they will go; 0 where that makes no sense.

    Photographs of one page reach 0.8 and more, pages of one book 0.1, forms with the same print 0.65 at most.
    """
    first, second = _words(one), _words(other)
    if first is None or second is None:
        return 0.0
    if max(abs(first.shape[0] - second.shape[0]), abs(first.shape[1] - second.shape[1])) > SIZE_STEP * THUMB_PX:
        return 0.0
    if first.shape != second.shape:
        second = np.asarray(cv2.resize(second, (first.shape[1], first.shape[0]), interpolation=cv2.INTER_AREA), np.float32)
    coarse_first, coarse_second = _halved(first), _halved(second)
    window = cv2.createHanningWindow((first.shape[1], first.shape[0]), cv2.CV_32F)
    (shift_x, shift_y), _ = cv2.phaseCorrelate(first, second, window)
    if max(abs(shift_x), abs(shift_y)) > SHIFT_MAX * THUMB_PX:
        shift_x = shift_y = 0.0
    warp = np.array([[1, 0, shift_x], [0, 1, shift_y]], np.float32)
    best = _agreement(first, second, warp)
    if best > PLAIN:
        return best
    halving = np.array([[1, 1, 0.5], [1, 1, 0.5]], np.float32)  # a warp of the halved pictures shifts half as far
    coarse = _aligned(coarse_first, coarse_second, warp * halving, steps=COARSE_STEPS, smooth=5)
    if coarse is None or _correlation(coarse_first, coarse_second, coarse) < WORTH:
        return best
    fine = _aligned(first, second, coarse / halving, steps=FINE_STEPS, smooth=3)
    return best if fine is None else max(best, _agreement(first, second, fine))


def _halved(words: Floats) -> Floats:
    return np.asarray(cv2.resize(words, (words.shape[1] // 2, words.shape[0] // 2), interpolation=cv2.INTER_AREA), np.float32)


def _aligned(first: Floats, second: Floats, warp: Floats, *, steps: int, smooth: int) -> Floats | None:
    """The affine warp that lays one picture over the other, from a first guess; None when there is none, as of two different pages."""
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, 1e-4)
    everywhere = np.full(first.shape, 255, np.uint8)
    try:
        _, found = cv2.findTransformECC(first, second, warp, cv2.MOTION_AFFINE, stop, everywhere, smooth)
    except cv2.error:
        return None
    return np.asarray(found, np.float32)


def _words(data: bytes) -> Floats | None:
    """The shapes of the words of a thumbnail: without its light, and without the rows and columns that all pages of a book share."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if image is None:
        return None
    plain = np.asarray(image, np.float32)
    ink = np.clip(cv2.GaussianBlur(plain, (0, 0), 0.7) - cv2.GaussianBlur(plain, (0, 0), 6.0), -INK_MAX, INK_MAX)
    ink = ink - cv2.blur(ink, (ROW_PX, 1))
    return np.asarray(ink - cv2.blur(ink, (1, ROW_PX)), np.float32)


def _agreement(first: Floats, second: Floats, warp: Floats) -> float:
    """What all but the worst blocks of the page agree: forms share their lines, and differ where they are filled in."""
    size = (first.shape[1], first.shape[0])
    laid = cv2.warpAffine(second, warp, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    rows, columns = first.shape[0] // BLOCK_PX, first.shape[1] // BLOCK_PX
    if rows == 0 or columns == 0:
        return 0.0
    shape = (rows, BLOCK_PX, columns, BLOCK_PX)
    a = first[: rows * BLOCK_PX, : columns * BLOCK_PX].reshape(shape)
    b = laid[: rows * BLOCK_PX, : columns * BLOCK_PX].reshape(shape)
    a, b = a - a.mean(axis=(1, 3), keepdims=True), b - b.mean(axis=(1, 3), keepdims=True)
    power_a, power_b = np.square(a).sum(axis=(1, 3)), np.square(b).sum(axis=(1, 3))
    full = np.maximum(power_a, power_b)
    inked = full > BLOCK_SHARE * np.percentile(full, 90)
    if np.count_nonzero(inked) < BLOCKS_MIN:
        return 0.0
    agreed = (a * b).sum(axis=(1, 3))[inked] / np.sqrt(np.maximum(1e-6, power_a * power_b)[inked])
    return float(np.percentile(agreed, BLOCK_QUANTILE))


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
