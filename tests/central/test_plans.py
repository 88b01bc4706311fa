"""Floor plans: drawn, placed on, looked at, kept in the ledger."""

import io

import pytest
from PIL import Image, ImageDraw, PngImagePlugin
from werkzeug.test import TestResponse

from central.environment.plans.tables import PROJECTIONS, plan_items
from central.rebuild import rebuild
from central.store.engine import reading
from tests.central.site import Site

SECRET = "where the keys hang"


def drawing(kind: str = "PNG", size: tuple[int, int] = (800, 500), color: str = "white") -> bytes:
    """A picture with a text in its metadata."""
    image = Image.new("RGB", size, color)
    ImageDraw.Draw(image).rectangle((40, 40, 300, 300), outline="black", width=4)
    out, info = io.BytesIO(), PngImagePlugin.PngInfo()
    info.add_text("Comment", SECRET)
    image.save(out, kind, **({"pnginfo": info} if kind == "PNG" else {}))
    return out.getvalue()


def post(site: Site, path: str, body: object, role: str = "facility") -> TestResponse:
    """POST with a role's token."""
    return site.call("POST", path, role, json=body)


@pytest.fixture
def plan(site: Site) -> str:
    """A new plan's id."""
    answer = post(site, "/api/v1/plans", {"name": "Ground floor", "building": "Archive", "floor": "0"})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def test_what_is_placed_stands_there_moves_and_can_be_taken_off(site: Site, plan: str) -> None:
    path = f"/api/v1/plans/{plan}/places"
    post(site, path, {"item": "room:room-101", "x": 0.1, "y": 0.1, "w": 0.4, "h": 0.5})
    post(site, path, {"item": "sensor:room-101.climate", "x": 0.2, "y": 0.3})
    moved = post(site, path, {"item": "sensor:room-101.climate", "x": 0.25, "y": 0.3}).json
    assert moved["plan"] | {"changed": ""} == {
        "id": plan,
        "name": "Ground floor",
        "building": "Archive",
        "floor": "0",
        "width": 1600,
        "height": 1000,
        "image": False,
        "items": 2,
        "changed": "",
    }
    assert moved["places"] == [
        {"item": "room:room-101", "x": 0.1, "y": 0.1, "w": 0.4, "h": 0.5},
        {"item": "sensor:room-101.climate", "x": 0.25, "y": 0.3, "w": None, "h": None},
    ]
    off = post(site, path, {"item": "room:room-101", "x": None}).json
    assert [place["item"] for place in off["places"]] == ["sensor:room-101.climate"]
    assert site.get("/api/v1/plans", "auditor").json["items"][0]["name"] == "Ground floor"


@pytest.mark.parametrize(
    "body",
    [
        {"item": "sensor:x", "x": 1.2, "y": 0.5},
        {"item": "sensor:x", "x": 0.5},
        {"item": "sensor:x", "x": 0.5, "y": 0.5, "w": 0.1},
        {"item": "shelf:x", "x": 0.5, "y": 0.5},
        {"item": "sensor:" + "x" * 300, "x": 0.5, "y": 0.5},
        {"item": "sensor:a b", "x": 0.5, "y": 0.5},
    ],
)
def test_nothing_stands_beside_the_plan_or_without_a_name(site: Site, plan: str, body: dict[str, object]) -> None:
    answer = post(site, f"/api/v1/plans/{plan}/places", body)
    assert answer.status_code == 400, answer.text
    assert site.get(f"/api/v1/plans/{plan}", "facility").json["places"] == []


def test_only_facility_staff_draws_and_everyone_of_the_house_sees(site: Site, plan: str) -> None:
    for role in ("security", "auditor", "archivist"):
        assert post(site, f"/api/v1/plans/{plan}/places", {"item": "sensor:x", "x": 0.5, "y": 0.5}, role).status_code == 403
        assert site.get(f"/api/v1/plans/{plan}", role).status_code == 200
    assert site.get("/api/v1/plans", "admin").status_code == 403


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_drawn_anew_and_lies_under_the_plan(site: Site, plan: str, kind: str) -> None:
    path = f"/api/v1/plans/{plan}/picture"
    answer = site.call("POST", path, "facility", data=drawing(kind), content_type=f"image/{kind.lower()}")
    assert answer.status_code == 200, answer.text
    assert (answer.json["width"], answer.json["height"], answer.json["image"]) == (800, 500, True)
    seen = site.get(path, "security")
    assert seen.mimetype in ("image/png", "image/jpeg")
    assert SECRET.encode() not in seen.data, "what hid in the file is not kept"
    assert Image.open(io.BytesIO(seen.data)).size == (800, 500)


def test_hostile_bytes_become_no_plan(site: Site, plan: str) -> None:
    path = f"/api/v1/plans/{plan}/picture"
    bomb = Image.new("1", (12_000, 12_000))
    out = io.BytesIO()
    bomb.save(out, "PNG")
    for data in (b"", b"<svg onload='alert(1)'/>", b"GIF89a" + bytes(40), drawing()[:200], out.getvalue()):
        answer = site.call("POST", path, "facility", data=data, content_type="image/png")
        assert answer.status_code == 422, answer.text
    assert site.get(f"/api/v1/plans/{plan}", "facility").json["plan"]["image"] is False
    large = site.call("POST", path, "facility", data=bytes(17 * 1024 * 1024), content_type="image/png")
    assert large.status_code == 413


def test_a_plan_is_renamed_and_taken_away(site: Site, plan: str) -> None:
    assert post(site, f"/api/v1/plans/{plan}", {"name": "Cellar", "floor": "-1"}).json["name"] == "Cellar"
    assert post(site, f"/api/v1/plans/{plan}/remove", {}).status_code == 204
    assert site.get(f"/api/v1/plans/{plan}", "facility").status_code == 404
    assert post(site, f"/api/v1/plans/{plan}/places", {"item": "sensor:x", "x": 0.5, "y": 0.5}).status_code == 404
    assert post(site, "/api/v1/plans/none/remove", {}).status_code == 404


def test_plans_come_back_equal_from_the_ledger(site: Site, plan: str) -> None:
    post(site, f"/api/v1/plans/{plan}/places", {"item": "contact:room-101/door", "x": 1, "y": 0})

    def rows() -> list[list[tuple[object, ...]]]:
        with reading(site.centre.engine) as connection:
            return [[tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))] for table in PROJECTIONS]

    before = rows()
    assert any(row[1] == "contact:room-101/door" for row in before[PROJECTIONS.index(plan_items)])
    rebuild(site.centre.engine)
    assert rows() == before
