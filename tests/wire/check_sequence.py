"""Page numbers: what is read as one, and what is odd about a row of them; the same file runs under CPython and under MicroPython."""

from wire.sequence import Label, check, parse, roman

READ = (
    ("12", "12"), ("[12]", "12"), ("xiv", "xiv"), ("XIV.", "xiv"), ("第三十二页", "32"), ("- 7 -", "7"), ("一〇二", "102"), ("十", "10"),
    ("二十", "20"),    ("一百零五", "105"), ("12a", "12a"), ("S. 14", "14"), ("page 3", "3"), ("１２", "12"), ("第 9 頁", "9"),
)  # fmt: skip
NOT_READ = ("", "iiii", "0", "百", "word", "12 of 14", "1234567", "x" * 60, "page", "第", "12z")
ROWS = (  # what is read on page after page, and the findings as (page, kind)
    ((), ()),
    ((None, None, None), ()),
    ((1, 2, 3, 4, None, 6, 7), ()),
    ((1, 2, 3, 5, 6, 7), ((3, "gap"),)),
    ((1, 2, 3, 3, 4, 5), ((3, "double"),)),
    ((1, 2, 3, 38, 5, 6), ((3, "misread"),)),
    ((7, 12, 13, 14, 15), ((0, "misread"),)),
    ((1, 2, 3, None, None, 4, 5, 6), ((5, "plates"),)),
    (("i", "ii", "iii", 1, 2, 3, 4), ((3, "restart"),)),
    ((1, 3, 5, 7, 11, 13), ((4, "gap"),)),
    ((1, 1, 2, 2, 3, 3, 4, 4), ()),
    ((1, None, 2, None, 3, None, 5, None, 6), ((6, "gap"),)),
    ((1, 2, 3, 4, 6, 5, 7, 8), ((4, "back"),)),
    ((11, 12, "12a", 13, 14), ()),
    ((40, 41, 42, 1, 2, 3), ((3, "restart"),)),
    ((1, 2, 3, 4, 8, 9, 10, 5, 6, 7), ((4, "gap"), (7, "back"))),
)  # fmt: skip


def check_all():
    """Assert on every row; returns how many there were."""
    for text, label in READ:
        assert str(parse(text)) == label, text
    for text in NOT_READ:
        assert parse(text) is None, text
    for number in (1, 4, 9, 14, 40, 90, 1999, 3999):
        assert parse(roman(number)) == Label("roman", number)
    for row, expected in ROWS:
        found = check([None if text is None else parse(str(text)) for text in row])
        assert tuple((finding.page, finding.kind) for finding in found) == expected, (row, found)
        for finding in found:
            assert finding.words and finding.words_zh
            assert finding.ok == (finding.kind in ("misread", "plates", "restart"))
    return len(READ) + len(NOT_READ) + len(ROWS)


if __name__ == "__main__":
    print(check_all())
