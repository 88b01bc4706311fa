"""Search: any Chinese word, English, numbers as typed and without hyphens; marked, bounded, recorded, never more than may be seen."""

import json
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from central.digitization.recognition.asking import chunks_of, expression, find, relaxed
from central.digitization.recognition.flow import flow
from central.digitization.recognition.index import TextIndex
from central.digitization.recognition.lines import Line, language_of, pack, unpack
from central.digitization.recognition.reading_order import in_order
from central.digitization.recognition.search import by_text
from central.digitization.recognition.units import Folding
from central.store.engine import open_engine, reading, writing
from central.store.migrate import migrate
from tests.central.site import Site, digest
from wire.records import record

FOLDING = Folding()
TEXTS = {
    "1": ["供用电合同", "合同编号：2013-0456", "甲方：国网电力公司", "第 12 页"],
    "2": ["Power supply contract", "No. A/17-2013", "The customer's meter was installed in Beijing."],
    "3": ["低压居民客户用电申请书", "用户編號 20130789", "用電地址：北京市東城區"],
    "4": ["水费通知单", "请在三十日内缴", "清电费"],
    "5": ["Ｆｕｌｌ　ｗｉｄｔｈ　１２３４５", "naïve Straße ﬁnance", "contracts of 2013 0456"],
}


def lines_of(texts: Sequence[str], *, height: int = 40) -> list[Line]:
    return [Line(100, 100 + n * 60, 22 * len(text), height, 0.99, text) for n, text in enumerate(texts)]


def asked(engine: Engine, question: str) -> list[str]:
    """The texts that the index finds, by their key in TEXTS."""
    chunks = chunks_of(question, FOLDING)
    with reading(engine) as connection:
        found = connection.exec_driver_sql("SELECT rowid FROM text_index WHERE text_index MATCH ?", (expression(chunks),)).scalars().all()
    return sorted(str(one) for one in found)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with the five texts."""
    made = open_engine(tmp_path_factory.mktemp("index") / "muniment.db")
    migrate(made)
    index = TextIndex(FOLDING)
    with writing(made) as connection:
        for key, texts in TEXTS.items():
            index.put(connection, key * 64, size=(2480, 3508), lines=lines_of(texts), by=("test", "1"), took_ms=5)
    yield made
    made.dispose()


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("电", "134"),  # one character, wherever it stands
        ("费", "4"),
        ("合同", "1"),
        ("用电", "13"),
        ("供用电合同", "1"),
        ("缴清", "4"),  # a line's end divides it
        ("用電", "13"),  # traditional and simplified are one
        ("编号", "13"),
        ("東城区", "3"),
        ("contract", "2"),
        ("contract*", "25"),
        ("CONTRACT", "2"),
        ('"power supply"', "2"),
        ('"supply power"', ""),
        ("contract meter", "2"),  # all of them
        ("contract 电", ""),
        ("2013-0456", "15"),
        ("20130456", "1"),
        ("2013—0456", "15"),
        ("2013－0456", "15"),
        ("2013-07*", ""),
        ("2013-04*", "15"),
        ("20130789", "3"),
        ("2013-0789", "3"),
        ("A17", "2"),
        ("A/17-2013", "2"),
        ("A172013", "2"),
        ("12345", "5"),
        ("full width", "5"),
        ("naive", "5"),
        ("strasse", "5"),
        ("finance", "5"),
        ("第12页", "1"),
        ("第 12 页", "1"),
        ("合同 2013-0456", "1"),
    ],
)
def test_what_is_found(engine: Engine, question: str, found: str) -> None:
    assert asked(engine, question) == list(found)


def test_a_long_phrase_that_stands_nowhere_is_sought_by_its_pairs(engine: Engine) -> None:
    chunks = chunks_of("用电合同编号", FOLDING)
    assert asked(engine, "用电合同甲方") == []
    assert [len(chunk.units) for chunk in relaxed(chunks)] == [2, 2, 2]
    assert relaxed(chunks_of("合同", FOLDING)) == chunks_of("合同", FOLDING)


@given(st.text(max_size=100))
@settings(max_examples=60, deadline=None)
def test_nothing_typed_breaks_the_index(engine: Engine, question: str) -> None:
    with reading(engine) as connection:
        assert by_text(connection, question, folding=FOLDING, limit=10).items == []  # no page has any of these images


@pytest.mark.parametrize(
    "question",
    ['"', "*", "-", 'a" OR b', "body:x", "NEAR(a b)", "a AND NOT b", "{numbers}:1", "^a", "a + b", "(", "''", "\\", "%", "合*同"],
)
def test_the_indexs_own_language_is_only_words(engine: Engine, question: str) -> None:
    with reading(engine) as connection:
        by_text(connection, question, folding=FOLDING, limit=10)


WORDS = st.lists(
    st.sampled_from(["电", "水", "用", "合同", "abc", "Zoë", "2013", "-", " ", "。", "、", "/", "12"]), min_size=1, max_size=14
)


@given(text=WORDS, question=WORDS)
@settings(max_examples=60, deadline=None)
def test_what_the_index_finds_is_marked_and_what_it_does_not_find_is_not(engine: Engine, text: list[str], question: list[str]) -> None:
    lines, asked_for = [Line(0, 0, 500, 40, 1.0, "".join(text))], "".join(question)
    chunks = chunks_of(asked_for, FOLDING)
    if not chunks:
        return
    units = FOLDING.units(flow(lines).text)
    places = {span.chunk for span in find(chunks, units, lines[0].text)}
    index = TextIndex(FOLDING)
    with writing(engine) as connection:
        index.put(connection, "e" * 64, size=(600, 60), lines=lines, by=("test", "1"), took_ms=1)
        ident = connection.exec_driver_sql("SELECT id FROM texts WHERE sha256 = ?", ("e" * 64,)).scalar_one()
        sql = "SELECT count(*) FROM text_index WHERE text_index MATCH ? AND rowid = ?"
        found = connection.exec_driver_sql(sql, (expression(chunks), ident)).scalar_one()
        ends_alone = any(chunk.units[-1].han and len(chunk.units) > 1 and not chunk.units[-1].follows for chunk in chunks)
        ends_alone |= any(chunk.units[-1].han and len(chunk.units) > 1 and not chunk.units[-2].han for chunk in chunks)
        whole = places == set(range(len(chunks)))
        assert bool(found) == whole or (found and ends_alone), (lines[0].text, asked_for)
        assert index.forget(connection, "e" * 64)
        assert connection.exec_driver_sql(sql, (expression(chunks), ident)).scalar_one() == 0, "erased from the index too"


def test_the_index_is_made_anew_from_the_texts(engine: Engine) -> None:
    index = TextIndex(FOLDING)
    with writing(engine) as connection:
        index.empty(connection)
    assert asked(engine, "合同") == []
    with writing(engine) as connection:
        assert index.renew(connection) > 0
        assert not index.outdated(connection)
    assert asked(engine, "合同") == ["1"]


@given(st.lists(st.builds(Line, *[st.integers(0, 9000)] * 4, st.floats(0, 1), st.text(max_size=30)), max_size=20))
@settings(max_examples=60, deadline=None)
def test_lines_come_back_as_they_were_kept(lines: list[Line]) -> None:
    assert unpack(pack(lines)) == lines
    assert sorted(in_order(lines), key=repr) == sorted(lines, key=repr)
    run = flow(lines)
    kept = [run.text[start:end] for start, end in zip(run.starts, run.ends, strict=True)]
    assert all(line.text in (part, part + line.text[-1:]) for line, part in zip(lines, kept, strict=True)), "only a hyphen may go"


def test_languages_and_columns() -> None:
    assert [language_of(lines_of(texts)) for texts in (TEXTS["1"], TEXTS["2"], ["供用电合同 Power supply contract"], [])] == [
        "zh",
        "en",
        "mixed",
        "none",
    ]
    left = [Line(100, 200 + n * 50, 900, 48, 1.0, f"left {n}") for n in range(4)]
    right = [Line(1020, 205 + n * 50, 900, 48, 1.0, f"right {n}") for n in range(4)]
    head = Line(600, 60, 700, 60, 1.0, "heading")
    shuffled = [right[1], left[3], head, *left[:3], right[0], *right[2:]]
    assert [line.text for line in in_order(shuffled)] == ["heading", *(line.text for line in (*left, *right))]
    upright = [Line(900 - n * 80, 100, 60, 600, 1.0, f"第{n}行文字") for n in range(3)]
    assert in_order(upright[::-1]) == upright


# over the API, in a site with pages


@pytest.fixture(scope="module")
def read_site(site: Site) -> Site:
    """The site, whose images page-1 to page-4 were read; page-2 was replaced by page-4, and page-3 is a letter."""
    index = TextIndex(FOLDING)
    with writing(site.centre.engine) as connection:
        for n in (1, 2, 3, 4):
            lines = lines_of(TEXTS[str(min(n, 3))])
            index.put(connection, digest(site.images[f"page-{n}"]), size=(900, 1200), lines=lines, by=("test", "1"), took_ms=5)
    return site


def hits(site: Site, question: str, role: str = "archivist", **query: str) -> list[tuple[str, str]]:
    answer = site.get("/api/v1/search", role, query_string={"q": question, **query})
    assert answer.status_code == 200, answer.text
    return [(hit["kind"], hit["id"]) for hit in answer.json["items"]]


def test_pages_are_found_by_their_text_and_those_replaced_are_not(read_site: Site) -> None:
    assert hits(read_site, "供用电合同") == [("page", "page-1")]
    assert hits(read_site, "contract") == [], "only the replaced page-2 has it"
    assert hits(read_site, "申请书") == [("page", "page-4"), ("page", "page-3")] or hits(read_site, "申请书") == [
        ("page", "page-3"),
        ("page", "page-4"),
    ]


def test_exact_numbers_come_first_and_snippets_are_marked_with_their_boxes(read_site: Site) -> None:
    assert hits(read_site, "A-17")[:2] in ([("batch", "batch-1"), ("volume", "A-17")], [("volume", "A-17"), ("batch", "batch-1")])
    assert ("volume", "A-17") in hits(read_site, "a17"), "without its hyphen"
    (hit,) = read_site.get("/api/v1/search?q=2013-0456", "archivist").json["items"]
    assert "".join(piece["text"] for piece in hit["snippet"]).startswith("供用电合同 合同编号：2013-0456")
    assert [piece["text"] for piece in hit["snippet"] if piece["mark"]] == ["2013-0456"]
    (box,) = hit["boxes"]
    line = lines_of(TEXTS["1"])[1]
    assert line.x < box["x"] < line.x + line.w and box["y"] == line.y and box["x"] + box["w"] == pytest.approx(line.x + line.w, abs=2)
    assert (hit["width"], hit["height"], hit["batch"], hit["volume"]) == (900, 1200, "batch-1", "A-17")


def test_a_pages_text_is_given_with_marks_and_who_read_it_is_recorded(read_site: Site) -> None:
    text = read_site.get("/api/v1/pages/page-1/text?q=合同&purpose=inquiry 7", "archivist").json
    assert text["text"].splitlines() == TEXTS["1"]
    assert (text["width"], text["height"], text["language"], len(text["lines"]), len(text["marks"])) == (900, 1200, "zh", 4, 2)
    seen = [(actor, json.loads(body)) for actor, body in read_site.acts("object.view")]
    assert ("archivist", {"object": "page", "id": "page-1", "purpose": "inquiry 7", "actor": "archivist"}) in seen
    assert read_site.get("/api/v1/pages/page-1/text", "auditor").json["code"] == "purpose-required"
    assert read_site.get("/api/v1/pages/none/text", "archivist").status_code == 404


def test_snippets_are_content_recorded_and_kept_from_who_must_say_why(read_site: Site) -> None:
    shown = read_site.get("/api/v1/search?q=居民客户", "auditor").json
    assert (shown["items"], shown["withheld"]) == ([], "purpose-required")
    assert hits(read_site, "A-17", "auditor") != [], "numbers are no content"
    before = len(read_site.acts("object.view"))
    assert hits(read_site, "居民客户", "auditor", purpose="audit 12") != []
    assert hits(read_site, "居民客户", "auditor", purpose="audit 12") != []
    (actor, body) = read_site.acts("object.view")[-1]
    assert (actor, json.loads(body)) == ("auditor", {"object": "search", "id": "居民客户", "purpose": "audit 12", "actor": "auditor"})
    assert len(read_site.acts("object.view")) == before + 1, "once in ten minutes"
    for role in ("facility", "security", "admin", "nobody"):
        assert read_site.get("/api/v1/search?q=合同", role).status_code == 403
        assert read_site.get("/api/v1/pages/page-1/text", role).status_code == 403


def test_a_deleted_pages_text_is_not_found_any_more(read_site: Site) -> None:
    data = read_site.images["page-3"]
    page = {
        "page": "page-3",
        "press": "press-3",
        "batch": "batch-1",
        "sha256": digest(data),
        "bytes": len(data),
        "width": 900,
        "height": 1200,
    }
    page |= {"checks": [], "verdict": "good", "station": "bench-1/bench-1", "after": "page-2", "deleted": True, "reason": "twice"}
    read_site.bench.add("capture", record("page", read_site.t0 + 20_000, 10_000_000, **page))
    read_site.send()
    assert hits(read_site, "居民客户") == [("page", "page-4")]


def test_a_question_is_bounded(read_site: Site) -> None:
    assert read_site.get("/api/v1/search", "archivist", query_string={"q": "x" * 101}).status_code == 400
    assert read_site.get("/api/v1/search", "archivist", query_string={"q": " ".join("ab" for _ in range(33))}).status_code == 200
