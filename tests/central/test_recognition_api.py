"""Recognition over the API: progress, whose turn it is, suggestions that a person confirms; and on the console's pages."""

import json

import pytest

from central.digitization.recognition import jobs
from central.digitization.recognition.index import TextIndex
from central.digitization.recognition.lines import Line
from central.digitization.recognition.pressure import Reason
from central.digitization.recognition.units import Folding
from central.store.engine import writing
from tests.central.site import Site, digest
from tests.central.web_fixtures import sign_in


@pytest.fixture(scope="module")
def read_site(site: Site) -> Site:
    """The site: page-1 was read, page-3 could not be, the others wait."""
    with writing(site.centre.engine) as connection:
        after = 0
        while jobs.more(connection, after):
            after = jobs.fill(connection, after)
        for name in ("page-1", "page-3"):
            job = jobs.Job(digest(site.images[name]), "batch-1", 3)
            if name == "page-3":
                jobs.failed(connection, job, Reason("the image <b>cannot</b> be decoded", "图像无法解码"))
                continue
            lines = [Line(100, 100, 500, 90, 0.98, "供用电合同"), Line(100, 260, 600, 40, 0.97, "合同编号：2013-0456")]
            lines += [Line(100, 340 + n * 60, 700, 40, 0.97, "甲方应当按月足额缴纳电费") for n in range(4)]
            TextIndex(Folding()).put(connection, job.sha256, size=(900, 1200), lines=lines, by=("test", "1"), took_ms=900)
            jobs.done(connection, job)
    return site


def test_progress_of_all_and_of_a_batch(read_site: Site) -> None:
    whole = read_site.get("/api/v1/recognition", "operator").json
    assert (whole["state"], whole["read"], whole["waiting"], whole["failed"]) == ("off", 1, 2, 1)
    batch = read_site.get("/api/v1/batches/batch-1/recognition", "archivist").json
    assert (batch["images"], batch["read"], batch["waiting"], batch["failed"], batch["engines"]) == (4, 1, 2, 1, ["test 1"])
    (failure,) = read_site.get("/api/v1/recognition/failures", "auditor").json["items"]
    assert (failure["page"], failure["words_zh"]) == ("page-3", "图像无法解码")
    assert read_site.get("/api/v1/batches/none/recognition", "archivist").status_code == 404


def test_a_person_lets_a_batch_be_read_first_tried_again_or_read_anew_and_that_is_an_act(read_site: Site) -> None:
    def ask(what: str, role: str = "operator") -> int:
        answer = read_site.call("POST", "/api/v1/batches/batch-1/recognition", role, json={"what": what})
        return answer.json["images"] if answer.status_code == 200 else answer.status_code

    assert (ask("first"), ask("retry"), ask("retry"), ask("again")) == (2, 1, 0, 4)
    assert (ask("first", "auditor"), ask("everything")) == (403, 400)
    acts = read_site.centre.rows("SELECT kind, actor, body FROM acts WHERE kind LIKE 'recognition.%' ORDER BY id")
    assert [(kind, actor) for kind, actor, _ in acts] == [
        (f"recognition.{what}", "operator") for what in ("first", "retry", "retry", "again")
    ]
    assert json.loads(acts[0][2]) == {"batch": "batch-1", "images": 2, "actor": "operator"}
    assert read_site.get("/api/v1/recognition", "operator").json["waiting"] == 4


def test_the_pages_show_progress_suggestions_and_hits_and_no_script_gets_through(read_site: Site) -> None:
    with read_site.browser() as browser:
        sign_in(browser, "archivist")
        page = browser.get("/search?q=合同").text
        assert "<mark>合同</mark>" in page and 'viewBox="0 0 900 1200"' in page and "<rect" in page
        empty = browser.get("/search?q=<script>alert(1)</script>").text
        assert "<script>alert" not in empty
        assert browser.get("/search?q=" + "%E5%90%88" * 300).status_code == 200, "too long a question is cut"
        batch = browser.get("/batches/batch-1").text
        assert 'value="供用电合同"' in batch and 'value="2013-0456"' in batch
    assert read_site.get("/search", "facility").status_code == 403


def test_a_registered_volume_shows_its_suggestions_and_is_found_by_its_title(read_site: Site) -> None:
    body = {"number": "A-17", "unit": "North office", "consignment": "2026-11", "declared": 3, "title": "城东供电所二〇一三年合同"}
    volume = read_site.call("POST", "/api/v1/process/volumes", "archivist", json=body).json["id"]
    with read_site.browser() as browser:
        sign_in(browser, "archivist")
        assert 'value="供用电合同"' in browser.get(f"/line/volumes/{volume}").text
        assert f'href="/line/volumes/{volume}"' in browser.get("/search?q=城东").text
    hits = read_site.get("/api/v1/search?q=a-17", "archivist").json["items"]
    assert [hit["registered"] for hit in hits if hit["kind"] == "volume"] == [volume], "once"


def test_a_suggestion_is_confirmed_edited_or_dismissed_by_a_person_and_then_found(read_site: Site) -> None:
    path = "/api/v1/batches/batch-1/description"
    found = read_site.get(f"{path}?purpose=index", "archivist").json
    assert (found["state"], found["suggestion"]["titles"][0]["text"]) == ("open", "供用电合同")
    assert [(one["kind"], one["value"], one["named"]) for one in found["suggestion"]["numbers"]] == [("contract", "2013-0456", "合同编号")]
    assert read_site.get(path, "auditor").json["code"] == "purpose-required"
    assert read_site.call("POST", path, "auditor", json={"state": "dismissed"}).status_code == 403

    def describe(**body: str) -> dict[str, str]:
        answer = read_site.call("POST", path, "operator", json=body)
        assert answer.status_code == 200, answer.text
        return {name: answer.json[name] for name in ("state", "title", "number", "by")}

    assert describe(state="dismissed") == {"state": "dismissed", "title": None, "number": None, "by": "operator"}
    assert describe(state="confirmed", title="供用电合同", number="2013-0456")["state"] == "confirmed"
    edited = describe(state="confirmed", title="供用电合同（副本）", number="2013-0456")
    assert (edited["state"], edited["title"]) == ("edited", "供用电合同（副本）")
    items = read_site.get("/api/v1/search?q=副本", "archivist").json["items"]
    assert [(hit["kind"], hit["id"], hit["title"]) for hit in items if hit["kind"] == "batch"] == [
        ("batch", "batch-1", "供用电合同（副本）")
    ]
    assert read_site.get("/api/v1/batches/batch-1", "archivist").json["volume"] == "A-17", "nothing else was changed"
