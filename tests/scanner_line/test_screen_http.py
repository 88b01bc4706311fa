"""The screen's server to strangers: other hosts, other origins, large or broken bodies, images by id only."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from scanner_line.screen.app import SCREENS_MAX, STATIC, Screen
from tests.scanner_line.bench import Bench


def at_screen(folder: Path, work: Callable[[Bench, aiohttp.ClientSession, str], Awaitable[None]]) -> None:
    """Some requests to the screen of a bench."""

    async def day() -> None:
        bench = Bench(folder)
        screen = Screen(bench.station, host="127.0.0.1", port=0)
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


def test_both_languages_have_the_same_words() -> None:
    english, chinese = (json.loads((STATIC / f"words.{code}.json").read_text()) for code in ("en", "zh"))
    assert english.keys() == chinese.keys()
    assert all(chinese.values())


async def _view(stream: aiohttp.ClientResponse) -> dict[str, Any]:
    while True:
        line = await asyncio.wait_for(stream.content.readline(), 10)
        if line.startswith(b"data: "):
            view: dict[str, Any] = json.loads(line[6:])
            return view
