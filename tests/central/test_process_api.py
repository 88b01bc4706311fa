"""Volumes over HTTP: lists with every mistake named, many steps in one request, figures and who may see them, the command."""

import csv
import io
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from central.cli import main
from tests.central.site import Site, running
from tests.central.web_fixtures import write_config
from tests.ready_fonts import lay_fonts

STEPS = "/api/v1/process/steps"
VOLUMES = "/api/v1/process/volumes"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of this module's own; its bench captured batch-1 of A-17."""
    with running(tmp_path_factory.mktemp("process")) as made:
        lay_fonts(made.centre.config.data)
        yield made


def post(site: Site, path: str, body: Any, role: str = "archivist") -> TestResponse:
    return site.call("POST", path, role, json=body)


def table(site: Site, text: str | bytes, query: str = "", role: str = "archivist") -> TestResponse:
    data = text if isinstance(text, bytes) else text.encode()
    return site.call("POST", f"{VOLUMES}/import{query}", role, data=data, content_type="text/csv")


def register(site: Site, **changes: Any) -> dict[str, Any]:
    body = {"number": f"V-{uuid.uuid4()}", "unit": "North office", "consignment": "2026-11", "declared": 3, **changes}
    answer = post(site, VOLUMES, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


def step(site: Site, act: str, *volumes: str, role: str = "archivist", **more: Any) -> dict[str, Any]:
    answer = post(site, STEPS, {"act": act, "volumes": list(volumes), **more}, role)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def test_a_list_is_registered_whole_or_not_at_all_and_each_mistake_has_its_line(site: Site) -> None:
    good = "案卷号,页数,题名\nL-1,12,用户一\nL-2,8,用户二\n"
    dry = table(site, good, "?unit=North&consignment=C-1&dry=true")
    assert (dry.status_code, dry.json["volumes"], dry.json["registered"]) == (200, 2, 0)
    done = table(site, good.encode("gb18030"), "?unit=North&consignment=C-1")  # as spreadsheets in China write it
    assert (done.status_code, done.json["registered"]) == (201, 2)
    found = site.get(f"{VOLUMES}?consignment=C-1", "operator").json["items"]
    assert {(one["number"], one["declared"], one["title"], one["unit"]) for one in found} == {
        ("L-1", 12, "用户一", "North"),
        ("L-2", 8, "用户二", "North"),
    }
    wrong = table(site, "L-3\t5\nL-1\t4\nL-4\tmany\n\t7\nL-3\t5\n", "?unit=North&consignment=C-1")
    assert wrong.status_code == 422
    assert {one["line"] for one in wrong.json["mistakes"]} == {2, 3, 4, 5}
    assert len(site.get(f"{VOLUMES}?consignment=C-1", "operator").json["items"]) == 2  # nothing half done
    assert table(site, "L-9,5\n").json["mistakes"][0]["words_zh"] == "缺少移交单位"
    assert table(site, b"\xff\xfe\x00L").status_code == 415
    assert table(site, "x" * (2 * 1024 * 1024 + 1)).status_code == 413
    assert table(site, "L-5,5,a,b,c,d,e\n").status_code == 422
    assert table(site, '"L-5,5\n').status_code == 422
    assert table(site, "").json["mistakes"][0]["line"] == 1
    again = post(site, VOLUMES, {"number": " L-1 ", "unit": "N", "consignment": "C", "declared": 1})
    assert (again.status_code, again.json["code"]) == (409, "taken")


def test_many_volumes_in_one_request_and_each_failure_is_told(site: Site) -> None:
    one, two, three = (register(site)["id"] for _ in range(3))
    assert step(site, "begin", one, two, step="receive")["failed"] == []
    done = step(site, "finish", one, two, three, "none", step="receive", same=True)
    assert sorted(done["done"]) == sorted([one, two])
    assert {(one["volume"], one["code"]) for one in done["failed"]} == {(three, "not-begun"), ("none", "no-such-volume")}
    assert all(one["words"] and one["words_zh"] for one in done["failed"])
    step(site, "begin", one, two, step="sort")
    counted = step(site, "finish", one, two, step="sort", counts={one: 3, two: 2})
    assert (counted["done"], [one["code"] for one in counted["failed"]]) == ([one], ["note"])
    step(site, "finish", two, step="sort", count=2, note="one leaf is missing")
    shown = site.get(f"{VOLUMES}/{two}", "auditor").json
    assert (shown["volume"]["step"], shown["volume"]["open_discrepancies"]) == ("repair", 1)
    (open_one,) = shown["discrepancies"]
    assert (open_one["expected"], open_one["found"], open_one["note"]) == (3, 2, "one leaf is missing")
    path = f"/api/v1/process/discrepancies/{open_one['id']}/resolve"
    assert post(site, path, {"note": "found in the folder", "count": 3}, "operator").status_code == 403
    assert post(site, path, {"note": "found in the folder", "count": 3}).json["count"] == 3
    assert post(site, path, {"note": "again"}).status_code == 409
    undone = step(site, "undo", one)
    assert undone["done"] == [one]
    assert step(site, "undo", one)["failed"][0]["code"] == "nothing-to-undo"
    assert post(site, STEPS, {"act": "begin", "volumes": [one, one]}).status_code == 400
    assert post(site, STEPS, {"act": "begin", "volumes": [str(n) for n in range(501)]}).status_code == 400


def test_skipping_needs_the_right_and_the_reason(site: Site) -> None:
    ident = register(site)["id"]
    assert step(site, "skip", ident, role="operator", step="receive", reason="in a hurry")["failed"][0]["code"] == "not-allowed"
    assert step(site, "skip", ident, step="receive")["failed"][0]["code"] == "reason"
    assert post(site, STEPS, {"act": "skip", "volumes": [ident]}, "auditor").status_code == 403
    assert step(site, "skip", ident, step="receive", reason="counted by the unit")["done"] == [ident]
    assert step(site, "back", ident, role="operator", to="receive", reason="count it after all")["done"] == [ident]
    lines = site.get(f"{VOLUMES}/{ident}/history?limit=2", "auditor").json
    assert [line["kind"] for line in lines["items"]] == ["volume.register", "step.skip"]
    rest = site.get(f"{VOLUMES}/{ident}/history?cursor={lines['next']}", "auditor").json["items"]
    assert [(line["kind"], line["actor"], line["facts"]["to"]) for line in rest] == [("step.back", "operator", "receive")]


def test_two_people_count_where_the_consignment_asks_it_and_the_second_does_not_see_the_first_count(site: Site) -> None:
    post(site, "/api/v1/process/consignments", {"name": "W-1", "witness": True})
    ident = register(site, consignment="W-1")["id"]
    step(site, "begin", ident, step="receive")
    step(site, "finish", ident, step="receive", count=3)
    shown = site.get(f"{VOLUMES}/{ident}", "operator").json
    assert (shown["volume"]["state"], shown["visits"][0]["first_count"], shown["visits"][0]["first_by"]) == ("witness", None, "archivist")
    assert step(site, "finish", ident, step="receive", count=3)["failed"][0]["code"] == "same-person"
    step(site, "finish", ident, step="receive", count=3, role="operator")
    assert site.get(f"{VOLUMES}/{ident}", "operator").json["visits"][0]["first_count"] == 3


def test_the_board_counts_every_step_and_lights_what_stands_too_long(site: Site) -> None:
    ident = register(site, unit="Board office")["id"]
    found = site.get("/api/v1/process/board?unit=Board office", "operator").json
    receive = found["columns"][0]
    assert (found["volumes"], receive["volumes"], receive["green"], receive["cards"][0]["id"]) == (1, 1, 1, ident)
    limits = [{"step": "receive", "yellow_h": 1, "red_h": 2}]
    assert post(site, "/api/v1/process/limits", {"items": limits}, "operator").status_code == 403
    assert post(site, "/api/v1/process/limits", {"items": [{"step": "receive", "yellow_h": 3, "red_h": 2}]}).status_code == 400
    answer = post(site, "/api/v1/process/limits", {"items": limits}).json["items"][0]
    assert answer == limits[0]
    with site.centre.engine.begin() as connection:  # it came three hours ago
        connection.exec_driver_sql("UPDATE volumes SET since_ms = since_ms - 10800000 WHERE id = ?", (ident,))
    late = site.get("/api/v1/process/board?late=true&unit=Board office", "operator").json
    assert (late["columns"][0]["red"], late["columns"][0]["cards"][0]["light"]) == (1, "red")
    assert [one["id"] for one in site.get(f"{VOLUMES}?late=true&unit=Board office", "operator").json["items"]] == [ident]
    units = site.get("/api/v1/process/units", "archivist").json["items"]
    assert next(one for one in units if one["unit"] == "Board office")["late"] == 1
    forecast = site.get("/api/v1/process/forecast", "archivist").json["items"]
    assert forecast[0]["queue"] >= 1


def test_a_batch_of_no_volume_is_named_and_joined(site: Site) -> None:
    loose = {one["batch"]: one["number"] for one in site.get("/api/v1/process/loose", "operator").json["items"]}
    assert loose == {"batch-1": "A-17", "batch-2": ""}
    ident = register(site, number="A-17b")["id"]
    assert post(site, f"{VOLUMES}/{ident}/link", {"batch": "batch-1"}).json["captured"] == 3
    assert post(site, f"{VOLUMES}/{ident}/link", {"batch": "batch-1"}).status_code == 409
    assert [one["id"] for one in site.get(f"{VOLUMES}/{ident}", "operator").json["batches"]] == ["batch-1"]


def test_yields_of_people_are_seen_by_those_who_may_and_taken_away_on_the_record(site: Site) -> None:
    (station,) = site.get("/api/v1/process/yields?by=station", "operator").json["items"]
    assert (station["who"], station["taken"], station["pages"], station["retaken"], station["bad"]) == ("bench-1/bench-1", 4, 3, 1, 1)
    assert (station["work_s"], station["pages_h"]) == (3, None)  # three seconds say nothing of a pace
    everybody = site.get("/api/v1/process/yields?by=person&span=week", "archivist").json
    assert ([one["who"] for one in everybody["items"]], everybody["own"]) == (["operator"], False)
    own = site.get("/api/v1/process/yields?by=person", "operator").json
    assert (len(own["items"]), own["own"]) == (1, True)
    assert site.get("/api/v1/process/yields?by=person", "auditor").json["items"] == []  # has none of its own
    taken = site.get("/api/v1/process/yields?by=person&format=csv", "archivist")
    rows = list(csv.DictReader(io.StringIO(taken.text.lstrip("\ufeff"))))
    assert (rows[0]["who"], rows[0]["pages"]) == ("operator", "3")
    assert ("archivist", "process.yields") in [(actor, body.split('"what":"')[1].split('"')[0]) for actor, body in site.acts("export")]
    assert site.get("/api/v1/process/yields?first=2026-02-30", "archivist").status_code == 400
    assert site.get("/api/v1/process/yields?first=2020-01-01", "archivist").status_code == 400
    assert site.get("/api/v1/process/times", "facility").status_code == 403
    assert sum(one["stays"] for one in site.get("/api/v1/process/times", "archivist").json["items"]) > 0
    assert site.get("/api/v1/process/times?format=csv", "archivist").status_code == 200


def test_sheets_are_printed_for_those_who_work_on_the_line(site: Site) -> None:
    ident = register(site, title="用户七")["id"]
    answer = site.get(f"/api/v1/process/sheets?volumes={ident}", "operator")
    assert (answer.status_code, answer.data[:5]) == (200, b"%PDF-")
    assert site.get("/api/v1/process/sheets?volumes=none", "operator").status_code == 404
    assert site.get("/api/v1/process/sheets?volumes=,", "operator").status_code == 400


def test_a_mistaken_volume_is_amended_or_withdrawn(site: Site) -> None:
    made = register(site)
    path = f"{VOLUMES}/{made['id']}"
    assert post(site, f"{path}/amend", {"title": "x"}).status_code == 400
    assert post(site, f"{path}/amend", {"title": "Customer 9", "reason": "typing"}).json["title"] == "Customer 9"
    assert post(site, f"{path}/withdraw", {"reason": "not ours"}, "operator").status_code == 403
    assert post(site, f"{path}/withdraw", {"reason": "not ours"}).status_code == 204
    assert site.get(path, "operator").status_code == 404
    begun = register(site)["id"]
    step(site, "begin", begun, step="receive")
    assert post(site, f"{VOLUMES}/{begun}/withdraw", {"reason": "not ours"}).status_code == 409


def test_the_command_registers_a_file_and_names_the_lines_that_are_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(write_config(tmp_path))
    listed = tmp_path / "volumes.csv"
    listed.write_text("number,pages,unit,consignment\nC-1,4,North,2026-11\nC-2,,North,2026-11\n")
    assert main(["migrate", "--config", config]) == 0
    assert main(["volumes", "import", str(listed), "--config", config]) == 2
    assert "volumes.csv:3: the declared pages" in capsys.readouterr().err
    listed.write_text("number,pages,unit,consignment\nC-1,4,North,2026-11\n")
    assert main(["volumes", "import", str(listed), "--config", config, "--dry"]) == 0
    assert main(["volumes", "import", str(listed), "--config", config]) == 0
    assert "1 volumes recorded" in capsys.readouterr().out
