"""Whether the page numbers read from a batch's pages follow each other: gaps, doubles, pages out of order, plates without a number.

``parse(text)`` turns what was read (``[12]``, ``xiv``, ``第三十二页``, ``- 7 -``) into a Label or None; ``check(labels)`` takes one Label
or None a page, in the order of the pages, and says what is odd about them. Reading is often wrong, so one number that fits neither side
is called misread and nothing is concluded from it. Runs are told by themselves: every page numbered, every leaf (one number for two
pages), or every spread (two numbers a picture); a new part may begin anew at 1, in other numerals.
"""

ROMAN = "roman"
ARABIC = "arabic"
NUMBER_MAX = 100_000
TEXT_MAX = 40
LOOK_BACK = 40  # readings among which a page's predecessor is sought: so many in a row may be misread or missing
STEPS = ((1, 1), (1, 2), (2, 1))  # numbers per pages: every page, every leaf, every spread
NEAR = 3  # pages from a gap within which the missing page may lie
SKIP = 2  # what leaving out one reading as misread costs
BREAK = 3  # what two readings cost that follow, but not as the pages between them say
BACK = 4  # what going back, or another kind of numeral, costs
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"),
    (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_HAN = {"零": 0, "〇": 0, "○": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_HAN_TENS = {"十": 10, "百": 100, "千": 1000}
_FULL = "０１２３４５６７８９"
_AROUND = " \t.,:;·•-–—―~|*_=()[]{}<>（）【】〔〕《》「」、，。：；"
_BEFORE = ("第", "共", "page", "seite", "pag", "p", "s", "fol", "f")


class Label:
    """One page number: `kind` arabic or roman, `number`, and the `suffix` of an inserted leaf (12a), else an empty text."""

    def __init__(self, kind, number, suffix=""):
        self.kind = kind
        self.number = number
        self.suffix = suffix

    def __eq__(self, other):
        return isinstance(other, Label) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        return "Label(%r, %d, %r)" % (self.kind, self.number, self.suffix)

    def __str__(self):
        return (roman(self.number) if self.kind == ROMAN else str(self.number)) + self.suffix

    def _key(self):
        return (self.kind, self.number, self.suffix)


class Finding:
    """What is odd at a page: `page` (index from 0), `kind` (gap, double, back, misread, plates, restart), the numbers `missing` as
    (first, last) or None, and words in both languages. `ok` is false for a gap, a double and a step back: a person should look."""

    def __init__(self, page, kind, words, words_zh, missing=None):
        self.page = page
        self.kind = kind
        self.words = words
        self.words_zh = words_zh
        self.missing = missing
        self.ok = kind in ("misread", "plates", "restart")

    def __repr__(self):
        return "Finding(%d, %r, %r)" % (self.page, self.kind, self.words)


def roman(number):
    """A number from 1 as a lower-case Roman numeral; ValueError below 1 or above 3999."""
    if not 1 <= number <= 3999:
        raise ValueError("no Roman numeral: %d" % number)
    text = ""
    for value, letters in _ROMAN:
        while number >= value:
            text += letters
            number -= value
    return text


def parse(text):
    """The label of a text that is a page number and nothing else, or None."""
    if not text or len(text) > TEXT_MAX:
        return None
    text = "".join([str(_FULL.index(char)) if char in _FULL else char for char in text])
    text = _trimmed(text).lower()
    for word in _BEFORE:
        rest = _trimmed(text[len(word) :])
        if text.startswith(word) and rest and (rest[0].isdigit() or word == "第"):
            text = rest
            break
    for word in ("页", "頁", "葉", "叶"):
        if text.endswith(word):
            text = _trimmed(text[: -len(word)])
    if not text:
        return None
    return _arabic(text) or _roman_label(text) or _han(text)


def check(labels):
    """The Findings on the numbers of pages in order (one Label or None a page), by page; none for pages without any number."""
    read = [(page, label) for page, label in enumerate(labels) if label is not None]
    chain = _chain(read)
    step = _step(chain)
    kept = {page for page, _ in chain}
    findings = []
    for (page, label), (later, following) in _pairs(chain):
        silent = sum(1 for between in labels[page + 1 : later] if between is None)
        found = _between(page, label, later, following, step, silent)
        if found is not None:
            findings.append(found)
    for page, label in read:
        if page not in kept:
            findings.append(_left_out(page, label, chain, findings))
    return sorted(findings, key=lambda found: (found.page, found.kind))


def _pairs(chain):
    return [(chain[at], chain[at + 1]) for at in range(len(chain) - 1)]


def _left_out(page, label, chain, findings):
    """What to say of a reading that is not in the chain; a gap that it closes is taken out of the findings."""
    if any(abs(other - page) <= 2 and label == same for other, same in chain):
        return _double(page, label)
    for found in findings:
        if found.missing and found.missing[0] <= label.number <= found.missing[1] and abs(found.page - page) <= NEAR:
            if found.missing[0] == found.missing[1]:
                findings.remove(found)
            return Finding(page, "back", "page %s is not in its place" % label, "第 %s 页不在应在的位置" % label)
    return Finding(page, "misread", "the number read, %s, fits neither side" % label, "读到的页码 %s 与前后都不相符" % label)


def _trimmed(text):
    """The text without the marks around a number; MicroPython's own strip() takes no Chinese ones."""
    first, last = 0, len(text)
    while first < last and text[first] in _AROUND:
        first += 1
    while first < last and text[last - 1] in _AROUND:
        last -= 1
    return text[first:last]


def _arabic(text):
    digits = ""
    for char in text:
        if char not in "0123456789":
            break
        digits += char
    suffix = text[len(digits) :]
    if not digits or len(digits) > 6 or int(digits) > NUMBER_MAX or int(digits) == 0:
        return None
    if suffix and (len(suffix) > 1 or suffix not in "abcdefgh"):
        return None
    return Label(ARABIC, int(digits), suffix)


def _roman_label(text):
    rest, number = text, 0
    for value, letters in _ROMAN:
        while rest.startswith(letters):
            number += value
            rest = rest[len(letters) :]
    if rest or not 1 <= number <= 3999 or roman(number) != text:
        return None
    return Label(ROMAN, number)


def _han(text):
    if any(char not in _HAN and char not in _HAN_TENS for char in text):
        return None
    if not any(char in _HAN_TENS for char in text):  # 一〇二: digit by digit
        number = 0
        for char in text:
            number = number * 10 + _HAN[char]
    else:
        number, digit = 0, 1
        for char in text:
            if char in _HAN_TENS:
                number += max(digit, 1) * _HAN_TENS[char] if digit else _HAN_TENS[char]
                digit = 0
            else:
                digit = _HAN[char]
        if text[-1] not in _HAN_TENS:
            number += digit
        if text[0] in _HAN_TENS and text[0] != "十":
            return None
    return Label(ARABIC, number) if 1 <= number <= NUMBER_MAX else None


def _cost(page, label, later, following):
    """What it costs to believe that two readings follow each other."""
    if label.kind != following.kind:
        return BACK if following.number == 1 or label.kind == ROMAN else BACK + 2
    pages, numbers = later - page, following.number - label.number
    if numbers == 0:
        return 0 if (following.suffix > label.suffix or pages == 1) else BREAK
    if numbers < 0:
        return BACK if following.number == 1 else BACK + 2
    if numbers == pages:
        return 0
    if numbers == 2 * pages or (2 * numbers - pages) in (-1, 0, 1):
        return 1 if pages > 1 or numbers == 2 else BREAK
    return BREAK


def _chain(read):
    """The readings to believe: the cheapest way through them, where leaving one out costs as well."""
    best: list[tuple[int, int | None]] = []  # cost and predecessor of each reading
    for at, (page, label) in enumerate(read):
        cost, before = SKIP * at, None
        for earlier in range(max(0, at - LOOK_BACK), at):
            way = best[earlier][0] + _cost(read[earlier][0], read[earlier][1], page, label) + SKIP * (at - earlier - 1)
            if way < cost or (way == cost and before is not None and earlier > before):
                cost, before = way, earlier
        best.append((cost, before))
    if not best:
        return []
    last: int | None = min(range(len(best)), key=lambda at: (best[at][0] + SKIP * (len(best) - 1 - at), -at))
    chain = []
    while last is not None:
        chain.append(read[last])
        last = best[last][1]
    chain.reverse()
    return chain


def _step(chain):
    """How this batch is numbered, as (numbers, pages): what most neighbours in the chain agree with."""
    votes: dict[tuple[int, int], int] = {}
    for (page, label), (later, following) in _pairs(chain):
        if label.kind == following.kind:
            numbers, pages = following.number - label.number, later - page
            if numbers == pages:
                step = (1, 1)
            elif numbers == 2 * pages:
                step = (2, 1)
            elif 2 * numbers == pages or (numbers, pages) == (0, 1):
                step = (1, 2)
            else:
                continue
            votes[step] = votes.get(step, 0) + 1
    return max(STEPS, key=lambda step: (votes.get(step, 0), -STEPS.index(step)))


def _fits(page, label, later, following, step):
    """Whether the numbers between two pages are as many as the step says; of a leaf numbered once, either side may carry the number."""
    expected, numbers = (later - page) * step[0], (following.number - label.number) * step[1]
    return expected == numbers or (step[1] == 2 and abs(expected - numbers) < 2)


def _double(page, label):
    return Finding(page, "double", "page number %s again: was the page turned?" % label, "页码 %s 重复：是否已翻页？" % label)


def _between(page, label, later, following, step, silent):
    """What is odd between two readings that follow each other, with so many pages without a reading between them; or None."""
    if label.kind != following.kind or (following.number == 1 and label.number > 1):
        return Finding(
            later, "restart", "the numbers begin anew: %s after %s" % (following, label), "页码重新开始：%s 之后为 %s" % (label, following)
        )
    if following == label:
        return None if step[1] == 2 and later - page == 1 else _double(later, following)
    if following.number < label.number or (following.number == label.number and following.suffix < label.suffix):
        return Finding(later, "back", "page %s comes after page %s" % (following, label), "第 %s 页排在第 %s 页之后" % (following, label))
    if following.suffix or label.suffix or _fits(page, label, later, following, step):
        return None
    expected = (later - page) * step[0] // step[1]
    numbers = following.number - label.number
    if numbers < max(1, expected):
        extra = min(silent, later - page - numbers * step[1] // step[0])
        if extra <= 0:
            return None
        return Finding(
            later,
            "plates",
            "%d pages without a number before page %s" % (extra, following),
            "第 %s 页之前有 %d 页没有页码" % (following, extra),
        )
    lost = numbers - max(step[0], expected)
    if lost <= 0:
        return None
    first, last = Label(label.kind, label.number + step[0]), Label(label.kind, following.number - 1)
    if later - page == 1:
        missing = "page %s" % first if lost == 1 else "pages %s to %s" % (first, last)
        missing_zh = "%s" % first if lost == 1 else "%s 至 %s" % (first, last)
        words, words_zh = "%s %s missing" % (missing, "is" if lost == 1 else "are"), "缺第 %s 页" % missing_zh
    else:
        words = "%d missing between page %s and page %s" % (lost, label, following)
        words_zh = "第 %s 页与第 %s 页之间缺 %d 页" % (label, following, lost)
    return Finding(later, "gap", words, words_zh, (first.number, last.number))
