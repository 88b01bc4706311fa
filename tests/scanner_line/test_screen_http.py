"""The screen's server to strangers: other hosts, other origins, large or broken bodies, images by id only."""

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from scanner_line.operators import Rules, SignInDesk
from scanner_line.screen.app import SCREENS_MAX, STATIC, Screen
from tests.scanner_line.bench import Bench
from tests.scanner_line.test_operators import OPERATORS, PINS


def at_screen(folder: Path, work: Callable[[Bench, aiohttp.ClientSession, str], Awaitable[None]], *, rules: Rules | None = None) -> None:
    """Some requests to the screen of a bench."""

    async def day() -> None:
        bench = Bench(folder)
        desk = SignInDesk(bench.spool, rules=rules or Rules(), operators=OPERATORS)
        screen = Screen(bench.station, host="127.0.0.1", port=0, desk=desk)
        await bench.station.start()
        await screen.start()
        origin = screen.url.rstrip("/")
        try:
            async with aiohttp.ClientSession(headers={"Origin": origin}, timeout=aiohttp.ClientTimeout(20)) as session:
                await work(bench, session, origin)
        finally:
            await screen.close()
            await bench.close()

    asyncio.run(day())


async def posted(session: aiohttp.ClientSession, url: str, body: Any, **headers: str) -> tuple[int, Any]:
    async with session.post(url, json=body, headers=headers) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if answer.content_type == "application/json" else text


def test_the_page_and_every_answer_carry_strict_headers(tmp_path: Path) -> None:
    async def work(_bench: Bench, session: aiohttp.ClientSession, origin: str) -> None:
        for path in ("/", "/static/bench.js", "/static/words.zh.json", "/api/state", "/api/pages/nothing/image"):
            async with session.get(origin + path) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
        page = await asyncio.to_thread((STATIC / "index.html").read_text)
        assert "<script>" not in page
        assert "style=" not in page
        assert "onclick" not in page

    at_screen(tmp_path, work)


def test_a_press_by_hand_is_captured_and_its_image_is_served_by_id(tmp_path: Path) -> None:
    async def work(bench: Bench, session: aiohttp.ClientSession, origin: str) -> None:
        assert await posted(session, f"{origin}/api/press", {"wish": "capture"}) == (200, {"outcome": "captured"})
        async with session.get(f"{origin}/api/state") as answer:
            view = await answer.json()
        page = view["last"]["pages"][0]["id"]
        async with session.get(f"{origin}/api/pages/{page}/image") as answer:
            assert answer.content_type == "image/jpeg"
            assert (await answer.read())[:2] == b"\xff\xd8"
        kept = bench.presses.page(page)
        assert kept is not None
        for other in (str(uuid.uuid4()), kept.sha256, "../../spool.db", "%2e%2e%2fspool.db"):
            async with session.get(f"{origin}/api/pages/{other}/image") as answer:
                assert answer.status == 404
        async with session.get(f"{origin}/static/../app.py") as answer:
            assert answer.status in (403, 404)

    at_screen(tmp_path, work)


def test_other_sites_cannot_press(tmp_path: Path) -> None:
    async def work(bench: Bench, session: aiohttp.ClientSession, origin: str) -> None:
        body = {"wish": "capture"}
        assert (await posted(session, f"{origin}/api/press", body, Origin="http://evil.example"))[0] == 403
        assert (await posted(session, f"{origin}/api/press", body, Origin="null"))[0] == 403
        assert (await posted(session, f"{origin}/api/press", body, Host="evil.example", Origin="http://evil.example"))[0] == 421
        async with session.get(f"{origin}/api/state", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 421
        async with session.post(f"{origin}/api/press", data=json.dumps(body), headers={"Content-Type": "text/plain"}) as answer:
            assert answer.status == 415
        assert bench.cameras["only"].shots == 0

    at_screen(tmp_path, work)


def test_bodies_that_are_large_or_wrong_are_refused_and_nothing_stops(tmp_path: Path) -> None:
    async def work(_bench: Bench, session: aiohttp.ClientSession, origin: str) -> None:
        assert (await posted(session, f"{origin}/api/batch", {"do": "open", "volume": "x" * 5000}))[0] == 413
        wrong: list[tuple[str, Any]] = [
            ("press", {"wish": "fly"}), ("press", []), ("press", "capture"), ("batch", {"do": "explode"}),
            ("batch", {}), ("batch", {"do": "open", "declared": "7"}), ("batch", {"do": "open", "declared": True}),
            ("batch", {"do": "open", "declared": 0}),
            ("batch", {"do": "open", "volume": 7}), ("batch", {"do": "open", "volume": "a\nb"}),
        ]  # fmt: skip
        for path, body in wrong:
            assert (await posted(session, f"{origin}/api/{path}", body))[0] == 400, (path, body)
        async with session.post(f"{origin}/api/press", data=b"{", headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 400
        assert (await posted(session, f"{origin}/api/batch", {"do": "close"})) == (409, {"done": False, "why": "no batch is open"})
        assert (await posted(session, f"{origin}/api/pages", {"do": "undo"}))[0] == 409
        assert await posted(session, f"{origin}/api/batch", {"do": "open", "declared": 2, "volume": "<b>7</b>"}) == (200, {"done": True})
        assert await posted(session, f"{origin}/api/press", {}) == (200, {"outcome": "captured"})
        status, answered = await posted(session, f"{origin}/api/batch", {"do": "close"})
        assert (status, answered["why"]) == (409, "2 pages declared, 1 captured")
        assert await posted(session, f"{origin}/api/batch", {"do": "keep"}) == (200, {"done": True})
        assert await posted(session, f"{origin}/api/batch", {"do": "declare", "declared": 1}) == (200, {"done": True})
        assert await posted(session, f"{origin}/api/batch", {"do": "close"}) == (200, {"done": True})

    at_screen(tmp_path, work)


def test_strange_headers_are_refused_and_not_a_failure_of_ours(tmp_path: Path) -> None:
    async def work(_bench: Bench, session: aiohttp.ClientSession, origin: str) -> None:
        async with session.get(f"{origin}/api/state", headers={"Host": "[::1"}) as answer:
            assert answer.status == 421
        async with session.post(f"{origin}/api/pages", data=b"{}", headers={"Content-Type": "application/json; charset=nobody"}) as answer:
            assert answer.status == 400

    at_screen(tmp_path, work)


def test_the_stream_tells_each_change_and_only_so_many_screens_may_listen(tmp_path: Path) -> None:
    async def work(bench: Bench, session: aiohttp.ClientSession, origin: str) -> None:
        streams = [await session.get(f"{origin}/api/events") for _ in range(SCREENS_MAX)]
        async with session.get(f"{origin}/api/events") as answer:
            assert answer.status == 503
        assert (await _view(streams[0]))["batch"] is None
        bench.station.set_link("centre", False)
        assert (await _view(streams[0]))["links"] == {"core": None, "centre": False}
        for stream in streams:
            stream.close()

    at_screen(tmp_path, work)


def test_without_signing_in_nothing_is_seen_or_done_and_no_cookie_is_guessed(tmp_path: Path) -> None:
    async def work(bench: Bench, session: aiohttp.ClientSession, origin: str) -> None:
        assert await bench.station.press("pedal") == "captured"
        assert bench.station.last is not None
        page = bench.station.last.pages[0].page
        reads = ["pages", f"pages/{page}", f"pages/{page}/image", f"pages/{page}/thumb"]
        changes: list[tuple[str, Any]] = [
            ("press", {"wish": "capture"}), ("press", {"wish": "retake", "page": page}), ("batch", {"do": "close", "confirm": True}),
            ("pages", {"do": "delete", "page": page, "reason": "x"}), ("pages", {"do": "undo"}), ("feeder", {"do": "stop"}),
            ("training", {"do": "start"}), ("sign-out", {}),
        ]  # fmt: skip

        async def all_refused(cookie: str) -> None:
            headers = {"Cookie": cookie} if cookie else {}
            for path in reads:
                async with session.get(f"{origin}/api/{path}", headers=headers) as answer:
                    assert answer.status == 401, path
            for path, body in changes:
                assert (await posted(session, f"{origin}/api/{path}", body, **headers))[0] == 401, path

        await all_refused("")
        for pin in ("000000", "", PINS["op-li"] + "9"):
            assert (await posted(session, f"{origin}/api/sign-in", {"operator": "op-li", "pin": pin}))[0] == 403
        status, answered = await posted(session, f"{origin}/api/sign-in", {"operator": "op-li", "pin": PINS["op-li"]})
        assert (status, answered["code"]) == (403, "wait")
        headers = {"Origin": "http://evil.example"}
        assert (await posted(session, f"{origin}/api/sign-in", {"operator": "op-wu", "pin": PINS["op-wu"]}, **headers))[0] == 403
        async with aiohttp.ClientSession(headers={"Origin": origin}, cookie_jar=aiohttp.CookieJar(unsafe=True)) as own:
            async with own.post(f"{origin}/api/sign-in", json={"operator": "op-wu", "pin": PINS["op-wu"]}) as answer:
                given = answer.headers["Set-Cookie"]
            assert "HttpOnly" in given
            assert "SameSite=Strict" in given
            async with own.get(f"{origin}/api/state") as answer:
                assert (await answer.json())["sign_in"]["operator"] == {"id": "op-wu", "name": "Wu"}
            for path in reads:
                async with own.get(f"{origin}/api/{path}") as answer:
                    assert answer.status == 200, path
            name = given.partition("=")[0]
            await all_refused(f"{name}=guess")
            async with session.get(f"{origin}/api/state") as answer:
                text = await answer.text()
            assert json.loads(text)["sign_in"]["operator"] == {"id": "op-wu"}, "another screen is told no name"
            assert PINS["op-wu"] not in text
            assert "scrypt" not in text
            assert await posted(own, f"{origin}/api/sign-out", {}) == (200, {"done": True})
            await all_refused(given.split(";")[0])

    at_screen(tmp_path, work, rules=Rules(required=True))


def test_pages_are_named_by_id_and_those_of_nowhere_are_refused(tmp_path: Path) -> None:
    async def work(bench: Bench, session: aiohttp.ClientSession, origin: str) -> None:
        for _ in range(3):
            assert (await posted(session, f"{origin}/api/press", {"wish": "capture"}))[1] == {"outcome": "captured"}
        async with session.get(f"{origin}/api/pages?from=2&count=1") as answer:
            window = await answer.json()
        assert (window["total"], window["from"], [page["number"] for page in window["pages"]]) == (3, 2, [2])
        second = window["pages"][0]["id"]
        async with session.get(f"{origin}/api/pages/{second}/thumb") as answer:
            assert (answer.content_type, (await answer.read())[:2]) == ("image/jpeg", b"\xff\xd8")
        stranger = str(uuid.uuid4())
        for body, status in (
            ({"do": "delete", "page": stranger, "reason": "x"}, 409), ({"do": "delete", "page": "../x", "reason": "x"}, 400),
            ({"do": "delete", "page": second}, 400), ({"do": "delete", "page": second, "reason": "a\nb"}, 400),
            ({"do": "delete", "page": second, "reason": "x" * 201}, 400), ({"do": "move", "page": second, "reason": "x"}, 400),
            ({"do": "move", "page": second, "reason": "x", "after_number": 99}, 409),
            ({"do": "move", "page": second, "reason": "x", "after_number": True}, 400),
            ({"do": "place", "kind": "dragon"}, 409), ({"do": "fly"}, 400), ({"do": ["delete"]}, 400), ({"do": "aim", "page": 7}, 400),
        ):  # fmt: skip
            assert (await posted(session, f"{origin}/api/pages", body))[0] == status, body
        for query in ("from=0", "from=x", "count=100000", "from=-1", "from=1e3", "from=" + "9" * 40):
            async with session.get(f"{origin}/api/pages?{query}") as answer:
                assert answer.status == 400, query
        for path in (stranger, "..%2f..%2fspool.db", second + ".jpg", "%00"):
            async with session.get(f"{origin}/api/pages/{path}/thumb") as answer:
                assert answer.status == 404, path
        assert (await posted(session, f"{origin}/api/pages", {"do": "move", "page": second, "reason": "order", "after_number": 0}))[
            0
        ] == 200
        async with session.get(f"{origin}/api/pages") as answer:
            assert (await answer.json())["pages"][0]["id"] == second
        assert (await posted(session, f"{origin}/api/pages", {"do": "undo"}))[1]["did"] == "move"
        assert (await posted(session, f"{origin}/api/press", {"wish": "retake", "page": second}))[1] == {"outcome": "captured"}
        assert (await posted(session, f"{origin}/api/press", {"wish": "insert", "after": None}))[1] == {"outcome": "captured"}

    at_screen(tmp_path, work)


def test_a_client_that_sends_its_body_drop_by_drop_holds_nobody_up(tmp_path: Path) -> None:
    async def work(_bench: Bench, session: aiohttp.ClientSession, origin: str) -> None:
        host, port = origin.removeprefix("http://").split(":")
        slow = [await asyncio.open_connection(host, int(port)) for _ in range(20)]
        for _, writer in slow:
            head = f"POST /api/press HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {origin}\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: 20\r\n\r\n{{".encode())
            await writer.drain()
        assert await posted(session, f"{origin}/api/press", {"wish": "capture"}) == (200, {"outcome": "captured"})
        line = await asyncio.wait_for(slow[0][0].readline(), 30)
        assert b" 408 " in line
        for _, writer in slow:
            writer.close()

    at_screen(tmp_path, work)


def test_an_image_that_is_none_or_too_large_gives_no_thumbnail(tmp_path: Path) -> None:
    async def work(bench: Bench, session: aiohttp.ClientSession, origin: str) -> None:
        assert await bench.station.press("pedal") == "captured"
        assert bench.station.last is not None
        page = bench.station.last.pages[0]
        path = bench.spool.path_of(page.sha256 or "")
        for hostile in (b"\xff\xd8 no image", b"<svg onload='x'/>", b"", (STATIC / "icon.svg").read_bytes()):
            path.write_bytes(hostile)
            async with session.get(f"{origin}/api/pages/{page.page}/thumb") as answer:
                assert answer.status == 404

    at_screen(tmp_path, work)


def test_both_languages_have_the_same_words() -> None:
    english, chinese = (json.loads((STATIC / f"words.{code}.json").read_text()) for code in ("en", "zh"))
    assert english.keys() == chinese.keys()
    assert all(chinese.values())
    page = (STATIC / "index.html").read_text()
    assert {word for word in re.findall(r'data-word="([^"]+)"', page) if word not in english} == set()
    scripts = "".join(path.read_text() for path in STATIC.glob("*.js"))
    assert {word for word in re.findall(r'say\("([a-z0-9.-]+)"', scripts) if word not in english} == set()


async def _view(stream: aiohttp.ClientResponse) -> dict[str, Any]:
    while True:
        line = await asyncio.wait_for(stream.content.readline(), 10)
        if line.startswith(b"data: "):
            view: dict[str, Any] = json.loads(line[6:])
            return view
