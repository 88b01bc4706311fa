"""Lists of volumes as people have them: a pasted table or a CSV file, read whole, every mistake named by its line."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

import msgspec

from central.digitization.process.numbers import COUNT_MAX, checked_number

BYTES_MAX = 2 * 1024 * 1024
LINES_MAX = 5000
MISTAKES_MAX = 200  # that are named
MOST = {"unit": 120, "consignment": 120, "title": 500, "kind": 80}
ORDER = ("number", "declared", "title", "kind", "unit", "consignment")  # of a table without a head
HEADS = {  # what stands over a column, without blanks, in lower case
    "number": ("number", "no", "no.", "volume", "案卷号", "卷号", "档号", "编号"),
    "declared": ("declared", "pages", "count", "页数", "总页数", "申报页数"),
    "title": ("title", "name", "题名", "案卷题名", "标题"),
    "kind": ("kind", "type", "类别", "种类", "类型"),
    "unit": ("unit", "office", "department", "单位", "移交单位", "部门"),
    "consignment": ("consignment", "delivery", "移交批", "移交批次", "批次"),
}
_COLUMN = {head: name for name, heads in HEADS.items() for head in heads}


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong with a line, from 1."""

    line: int
    words: str
    words_zh: str


@dataclass
class Read:
    """What was read: the volumes, with their lines, or the mistakes."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    more: bool = False  # more mistakes than are named

    def wrong(self, line: int, words: str, words_zh: str) -> None:
        """Name a mistake."""
        if len(self.mistakes) < MISTAKES_MAX:
            self.mistakes.append(Mistake(line, words, words_zh))
        else:
            self.more = True


def decoded(data: bytes) -> str | None:
    """The text of a file: UTF-8, else GB 18030, which spreadsheets in China write; None where it is neither."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else text
    return None


def read(text: str, *, unit: str | None = None, consignment: str | None = None) -> Read:
    """The volumes of a table; `unit` and `consignment` stand for what its columns leave out."""
    made = Read()
    first = text.split("\n", 1)[0]
    delimiter = "\t" if "\t" in first else ";" if first.count(";") > first.count(",") else ","
    columns: tuple[str | None, ...] = ORDER
    begun = False
    seen: dict[str, int] = {}
    try:
        table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for cells in table:
            line = table.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not begun:
                begun = True
                heads = tuple(_COLUMN.get("".join(cell.split()).lower()) for cell in cells)
                if "number" in heads:
                    columns = heads
                    if len({head for head in heads if head}) != sum(head is not None for head in heads):
                        made.wrong(line, "a column stands there twice", "有重复的列")
                    continue
            if len(made.rows) >= LINES_MAX:
                made.wrong(line, f"more than {LINES_MAX} volumes: cut the list", f"超过 {LINES_MAX} 卷：请分批导入")
                break
            _row(made, line, cells, columns, {"unit": unit, "consignment": consignment}, seen)
    except csv.Error as error:
        made.wrong(1, f"not a table: {error}", "不是有效的表格")
    if not made.rows and not made.mistakes:
        made.wrong(1, "there is no volume in it", "其中没有案卷")
    return made


def _row(
    made: Read, line: int, cells: list[str], columns: tuple[str | None, ...], given: dict[str, str | None], seen: dict[str, int]
) -> None:
    before = len(made.mistakes) + made.more
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        made.wrong(line, "more cells than columns", "单元格多于列数")
    row: dict[str, Any] = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name and cell.strip()}
    row = {name: value for name, value in given.items() if value} | row
    try:
        row["number"] = checked_number(row.get("number", ""))
    except ValueError:
        made.wrong(line, "the volume's number is missing, too long or has hidden characters", "案卷号缺失、过长或含不可见字符")
    declared = row.get("declared", "")
    if declared.isascii() and declared.isdigit() and len(declared) <= 6 and int(declared) <= COUNT_MAX:
        row["declared"] = int(declared)
    else:
        made.wrong(line, "the declared pages are not a whole number", "申报页数不是整数")
    for name, english, chinese in (("unit", "the unit", "移交单位"), ("consignment", "the consignment", "移交批")):
        if not row.get(name):
            made.wrong(line, f"{english} is missing", f"缺少{chinese}")
    for name, most in MOST.items():
        if len(row.get(name, "")) > most:
            made.wrong(line, f"{name}: more than {most} characters", f"{name}：超过 {most} 个字符")
    number = row.get("number", "")
    if number in seen:
        made.wrong(line, f"{number} stands in line {seen[number]} already", f"{number} 与第 {seen[number]} 行重复")
    seen.setdefault(number, line)
    if len(made.mistakes) + made.more == before:
        made.rows.append(row)
        made.lines.append(line)


def refuse_taken(made: Read, taken: set[str]) -> None:
    """Name the lines whose numbers are registered already."""
    for row, line in zip(made.rows, made.lines, strict=True):
        if row["number"] in taken:
            made.wrong(line, f"{row['number']} is registered already", f"{row['number']} 已登记")
