"""The pictures of a report, drawn with lines into a PDF page: a quantity's course with its limits and gaps, and the month's days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from fpdf import FPDF

from central.environment.reports.month import Day, Gap, Hour

INK, MUTED, RULE = (32, 33, 36), (95, 99, 104), (210, 212, 216)
BAND, LINE, SPREAD, VOID = (224, 240, 228), (20, 82, 150), (168, 196, 228), (150, 150, 150)
GOOD, FAIR, POOR = (46, 125, 80), (214, 160, 40), (176, 42, 48)
HOUR_MS = 3_600_000
TICKS = 5
AXIS_MM = 12.0
STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
FULL, MOST = 0.995, 0.9  # shares of a day from which it is drawn green, and amber


def _scale(lowest: float, highest: float) -> tuple[float, float, float]:
    """(from, to, step) of an axis that holds both, with about TICKS lines."""
    span = max(highest - lowest, 0.5)
    step = next((one for one in STEPS if span / one <= TICKS), STEPS[-1])
    low = step * (lowest // step)
    high = step * -(-highest // step)
    return (low, high, step) if high > low else (low, low + step, step)


class Frame:
    """A chart's place on the page in millimetres, and its axes."""

    def __init__(self, pdf: FPDF, *, top_mm: float, height_mm: float, span: tuple[int, int], values: tuple[float, float]) -> None:
        """`values` are the lowest and highest to be shown."""
        self.pdf, self.top, self.height = pdf, top_mm, height_mm
        self.left, self.width = pdf.l_margin + AXIS_MM, pdf.epw - AXIS_MM
        self.span = span
        self.low, self.high, self.step = _scale(*values)

    def x(self, t_ms: float) -> float:
        """Where a moment lies."""
        begin, end = self.span
        return self.left + self.width * min(max((t_ms - begin) / (end - begin), 0.0), 1.0)

    def y(self, value: float) -> float:
        """Where a value lies."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.top + self.height * (1 - share)


def course(
    pdf: FPDF,
    hours: Sequence[Hour],
    *,
    top_mm: float,
    height_mm: float,
    span: tuple[int, int],
    limits: tuple[float | None, float | None],
    gaps: Sequence[Gap],
    zone: ZoneInfo,
) -> None:
    """One quantity over the month: hourly lowest to highest as a band, the mean as a line, limits behind it, gaps hatched."""
    known = [bound for bound in limits if bound is not None]
    lowest = min([hour.low for hour in hours] + known, default=0.0)
    highest = max([hour.high for hour in hours] + known, default=1.0)
    frame = Frame(pdf, top_mm=top_mm, height_mm=height_mm, span=span, values=(lowest, highest))
    if known:
        upper = frame.y(frame.high if limits[1] is None else limits[1])
        lower = frame.y(frame.low if limits[0] is None else limits[0])
        pdf.set_fill_color(*BAND)
        pdf.rect(frame.left, upper, frame.width, lower - upper, style="F")
    _axes(frame, zone)
    for gap in gaps:
        _hatch(pdf, frame.x(gap.from_ms), frame.top, max(frame.x(gap.to_ms) - frame.x(gap.from_ms), 0.3), frame.height)
    for run in _runs(hours):
        upper_edge = [(frame.x(one.t_ms + HOUR_MS / 2), frame.y(one.high)) for one in run]
        lower_edge = [(frame.x(one.t_ms + HOUR_MS / 2), frame.y(one.low)) for one in run]
        if len(run) > 1:
            pdf.set_fill_color(*SPREAD)
            pdf.polygon([*upper_edge, *reversed(lower_edge)], style="F")
            pdf.set_draw_color(*LINE)
            pdf.set_line_width(0.25)
            pdf.polyline([(frame.x(one.t_ms + HOUR_MS / 2), frame.y(one.mean)) for one in run])
        else:
            pdf.set_fill_color(*LINE)
            pdf.circle(*upper_edge[0], 0.4, style="F")


def _runs(hours: Sequence[Hour]) -> list[list[Hour]]:
    """Hours that follow each other: a line never crosses an hour without data."""
    runs: list[list[Hour]] = []
    for hour in hours:
        if not runs or hour.t_ms - runs[-1][-1].t_ms > HOUR_MS:
            runs.append([])
        runs[-1].append(hour)
    return runs


def _axes(frame: Frame, zone: ZoneInfo) -> None:
    pdf = frame.pdf
    pdf.set_font(size=7)
    pdf.set_text_color(*MUTED)
    pdf.set_draw_color(*RULE)
    pdf.set_line_width(0.1)
    lines = round((frame.high - frame.low) / frame.step)
    for number in range(lines + 1):
        value = frame.low + number * frame.step
        y = frame.y(value)
        pdf.line(frame.left, y, frame.left + frame.width, y)
        pdf.set_xy(pdf.l_margin, y - 1.5)
        pdf.cell(AXIS_MM - 1.5, 3, f"{value:.1f}" if frame.step < 1 else f"{value:.0f}", align="R")
    begin, end = frame.span
    day = datetime.fromtimestamp(begin / 1000, zone)
    for number in range(1, 32, 5 if end - begin > 10 * 24 * HOUR_MS else 1):
        try:
            t_ms = day.replace(day=number).timestamp() * 1000
        except ValueError:
            break
        if t_ms >= end:
            break
        x = frame.x(t_ms)
        pdf.line(x, frame.top, x, frame.top + frame.height)
        pdf.set_xy(x, frame.top + frame.height + 0.5)
        pdf.cell(8, 3, f"{day.month}-{number}")


def _hatch(pdf: FPDF, left: float, top: float, width: float, height: float) -> None:
    """Oblique lines over a rectangle, so that it is told from white without colour."""
    pdf.set_fill_color(245, 245, 245)
    pdf.rect(left, top, width, height, style="F")
    pdf.set_draw_color(*VOID)
    pdf.set_line_width(0.1)
    with pdf.rect_clip(left, top, width, height):
        at = left - height
        while at < left + width:
            pdf.line(at, top + height, at + height, top)
            at += 1.6


def days(pdf: FPDF, found: Sequence[Day], *, top_mm: float, height_mm: float) -> None:
    """A strip with a field a day: its number, its share within limits in colour and figures, hatched where too little was measured."""
    width = pdf.epw / 31
    for number, day in enumerate(found):
        left = pdf.l_margin + number * width
        if day.coverage < 0.5 or day.within is None:
            _hatch(pdf, left, top_mm, width - 0.4, height_mm)
            pdf.set_text_color(*INK)
        else:
            pdf.set_fill_color(*(GOOD if day.within >= FULL else FAIR if day.within >= MOST else POOR))
            pdf.rect(left, top_mm, width - 0.4, height_mm, style="F")
            pdf.set_text_color(255, 255, 255)
        pdf.set_font(style="B", size=7)
        pdf.set_xy(left, top_mm + 0.8)
        pdf.cell(width - 0.4, 3, str(int(day.day[-2:])), align="C")
        pdf.set_font(style="", size=6)
        pdf.set_xy(left, top_mm + 4.2)
        share = "" if day.within is None or day.coverage <= 0 else f"{day.within * 100:.0f}"
        pdf.cell(width - 0.4, 3, share, align="C")
