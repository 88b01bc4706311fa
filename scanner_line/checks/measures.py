"""Everything measured on one page's pixels, as small numbers that can be kept, sent and compared with the batch."""

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from scanner_line.checks.codes import read_code
from scanner_line.checks.duplicate import fingerprint, page_only, thumbnail
from scanner_line.checks.exposure import light_of
from scanner_line.checks.finger import finger_share
from scanner_line.checks.images import open_page
from scanner_line.checks.layout import ink_of, layout_of, reduce_view, shade_of
from scanner_line.checks.sharpness import Directions, edge_steepness
from scanner_line.checks.skew import skew_deg
from scanner_line.profile import Profile


@dataclass(frozen=True, slots=True)
class Measures:
    """What one page measures; None where a measure does not apply.

    steep: steepest gradient over contrast at text edges, per pixel of the file, facing right, down and both diagonals.
    ink, smear: shares of the page with the contrast of ink, and darker than its surroundings at all; shade: unevenness of paragraphs.
    paper: grey level of the paper, 0-255. clipped, glare, finger: shares of the page. touches: sides of the picture the page runs
    into, of "lrtb". bits: 256-bit perceptual hash as hex. thumb: small JPEG for alignment. code: text of a separator code.
    """

    width: int
    height: int
    mode: str
    steep: Directions | None
    text_tiles: int
    paper: float
    clipped: float
    glare: float | None
    skew: float | None
    ink: float
    smear: float
    shade: float
    finger: float | None
    touches: str
    bits: str
    thumb: bytes
    code: str | None

    def as_json(self) -> dict[str, object]:
        """Plain values, for a message or a row; `thumb` in base64."""
        return {**asdict(self), "thumb": base64.b64encode(self.thumb).decode()}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> "Measures":
        """The measures back from `as_json`."""
        steep = values["steep"]
        directions = tuple(steep) if isinstance(steep, list | tuple) else None
        return cls(**{**values, "steep": directions, "thumb": base64.b64decode(str(values["thumb"]))})  # type: ignore[arg-type]


def measure(data: bytes, profile: Profile) -> Measures:
    """Decode and measure one page image; ImageRefused for bytes that are no page. About 100 ms for 12 megapixels on one core."""
    page = open_page(data, max_megapixels=profile.max_megapixels)
    view = reduce_view(page.gray)
    layout = layout_of(view, full_width=page.gray.shape[1])
    light = light_of(view, layout)
    steep = edge_steepness(page.gray, layout)
    ink, smear = ink_of(view, layout)
    alone = page_only(view, layout)
    decoded = page.gray.shape[1] / page.width  # below 1 for a photograph so large that it was decoded smaller
    return Measures(
        width=page.width,
        height=page.height,
        mode=page.mode,
        steep=None if steep.directions is None else _scaled(steep.directions, decoded),
        text_tiles=steep.tiles,
        paper=layout.paper,
        clipped=light.clipped,
        glare=light.glare,
        skew=skew_deg(view, layout),
        ink=ink,
        smear=smear,
        shade=shade_of(view, layout),
        finger=finger_share(page.small, layout) if page.mode == "colour" else None,
        touches=layout.touches,
        bits=fingerprint(alone),
        thumb=thumbnail(alone),
        code=read_code(page.gray),
    )


def _scaled(directions: Directions, factor: float) -> Directions:
    right, down, rising, falling = (None if value is None else value * factor for value in directions)
    return right, down, rising, falling
