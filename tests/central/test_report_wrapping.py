"""Lines of a report break where Chinese and English readers expect it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from central.environment.reports.wrapping import CLOSING, broken, pieces


def test_no_line_begins_with_a_full_stop() -> None:
    assert broken("可区分湿气进入。", 7, len) == "可区分湿气进\n入。"
    assert broken("温度（摄氏）高", 3, len) == "温度\n（摄\n氏）高"


def test_words_and_figures_stay_whole() -> None:
    assert broken("paper lasts 1.19 times", 11, len) == "paper lasts\n1.19 times"
    assert broken("纸张寿命 1.19 倍", 6, len) == "纸张寿命\n1.19 倍"


@given(st.text(alphabet="温度。，（）ab 1.", max_size=60), st.integers(2, 20))
def test_nothing_is_lost_and_no_closing_mark_begins_a_line(text: str, width: int) -> None:
    assert "".join(pieces(text)) == text
    lines = broken(text, width, len).split("\n")
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line[:1] in CLOSING for line in lines[1:])
