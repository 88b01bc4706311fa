"""Prints the sheets that a bench reads: one before each volume, one that closes the batch, and the cards for the cameras' places.

Each carries its text as QR code and, where it is short and plain enough, as Code 128 (for readers and feeders that know no other), with
words for people in both languages beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zxingcpp
from fpdf import FPDF
from fpdf.fonts import TTFFont

from central.environment.reports.wrapping import broken
from wire.separators import DECLARED_MAX, VOLUME_CHARS_MAX, Separator, card_text, parse

FONT = "noto"
SHEETS_MAX = 1000
QR_MM = 84.0
BARS_MM, BARS_HIGH_MM = 277.0, 18.0  # along the sheet's long side, where a module is half a millimetre
BARS_CHARS_MAX = 60  # 0.39 mm a module: three pixels at 200 dpi
NUMBER_PT, TITLE_PT, WORDS_PT, SMALL_PT = (64, 18), 20, 16, 8
TITLE_LINES_MAX = 3
SIDES = {"left": ("LEFT", "左"), "right": ("RIGHT", "右"), "overhead": ("OVERHEAD", "高拍仪")}
UNKNOWN = "?"


class BadSheet(ValueError):
    """A sheet that no bench could read; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class VolumeSheet:
    """What stands on a volume's sheet: its number, how many pages it was declared to have, its title."""

    number: str
    declared: int | None = None
    title: str | None = None

    @property
    def text(self) -> str:
        """The text of its code; BadSheet if a bench would not take it."""
        made = str(Separator(True, self.number, self.declared).text)
        if parse(made) is None:
            raise BadSheet(
                f"{self.number!r}: a number has 1 to {VOLUME_CHARS_MAX} visible characters, and 1 to {DECLARED_MAX} pages are declared"
            )
        return made


def sheets_pdf(
    volumes: Sequence[VolumeSheet] = (), *, fonts: Mapping[str, Path], closing: bool = False, cards: Sequence[tuple[str, str | None]] = ()
) -> bytes:
    """A PDF, a page of A4 each: the volumes' sheets in order, the closing sheet if asked for, then cards as (side, serial or None).

    `fonts` has the files of the styles "" and "B". BadSheet for what cannot be read back, or for more than SHEETS_MAX sheets.
    """
    if not 1 <= len(volumes) + closing + len(cards) <= SHEETS_MAX:
        raise BadSheet(f"1 to {SHEETS_MAX} sheets are printed at once")
    asked = [_volume_sheet(volume, f"{place}/{len(volumes)}") for place, volume in enumerate(volumes, start=1)]
    asked += [_CLOSING] if closing else []
    asked += [_card(side, serial) for side, serial in cards]
    paper = _Paper(fonts)  # its fonts stay open until it is written: nothing after it may be refused
    for sheet in asked:
        paper.draw(sheet)
    return paper.bytes()


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One page: the text of its code, what it is (English, Chinese), its name in large, further lines, what to do with it, its place."""

    text: str
    heads: tuple[str, str]
    name: str
    lines: tuple[str, ...]
    use: tuple[str, str]
    place: str = ""


_CLOSING = _Sheet(
    str(Separator(False).text),
    ("Separator sheet: closes the batch", "分隔页：结束本批"),
    "END · 结束",
    (),
    ("Lay it behind the last page of the last volume.", "放在最后一卷末页之后。"),
)


def _volume_sheet(volume: VolumeSheet, place: str) -> _Sheet:
    pages = "" if volume.declared is None else f"{volume.declared} 页 · {volume.declared} pages"
    heads = ("Separator sheet: opens the volume", "分隔页：开始本卷")
    use = ("Lay it before the volume's first page. It becomes no page.", "放在本卷第一页之前，本页不计入页数。")
    return _Sheet(volume.text, heads, volume.number, (volume.title or "", pages), use, place)


def _card(side: str, serial: str | None) -> _Sheet:
    if side not in SIDES:
        raise BadSheet(f"a card is for one of {', '.join(SIDES)}, not {side!r}")
    use = ("Lay it in the middle of this camera's view when a session starts.", "工作开始时放在该相机画面中央。")
    return _Sheet(str(card_text(side, serial)), ("Camera card", "相机校验卡"), " · ".join(SIDES[side]), (serial or "",), use)


class _Paper:
    """The pages being drawn; all measures in millimetres."""

    def __init__(self, fonts: Mapping[str, Path]) -> None:
        self._pdf = FPDF(format="A4")
        self._pdf.set_margins(15, 14, 15 + BARS_HIGH_MM)
        self._pdf.set_auto_page_break(False)
        self._pdf.set_title("Muniment: separator sheets / 分隔页")
        for style, path in fonts.items():
            self._pdf.add_font(FONT, style, path)
        added = self._pdf.fonts[FONT]
        self._known = frozenset(added.cmap if isinstance(added, TTFFont) else ())

    def draw(self, sheet: _Sheet) -> None:
        """One page: what it is, its name as large as fits, the codes, what to do with it, and the text of the code for people."""
        pdf = self._pdf
        pdf.add_page()
        self._line(f"{sheet.heads[1]}　{sheet.heads[0]}", size=WORDS_PT, bold=True)
        self._name(sheet.name)
        for line in sheet.lines:
            self._line(line, size=TITLE_PT)
        top = max(pdf.get_y() + 4, 74)
        self._square(_code(sheet.text, zxingcpp.BarcodeFormat.QRCode), left=pdf.l_margin + (pdf.epw - QR_MM) / 2, top=top)
        if len(sheet.text) <= BARS_CHARS_MAX:
            self._bars(_code(sheet.text, zxingcpp.BarcodeFormat.Code128)[0], left=pdf.w - 10 - BARS_HIGH_MM, top=(pdf.h - BARS_MM) / 2)
        pdf.set_y(top + QR_MM + 12)
        self._line(sheet.use[1], size=WORDS_PT)
        self._line(sheet.use[0], size=WORDS_PT)
        pdf.set_y(pdf.h - 18)
        self._line(f"{sheet.text}　{sheet.place}".rstrip(), size=SMALL_PT)

    def bytes(self) -> bytes:
        """The file."""
        return bytes(self._pdf.output())

    def _name(self, name: str) -> None:
        largest, smallest = NUMBER_PT
        text = self._shown(name)
        for size in range(largest, smallest - 1, -2):
            self._pdf.set_font(FONT, "B", size)
            if self._pdf.get_string_width(text) <= self._pdf.epw:
                break
        self._line(name, size=size, bold=True)

    def _line(self, text: str, *, size: int, bold: bool = False) -> None:
        if not text:
            return
        pdf = self._pdf
        pdf.set_font(FONT, "B" if bold else "", size)
        lines = _fitted(self._shown(text), pdf.epw - 1, pdf.get_string_width)
        for line in lines[:TITLE_LINES_MAX]:
            pdf.set_x(pdf.l_margin)
            pdf.cell(pdf.epw, size * 0.46, line, align="C", new_x="LMARGIN", new_y="NEXT")

    def _square(self, dark: npt.NDArray[np.bool_], *, left: float, top: float) -> None:
        """Draw a square code's modules, a run of them at a time."""
        module = QR_MM / dark.shape[1]
        self._pdf.set_fill_color(0)
        for number, row in enumerate(dark):
            for begin, end in _runs(row):
                self._pdf.rect(left + begin * module, top + number * module, (end - begin) * module, module, style="F")

    def _bars(self, dark: npt.NDArray[np.bool_], *, left: float, top: float) -> None:
        """Draw a line code's bars, from the top of the sheet down."""
        module = BARS_MM / len(dark)
        self._pdf.set_fill_color(0)
        for begin, end in _runs(dark):
            self._pdf.rect(left, top + begin * module, BARS_HIGH_MM, (end - begin) * module, style="F")

    def _shown(self, text: str) -> str:
        return "".join(c if ord(c) in self._known else " " if c.isspace() or not c.isprintable() else UNKNOWN for c in text)


def _fitted(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """The text in lines that fit; a word wider than a line is cut where it ends."""
    lines = []
    for line in broken(text, width, measure).split("\n"):
        rest = line
        while rest:
            fits = len(rest)
            while fits > 1 and measure(rest[:fits]) > width:
                fits -= 1
            lines.append(rest[:fits])
            rest = rest[fits:]
    return lines


def _runs(row: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, behind the last) of every run of dark modules."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(np.int8), [0])))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _code(text: str, kind: zxingcpp.BarcodeFormat) -> npt.NDArray[np.bool_]:
    """The dark modules of a code with its quiet zone, one array element a module."""
    image = np.asarray(zxingcpp.create_barcode(text, kind).to_image(scale=1, add_hrt=False, add_quiet_zones=True))
    return image < 128
