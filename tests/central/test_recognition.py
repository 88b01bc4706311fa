"""Recognition, by the real engine and offline: texts, page numbers that lower a verdict later, suggestions, hostile images."""

import io
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from central.digitization import queries as digitization
from central.digitization.recognition.progress import batch_progress, failures, progress
from central.digitization.recognition.queries import described, text_of
from central.digitization.recognition.reading import Reader
from central.digitization.recognition.search import by_text
from central.digitization.recognition.tables import PROJECTIONS
from central.digitization.recognition.units import Folding
from central.rebuild import rebuild
from central.store.engine import reading
from tests.central.reading_site import READER, ReadingSite, picture
from tests.central.test_search import asked

BOMB = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(side: int) -> bytes:
    """A PNG of a few kilobytes that would be side x side pixels."""
    rows = zlib.compress(b"\x00" * (1 + side) * 64, 9)
    return BOMB + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PAGES = [
    picture(("供用电合同", 56), ("合同编号：2013-0456", 32), ("甲方：国网电力公司北京分公司", 32), ("乙方：王小明", 32), foot="1"),
    picture(("Power supply contract", 40), ("The customer pays every month.", 32), foot="- 2 -"),
    picture(("第三条 电费按月结算", 32), ("逾期按日计收违约金", 32), foot="3"),
    picture(("第五条 争议由法院管辖", 32), ("自签字之日起生效", 32), foot="5"),
    picture(("附件一 用电设备清单", 32), ("照明 空调 水泵", 32), foot="6"),
]
HOSTILE = [bomb(40_000), PAGES[0][:3000], b"\xff\xd8\xff" + b"not a picture" * 50]


pytestmark = pytest.mark.timeout(300)  # the reader runs at the lowest priority: on a busy machine it waits for everybody


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """The real reader; its models are loaded once."""
    made = Reader(threading.Event(), memory_mb=2560, page_s=250, command=READER)
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, reader: Reader) -> Iterator[ReadingSite]:
    """A site whose closed batch was read, page 4 is missing; and a batch of hostile images."""
    made = ReadingSite(Path(tmp_path_factory.mktemp("reading")))
    made.add("batch-1", PAGES)
    made.add("batch-2", HOSTILE, volume="A-18", closed=False, at=5000)
    worker = made.worker(reader)
    while worker.step():
        made.centre.write()  # acts take effect
    yield made
    made.close()


def test_chinese_and_english_are_read_with_their_boxes_and_nothing_reached_for_a_network(site: ReadingSite) -> None:
    with reading(site.centre.engine) as connection:
        pages = digitization.pages_of(connection, "batch-1")
        texts = [text_of(connection, page.sha256 or "") for page in pages]
        contract, english = texts[:2]
        assert contract is not None and english is not None
        assert contract.text.splitlines()[:2] == ["供用电合同", "合同编号：2013-0456"]
        assert (contract.language, contract.width, contract.height) == ("zh", 760, 640)
        assert (english.language, english.engine) == ("en", "rapidocr")
        assert "Power supply contract" in english.text
        title = contract.lines[0]
        assert title.confidence > 0.8
        assert abs(title.x - 50) < 20 and 20 < title.y < 70 and abs(title.w - 5 * 56) < 40, "in pixels of the image"
        found = by_text(connection, "违约金", folding=Folding(), limit=10)
        assert [(hit.id, hit.batch) for hit in found.items] == [("batch-1-3", "batch-1")]
        assert text_of(connection, "0" * 64) is None
    assert len(asked(site.centre.engine, "电费")) == 1


def test_a_missing_page_lowers_a_verdict_later_and_is_told_once_in_both_languages(site: ReadingSite) -> None:
    with reading(site.centre.engine) as connection:
        pages = {page.id: page for page in digitization.pages_of(connection, "batch-1")}
        checks = {ident: next(check for check in page.checks if check.name == "sequence") for ident, page in pages.items()}
        told = batch_progress(connection, "batch-1")
    assert [checks[f"batch-1-{n}"].value for n in range(1, 6)] == ["1", "2", "3", "5", "6"]
    assert [pages[f"batch-1-{n}"].verdict for n in range(1, 6)] == ["good", "good", "good", "look", "good"]
    assert (checks["batch-1-4"].ok, checks["batch-1-4"].words, checks["batch-1-4"].words_zh) == (False, "page 4 is missing", "缺第 4 页")
    assert [(gap.after, gap.page, gap.kind, gap.missing) for gap in told.odd] == [("batch-1-3", "batch-1-4", "gap", (4, 4))]
    assert (told.images, told.read, told.waiting, told.failed, told.numbered, told.trusted) == (5, 5, 0, 0, 5, True)
    assert [body for _, body in site.centre.rows("SELECT actor, body FROM acts WHERE kind = 'page.sequence'") if "batch-1-4" in body]
    assert site.centre.one("SELECT count(*) FROM acts WHERE kind = 'page.sequence'") == 1


def test_hostile_images_are_refused_with_words_within_bounded_memory(site: ReadingSite) -> None:
    with reading(site.centre.engine) as connection:
        told = {failure.page: failure for failure in failures(connection)}
        whole = progress(connection, enabled=True)
    assert set(told) == {"batch-2-1", "batch-2-2", "batch-2-3"}
    assert "too many" in str(told["batch-2-1"].words) and "过" in str(told["batch-2-1"].words_zh)
    assert "cannot be decoded" in str(told["batch-2-2"].words)
    assert (whole.read, whole.waiting, whole.failed) == (5, 0, 3)
    assert whole.pages_per_min is not None and whole.pages_per_min > 0
    assert (whole.state, whole.estimated_end) == ("idle", None)


def test_a_title_and_numbers_are_suggested_and_not_applied(site: ReadingSite) -> None:
    with reading(site.centre.engine) as connection:
        found = described(connection, "batch-1")
    assert (found.state, found.title) == ("open", None)
    assert found.suggestion.titles[0].text == "供用电合同"
    assert [(number.kind, number.value) for number in found.suggestion.numbers] == [("contract", "2013-0456")]


def test_rebuilt_tables_are_the_same(site: ReadingSite) -> None:
    def tables() -> list[list[Any]]:
        with reading(site.centre.engine) as connection:
            return [connection.execute(select(table).order_by(*table.primary_key)).all() for table in PROJECTIONS]

    before = tables()
    rebuild(site.centre.engine)
    assert tables() == before
    site.centre.restart()
    assert site.centre.one("SELECT count(*) FROM texts") == 5, "texts are a source"


def test_the_reader_runs_last_and_may_take_so_much_memory_and_no_more(site: ReadingSite, reader: Reader, tmp_path: Path) -> None:
    image = tmp_path / "page"
    out = io.BytesIO()
    Image.new("L", (6, 6), 255).save(out, "PNG")  # too small for any letter
    image.write_bytes(out.getvalue())
    found = reader.read(image)
    process = Path(f"/proc/{reader.pid}")
    limits = process.joinpath("limits").read_text()
    assert f"{2560 * 2**20}" in next(line for line in limits.splitlines() if "address space" in line)
    assert process.joinpath("stat").read_text().rsplit(")", 1)[1].split()[16] == "19", "nice"
    assert getattr(found, "lines", None) == []
    assert reader.by[0] == "rapidocr" and "onnxruntime" in reader.by[1]
