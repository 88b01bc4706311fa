"""Acceptance by plan: what is drawn, what stands in the way of a decision, what goes back to the bench; through ingest and the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from central.digitization.acceptance import drawing, reworking
from central.rebuild import rebuild
from central.store.engine import reading, writing
from central.tables import projections
from central.times import now_ms
from tests.central.site import Site, digest, jpeg, running
from wire.codec import encode_message
from wire.records import record

STATION = "bench-1/bench-1"
M = 20_000_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(Path(tmp_path_factory.mktemp("acceptance"))) as made:
        yield made


class Bench:
    """Captures batches of pages whose images are there."""

    def __init__(self, site: Site) -> None:
        self.site, self.image = site, jpeg(1)
        self.t = now_ms() - 60_000

    def page(self, batch: str, name: str, *, after: str | None = None, verdict: str = "good", **more: Any) -> None:
        check = {"name": "sharpness", "value": 0.9, "limit": 0.5, "ok": verdict == "good", "words": {"en": "blurred", "zh": "模糊"}}
        facts = {"page": name, "press": f"press-{name}", "batch": batch, "sha256": digest(self.image), "bytes": len(self.image)}
        facts |= {"width": 900, "height": 1200, "checks": [check], "verdict": verdict, "station": STATION, "operator": "operator"}
        facts |= {} if after is None else {"after": after}
        press = {"press": f"press-{name}", "station": STATION, "pedal": "bench-1/pedal", "outcome": "captured", "pages": [name]}
        self.t += 1
        self.site.bench.add("capture", record("press", self.t, M, **press), record("page", self.t, M, **facts | more))

    def state(self, batch: str, state: str, *, declared: int | None, volume: str = "V-1", **counts: int) -> None:
        self.t += 1
        facts = {"batch": batch, "state": state, "counts": counts, "station": STATION, "operator": "operator", "volume": volume}
        self.site.bench.add("capture", record("batch", self.t, M, **facts, declared=declared))
        self.site.send()

    def capture(
        self, batch: str, count: int, *, declared: int | None = None, verdicts: dict[int, str] | None = None, volume: str = "V-1"
    ) -> list[str]:
        """A closed batch of this many pages."""
        self.state(batch, "open", declared=count if declared is None else declared, volume=volume)
        names = [f"{batch}-{n:03}" for n in range(1, count + 1)]
        for n, name in enumerate(names):
            self.page(batch, name, after=names[n - 1] if n else None, verdict=(verdicts or {}).get(n + 1, "good"))
        self.state(batch, "closed", declared=count if declared is None else declared, volume=volume)
        return names


@pytest.fixture(scope="module")
def bench(site: Site) -> Bench:
    return Bench(site)


def act(site: Site, path: str, body: dict[str, Any], who: str = "archivist") -> Any:
    return site.call("POST", f"/api/v1/{path}", who, json=body)


def choose(site: Site, batch: str, plan: str) -> dict[str, Any]:
    answer = act(site, "acceptance/choices", {"scope": "batch", "name": batch, "plan": plan})
    assert answer.status_code == 200, answer.text
    return about(site, batch)


def about(site: Site, batch: str) -> dict[str, Any]:
    found: dict[str, Any] = site.get(f"/api/v1/acceptance/batches/{batch}", "archivist").json
    return found


def sheet(site: Site, batch: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = site.get(f"/api/v1/acceptance/batches/{batch}/sheet", "archivist").json["items"]
    return items


def review(site: Site, batch: str, pages: list[str], **said: Any) -> Any:
    return act(site, f"acceptance/batches/{batch}/reviews", {"reviews": [{"page": page, "ok": True, **said} for page in pages]})


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_the_default_plan_stands_in_nobodys_way(site: Site, bench: Bench) -> None:
    bench.capture("plain", 3, declared=4, verdicts={2: "bad"})
    told = about(site, "plain")
    assert (told["lot"]["plan"], told["lot"]["n"], told["dossier"]["obstacles"]) == ("as-now", 0, [])
    assert {one["code"] for one in told["dossier"]["findings"]} == {"count", "fatal"}, "named, though nothing is enforced"
    answer = act(site, "batches/plain/accept", {})
    assert (answer.status_code, answer.json["state"]) == (200, "accepted")
    assert site.acts("batch.accept")[-1][0] == "archivist"


def test_machine_checks_come_before_everything_else(site: Site, bench: Bench) -> None:
    bench.capture("faulty", 20, declared=21, verdicts={7: "bad", 8: "look"})
    told = choose(site, "faulty", "dat31")
    assert {one["code"]: one["n"] for one in told["dossier"]["findings"]} == {"count": 0, "fatal": 1}
    assert [one["code"] for one in told["dossier"]["obstacles"]] == ["machine-checks", "sample-incomplete"]
    answer = act(site, "batches/faulty/accept", {})
    assert code(answer) == (409, "machine-checks")
    assert "Declared 21, captured 20" in answer.json["detail"] and "实采 20 页" in answer.json["detail"]
    assert code(act(site, "batches/faulty/accept", {"override": True, "reason": "hurry"})) == (409, "machine-checks"), (
        "this plan has no override"
    )


def test_a_missing_image_or_record_or_predecessor_is_found(site: Site, bench: Bench) -> None:
    bench.state("holes", "open", declared=3)
    bench.page("holes", "holes-1")
    bench.page("holes", "holes-2", after="lost", sha256="ab" * 32)
    site.bench.add(
        "capture",
        record("press", bench.t, M, press="press-holes-2", station=STATION, pedal="p", outcome="captured", pages=["holes-2", "holes-3"]),
    )
    bench.state("holes", "closed", declared=3, captured=3)
    found = {one["code"]: (one["n"], one["pages"]) for one in about(site, "holes")["dossier"]["findings"]}
    assert found == {"count": (0, []), "told": (0, []), "pending": (1, ["holes-2"]), "order": (1, ["holes-2"]), "unfiled": (1, ["holes-3"])}


def test_a_sample_is_drawn_looked_at_and_decided(site: Site, bench: Bench) -> None:
    names = bench.capture("good", 100)
    told = choose(site, "good", "dat31")
    lot = told["lot"]
    assert (lot["size"], lot["n"], lot["plan_name"], told["dossier"]["progress"]["required"]) == (100, 5, "DA/T 31-2017", 5)
    drawn = site.get("/api/v1/acceptance/batches/good/drawing", "auditor").json
    again = drawing.draw(drawn["leaf_hash"], [(page["id"], page["stratum"]) for page in drawn["pages"]], drawn["n"])
    assert drawn["sample"] == again == [page["id"] for page in sheet(site, "good") if page["why"] == "sample"]
    leaves = site.get("/api/v1/ledger/entries?limit=1000", "auditor").json["items"]
    assert leaves[drawn["leaf"]]["leaf_hash"] == drawn["leaf_hash"], "the leaf that closed it, as the ledger has it"

    assert code(act(site, "batches/good/accept", {})) == (409, "sample-incomplete")
    assert review(site, "good", again[:4]).status_code == 200
    before = len(site.acts("page.review"))
    assert review(site, "good", again[:4]).status_code == 200
    assert len(site.acts("page.review")) == before, "the same, sent twice, is recorded once"
    assert about(site, "good")["dossier"]["progress"]["left"] == again[4:]
    told = review(site, "good", again[4:], ok=False, code="blurred", reason="the stamp cannot be read").json
    assert [one["code"] for one in told["dossier"]["obstacles"]] == ["sample-rejects"], "4 of 5 are 80 %"
    assert review(site, "good", again[4:], ok=None).status_code == 200
    assert about(site, "good")["dossier"]["progress"]["reviewed"] == 4, "taken back"
    review(site, "good", again[4:])
    answer = act(site, "batches/good/accept", {})
    assert (answer.status_code, answer.json["state"], answer.json["captured"]) == (200, "accepted", len(names))
    assert code(review(site, "good", again[:1])) == (409, "not-closed")


def test_one_page_that_does_not_match_rejects_where_all_must(site: Site, bench: Bench) -> None:
    bench.capture("match", 100)
    choose(site, "match", "dat31")
    drawn = [page["id"] for page in sheet(site, "match") if page["why"]]
    review(site, "match", drawn)
    told = review(site, "match", drawn[:1], ok=False, code="match").json
    assert "do not match" in told["dossier"]["obstacles"][0]["words"]


def test_iso_counts_and_an_override_needs_a_reason(site: Site, bench: Bench) -> None:
    bench.capture("iso", 100)
    told = choose(site, "iso", "iso2859-ii-1.0")
    assert {name: told["lot"][name] for name in ("n", "letter", "ac", "re", "severity")} == {
        "n": 13,
        "letter": "E",
        "ac": 0,
        "re": 1,
        "severity": "normal",
    }
    drawn = [page["id"] for page in sheet(site, "iso") if page["why"]]
    review(site, "iso", drawn)
    review(site, "iso", drawn[:1], ok=False, code="skewed")
    assert code(act(site, "batches/iso/accept", {})) == (409, "sample-rejects")
    assert code(act(site, "batches/iso/accept", {"override": True})) == (400, "invalid-parameter")
    assert act(site, "batches/iso/accept", {"override": True, "reason": "legible all the same"}).status_code == 200
    assert about(site, "iso")["lot"]["override"] is True


def test_who_captured_does_not_accept(site: Site, bench: Bench) -> None:
    bench.state("own", "open", declared=1)
    bench.page("own", "own-1", operator="Archivist")
    bench.state("own", "closed", declared=1)
    choose(site, "own", "dat31")
    review(site, "own", ["own-1"])
    assert code(act(site, "batches/own/accept", {})) == (409, "four-eyes")


def test_what_is_rejected_goes_back_and_only_what_changed_is_looked_at_again(site: Site, bench: Bench) -> None:
    names = bench.capture("again", 40)
    choose(site, "again", "dat31")
    review(site, "again", names[9:10], ok=False, code="blurred", reason="lower half")
    answer = act(site, "batches/again/reject", {"reason": "one page", "pages": names[9:10]})
    assert answer.json["state"] == "rejected"
    told = about(site, "again")
    assert told["rework"]["state"] == "away" and told["rework"]["pages"] == [{"page": names[9], "reason": "lower half", "code": "blurred"}]
    with writing(site.centre.engine) as connection:
        connection.exec_driver_sql("UPDATE agents SET online = 1 WHERE name = 'bench-1'")
        assert reworking.run(connection, now_ms()) == 1
        assert reworking.run(connection, now_ms()) == 0, "asked once"
    (command,) = site.centre.rows("SELECT id, args FROM commands WHERE name = 'batch.rework'")
    assert names[9] in command[1] and '"batch":"again"' in command[1]

    done = {"id": command[0], "ok": False, "why": "another batch is open"}
    site.bench.add("events", record("command.done", bench.t, M, **done))
    site.send()
    assert (about(site, "again")["rework"]["state"], about(site, "again")["rework"]["why"]) == ("refused", "another batch is open")
    with writing(site.centre.engine) as connection:
        assert reworking.run(connection, now_ms() + 1000) == 0
        assert reworking.run(connection, now_ms() + reworking.RETRY_MS + 1000) == 1, "asked again"


def test_a_batch_that_comes_back_is_looked_at_where_it_changed(site: Site, bench: Bench) -> None:
    names = bench.capture("round", 40)
    choose(site, "round", "dat31")
    first = {page["id"] for page in sheet(site, "round") if page["why"]}
    bad = next(name for name in names[5:-5] if name not in first)
    review(site, "round", [bad], ok=False, code="cropped")
    assert act(site, "batches/round/reject", {"reason": "one page", "pages": [bad]}).status_code == 200
    bench.state("round", "open", declared=40)
    assert about(site, "round")["rework"]["state"] == "taken"
    at = names.index(bad)
    bench.page("round", "round-new", after=names[at - 1], replaces=bad, reason="cropped")
    bench.state("round", "closed", declared=40)
    told = about(site, "round")
    assert (told["state"], told["lot"]["round"], told["lot"]["first"], told["rework"]["state"]) == ("closed", 3, False, "done")
    assert [(lot["state"], lot["decided_by"]) for lot in told["history"]] == [("rejected", "archivist"), ("superseded", None)]
    why = {page["id"]: page["why"] for page in sheet(site, "round") if page["why"]}
    assert why["round-new"] in ("changed", "sample")
    assert {names[at - 1], names[at + 1]} <= set(why), "who stands beside it"
    assert sum(reason == "sample" for reason in why.values()) == 2, "and a sample anew"
    assert len(why) <= 5
    assert told["lot"]["leaf_hash"] != told["history"][0]["leaf_hash"]
    review(site, "round", list(why))
    assert act(site, "batches/round/accept", {}).json["state"] == "accepted"


def test_a_command_fits_into_a_message_whatever_the_reasons() -> None:
    pages = [{"page": f"{n:036}", "reason": "页面下部模糊，请重拍" * 20} for n in range(900)]
    args = reworking.args_of("b", pages, "退回" * 900)
    assert len(encode_message({"args": args})) < 60_000
    assert args["reason"].endswith(f"(+{900 - len(args['pages'])})")
    assert reworking.args_of("b", pages[:2], None)["pages"][1]["page"] == pages[1]["page"]


def test_another_choice_draws_anew_from_the_same_leaf(site: Site, bench: Bench) -> None:
    names = bench.capture("change", 30)
    first = choose(site, "change", "every-page")
    review(site, "change", names[:3])
    second = choose(site, "change", "dat31")
    assert (first["lot"]["n"], second["lot"]["n"]) == (30, 2)
    assert first["lot"]["leaf_hash"] == second["lot"]["leaf_hash"]
    assert {page["id"] for page in sheet(site, "change") if page["review"]} == set(names[:3]), "what was looked at stays"
    assert second["history"][0]["state"] == "superseded"


def test_plans_of_ones_own_and_where_they_hold(site: Site, bench: Bench) -> None:
    shipped = site.get("/api/v1/acceptance/plans", "auditor").json
    assert [plan["id"] for plan in shipped["items"]] == ["as-now", "dat31", "iso2859-ii-1.0", "every-page"]
    assert "verify against your copy" in shipped["items"][1]["source"]
    rules = shipped["items"][1]["rules"] | {"percent": 10}
    made = act(site, "acceptance/plans", {"name": "Ten percent", "rules": rules}).json["items"][-1]
    assert (made["shipped"], made["rules"]["percent"], made["changed_by"]) == (False, 10.0, "archivist")
    assert code(act(site, "acceptance/plans/dat31", {"name": "Mine", "rules": rules})) == (409, "shipped-plan")
    assert code(act(site, "acceptance/plans", {"name": "x", "rules": {"aql": "3"}})) == (400, "invalid-parameter")
    assert act(site, "acceptance/choices", {"scope": "site", "plan": made["id"]}, "operator").status_code == 403
    assert act(site, "acceptance/choices", {"scope": "site", "plan": made["id"]}).json["choices"][0]["plan"] == made["id"]
    bench.capture("tenth", 50)
    assert (about(site, "tenth")["lot"]["plan_name"], about(site, "tenth")["lot"]["n"]) == ("Ten percent", 5)
    assert code(act(site, f"acceptance/plans/{made['id']}/retire", {})) == (409, "in-use")
    assert act(site, "acceptance/choices", {"scope": "site", "plan": None}).json["choices"] == []
    assert act(site, f"acceptance/plans/{made['id']}/retire", {}).status_code == 200
    assert act(site, "acceptance/choices", {"scope": "unit", "name": "Gas works", "plan": "dat31"}).status_code == 200
    assert about(site, "tenth")["lot"]["rules"]["percent"] == 10.0, "a sample keeps the rules that it was drawn by"


def test_a_units_history_tightens_its_inspection(site: Site, bench: Bench) -> None:
    volume = {"number": "G-7", "unit": "North office", "consignment": "2026-11", "declared": 30}
    assert act(site, "process/volumes", volume).status_code == 201
    assert act(site, "acceptance/choices", {"scope": "unit", "name": "North office", "plan": "iso2859-ii-1.0"}).status_code == 200
    for round_ in (1, 2):
        bench.capture(f"north-{round_}", 30, volume="G-7")
        lot = about(site, f"north-{round_}")["lot"]
        assert (lot["unit"], lot["consignment"], lot["severity"], lot["n"]) == ("North office", "2026-11", "normal", 13)
        assert act(site, f"batches/north-{round_}/reject", {"reason": "crooked throughout", "rework": False}).status_code == 200
        assert about(site, f"north-{round_}")["rework"] is None
    bench.capture("north-3", 30, volume="G-7")
    lot = about(site, "north-3")["lot"]
    assert (lot["severity"], lot["n"], lot["ac"]) == ("tightened", 20, 0)


def test_who_signed_in_at_the_bench_is_known_by_name(site: Site, bench: Bench) -> None:
    made = act(site, "line/people", {"name": "archivist", "stations": []})
    assert made.status_code in (200, 201), made.text
    bench.state("named", "open", declared=1)
    bench.page("named", "named-1", operator=made.json["person"]["id"])
    bench.state("named", "closed", declared=1)
    choose(site, "named", "dat31")
    review(site, "named", ["named-1"])
    assert code(act(site, "batches/named/accept", {})) == (409, "four-eyes")


def test_reviews_are_bounded_and_of_pages_that_count(site: Site, bench: Bench) -> None:
    bench.capture("bounds", 2)
    assert review(site, "bounds", ["nothing"]).status_code == 400
    assert review(site, "bounds", ["bounds-001"], ok=False).status_code == 400, "a rejection has a code"
    assert review(site, "bounds", ["bounds-001"] * 201).status_code == 400
    assert act(site, "acceptance/batches/bounds/reviews", {"reviews": [{"page": "bounds-001", "ok": True}]}, "operator").status_code == 403
    assert act(site, "acceptance/batches/none/reviews", {"reviews": [{"page": "bounds-001", "ok": True}]}).status_code == 404


def test_statistics_count_what_was_drawn(site: Site) -> None:
    by_operator = site.get("/api/v1/acceptance/statistics?by=operator", "auditor").json["items"]
    line = next(one for one in by_operator if one["name"] == "operator")
    assert line["sampled"] >= line["defects"] >= 2 and line["low"] <= line["rate"] <= line["high"]
    assert line["reviewed"] >= line["sampled"], "pages beside the sample do not estimate a rate"
    station = site.get("/api/v1/acceptance/statistics?by=station", "auditor").json["items"]
    assert {one["name"]: (one["accepted"], one["refused"], one["overrides"]) for one in station} == {STATION: (4, 4, 1)}
    codes = {one["name"]: one["rejected"] for one in site.get("/api/v1/acceptance/statistics?by=code", "auditor").json["items"]}
    assert codes["skewed"] == 1 and codes["blurred"] == 1
    text = site.get("/api/v1/acceptance/statistics?by=month&format=csv", "auditor").text
    assert text.startswith("month,reviewed,rejected,sampled,defects,rate,low,high,lots,")
    assert site.acts("export")[-1][0] == "auditor"
    assert code(site.get("/api/v1/acceptance/statistics?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "auditor")) == (
        400,
        "invalid-parameter",
    )


def test_a_rebuild_gives_the_same_rows(site: Site) -> None:
    def snapshot() -> dict[str, list[Any]]:
        with reading(site.centre.engine) as connection:
            names = [table.name for table in projections() if table.name.startswith(("acceptance", "page_reviews"))]
            return {name: sorted(map(tuple, connection.exec_driver_sql(f"SELECT * FROM {name}").all()), key=repr) for name in names}  # noqa: S608

    with site._lock:
        before = snapshot()
        assert all(before.values())
        rebuild(site.centre.engine)
        assert snapshot() == before
