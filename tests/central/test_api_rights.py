"""Every route by every role, with objects that exist: nobody reaches what their roles do not include."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from central.people import rights
from central.web import guards
from central.web.guards import UndeclaredRoute, check_declared, declared
from tests.central.site import Site, digest

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SKIPPED = {"DELETE /api/v1/session/tokens", "DELETE /api/v1/session"}  # would take away the tokens that the matrix uses


def things(site: Site) -> dict[str, str]:
    """Something that exists for every argument of a route."""
    review = site.get("/api/v1/security/reviews", "security").json["items"][0]["id"]
    return {
        "room": "room-101",
        "room_id": "room-101",
        "alarm": site.alarm,
        "alarm_id": site.alarm,
        "review": review,
        "clip": site.clip,
        "batch": site.batch,
        "batch_id": site.batch,
        "page": "page-1",
        "station": "bench-1/bench-1",
        "command": "none",
        "entry": "1",
        "agent": "room-101",
        "name": "nobody",
        "sha256": digest(site.images["page-1"]),
        "filename": "none.css",
        "plan": "none",
        "report": "none",
        "package": "none",
        "region": "full",
        "size": "max",
        "month": "2026-10",
        "profile": "none",
        "sampling_plan": "none",
        "channel": "none",
        "plan_id": "none",
        "works": "none",
        "volume": "none",
        "volume_id": "none",
        "discrepancy": "none",
        "round": "none",
        "round_id": "none",
        "code": "none",
        "person": "none",
    }


def cases(site: Site) -> Iterator[tuple[Rule, str, str, str]]:
    """(rule, method, path, right) of every route."""
    known = things(site)
    adapter = site.app.url_map.bind("127.0.0.1")
    for rule in site.app.url_map.iter_rules():
        operation = declared(site.app, rule.endpoint)
        assert operation is not None, f"{rule} declares no right"
        path = adapter.build(rule.endpoint, {name: known[name] for name in rule.arguments})
        for method in METHODS:
            if method in (rule.methods or ()) and f"{method} {rule.rule}" not in SKIPPED:
                yield rule, method, path, operation.right


def query_of(path: str) -> str:
    if path.endswith("/readings"):
        return "?sensor=room-101.climate.temperature"
    return "?q=A" if path.endswith("/search") else "?old=1" if path.endswith("/consistency") else ""


def ask(site: Site, method: str, path: str, who: str, **kwargs: Any) -> int:
    """The status; a stream is closed unread."""
    if path == "/api/v1/live":
        kwargs["buffered"] = False
    body = {} if method in ("GET", "HEAD") else {"json": {}}
    answer = site.call(method, path + query_of(path), who, **body, **kwargs)
    answer.close()
    return answer.status_code


def test_every_route_by_every_role(site: Site) -> None:
    wrong = []
    for rule, method, path, right in cases(site):
        for who in (*rights.ROLES, "nobody", "room-101"):
            having = frozenset(("agent",) if who == "room-101" else (who,))
            person = who != "room-101"
            allowed = right == rights.PUBLIC or (person if right == rights.SIGNED_IN else right in rights.rights_of(having))
            tries: list[dict[str, Any]] = [{}, {"headers": {"Range": "bytes=0-1"}}] if method == "GET" else [{}]
            for kwargs in tries:
                status = ask(site, method, path, who, **kwargs)
                tiles = rule.rule.startswith("/api/v1/pages/<") and "/iiif/" in rule.rule
                content = tiles or rule.rule.endswith(("/image", "/video", "/text", "/description"))
                viewed = content and method in ("GET", "HEAD")
                strict = who == "auditor" and status == 403 and viewed  # must say why
                if status >= 500 and not path.startswith("/readyz"):
                    wrong.append(f"{method} {path} as {who}: {status}")
                if right != rights.PUBLIC and (status not in (401, 403) or strict) != allowed:
                    wrong.append(f"{method} {path} as {who}: {status}, allowed: {allowed}")
    assert wrong == []


def test_nobody_at_all_reaches_only_what_is_public(site: Site) -> None:
    wrong = []
    for rule, method, path, right in cases(site):
        status = ask(site, method, path, "")
        to_login = status == 303 and not rule.rule.startswith("/api")
        if right != rights.PUBLIC and status not in (401, 403) and not to_login:
            wrong.append(f"{method} {path}: {status}, {right}")
    assert wrong == []


def test_the_auditor_changes_nothing_and_the_admin_sees_no_content() -> None:
    changing = {right for right in rights.TABLE if right not in rights.READS}
    assert not changing & rights.rights_of(frozenset(("auditor",)))
    assert rights.rights_of(frozenset(("auditor",))) >= rights.READS
    content = {"environment.read", "security.read", "clips.view", "digitization.read", "pages.view", "provenance.read", "ledger.read"}
    assert not content & rights.rights_of(frozenset(("admin",)))


def test_a_forgotten_guard_stops_the_start() -> None:
    app = Flask("forgetful")
    app.add_url_rule("/secret", "secret", lambda: "everything")
    with pytest.raises(UndeclaredRoute, match="secret"):
        check_declared(app)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/pages/..%2F..%2Fkey/image",
        "/api/v1/pages/%2Fetc%2Fpasswd/image",
        "/api/v1/security/clips/..%2f..%2fkey/video",
        "/api/v1/rooms/x'%20OR%201=1--",
        "/api/v1/batches/%00/pages",
        "/api/v1/pages/%ff%fe/image",
        "/api/v1/pages/" + "x" * 201 + "/image",
    ],
)
def test_names_from_outside_lead_nowhere(site: Site, path: str) -> None:
    for who in ("auditor", "security", "operator", "facility"):
        assert site.get(path, who).status_code in (403, 404)


def test_headers_keep_pages_from_doing_more_than_they_should(site: Site) -> None:
    for path in ("/login", "/healthz", "/api/v1/rooms", "/nothing"):
        headers = site.get(path, "facility").headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"
    image = site.get("/api/v1/pages/page-1/image", "operator").headers
    assert "sandbox" in image["Content-Security-Policy"]


def test_guards_are_spelled_for_pages() -> None:
    @guards.login_required
    def page() -> str:
        return "page"

    assert guards.operation_of(page) is not None
