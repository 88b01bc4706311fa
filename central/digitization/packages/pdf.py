"""A searchable PDF of a batch: smaller copies of the pages with the recognised text lying invisibly over them, and how it was made."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TextMode
from fpdf.fonts import TTFFont
from PIL import Image

from central.digitization.packages.contents import Contents, Leaf, PackageRefused
from central.digitization.packages.tiling import PIXELS_MAX

LONG_SIDE_PX = 2400  # about 200 dpi of A4
QUALITY = 75
POINTS_PER_INCH = 72.0
DPI_UNKNOWN = 300.0
PAGES_MAX = 1000  # the PDF is put together in memory, at about half a megabyte a page
FAMILY = "noto"
SIZE_MIN, SIZE_MAX = 1.0, 400.0
logging.getLogger("fpdf").setLevel(logging.ERROR)  # a character that the font lacks is told once a character


@dataclass(frozen=True, slots=True)
class TextLine:
    """One recognised line: its text and its box in pixels of the master."""

    text: str
    x: float
    y: float
    width: float
    height: float


def searchable(contents: Contents, *, lines_of: Callable[[str], Sequence[TextLine]], font: Path, told: Callable[[int], None]) -> bytes:
    """The PDF; `lines_of` gives what was recognised on the image with a digest, `told` hears how many pages are done."""
    if len(contents.leaves) > PAGES_MAX:
        raise PackageRefused(
            f"The batch has {len(contents.leaves)} pages; a PDF takes at most {PAGES_MAX}. Use bagit or iiif.",
            f"批次有 {len(contents.leaves)} 页，PDF 最多 {PAGES_MAX} 页，请用 BagIt 或 IIIF。",
        )
    made = FPDF(unit="pt")
    made.set_auto_page_break(auto=False)
    made.add_font(FAMILY, "", font)
    try:
        return _drawn(made, contents, lines_of, told)
    finally:
        letters = made.fonts[FAMILY]  # its file stays open until the PDF is written, so also where a page is refused
        if isinstance(letters, TTFFont):
            letters.close()


def _drawn(made: FPDF, contents: Contents, lines_of: Callable[[str], Sequence[TextLine]], told: Callable[[int], None]) -> bytes:
    made.set_title(contents.title)
    made.set_creator(contents.generator)
    made.set_creation_date(datetime.fromtimestamp(contents.made_ms / 1000, UTC))
    made.set_subject(f"batch {contents.batch.id} of site {contents.site}")
    made.set_keywords(how_made())
    recognised = 0
    for done, leaf in enumerate(contents.leaves, 1):
        lines = lines_of(leaf.page.sha256) if leaf.page.sha256 else ()
        recognised += bool(lines)
        _page(made, leaf, lines)
        told(done)
    _colophon(made, contents, recognised)
    return bytes(made.output())


def how_made() -> str:
    """How the copies in the PDF were derived."""
    return f"derived from the masters: JPEG, long side at most {LONG_SIDE_PX} px, quality {QUALITY}"


def copy_of(leaf: Leaf) -> tuple[bytes, int, int]:
    """(JPEG, width, height) of the smaller copy; PackageRefused for an image that is damaged or too large."""
    assert leaf.path is not None  # noqa: S101  a placeholder has no copy; for the type checker
    try:
        with Image.open(leaf.path, formats=("JPEG", "PNG", "TIFF")) as image:
            if image.width * image.height > PIXELS_MAX:
                raise PackageRefused(
                    f"Page {leaf.place} is too large: {image.width} x {image.height} px.",
                    f"第 {leaf.place} 页过大：{image.width} x {image.height} 像素。",
                )
            image.draft("RGB", (LONG_SIDE_PX, LONG_SIDE_PX))
            image.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX))
            out = io.BytesIO()
            image.convert("RGB").save(out, "JPEG", quality=QUALITY, optimize=True)
            return out.getvalue(), image.width, image.height
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PackageRefused(
            f"The image of page {leaf.place} cannot be read: {type(error).__name__}. Have the page taken again.",
            f"第 {leaf.place} 页的图像无法读取，请重拍。",
        ) from error


def _page(made: FPDF, leaf: Leaf, lines: Iterable[TextLine]) -> None:
    if leaf.path is None:
        made.add_page(format="A4")
        _words(made, [f"{leaf.place}", "无图像 / no image", leaf.page.reason or ""], size=18)
        return
    jpeg, _, _ = copy_of(leaf)
    scale = POINTS_PER_INCH / (leaf.page.dpi or DPI_UNKNOWN)
    width, height = leaf.page.width * scale, leaf.page.height * scale
    made.add_page(format=(width, height))
    made.image(io.BytesIO(jpeg), 0, 0, width, height)
    with made.local_context(text_mode=TextMode.INVISIBLE):
        for line in lines:
            _line(made, line, scale)


def _line(made: FPDF, line: TextLine, scale: float) -> None:
    """Lay a line over its place, stretched to its width."""
    made.set_font(FAMILY, size=min(max(line.height * scale * 0.9, SIZE_MIN), SIZE_MAX))
    text = "".join(letter for letter in line.text if letter.isprintable())
    natural = made.get_string_width(text)
    if natural <= 0:
        return
    made.set_stretching(min(max(100.0 * line.width * scale / natural, 1.0), 1000.0))
    made.text(line.x * scale, (line.y + line.height * 0.85) * scale, text)
    made.set_stretching(100.0)


def _colophon(made: FPDF, contents: Contents, recognised: int) -> None:
    """The last page: what this is, and that it is no master."""
    made.add_page(format="A4")
    note = contents.checkpoint
    first, last = contents.leaves[0], contents.leaves[-1]
    _words(
        made,
        [
            contents.title,
            f"批次 / batch {contents.batch.id}",
            f"页数 / pages {len(contents.leaves)} ({first.place}-{last.place})",
            f"可检索文字 / pages with recognised text: {recognised}",
            "本文件为衍生件，母版未作任何改动。 / A derivative; the masters are unaltered.",
            how_made(),
            contents.generator,
            "" if note is None else f"校验点 / checkpoint: {note.size}, {note.root}",
        ],
        size=11,
    )


def _words(made: FPDF, words: Sequence[str], *, size: float) -> None:
    made.set_font(FAMILY, size=size)
    made.set_xy(56, 72)
    for one in words:
        if one:
            made.set_x(56)
            made.multi_cell(480, size * 1.6, one)
