"""Renders the pages of an invented volume, in Chinese and English: text, forms, blank versos and separator sheets."""

from dataclasses import dataclass
from random import Random
from typing import Literal

import cv2
import numpy as np
import zxingcpp
from PIL import Image, ImageDraw

from scanner_line.checks.images import Gray
from scanner_line.sim.fonts import chinese_font, font_of
from scanner_line.sim.words import HEADINGS_EN, HEADINGS_ZH, SENTENCES_EN, SENTENCES_ZH

Language = Literal["zh", "en", "both"]

ASPECT = 0.707  # of A4
BLANK_EVERY = 9  # one page in so many is a blank verso
FORM_EVERY = 7
PAPER_BGR = (214, 230, 236)
INK = (38, 36, 34)
SEAL = (172, 48, 42)


@dataclass(frozen=True, slots=True)
class Volume:
    """An invented volume: which page says what follows from its seed and the page's number alone."""

    seed: int = 1
    pages: int = 400
    language: Language = "both"

    def speaks(self, number: int) -> Literal["zh", "en"]:
        """The language of a page; English throughout where no Chinese font is found."""
        if chinese_font() is None or self.language == "en":
            return "en"
        if self.language == "zh":
            return "zh"
        return "zh" if (number // 4) % 2 == 0 else "en"

    def is_blank(self, number: int) -> bool:
        """Whether the page is a blank verso."""
        return number % BLANK_EVERY == BLANK_EVERY - 1


def render_page(volume: Volume, number: int, *, height_px: int) -> Gray:
    """Page `number` (from 0) of a volume as a BGR array of the given height."""
    width_px = round(height_px * ASPECT)
    rng = Random(volume.seed * 100_003 + number)
    tint = rng.randint(-5, 5)
    paper = (PAPER_BGR[2] + tint, PAPER_BGR[1] + tint, PAPER_BGR[0] + tint)
    image = Image.new("RGB", (width_px, height_px), paper)
    if not volume.is_blank(number):
        draw = ImageDraw.Draw(image)
        language = volume.speaks(number)
        unit = height_px // 60
        _heading(draw, rng, language, number, width_px, unit)
        if number % FORM_EVERY == FORM_EVERY - 1:
            _form(draw, rng, language, width_px, height_px, unit)
        else:
            _text(draw, rng, language, width_px, height_px, unit)
        if rng.random() < 0.35:
            _seal(draw, rng, width_px, height_px, unit)
        draw.text((width_px / 2, height_px - 2.5 * unit), str(number + 1), INK, font_of(unit), anchor="ms")
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def render_separator(text: str, *, height_px: int = 1600) -> Gray:
    """A separator sheet: the code as QR and its text below, as a BGR array."""
    width_px = round(height_px * ASPECT)
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    modules = np.asarray(zxingcpp.write_barcode_to_image(code, scale=1))
    side = width_px // 2
    square = cv2.resize(modules, (side, side), interpolation=cv2.INTER_NEAREST)
    sheet = np.full((height_px, width_px), 245, np.uint8)
    left, top = (width_px - side) // 2, height_px // 5
    sheet[top : top + side, left : left + side] = np.where(square > 127, 245, 20)
    image = Image.fromarray(sheet).convert("RGB")
    ImageDraw.Draw(image).text((width_px / 2, top + side + height_px // 12), text[:60], INK, font_of(height_px // 50), anchor="ms")
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def _heading(draw: ImageDraw.ImageDraw, rng: Random, language: str, number: int, width_px: int, unit: int) -> None:
    word = rng.choice(HEADINGS_ZH if language == "zh" else HEADINGS_EN)
    line = f"{word}（{number + 1}）" if language == "zh" else f"{word}, {number + 1}"
    draw.text((width_px / 2, 6 * unit), line, INK, font_of(round(unit * 1.7)), anchor="ms")


def _text(draw: ImageDraw.ImageDraw, rng: Random, language: str, width_px: int, height_px: int, unit: int) -> None:
    font = font_of(round(unit * 1.05))
    left, right = round(width_px * 0.11), round(width_px * 0.89)
    bottom = height_px - round((5 + rng.random() * 14) * unit)
    y = 10 * unit
    while y < bottom:
        sentences = rng.sample(SENTENCES_ZH if language == "zh" else SENTENCES_EN, 4)
        paragraph = "".join(sentences) if language == "zh" else " ".join(sentences)
        for line in _wrapped(draw, ("　　" if language == "zh" else "    ") + paragraph, font, right - left, whole=language != "zh"):
            if y >= bottom:
                break
            draw.text((left, y), line, INK, font, anchor="ls")
            y += round(1.75 * unit)
        y += unit // 2


def _wrapped(draw: ImageDraw.ImageDraw, text: str, font: object, width_px: int, *, whole: bool) -> list[str]:
    pieces = [word + " " for word in text.split(" ")] if whole else list(text)
    lines, line = [], ""
    for piece in pieces:
        if line and draw.textlength(line + piece, font=font) > width_px:  # type: ignore[arg-type]
            lines.append(line)
            line = ""
        line += piece
    return [*lines, line]


def _form(draw: ImageDraw.ImageDraw, rng: Random, language: str, width_px: int, height_px: int, unit: int) -> None:
    font = font_of(unit)
    left, right, top = round(width_px * 0.1), round(width_px * 0.9), 9 * unit
    rows, columns = rng.randint(11, 16), 4
    step = (height_px - top - 8 * unit) // rows
    thin = max(1, unit // 10)
    for row in range(rows + 1):
        draw.line((left, top + row * step, right, top + row * step), INK, thin)
    for column in range(columns + 1):
        x = left + (right - left) * column // columns
        draw.line((x, top, x, top + rows * step), INK, thin)
    for row in range(rows):
        for column in range(columns):
            x = left + (right - left) * column // columns + unit // 2
            cell = str(rng.randint(1, 9999)) if column else rng.choice(HEADINGS_ZH if language == "zh" else HEADINGS_EN)[:9]
            draw.text((x, top + (row + 1) * step - step // 3), cell, INK, font, anchor="ls")


def _seal(draw: ImageDraw.ImageDraw, rng: Random, width_px: int, height_px: int, unit: int) -> None:
    x, y = rng.randint(width_px // 2, round(width_px * 0.8)), rng.randint(height_px // 2, round(height_px * 0.85))
    radius = 3 * unit
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=SEAL, width=max(2, unit // 4))
    word = "档案" if chinese_font() is not None else "SEEN"
    draw.text((x, y), word, SEAL, font_of(round(unit * 1.4)), anchor="mm")
