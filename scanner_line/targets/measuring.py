"""Finds whatever target lies in a photograph and puts its figures together."""

import cv2
import numpy as np

from scanner_line.checks.images import Gray, as_gray, open_page
from scanner_line.errors import TargetError
from scanner_line.targets.chart import ChartFigures, measure_chart
from scanner_line.targets.result import Levels, TargetResult, levels_of
from scanner_line.targets.ruler import ppi_of
from scanner_line.targets.sheet import SheetFigures, measure_sheet

KINDS = ("auto", "sheet", "colour", "ruler")
MAX_MEGAPIXELS = 150.0
PPI_LOW, PPI_TEXT = 200, 300  # DA/T 31-2017, after secondary sources: at least 200 dpi, 300 for small or unclear text


def measure_target(image: bytes, *, kind: str = "auto") -> TargetResult:
    """Measure the target in a JPEG, PNG or TIFF. ImageRefused for bytes that are no image, TargetError when no such target is in it."""
    if kind not in KINDS:
        raise TargetError(f"no such target: {kind} (known: {', '.join(KINDS)})")
    page = open_page(image, max_megapixels=MAX_MEGAPIXELS)
    decoded = page.gray.shape[1] / page.width
    sheet: SheetFigures | None = None
    chart: ChartFigures | None = None
    ppi: float | None = None
    failed: list[str] = []
    for name in ("sheet", "colour", "ruler") if kind == "auto" else (kind,):
        try:
            if name == "sheet":
                sheet = measure_sheet(page.gray)
            elif name == "colour":
                chart = measure_chart(_in_colour(image))
            elif sheet is None:
                ppi = ppi_of(page.gray)
        except TargetError as error:
            failed.append(str(error))
    if sheet is None and chart is None and ppi is None:
        raise TargetError("; ".join(failed))
    if sheet is not None:
        ppi = sheet.ppi
    return _result(kind, sheet, chart, None if ppi is None else ppi / decoded)


def _in_colour(image: bytes) -> Gray:
    found = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
    if found is None:
        raise TargetError("the picture has no colours to measure")
    return as_gray(found)


def _result(kind: str, sheet: SheetFigures | None, chart: ChartFigures | None, ppi: float | None) -> TargetResult:
    noises = [figures.noise for figures in (sheet, chart) if figures is not None]
    figures: dict[str, float | None] = {
        "sfr10": None if sheet is None else sheet.sfr10,
        "delta_e_mean": None if chart is None else chart.delta_e_mean,
        "white_balance": None if chart is None else chart.white_balance,
        "tone": None if chart is None else chart.tone,
        "noise": max(noises) if noises else None,
    }
    levels, single = levels_of(figures)
    words, words_zh = _words(ppi, levels, single)
    return TargetResult(
        kind=kind,
        ppi=ppi,
        uniformity=None if sheet is None else sheet.uniformity,
        keystone=None if sheet is None else sheet.keystone,
        levels=levels,
        by_figure=single,
        words=words,
        words_zh=words_zh,
        **figures,
    )


NAMES = {
    "sfr10": ("sharpness", "清晰度"),
    "delta_e_mean": ("colour", "颜色"),
    "white_balance": ("white balance", "白平衡"),
    "tone": ("tone", "阶调"),
    "noise": ("noise", "噪声"),
}


def _words(ppi: float | None, levels: Levels, single: dict[str, Levels]) -> tuple[str, str]:
    parts, parts_zh = [], []
    if ppi is not None:
        low = ppi < PPI_LOW
        parts.append(f"{ppi:.0f} ppi" + (f": fewer than {PPI_LOW}, come nearer" if low else ""))
        parts_zh.append(f"{ppi:.0f} ppi" + (f"，低于 {PPI_LOW}，请靠近" if low else ""))
    if single:
        iso = "below level C of" if levels["iso"] == "-" else f"level {levels['iso']} of"
        parts.append(f"{iso} ISO 19264-1, {levels['fadgi']} FADGI stars")
        parts_zh.append(f"ISO 19264-1 {'未达 C 级' if levels['iso'] == '-' else levels['iso'] + ' 级'}，FADGI {levels['fadgi']} 星")
        weak = [name for name, level in single.items() if level["iso"] == "-"]
        if weak:
            parts.append(f"falls short in {', '.join(NAMES[name][0] for name in weak)}")
            parts_zh.append(f"{'、'.join(NAMES[name][1] for name in weak)}不足")
    return "; ".join(parts), "；".join(parts_zh)
