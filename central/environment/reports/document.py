"""Lays a month out as a PDF in one language: figures, pictures, coverage, alarms, what happened, signature lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace, TTFFont

from central.environment.metrics.series import Course
from central.environment.reports import drawing
from central.environment.reports.month import MonthReport, SensorMonth
from central.environment.reports.words import words
from central.environment.reports.wrapping import broken
from central.times import shown

FONT = "noto"
ALARMS_SHOWN = 60
TABLE_PADDING = 0.6  # millimetres
CHANGES_SHOWN = 6
GAPS_SHOWN = 12
CHART_MM = 34.0
METRICS = ("twpi_years", "lifetime_multiplier", "mkt_c", "mould_index", "dew_point_c", "absolute_humidity_g_m3", "emc_pct")
UNKNOWN = "?"  # stands for a character that the font has not


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Who made a report when, and how the ledger stood: size and root (hex) of its tree, 0 and empty before its first checkpoint."""

    site: str
    made_ms: int
    made_by: str
    tree_size: int
    root: str


class _Paper(FPDF):
    """A page with a running foot."""

    def __init__(self, foot: str, page_words: str) -> None:
        super().__init__(format="A4")
        self._foot, self._page_words = foot, page_words
        self.set_margins(15, 14, 15)
        self.set_auto_page_break(True, margin=16)

    def footer(self) -> None:
        """The foot: which report this is, and the page."""
        self.set_y(-12)
        self.set_font(style="", size=7)
        self.set_text_color(*drawing.MUTED)
        self.cell(self.epw * 0.75, 4, self._foot)
        self.cell(self.epw * 0.25, 4, self._page_words.format(self.page_no(), "{nb}"), align="R")


class Document:
    """One report being laid out."""

    def __init__(self, report: MonthReport, evidence: Evidence, *, lang: str, fonts: Mapping[str, Path]) -> None:
        """`fonts` has the files of the styles "" and "B"."""
        self._report, self._evidence, self._lang = report, evidence, lang
        self._words = words(lang)
        self._zone = ZoneInfo(report.zone)
        self._name = report.names[lang]
        foot = f"{self._words['title']} · {evidence.site} · {report.room} · {report.month}"
        self._pdf = _Paper(foot, self._words["page"])
        for style, path in fonts.items():
            self._pdf.add_font(FONT, style, path)
        added = self._pdf.fonts[FONT]
        self._known = frozenset(added.cmap if isinstance(added, TTFFont) else ())

    def bytes(self) -> bytes:
        """The PDF; the same report gives the same bytes."""
        pdf, report, said = self._pdf, self._report, self._words
        pdf.set_font(FONT)
        pdf.set_title(self._clean(f"{said['title']} {self._name} {report.month}"))
        pdf.set_lang("zh-CN" if self._lang == "zh" else "en")
        pdf.set_creator("Muniment")
        pdf.set_creation_date(datetime.fromtimestamp(self._evidence.made_ms / 1000, UTC))
        pdf.add_page()
        self._head()
        self._in_short()
        self._limits()
        for one in report.sensors:
            self._sensor(one)
        self._alarms()
        self._events()
        self._signatures()
        return bytes(pdf.output())

    def _clean(self, text: object) -> str:
        """A text of which the font has every character; control characters are blanks."""
        return "".join(c if ord(c) in self._known else " " if c.isspace() or not c.isprintable() else UNKNOWN for c in str(text))

    def _when(self, t_ms: int, form: str = "%Y-%m-%d %H:%M") -> str:
        return datetime.fromtimestamp(shown(t_ms) / 1000, self._zone).strftime(form)

    def _line(self, text: str, *, size: float = 9, bold: bool = False, colour: tuple[int, int, int] = drawing.INK) -> None:
        self._pdf.set_font(style="B" if bold else "", size=size)
        self._pdf.set_text_color(*colour)
        self._pdf.multi_cell(0, size * 0.5, self._clean(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")

    def _heading(self, name: str, *, room_mm: float = 30) -> None:
        """A heading that does not stand alone at a page's end."""
        if self._pdf.will_page_break(room_mm):
            self._pdf.add_page()
        self._pdf.ln(3)
        self._line(self._words.get(name, name), size=12, bold=True)
        self._pdf.ln(1)

    def _table(self, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
        pdf = self._pdf
        pdf.set_font(style="", size=8)
        pdf.set_text_color(*drawing.INK)
        pdf.set_draw_color(*drawing.RULE)
        pdf.set_fill_color(255, 255, 255)
        pdf.set_line_width(0.15)
        style = FontFace(emphasis="BOLD", fill_color=(240, 242, 244))
        with pdf.table(col_widths=tuple(widths), headings_style=style, line_height=4.4, text_align="LEFT", padding=TABLE_PADDING) as table:
            for n, cells in enumerate((head, *rows)):
                row = table.row()
                for cell, share in zip(cells, widths, strict=True):
                    room = pdf.epw * share / sum(widths) - 2 * TABLE_PADDING - 0.5  # what is measured here has to fit there, too
                    row.cell(
                        self._clean(cell)
                        if n == 0
                        else "\n".join(broken(self._clean(part), room, pdf.get_string_width) for part in str(cell).split("\n"))
                    )

    def _head(self) -> None:
        report, evidence, said = self._report, self._evidence, self._words
        self._line(said["title"], size=18, bold=True)
        self._pdf.ln(1)
        name = self._name if self._name == report.room else f"{self._name} ({report.room})"
        self._line(f"{said['site']}: {evidence.site}    {said['room']}: {name}    {report.month}", size=11)
        begin, end = self._when(report.from_ms), self._when(report.to_ms)
        self._line(f"{said['span']}: {begin} – {end} ({report.zone})")
        self._line(f"{said['made']}: {self._when(evidence.made_ms)} {said['by']} {evidence.made_by}")
        tree = said["entries"].format(evidence.tree_size, evidence.root) if evidence.tree_size else said["no_ledger"]
        self._line(f"{said['ledger']}: {tree}", size=7, colour=drawing.MUTED)
        if not report.whole:
            self._line(said["preliminary"], bold=True, colour=drawing.POOR)

    def _in_short(self) -> None:
        report, said = self._report, self._words
        self._heading("summary")
        if not report.sensors:
            self._line(said["no_sensor"])
        else:
            shares = [one.summary.within_limits for one in report.sensors if one.summary.within_limits is not None]
            self._line(said["good"].format(within=_pct(min(shares))) if shares else said["no_limits"], size=11, bold=True)
            self._line(said["covered"].format(coverage=_pct(report.coverage)))
        waiting = sum(alarm.acknowledged_by is None and not alarm.held and not alarm.found_later for alarm in report.alarms)
        self._line(said["alarm_count"].format(n=len(report.alarms), open=waiting))

    def _limits(self) -> None:
        said, kept = self._words, self._report.limits
        self._heading("limits")
        if not kept.boxes:
            self._line(said["no_limits"])
            return
        boxes = [f"{_range(box.t_min, box.t_max, '°C')}, {_range(box.rh_min, box.rh_max, '%RH')}" for box in kept.boxes]
        self._line(f"; {said['or']} ".join(boxes), bold=True)
        if kept.set_point_c is not None or kept.set_point_pct is not None:
            point = ", ".join(_num(v, u) for v, u in ((kept.set_point_c, "°C"), (kept.set_point_pct, "%RH")) if v is not None)
            swing = ", ".join(_num(v, u) for v, u in ((kept.swing_c, "°C"), (kept.swing_pct, "%RH")) if v is not None)
            self._line(f"{said['set_point']}: {point}" + (f"; {said['swing'].format(swing)}" if swing else ""))
        for source in kept.sources:
            self._line(f"· {source.medium[self._lang]}: {source.standard}", size=8)
        if kept.sources:
            self._line(said["verify"], size=8, colour=drawing.MUTED)
        if changed := self._report.limits_changed:
            self._line(said["limits_changed"].format(", ".join(map(self._when, changed[:CHANGES_SHOWN]))), size=8, colour=drawing.MUTED)
        if kept.origin == "agent":
            self._line(said["from_agent"], size=8, colour=drawing.MUTED)
        elif kept.set_by is not None and kept.set is not None:
            when = datetime.fromisoformat(kept.set).astimezone(self._zone).strftime("%Y-%m-%d %H:%M")
            self._line(said["set_by"].format(kept.set_by, when), size=8, colour=drawing.MUTED)

    def _sensor(self, one: SensorMonth) -> None:
        said, summary = self._words, one.summary
        self._heading(f"{said['sensor']} {one.sensor}", room_mm=2 * CHART_MM + 60)
        if one.serial:
            self._line(f"{said['serial']}: {one.serial}", size=8, colour=drawing.MUTED)
        head = ("", said["low"], said["mean"], said["high"], said["swing_max"])
        rows = [
            (f"{said['temperature']}, °C", *_course(summary.temp_c), _num(summary.swing_c.max)),
            (f"{said['humidity']}, %RH", *_course(summary.rh_pct), _num(summary.swing_pct.max)),
        ]
        self._table(head, rows, (34, 16, 16, 16, 18))
        self._pdf.ln(1)
        self._line(f"{said['coverage']}: {_pct(summary.coverage)} %", bold=True)
        if summary.within is not None:
            found = summary.within
            sure = said["surely"].format(_pct(found.low), _pct(found.high), f"{one.tolerance_c:g}", f"{one.tolerance_pct:g}")
            self._line(f"{said['within']}: {_pct(found.share)} %; {sure}")
        self._charts(one)
        self._line(f"{said['days']}: {said['days_legend']}", size=8, colour=drawing.MUTED)
        drawing.days(self._pdf, one.days, top_mm=self._pdf.get_y() + 0.5, height_mm=8)
        self._pdf.set_y(self._pdf.get_y() + 8)
        self._metrics(one)
        self._gaps(one)

    def _charts(self, one: SensorMonth) -> None:
        boxes, pdf = self._report.limits.boxes, self._pdf
        low_c, high_c = _outer([box.t_min for box in boxes], min), _outer([box.t_max for box in boxes], max)
        low_pct, high_pct = _outer([box.rh_min for box in boxes], min), _outer([box.rh_max for box in boxes], max)
        span = (self._report.from_ms, self._report.to_ms)
        for name, hours, bounds in (
            (f"{self._words['temperature']}, °C", one.temp, (low_c, high_c)),
            (f"{self._words['humidity']}, %RH", one.rh, (low_pct, high_pct)),
        ):
            pdf.ln(1.5)
            self._line(name, size=8, bold=True)
            top = pdf.get_y() + 1.5
            drawing.course(pdf, hours, top_mm=top, height_mm=CHART_MM, span=span, limits=bounds, gaps=one.gaps, zone=self._zone)
            pdf.set_xy(pdf.l_margin, top + CHART_MM + 4)

    def _metrics(self, one: SensorMonth) -> None:
        said = self._words
        rows = []
        for name in METRICS:
            metric = one.summary.metrics.get(name)
            if metric is not None:
                bounds = "" if metric.low is None or metric.high is None else f"{_num(metric.low)} – {_num(metric.high)}"
                rows.append((said[name], _num(metric.value), bounds, metric.zh if self._lang == "zh" else metric.en))
        if rows:
            self._heading("preservation")
            self._table((said["metric"], said["value"], said["bounds"], said["meaning"]), rows, (34, 12, 20, 60))
        en15757 = one.summary.en15757
        if not en15757.valid:
            self._pdf.ln(1)
            self._line(f"EN 15757: {(en15757.why_zh if self._lang == 'zh' else en15757.why) or '–'}", size=8, colour=drawing.MUTED)

    def _gaps(self, one: SensorMonth) -> None:
        said = self._words
        self._heading("gaps", room_mm=20)
        if not one.gaps:
            self._line(said["gaps_none"])
            return
        longest = sorted(one.gaps, key=lambda gap: gap.from_ms - gap.to_ms)[:GAPS_SHOWN]
        for gap in sorted(longest, key=lambda gap: gap.from_ms):
            self._line(f"{self._when(gap.from_ms)} – {self._when(gap.to_ms)} ({_time(gap.to_ms - gap.from_ms)})", size=8)
        if len(one.gaps) > GAPS_SHOWN:
            self._line(said["more"].format(len(one.gaps) - GAPS_SHOWN), size=8)

    def _alarms(self) -> None:
        said, found = self._words, self._report.alarms
        self._heading("alarms")
        if not found:
            self._line(said["alarms_none"])
            return
        rows = []
        for alarm in found[:ALARMS_SHOWN]:
            marks = [said[name] for name in ("uncertain", "held", "found_later") if getattr(alarm, name)]
            what = alarm.words.get(self._lang) or alarm.rule
            what = f"{alarm.rule} ({alarm.subject}): {what}" + (f" [{'; '.join(marks)}]" if marks else "")
            until = said["lasting"] if alarm.until_ms is None else self._when(alarm.until_ms)
            answered = alarm.acknowledged_by or ("–" if alarm.found_later or alarm.held else said["nobody"])
            rows.append((self._when(alarm.since_ms), until, what, f"{answered}: {alarm.note}" if alarm.note else answered))
        self._table((said["since"], said["until"], said["what"], said["acknowledged"]), rows, (20, 20, 56, 30))
        if len(found) > ALARMS_SHOWN:
            self._line(said["more"].format(len(found) - ALARMS_SHOWN))

    def _events(self) -> None:
        said, report = self._words, self._report
        self._heading("events")
        lines = [
            said["doors"].format(door=door, n=count, time=_time(report.doors_open_ms.get(door, 0)))
            for door, count in sorted(report.doors.items())
        ]
        lines += [
            said["works"].format(
                kind=said.get(one.kind, one.kind), from_=self._when(one.from_ms), to=self._when(one.over_ms), reason=one.reason
            )
            for one in report.works
        ]
        if report.patrols:
            lines.append(said["patrols"].format(n=len(report.patrols), bad=sum(not check.ok for check in report.patrols)))
            lines += [f"· {self._when(one.t_ms)} {one.name}: {one.note or ''} ({one.actor})" for one in report.patrols if not one.ok]
        for line in lines or [said["nothing"]]:
            self._line(line)

    def _signatures(self) -> None:
        said, pdf = self._words, self._pdf
        self._heading("sign", room_mm=40)
        width = pdf.epw / 3
        top = pdf.get_y() + 12
        pdf.set_draw_color(*drawing.INK)
        pdf.set_line_width(0.2)
        pdf.set_font(style="", size=8)
        pdf.set_text_color(*drawing.INK)
        for number, name in enumerate(("prepared", "checked", "approved")):
            left = pdf.l_margin + number * width
            pdf.line(left, top, left + width - 6, top)
            pdf.set_xy(left, top + 1)
            pdf.cell(width - 6, 4, f"{said[name]}          {said['date']}:")
        pdf.set_xy(pdf.l_margin, top + 8)
        self._line(said["check"], size=7, colour=drawing.MUTED)


def _pct(share: float) -> str:
    """A share in percent, rounded down, so that 100 means all of it."""
    return f"{int(share * 1000 + 1e-9) / 10:g}"


def _num(value: float | None, unit: str = "") -> str:
    text = "–" if value is None else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return f"{text} {unit}".strip()


def _course(found: Course | None) -> tuple[str, str, str]:
    return ("–", "–", "–") if found is None else (_num(found.min), _num(found.mean), _num(found.max))


def _range(low: float | None, high: float | None, unit: str) -> str:
    if low is None and high is None:
        return f"– {unit}"
    if low is None or high is None:
        return f"max. {high:g} {unit}" if low is None else f"min. {low:g} {unit}"
    return f"{low:g} – {high:g} {unit}"


def _outer(bounds: Sequence[float | None], pick: Any) -> float | None:
    """The widest of alternative bounds; None where one of them is open."""
    known = [bound for bound in bounds if bound is not None]
    return pick(known) if known and len(known) == len(bounds) else None


def _time(ms: int) -> str:
    minutes = round(ms / 60_000)
    return f"{minutes // 60} h {minutes % 60:02d} min"
