"""Signing in and out, forged requests, roles that change, tokens, secrets."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from central import create_app
from central.config import load
from central.ledger.tables import acts
from central.people import users
from central.people.tables import user_tokens
from central.store.engine import reading, writing
from central.web.secret import WeakSecret, load_or_make
from tests.central.web_fixtures import CSRF, PASSWORD, Centre, prepare, sign_in, write_config


def kinds_of(centre: Centre, actor: str) -> list[str]:
    with reading(centre.engine) as connection:
        return list(connection.scalars(select(acts.c.kind).where(acts.c.actor == actor).order_by(acts.c.id)))


def test_a_person_signs_in_by_the_form_and_is_sent_where_they_wanted_to_go(centre: Centre) -> None:
    browser, hostile = centre.browser(), "http://evil.example"
    page = browser.get("/login?next=/api/v1/session", base_url=hostile)
    token = CSRF.search(page.text)
    assert token is not None
    answer = browser.post(
        "/login?next=/api/v1/session", data={"name": "facility", "password": PASSWORD, "csrf_token": token.group(1)}, base_url=hostile
    )
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/api/v1/session"  # relative: a hostile Host header leads nowhere
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie  # the public address is http
    assert browser.get("/api/v1/session", base_url=hostile).json["roles"] == ["facility"]


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_the_login_page_leads_nowhere_else(centre: Centre, target: str) -> None:
    browser = centre.browser()
    token = CSRF.search(browser.get("/login").text)
    assert token is not None
    answer = browser.post("/login", data={"name": "facility", "password": PASSWORD, "csrf_token": token.group(1), "next": target})
    assert answer.headers["Location"] == "/"


def test_a_login_form_of_another_site_is_refused(centre: Centre) -> None:
    answer = centre.browser().post("/login", data={"name": "facility", "password": PASSWORD})
    assert answer.status_code == 400


def test_what_changes_something_by_cookie_needs_the_csrf_token(centre: Centre) -> None:
    browser = centre.browser()
    token = sign_in(browser, "security")
    refused = browser.post("/api/v1/session/tokens", json={"label": "x"})
    assert (refused.status_code, refused.json["code"]) == (400, "csrf")
    assert browser.post("/api/v1/session/tokens", json={"label": "x"}, headers={"X-CSRFToken": token}).status_code == 201


def test_signing_out_makes_the_cookie_worthless(centre: Centre) -> None:
    browser = centre.browser()
    token = sign_in(browser, "archivist")
    stolen = browser.get_cookie("muniment")
    assert stolen is not None
    assert browser.delete("/api/v1/session", headers={"X-CSRFToken": token}).status_code == 204
    thief = centre.browser()
    thief.set_cookie("muniment", stolen.value)
    assert thief.get("/api/v1/session").status_code == 401


def test_logins_failures_and_logouts_are_acts_and_mistyped_names_are_not_kept(centre: Centre) -> None:
    before = len(kinds_of(centre, "unknown"))
    browser = centre.browser()
    token = sign_in(browser, "operator")
    browser.delete("/api/v1/session", headers={"X-CSRFToken": token})
    assert centre.browser().post("/api/v1/session", json={"name": "operator", "password": "wrong"}).status_code == 401
    assert centre.browser().post("/api/v1/session", json={"name": "my password typed here", "password": "x"}).status_code == 401
    assert kinds_of(centre, "operator")[-3:] == ["login", "logout", "login.failed"]
    assert len(kinds_of(centre, "unknown")) == before + 1
    assert kinds_of(centre, "my password typed here") == []


def test_guessing_is_slowed_down(centre: Centre) -> None:
    browser = centre.browser()
    given = [browser.post("/api/v1/session", json={"name": "admin", "password": f"guess {n}"}) for n in range(12)]
    assert [answer.status_code for answer in given] == [401] * 10 + [429] * 2
    assert 0 < int(given[-1].headers["Retry-After"]) <= 60
    assert browser.post("/api/v1/session", json={"name": "auditor", "password": PASSWORD}).status_code == 200  # others are not locked out


@pytest.mark.parametrize("body", ["[" * 60_000, '{"name":' + "[" * 60_000, '{"x":' + "[" * 60_000, '{"name":"\\ud800"}', "", '"x"'])
def test_a_strange_body_is_wrong_input_and_no_failure_of_ours(centre: Centre, body: str) -> None:
    answer = centre.app.test_client().post("/api/v1/session", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["code"] == "invalid-body"


def test_passwords_are_not_tried_by_the_hundred_before_the_first_is_counted(centre: Centre) -> None:
    body, there = {"name": "nobody-here", "password": "x" * 12}, {"REMOTE_ADDR": "192.0.2.7"}

    def attempt(_: int) -> int:
        return centre.app.test_client().post("/api/v1/session", json=body, environ_base=there).status_code

    with ThreadPoolExecutor(60) as pool:
        answers = Counter(pool.map(attempt, range(60)))
    assert set(answers) <= {401, 429, 503}
    assert answers[401] < 40


def test_a_changed_role_is_in_force_at_the_next_request(centre: Centre) -> None:
    with writing(centre.engine) as connection:
        users.add_user(connection, name="mover", password=PASSWORD, roles=["admin"], by="system")
    browser = centre.browser()
    sign_in(browser, "mover")
    assert browser.get("/api/v1/users").status_code == 200
    assert centre.call("PATCH", "/api/v1/users/mover", "admin", json={"roles": ["facility"]}).json["roles"] == ["facility"]
    assert browser.get("/api/v1/users").status_code == 403
    assert centre.call("PATCH", "/api/v1/users/mover", "admin", json={"enabled": False}).status_code == 200
    assert browser.get("/api/v1/session").status_code == 401


def test_a_token_has_its_persons_rights_is_kept_as_a_hash_and_can_be_revoked(centre: Centre) -> None:
    token = centre.call("POST", "/api/v1/session/tokens", "nobody", json={"label": "till"}).json["token"]
    with reading(centre.engine) as connection:
        assert token not in str(connection.execute(select(user_tokens)).all())
    client = centre.app.test_client()
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/session", headers=headers).json["name"] == "nobody"
    assert "Set-Cookie" not in client.get("/api/v1/session", headers=headers).headers
    assert client.delete("/api/v1/session/tokens", headers=headers).status_code == 204
    refused = client.get("/api/v1/session", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (401, "invalid-token")
    assert "invalid_token" in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", ["/", "/rooms", "/nowhere", "/static/nothing.js"])
def test_a_bad_token_is_refused_on_pages_too(centre: Centre, path: str) -> None:
    answer = centre.app.test_client().get(path, headers={"Authorization": "Bearer made-up"})
    assert answer.status_code in (401, 404)
    assert answer.mimetype == "application/problem+json"


def test_a_cookie_lends_a_bad_token_nothing(centre: Centre) -> None:
    browser = centre.browser()
    sign_in(browser, "security")
    assert browser.get("/api/v1/session", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert browser.get("/api/v1/session", headers={"Authorization": "Basic eDp5"}).status_code == 401


def test_cookies_are_secure_where_the_public_address_is_https(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    path.write_text(path.read_text().replace("http://127", "https://127"))
    config = load(path)
    prepare(config, ("admin",))
    app = create_app(config)
    answer = app.test_client().post("/api/v1/session", json={"name": "admin", "password": PASSWORD})
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    app.extensions["muniment"].engine.dispose()


def test_the_session_secret_is_random_private_and_never_weak(tmp_path: Path) -> None:
    path = tmp_path / "session-secret"
    secret = load_or_make(path)
    assert load_or_make(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(WeakSecret, match="0600"):
        load_or_make(path)
    path.chmod(0o600)
    path.write_bytes(b"changeme" * 8)
    with pytest.raises(WeakSecret, match="regular"):
        load_or_make(path)
