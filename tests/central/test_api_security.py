"""Events, the review queue and clips over the API."""

from tests.central.site import CLIP, Site, digest


def waiting(site: Site) -> dict[str, object]:
    (review,) = site.get("/api/v1/security/reviews", "security").json["items"]
    found: dict[str, object] = review
    return found


def test_events_are_listed_newest_first_with_the_card(site: Site) -> None:
    items = site.get("/api/v1/security/events", "security").json["items"]
    assert [(item["kind"], item["state"], item["person"]) for item in items] == [
        ("leak", "inactive", None),
        ("door", "closed", None),
        ("door", "open", None),
        ("card", "granted", "card-7"),
    ]
    assert items[2]["id"] == site.event
    assert items[2]["door"] == "room-101/door"
    doors = site.get("/api/v1/security/events?kind=door&limit=1", "auditor").json
    following = site.get(f"/api/v1/security/events?kind=door&limit=1&cursor={doors['next']}", "auditor").json
    assert [doors["items"][0]["state"], following["items"][0]["state"], following["next"]] == ["closed", "open", None]


def test_a_review_has_its_clip_which_plays_by_range(site: Site) -> None:
    review = waiting(site)
    assert (review["event"], review["state"], review["owner"], review["verdict"]) == (site.event, "open", None, None)
    (clip,) = review["clips"]  # type: ignore[misc]
    assert (clip["sha256"], clip["bytes"], clip["stored"]) == (digest(CLIP), len(CLIP), True)  # type: ignore[index]
    url = clip["url"]  # type: ignore[index]
    whole = site.get(url, "security")
    assert (whole.status_code, whole.content_type, whole.data) == (200, "video/mp4", CLIP)
    part = site.get(url, "security", headers={"Range": "bytes=8-15"})
    assert (part.status_code, part.data, part.headers["Content-Range"]) == (206, CLIP[8:16], f"bytes 8-15/{len(CLIP)}")
    assert site.get(url, "security", headers={"Range": f"bytes={len(CLIP)}-"}).status_code == 416
    head = site.call("HEAD", url, "security")
    assert (head.status_code, head.headers["Content-Length"], head.data) == (200, str(len(CLIP)), b"")
    assert site.get(url, "security", headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304


def test_who_saw_a_clip_and_why_is_an_act_one_for_ten_minutes(site: Site) -> None:
    url = f"/api/v1/security/clips/{site.clip}/video"
    before = len(site.acts("object.view"))
    for _ in range(3):
        site.get(f"{url}?purpose=theft+report", "security", headers={"Range": "bytes=0-9"})
    site.get(url, "security", headers={"Muniment-Purpose": "theft report"})
    site.get(f"{url}?purpose=training", "security")
    seen = site.acts("object.view")[before:]
    assert [actor for actor, _body in seen] == ["security", "security"]
    assert '"purpose":"theft report"' in seen[0][1]
    assert site.clip in seen[0][1]


def test_an_auditor_says_why(site: Site) -> None:
    url = f"/api/v1/security/clips/{site.clip}/video"
    for extra in ({}, {"headers": {"Range": "bytes=0-1"}}):
        refused = site.get(url, "auditor", **extra)
        assert (refused.status_code, refused.json["code"]) == (403, "purpose-required")
        assert refused.json["type"].endswith("purpose-required")
    assert site.get(f"{url}?purpose=annual+audit", "auditor").status_code == 200
    assert site.get(f"{url}?purpose={'x' * 201}", "security").status_code == 400


def test_a_review_is_taken_and_closed_with_a_verdict_once(site: Site) -> None:
    path = f"/api/v1/security/reviews/{waiting(site)['id']}"
    taken = site.call("POST", path, "security", json={"state": "claimed"})
    assert (taken.status_code, taken.json["state"], taken.json["owner"]) == (200, "claimed", "security")
    unclear = site.call("POST", path, "security", json={"verdict": "unclear", "reason": "face not seen"}).json
    assert (unclear["state"], unclear["verdict"]) == ("escalated", "unclear")
    assert site.get("/api/v1/security/reviews?show=waiting", "security").json["items"] == []
    closed = site.call("POST", path, "security", json={"verdict": "expected", "cause": "authorised-access", "reason": "patrol"}).json
    assert (closed["state"], closed["owner"], closed["verdict"], closed["reason"]) == ("closed", "security", "expected", "patrol")
    assert closed["changed_by"] == "security"
    again = site.call("POST", path, "security", json={"verdict": "breach"})
    assert (again.status_code, again.json["code"]) == (409, "already-closed")
    assert site.call("POST", path, "security", json={}).status_code == 400
    assert site.call("POST", path, "security", json={"verdict": "<script>"}).status_code == 400
    assert site.call("POST", "/api/v1/security/reviews/none", "security", json={"state": "claimed"}).status_code == 404
