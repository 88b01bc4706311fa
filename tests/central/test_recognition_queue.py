"""Recognition's queue: whose turn it is, what a killed reader or worker leaves, what stands back when; page numbers of a batch."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from central.digitization.recognition import jobs, sequencing
from central.digitization.recognition.index import TextIndex
from central.digitization.recognition.lines import Line
from central.digitization.recognition.page_numbers import Candidate, candidates, settle
from central.digitization.recognition.pressure import Pressure, busy, measure
from central.digitization.recognition.progress import failures, odd_of, progress
from central.digitization.recognition.reading import Reader
from central.digitization.recognition.units import Folding
from central.digitization.recognition.worker import AlreadyRunning, Worker, only_worker, run
from central.store.engine import reading, writing
from tests.central.reading_site import ReadingSite, picture
from wire.records import record

HELLO = 'import sys,time,json; print(json.dumps({"engine":"test","version":"1"}), flush=True)\n'
LINE = '{"width":760,"height":640,"took_ms":3,"lines":[[10,10,200,40,0.9,"合同"]]}'
GOOD = HELLO + f"for line in sys.stdin: print({LINE!r}, flush=True)"
HANGS = HELLO + "for line in sys.stdin: time.sleep(600)"
DIES = HELLO + "sys.stdin.readline(); import os; os.kill(os.getpid(), 9)"
BABBLES = HELLO + "for line in sys.stdin: print('no JSON', flush=True)"


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


@pytest.fixture
def site(tmp_path: Path) -> "ReadingSite":
    return ReadingSite(tmp_path)


def images(count: int, seed: str) -> list[bytes]:
    return [picture((f"{seed} {n}", 20), size=(80, 60)) for n in range(count)]


def worker_of(site: ReadingSite, text: str, *, page_s: float = 60.0) -> tuple[Worker, Reader]:
    reader = Reader(site.stop, memory_mb=1024, page_s=page_s, command=program(text))
    return site.worker(reader), reader


def drain(worker: Worker) -> None:
    while worker.step():
        pass


def order_of_turns(site: ReadingSite) -> list[str]:
    """Batches in the order in which their images are taken."""
    made = []
    with writing(site.centre.engine) as connection:
        while (job := jobs.take(connection)) is not None:
            made.append(job.batch)
    return made


def test_the_oldest_batch_goes_first_and_what_somebody_waits_for_before_it(site: ReadingSite) -> None:
    site.add("young", images(2, "y"), at=100_000)
    site.add("old", images(2, "o"), at=0)
    site.add("wanted", images(1, "w"), at=200_000)
    with writing(site.centre.engine) as connection:
        after = 0
        while jobs.more(connection, after):
            after = jobs.fill(connection, after)
        assert jobs.first(connection, "wanted") == 1
        assert progress(connection, enabled=True).waiting == 5
    assert order_of_turns(site) == ["wanted", "old", "old", "young", "young"]
    site.close()


@pytest.mark.parametrize(("text", "words"), [(DIES, "ended"), (BABBLES, "cannot be understood")])
def test_a_page_that_ends_its_reader_is_tried_three_times_and_given_up_with_words(site: ReadingSite, text: str, words: str) -> None:
    site.add("poison", images(1, "p"))
    worker, reader = worker_of(site, text)
    drain(worker)
    with reading(site.centre.engine) as connection:
        (failure,) = failures(connection)
    assert (failure.page, failure.tries, failure.batch) == ("poison-1", 3, "poison")
    assert words in str(failure.words) and "识别程序" in str(failure.words_zh)
    with writing(site.centre.engine) as connection:
        assert jobs.retry(connection, "poison") == 1
    good, other = worker_of(site, GOOD)
    drain(good)
    with reading(site.centre.engine) as connection:
        assert failures(connection) == []
    assert site.centre.one("SELECT engine FROM texts") == "test"
    reader.close()
    other.close()
    site.close()


def test_a_reader_that_hangs_is_killed(site: ReadingSite) -> None:
    site.add("slow", images(1, "s"))
    worker, reader = worker_of(site, HANGS, page_s=0.3)
    drain(worker)
    with reading(site.centre.engine) as connection:
        assert "too long" in str(failures(connection)[0].words)
    assert reader.pid is None
    site.close()


def test_what_a_killed_worker_held_is_read_again_and_an_orderly_stop_costs_no_try(site: ReadingSite) -> None:
    site.add("held", images(1, "h"))
    worker, reader = worker_of(site, HANGS)
    thread = threading.Thread(target=worker.run)
    thread.start()
    while site.centre.rows("SELECT state FROM text_jobs") != [("leased",)] or reader.pid is None:
        time.sleep(0.01)
    site.stop.set()
    thread.join(30)
    assert site.centre.rows("SELECT state, tries FROM text_jobs") == [("waiting", 0)]
    with writing(site.centre.engine) as connection:
        assert jobs.take(connection) is not None  # a worker that was killed now says nothing more
        assert jobs.reclaim(connection) == 1
    assert site.centre.rows("SELECT state, tries FROM text_jobs") == [("waiting", 1)]
    for _ in range(2):
        with writing(site.centre.engine) as connection:
            jobs.take(connection)
    with writing(site.centre.engine) as connection:
        for _ in range(3):
            jobs.take(connection)
            jobs.reclaim(connection)
    ((state, tries, words),) = site.centre.rows("SELECT state, tries, words FROM text_jobs")
    assert (state, tries) == ("failed", 3) and "three times" in words
    site.close()


def test_what_was_read_is_read_anew_only_when_a_person_asks(site: ReadingSite) -> None:
    site.add("batch", images(2, "b"))
    worker, reader = worker_of(site, GOOD)
    drain(worker)
    first = site.centre.rows("SELECT sha256, id FROM texts ORDER BY sha256")
    drain(worker)
    assert site.centre.rows("SELECT sha256, id FROM texts ORDER BY sha256") == first
    with writing(site.centre.engine) as connection:
        assert jobs.again(connection, "batch") == 2
    drain(worker)
    assert len(site.centre.rows("SELECT id FROM texts")) == 2
    assert site.centre.one("SELECT count(*) FROM text_index WHERE text_index MATCH '\"合同\"'") == 2, "no word stands twice"
    reader.close()
    site.close()


def test_recognition_stands_back_while_capture_or_uploads_are_busy(site: ReadingSite) -> None:
    quiet = Pressure(upload_s=60, capture_s=60, load=0.2)
    assert busy(quiet, quiet_s=3, load_max=1.5) is None
    for pressure, words in (
        (Pressure(1, 60, 0.2), "upload"),
        (Pressure(60, 1, 0.2), "capturing"),
        (Pressure(60, 60, 3.0), "busy"),
    ):
        why = busy(pressure, quiet_s=3, load_max=1.5)
        assert why is not None and words in why.words
    site.add("batch", images(1, "b"))
    partials = site.config.objects / "partial"
    with reading(site.centre.engine) as connection:
        before = measure(connection, partials, load=lambda: 4.0)
        (partials / "a.b.1").touch()
        after = measure(connection, partials, load=lambda: 4.0)
    assert before.load == 4.0 / (os.cpu_count() or 1)
    assert before.capture_s < 60, "a page came"
    assert before.upload_s > 3600 and after.upload_s < 60, "an upload grows"
    site.close()


def test_a_page_waits_until_it_is_quiet_but_not_for_ever(tmp_path: Path) -> None:
    site = ReadingSite(tmp_path, quiet_s=3600, patience_s=3600)
    site.add("batch", images(1, "b"))
    worker, reader = worker_of(site, GOOD)
    thread = threading.Thread(target=worker.run)
    thread.start()
    while True:
        with reading(site.centre.engine) as connection:
            told = progress(connection, enabled=True)
        if told.state == "paused":
            break
        time.sleep(0.01)
    assert told.words and told.words_zh and told.waiting == 1
    site.stop.set()
    thread.join(30)
    assert site.centre.one("SELECT count(*) FROM texts") == 0
    reader.close()
    site.close()
    impatient = ReadingSite(tmp_path / "impatient", quiet_s=3600, patience_s=0)
    impatient.add("batch", images(1, "b"))
    worker, reader = worker_of(impatient, GOOD)
    drain(worker)
    assert impatient.centre.one("SELECT count(*) FROM texts") == 1
    reader.close()
    impatient.close()


def test_one_worker_at_a_time(site: ReadingSite) -> None:
    with only_worker(site.config.data), pytest.raises(AlreadyRunning, match="already"):
        run(site.config, site.centre.engine, site.stop)
    site.close()


# page numbers


def page_lines(head: str = "", foot: str = "", body: int = 6) -> list[Line]:
    lines = [Line(300, 60, 20 * len(head), 40, 0.9, head)] if head else []
    lines += [Line(100, 200 + n * 60, 1200, 40, 0.9, "正文内容若干字 some body text 2013") for n in range(body)]
    return lines + ([Line(650, 1000, 20 * len(foot), 40, 0.9, foot)] if foot else [])


@pytest.mark.parametrize(
    ("foot", "label"),
    [
        ("12", "12"),
        ("- 12 -", "12"),
        ("第 12 页", "12"),
        ("第十二页", "12"),
        ("十二", "12"),
        ("xii", "xii"),
        ("12/80", "12"),
        ("12 / 80", "12"),
        ("Page 12 of 80", "12"),
        ("共80页 第12页", "12"),
        ("第12頁", "12"),
        ("·12·", "12"),
        ("l2", "12"),
        ("Chapter one 12", "12"),
        ("2013-04-05", None),
        ("签字日期", None),
    ],
)
def test_a_page_number_is_read_in_many_forms(foot: str, label: str | None) -> None:
    found = candidates(page_lines(foot=foot))
    assert ([str(one.label) for one in found] or [None])[0] == label


def row(feet: list[str], heads: list[str] | None = None) -> list[str | None]:
    heads = heads or [""] * len(feet)
    chosen: list[Candidate | None] = settle([candidates(page_lines(head, foot)) for head, foot in zip(heads, feet, strict=True)])
    return [str(one.label) if one else None for one in chosen]


def test_a_batchs_numbers_are_those_that_fit_together() -> None:
    assert row(["1", "2", "3", "4", "5"]) == ["1", "2", "3", "4", "5"]
    assert row(["1", "2", "8", "4", "5", "6"])[3:] == ["4", "5", "6"], "a misread number moves no other"
    assert row(["2013"] * 5, ["7", "8", "9", "10", "11"]) == ["7", "8", "9", "10", "11"], "the year at the foot is none"
    assert row(["1", "2", "", "4", "5", "6"], ["", "", "3", "", "", ""]) == ["1", "2", "3", "4", "5", "6"]
    assert row(["13", "21", "28", "50", "31", "33"])[:3] == ["13", "21", "28"], "many pages may be missing; 30 was read as 50"
    assert row(["", "", ""]) == [None] * 3
    assert row(["17", "3", "92", "44"]) in ([None] * 4, ["17", "3", "92", "44"])


def put_numbers(site: ReadingSite, data: list[bytes], feet: list[str]) -> None:
    index = TextIndex(Folding())
    with writing(site.centre.engine) as connection:
        for image, foot in zip(data, feet, strict=True):
            sha256 = hashlib.sha256(image).hexdigest()
            index.put(connection, sha256, size=(760, 640), lines=page_lines(foot=foot), by=("test", "1"), took_ms=1)


def judge(site: ReadingSite) -> int:
    """Acts that judging what is due makes."""
    with reading(site.centre.engine) as connection:
        judged = [sequencing.judge(connection, batch, upto) for batch, upto in sequencing.due(connection)]
    with writing(site.centre.engine) as connection:
        count = sum(sequencing.keep(connection, one) for one in judged if one is not None)
    site.centre.write()
    return count


def test_numbers_are_judged_once_the_batch_is_closed_and_read_and_again_only_when_it_changes(site: ReadingSite) -> None:
    data = images(6, "n")
    site.add("batch", data, closed=False)
    put_numbers(site, data, ["1", "2", "3", "3", "4", "5"])
    assert judge(site) == 0, "the operator is still at work"
    facts = {"batch": "batch", "counts": {}, "station": "bench-1/bench-1", "volume": "A-17", "declared": 6}
    site.bench.add("capture", record("batch", 1_790_000_001_000, 9000, state="closed", **facts))
    site.send()
    assert judge(site) == 1
    with reading(site.centre.engine) as connection:
        assert [(odd.page, odd.kind, odd.read) for odd in odd_of(connection, "batch")] == [("batch-4", "double", "3")]
    assert judge(site) == 0
    page = {"page": "batch-3", "press": "batch-press-3", "batch": "batch", "width": 760, "height": 640, "checks": [], "after": "batch-2"}
    page |= {"sha256": site.centre.one("SELECT sha256 FROM pages WHERE id = 'batch-3'"), "bytes": len(data[2]), "verdict": "good"}
    page |= {"station": "bench-1/bench-1", "deleted": True, "reason": "taken twice"}
    site.bench.add("capture", record("page", 1_790_000_002_000, 9500, **page))
    site.send()
    assert judge(site) == 1
    acts = [body for (body,) in site.centre.rows("SELECT body FROM acts WHERE kind = 'page.sequence' ORDER BY id")]
    assert ['"page":"batch-4"' in body and '"ok":false' in body for body in acts] == [True, False]
    site.close()


def test_where_too_much_is_odd_the_reading_is_not_trusted_and_nothing_is_said(site: ReadingSite) -> None:
    data = images(24, "w")
    site.add("batch", data)
    put_numbers(site, data, [str(n) for n in range(24) for _ in range(1)][::-1])
    assert judge(site) <= sequencing.ODD_MIN
    assert len(site.centre.rows("SELECT page FROM sequence_checks")) <= sequencing.ODD_MIN
    site.close()


def test_the_command_works_until_it_is_told_to_stop_and_there_is_one_of_it(site: ReadingSite, tmp_path: Path) -> None:
    file = tmp_path / "central.toml"
    file.write_text(f'[central]\nsite = "demo"\ndata = "{site.config.data}"\n[recognition]\nenabled = true\n')
    command = [sys.executable, "-m", "central.cli", "recognise", "--config", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 100
        while not site.centre.rows("SELECT value FROM recognition_state"):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        second = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert (second.returncode, "already" in second.stderr) == (1, True)
        process.terminate()
        assert process.wait(60) == 0
    site.close()
