"""The OpenAPI document: as many routes as there are, and a fuzzer that follows it and finds no failure."""

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from central.people import rights, users
from central.store.engine import writing
from central.web.operation import operation_of
from tests.central.site import Site
from tests.central.web_fixtures import PASSWORD

ARGUMENT = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
EXAMPLES = 12
LEFT_OUT = {
    ("get", "/api/v1/live"),  # never ends
    ("get", "/readyz"),  # 503 is what it is for
    ("delete", "/api/v1/session/tokens"),  # would take away the fuzzer's own token
}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def document(site: Site) -> dict[str, Any]:
    answer = site.call("GET", "/api/v1/openapi.json", "")
    assert answer.content_type == "application/json"
    found: dict[str, Any] = answer.json
    return found


def test_every_route_is_in_the_document_and_back(site: Site, document: dict[str, Any]) -> None:
    routes = {
        (method, ARGUMENT.sub(r"{\1}", rule.rule))
        for rule in site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1") or rule.rule in ("/healthz", "/readyz", "/metrics")
    }
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods} - {
        (method, path) for path in document["paths"] for method in ("HEAD", "OPTIONS")
    }
    assert described == routes
    assert document["openapi"].startswith("3.1")


def test_the_document_names_who_may(site: Site, document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/v1/pages/{page}/image"]["get"]
    assert operation["x-right"] == "pages.view"
    assert "archivist" in operation["description"]
    assert {view.__name__ for view in site.app.view_functions.values() if operation_of(view) is None} <= {"<lambda>", "send_static_file"}


def test_a_fuzzer_that_follows_the_document_finds_no_failure(site: Site, document: dict[str, Any]) -> None:
    with writing(site.centre.engine) as connection:
        users.add_user(connection, name="everything", password=PASSWORD, roles=rights.ROLES, by="system")
        site.tokens["everything"] = users.add_token(connection, name="everything", label="fuzz", by="system")
    schema = schemathesis.openapi.from_dict(document)
    schema.app = site.app
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if (operation.method, operation.path) in LEFT_OUT:
            continue
        tried += 1
        _fuzz(site, operation)
    assert tried > 35


def _fuzz(site: Site, operation: Any) -> None:
    who = "bench-1" if "/uploads" in operation.path else "everything"

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        response = case.call(headers={"Authorization": f"Bearer {site.tokens[who]}", "Tus-Resumable": "1.0.0"})
        case.validate_response(response, checks=CHECKS)

    run()


def test_the_document_is_not_sent_again_to_who_has_it(site: Site) -> None:
    first = site.get("/api/v1/openapi.json", "")
    again = site.get("/api/v1/openapi.json", "", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
