"""Batches, pages, images, provenance, benches and the ledger over the API."""

import io
import json
from pathlib import Path

from PIL import Image

from central.digitization.order import ordered
from central.ledger.tree import leaf_hash, node_hash
from tests.central.site import Site, digest, running


def test_a_batch_has_its_counts(site: Site) -> None:
    items = site.get("/api/v1/batches", "archivist").json["items"]
    shape = ("id", "station", "state", "declared", "captured", "replaced", "accepted", "rejected")
    assert [tuple(item[name] for name in shape) for item in items] == [
        ("batch-2", "bench-1/bench-1", "open", None, 0, 0, 0, 0),
        ("batch-1", "bench-1/bench-1", "closed", 3, 3, 1, 0, 0),
    ]
    assert site.get("/api/v1/batches/batch-1", "operator").json == items[1]
    assert site.get("/api/v1/batches?state=closed", "operator").json["items"] == [items[1]]


def test_pages_stand_in_order_and_a_retake_takes_its_place(site: Site) -> None:
    first = site.get("/api/v1/batches/batch-1/pages?limit=3", "operator").json
    rest = site.get(f"/api/v1/batches/batch-1/pages?cursor={first['next']}", "operator").json
    pages = first["items"] + rest["items"]
    assert [(page["id"], page["seq"], page["verdict"], page["replaced"]) for page in pages] == [
        ("page-1", 1, "good", False),
        ("page-2", 2, "bad", True),
        ("page-4", 2, "good", False),
        ("page-3", 3, "good", False),
    ]
    assert rest["next"] is None
    (check,) = pages[1]["checks"]
    assert {name: check[name] for name in ("name", "value", "limit", "ok")} == {
        "name": "sharpness",
        "value": 0.3,
        "limit": 0.5,
        "ok": False,
    }
    assert (pages[0]["sha256"], pages[0]["pending"]) == (digest(site.images["page-1"]), False)


def test_an_image_is_sent_whole_by_range_and_smaller_and_its_readers_are_known(site: Site) -> None:
    data = site.images["page-1"]
    whole = site.get("/api/v1/pages/page-1/image?purpose=acceptance", "archivist")
    assert (whole.status_code, whole.content_type, whole.data) == (200, "image/jpeg", data)
    assert site.get("/api/v1/pages/page-1/image", "archivist", headers={"Range": "bytes=-4"}).data == data[-4:]
    small = site.get("/api/v1/pages/page-1/image?width=320", "operator")
    assert Image.open(io.BytesIO(small.data)).size == (320, 427)
    assert site.get("/api/v1/pages/page-1/image?width=321", "operator").status_code == 400
    again = site.get("/api/v1/pages/page-1/image?width=320", "operator", headers={"If-None-Match": small.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b""), "what the browser has is not computed again"
    assert site.get("/api/v1/pages/page-1/image", "auditor").json["code"] == "purpose-required"
    assert site.get("/api/v1/pages/nothing/image", "operator").status_code == 404
    readers = [(actor, json.loads(body)["purpose"]) for actor, body in site.acts("object.view") if json.loads(body)["id"] == "page-1"]
    assert readers == [("archivist", "acceptance"), ("archivist", "work"), ("operator", "work")]


def test_provenance_leads_from_the_page_to_press_climate_clip_and_ledger(site: Site) -> None:
    chain = site.get("/api/v1/pages/page-4/provenance", "auditor").json
    assert (chain["press"]["id"], chain["press"]["outcome"]) == ("press-4", "captured")
    assert (chain["batch"]["id"], chain["batch"]["volume"], chain["room"]) == ("batch-1", "A-17", "scan-hall")
    assert [older["id"] for older in chain["history"]] == ["page-2"]
    assert chain["object"]["sha256"] == digest(site.images["page-4"])
    entry = chain["ledger"]
    assert (entry["agent"], entry["lane"], entry["type"]) == ("bench-1", "capture", "batch")
    assert len(entry["leaf_hash"]) == 64


def test_a_closed_batch_is_accepted_once_by_an_archivist(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        assert site.call("POST", "/api/v1/batches/batch-2/accept", "archivist", json={}).json["code"] == "not-closed"
        done = site.call("POST", "/api/v1/batches/batch-1/accept", "archivist", json={"reason": "complete"})
        assert (done.status_code, done.json["state"], done.json["accepted"], done.json["decided_by"]) == (200, "accepted", 3, "archivist")
        assert site.call("POST", "/api/v1/batches/batch-1/reject", "archivist", json={"reason": "late"}).status_code == 409
        ((by, body),) = site.acts("batch.accept")
        said = json.loads(body)
        assert (by, said["batch"], said["reason"]) == ("archivist", "batch-1", "complete")
        assert said["seen"] == site.get("/api/v1/pages/page-4", "auditor").json["leaf_idx"], "what it rests on"


def test_single_pages_are_rejected_with_the_batch(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        foreign = site.call("POST", "/api/v1/batches/batch-1/reject", "archivist", json={"reason": "x", "pages": ["page-9"]})
        assert (foreign.status_code, foreign.json["errors"][0]["field"]) == (400, "pages")
        done = site.call("POST", "/api/v1/batches/batch-1/reject", "archivist", json={"reason": "cut off", "pages": ["page-3"]}).json
        assert (done["state"], done["rejected"], done["accepted"]) == ("rejected", 1, 0)


def test_when_ingest_is_away_an_act_is_recorded_and_answered_202(tmp_path: Path) -> None:
    site = Site(tmp_path)
    answer = site.call("POST", "/api/v1/batches/batch-1/accept", "archivist", json={})
    assert (answer.status_code, answer.json["state"]) == (202, "closed")
    site.centre.write()
    assert site.get("/api/v1/batches/batch-1", "archivist").json["state"] == "accepted"
    site.close()


def test_benches_show_their_batch_and_last_page(site: Site) -> None:
    (bench,) = site.get("/api/v1/stations", "operator").json["items"]
    assert (bench["id"], bench["name"], bench["agent"], bench["online"], bench["state"]) == (
        "bench-1/bench-1",
        "bench-1",
        "bench-1",
        False,
        "offline",
    )
    assert bench["batch"]["id"] == "batch-2"
    assert bench["last_page"]["id"] == "page-4"
    assert bench["presses"] == {"captured": 4}


def test_a_command_to_a_bench_is_taken_and_its_result_can_be_asked_for(site: Site) -> None:
    for path in ("/api/v1/stations/bench-1/bench-1/commands", "/api/v1/stations/bench-1%2Fbench-1/commands"):
        given = site.call("POST", path, "operator", json={"name": "batch.open", "args": {"declared": 24}})
        assert given.status_code == 202
        kept = site.centre.rows("SELECT agent, name, args, actor FROM commands WHERE id = ?", given.json["id"])
        assert kept == [("bench-1", "batch.open", '{"declared":24,"station":"bench-1/bench-1"}', "operator")]
        assert site.get(f"/api/v1/commands/{given.json['id']}", "operator").json["state"] in ("waiting", "sent")
    assert site.call("POST", path, "operator", json={"name": "rm -rf"}).json["errors"][0]["field"] == "name"
    assert site.call("POST", "/api/v1/stations/no/such/commands", "operator", json={"name": "identify"}).status_code == 404


def test_search_finds_by_volume_and_id_and_takes_no_wildcards(site: Site) -> None:
    kinds = [(hit["kind"], hit["id"]) for hit in site.get("/api/v1/search?q=a-1", "archivist").json["items"]]
    assert kinds == [("batch", "batch-1"), ("volume", "A-17")]
    assert [hit["id"] for hit in site.get("/api/v1/search?q=page-3", "archivist").json["items"]] == ["page-3"]
    assert site.get("/api/v1/search?q=%25", "archivist").json["items"] == []
    assert site.get("/api/v1/search?q=", "archivist").status_code == 400


def test_the_ledgers_entries_are_paged_and_proven(site: Site) -> None:
    entries, cursor = [], ""
    while True:
        answer = site.get(f"/api/v1/ledger/entries?limit=5{cursor}", "auditor").json
        entries += answer["items"]
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert [entry["index"] for entry in entries] == list(range(len(entries)))
    batch = next(entry for entry in entries if entry["type"] == "batch")
    names = (
        "muniment-leaf/1",
        "batch",
        "demo",
        *(str(batch[name]) for name in ("agent", "lane", "epoch", "first", "n", "prev", "head", "key", "sig")),
    )
    leaf = "\n".join(names) + "\n"
    assert leaf_hash(leaf.encode()).hex() == batch["leaf_hash"]
    proof = site.get(f"/api/v1/ledger/proof/{batch['index']}?size={len(entries)}", "auditor").json
    assert proof["leaf_hash"] == batch["leaf_hash"]
    hash_, at, last = bytes.fromhex(proof["leaf_hash"]), batch["index"], len(entries) - 1
    for step in proof["proof"]:  # RFC 9162 2.1.3.2
        if at & 1 or at == last:
            hash_ = node_hash(bytes.fromhex(step), hash_)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            hash_ = node_hash(hash_, bytes.fromhex(step))
        at, last = at >> 1, last >> 1
    assert proof["root"] in (None, hash_.hex())
    assert site.get("/api/v1/ledger/entries?order=desc&limit=1", "auditor").json["items"][0]["index"] >= len(entries) - 1
    assert site.get("/api/v1/ledger/proof/999999", "auditor").status_code == 404
    assert site.get("/api/v1/ledger/consistency?old=999999", "auditor").status_code == 400


def test_what_people_did_is_for_the_auditor_alone(site: Site) -> None:
    def bodies(role: str) -> set[bool]:
        items = site.get("/api/v1/ledger/entries?limit=1000", role).json["items"]
        return {item["body"] is None for item in items if item["type"] == "act"}

    assert bodies("archivist") == {True}
    assert bodies("auditor") == {False}


def test_agents_are_listed_with_how_far_their_lanes_have_come(site: Site) -> None:
    agents = {agent["name"]: agent for agent in site.get("/api/v1/agents", "admin").json["items"]}
    assert agents["bench-1"]["room"] == "scan-hall"
    assert {lane["lane"]: lane["seq"] for lane in agents["room-101"]["lanes"]}["events"] == 7


class P:
    """A page as `ordered` sees it."""

    def __init__(self, id: str, after: str | None = None, replaces: str | None = None, deleted: bool = False) -> None:
        self.id, self.after, self.replaces, self.deleted = id, after, replaces, deleted


def test_insertions_retakes_of_retakes_and_deletions_keep_the_order() -> None:
    pages = [
        P("a"),
        P("b", "a"),
        P("c", "b"),
        P("b2", replaces="b"),
        P("b3", replaces="b2"),
        P("x", "b"),
        P("d", "c"),
        P("c", "b", deleted=True),
    ]
    places = ordered(pages[:7])
    assert places == {"a": 1, "b": 2, "b2": 2, "b3": 2, "x": 3, "c": 4, "d": 5}
    assert ordered([P("a"), P("b", "a"), P("front"), P("gone", "b", deleted=True)]) == {"front": 1, "a": 2, "b": 3}
    assert ordered([P("a"), P("b"), P("c")]) == {"a": 1, "b": 2, "c": 3}  # a station that never says what a page follows
