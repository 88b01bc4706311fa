"""Everything measured on one page's pixels, as small numbers that can be kept, sent and compared with the batch."""

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

import cv2
import numpy as np

from scanner_line.checks.codes import read_code
from scanner_line.checks.duplicate import fingerprint, page_only, thumbnail
from scanner_line.checks.exposure import Box, light_of
from scanner_line.checks.finger import finger_of
from scanner_line.checks.images import Gray, open_page
from scanner_line.checks.kinds import cut_text, picture_share
from scanner_line.checks.layout import Layout, ink_of, layout_of, reduce_view, shade_of
from scanner_line.checks.moire import moire_of
from scanner_line.checks.sharpness import Directions, edge_steepness
from scanner_line.checks.skew import page_edge_deg, skew_deg
from scanner_line.profile import Profile


@dataclass(frozen=True, slots=True)
class Measures:
    """What one page measures; None where a measure does not apply.

    steep: steepest gradient over contrast at text edges, per pixel of the file, facing right, down and both diagonals. fine: fineness of
    detail; part: steepness of the softest ninth over the page's; inked: grey level of the text (see sharpness).
    ink, smear: shares of the page with the contrast of ink, and darker than its surroundings at all; shade: unevenness of paragraphs;
    picture: share that is dark over whole areas. paper: grey level of the paper, 0-255; top: of the page's brightest fiftieth; tint: the
    paper's Cr and Cb; lean: grey levels by which it is brighter on the right. clipped, glare, finger, moire: shares of the page.
    touches: sides of the picture the page runs into, of "lrtb"; cut: those at which text was cut off. edge: degrees by which the page's
    edges lie turned. where: by check, the place of what it found, in shares of the picture. bits: 256-bit perceptual hash as hex.
    thumb: small JPEG for alignment. code: text of a separator code.
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
    fine: tuple[float, float] | None = None
    part: float | None = None
    picture: float = 0.0
    cut: str = ""
    inked: float | None = None
    lean: float = 0.0
    top: float = 255.0
    tint: tuple[float, float] | None = None
    moire: float | None = None
    edge: float | None = None
    where: Mapping[str, Box] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Plain values, for a message or a row; `thumb` in base64."""
        return {**asdict(self), "thumb": base64.b64encode(self.thumb).decode()}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> "Measures":
        """The measures back from `as_json`; what an older version did not measure is left at its default."""
        known = {entry.name for entry in fields(cls)}
        made = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if name in known}
        places = values.get("where")
        made["where"] = {name: tuple(box) for name, box in places.items()} if isinstance(places, Mapping) else {}
        return cls(**{**made, "thumb": base64.b64decode(str(values["thumb"]))})  # type: ignore[arg-type]


def measure(data: bytes, profile: Profile) -> Measures:
    """Decode and measure one page image; ImageRefused for bytes that are no page. About 150 ms for 12 megapixels on one core."""
    page = open_page(data, max_megapixels=profile.max_megapixels)
    view = reduce_view(page.gray)
    layout = layout_of(view, full_width=page.gray.shape[1])
    light = light_of(view, layout)
    steep = edge_steepness(page.gray, layout)
    ink, smear = ink_of(view, layout)
    alone = page_only(view, layout)
    colour = page.mode == "colour"
    finger, finger_where = finger_of(page.small, layout) if colour else (None, None)
    pattern = moire_of(page.gray, view, page.colour, layout, colour=colour)
    decoded = page.gray.shape[1] / page.width  # below 1 for a photograph so large that it was decoded smaller
    places = {
        "sharpness": steep.where,
        "exposure": light.clipped_where,
        "glare": light.glare_where,
        "finger": finger_where,
        "moire": pattern.where,
    }
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
        finger=finger,
        touches=layout.touches,
        bits=fingerprint(alone),
        thumb=thumbnail(alone),
        code=read_code(page.gray),
        fine=steep.fine,
        part=steep.part,
        picture=picture_share(view, layout),
        cut=cut_text(view, layout),
        inked=steep.ink,
        lean=light.lean,
        top=float(np.percentile(view[layout.mask > 0], 98)) if layout.mask.any() else 255.0,
        tint=_tint(page.small, layout) if colour else None,
        moire=pattern.share,
        edge=page_edge_deg(layout),
        where={name: box for name, box in places.items() if box is not None},
    )


def _tint(small: Gray, layout: Layout) -> tuple[float, float]:
    """Cr and Cb of the paper: the median of the page's brighter half."""
    mask = cv2.resize(layout.mask, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_NEAREST) > 0
    luma, red, blue = (channel[mask] for channel in cv2.split(cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb)))
    if not luma.size:
        return 128.0, 128.0
    paper = luma >= np.median(luma)
    return float(red[paper].mean()), float(blue[paper].mean())


def _scaled(directions: Directions, factor: float) -> Directions:
    right, down, rising, falling = (None if value is None else value * factor for value in directions)
    return right, down, rising, falling
