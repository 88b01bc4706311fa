"""A fresh disk gets its documents from the centre; with the centre away the agent begins without them and asks on."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config import load_config
from edge_agent.documents import Documents
from edge_agent.handoff import Done
from edge_agent.restore import Restorer, ask_centre
from edge_agent.settings import Settings
from tests.edge_agent.certificates import self_signed

CALIBRATION = {"room-101.climate.temperature": {"offset": -0.3, "gain": 1.0}}
PROFILE = {"desk": {"skew_max_deg": 1.5}}
CONFIG = """
[agent]
name = "room-101"
site = "demo"
data = "{data}"

[sensor.climate]
driver = "sht4x"
"""
LIMITS = {"film": {"kind": "pairs", "sensor": "climate", "boxes": [{"t_max": 21.0, "rh_min": 20.0, "rh_max": 30.0}]}}
WORKS = [{"id": "w1", "from": 1_780_000_000_000, "to": 1_780_003_600_000, "words": "fumigation"}]
CALENDAR = {"weekend": [5, 6], "days": {"2026-10-01": "off", "2026-10-10": "work"}}


class Documentary:
    """An HTTP server on loopback that answers like the centre's route, or as a test wants."""

    def __init__(self, *, tls: tuple[Path, Path] | None = None) -> None:
        self.answers: list[tuple[int, bytes]] = []  # given first, one a request; then what `holds` says
        self.holds: dict[str, Any] = {"agent": "room-101", "t": None, "calibration": CALIBRATION, "profile": PROFILE}
        self.asked: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers["Authorization"]))
                status, body = outer.answers.pop(0) if outer.answers else (200, json.dumps(outer.holds).encode())
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


@pytest.fixture
def centre() -> Iterator[Documentary]:
    made = Documentary()
    yield made
    made.close()


class Pi:
    """The documents of an agent on a fresh disk, and a bench that can be asked."""

    def __init__(self, folder: Path, url: str, *, bench_up_after: int = 0) -> None:
        token = folder / "token"
        token.write_text("secret\n")
        self.told: list[tuple[str, str, Any]] = []
        self.documents = Documents(folder / "documents.json", listener=lambda *change: self.told.append(change))
        self.requests: list[tuple[str, str]] = []
        self._bench_up_after = bench_up_after
        ask = partial(ask_centre, url, agent="room-101", token_file=token)
        path = folder / "agent.toml"
        path.write_text(CONFIG.format(data=folder))
        self.settings = Settings(load_config(path), self.documents)
        self.applied = 0
        self.restorer = Restorer(
            self.documents,
            ask=ask,
            benches=("desk",),
            request=self._request,
            settings=self.settings,
            apply=self._apply,
            wait_s=0.3,
        )

    async def _apply(self) -> None:
        self.applied += 1

    async def _request(self, child: str, name: str, _args: dict[str, Any]) -> Done:
        self.requests.append((child, name))
        return Done(ok=len(self.requests) > self._bench_up_after, why="not running")


def test_a_fresh_disk_gets_calibration_and_profiles_before_the_start(tmp_path: Path, centre: Documentary) -> None:
    pi = Pi(tmp_path, centre.url)
    asyncio.run(pi.restorer.begin())
    assert centre.asked == [("/api/v1/agents/room-101/documents", "Bearer secret")]
    assert pi.documents.all("calibration") == CALIBRATION
    assert pi.documents.all("profile") == PROFILE
    assert [change[0] for change in pi.told] == ["calibration", "profile"], "what came back is told as in force"
    assert pi.requests == [], "benches start after this and read it themselves"
    asyncio.run(pi.restorer.run())
    assert len(centre.asked) == 1, "once is enough"


def test_limits_works_and_calendar_come_back_and_are_in_force_at_once(tmp_path: Path, centre: Documentary) -> None:
    centre.holds |= {"limits": LIMITS, "works": WORKS, "calendar": CALENDAR}
    pi = Pi(tmp_path, centre.url)
    assert "limits_source" not in pi.settings.facts(settled=pi.documents.begun), "before it has asked it does not say that nothing is set"
    asyncio.run(pi.restorer.begin())
    assert pi.applied == 1
    facts = pi.settings.facts(settled=True)
    assert (facts["limits_source"], facts["works"], facts["calendar"]) == ("centre", WORKS, CALENDAR)
    assert facts["limits"]["film"]["boxes"] == LIMITS["film"]["boxes"]
    (rule,), unfit = pi.settings.rules()
    assert (rule.name, rule.kind, unfit) == ("film", "pairs", [])


def test_limits_of_a_sensor_that_this_pi_lacks_are_kept_and_told_as_unfit(tmp_path: Path, centre: Documentary) -> None:
    centre.holds |= {"limits": {**LIMITS, "attic": {"sensor": "attic", "quantity": "temperature", "above": 30.0}}, "works": 7}
    pi = Pi(tmp_path, centre.url)
    asyncio.run(pi.restorer.begin())
    rules, unfit = pi.settings.rules()
    assert ([rule.name for rule in rules], unfit) == (["film"], ["attic"])
    assert "attic" in str(pi.settings.facts(settled=True)["limits_unfit"]) and pi.settings.works() == []


def test_an_agent_that_never_had_any_asks_once_and_then_says_so(tmp_path: Path, centre: Documentary) -> None:
    centre.holds |= {"calibration": {}, "profile": {}}
    pi = Pi(tmp_path, centre.url)
    asyncio.run(pi.restorer.begin())
    assert pi.documents.begun and pi.documents.all("calibration") == {}
    asyncio.run(Pi(tmp_path, centre.url).restorer.begin())
    assert len(centre.asked) == 1


def test_with_the_centre_away_the_agent_begins_without_and_asks_on(tmp_path: Path, centre: Documentary) -> None:
    centre.answers = [(401, b""), (502, b"gateway"), (200, b"no JSON"), (200, b'{"calibration": 7}'), (200, b"[" * 200_000)]
    pi = Pi(tmp_path, centre.url, bench_up_after=1)

    async def scene() -> None:
        await pi.restorer.begin()
        assert not pi.documents.begun and centre.asked, "it begins without, though nobody has answered well yet"
        await pi.restorer.run()

    asyncio.run(scene())
    assert pi.documents.all("profile") == PROFILE
    assert pi.requests == [("station:desk", "profile.apply")] * 2, "a bench that runs is asked until it has taken it"


def test_what_is_set_here_meanwhile_is_not_overwritten(tmp_path: Path, centre: Documentary) -> None:
    centre.answers = [(503, b"")] * 3
    pi = Pi(tmp_path, centre.url)

    async def scene() -> None:
        await pi.restorer.begin()
        pi.documents.put("calibration", "room-101.climate.temperature", {"offset": 1.0, "gain": 1.0})
        await pi.restorer.run()

    asyncio.run(scene())
    assert pi.documents.all("calibration") == {"room-101.climate.temperature": {"offset": 1.0, "gain": 1.0}}


def test_what_is_out_of_bounds_or_not_of_this_agent_is_left_out(
    tmp_path: Path, centre: Documentary, caplog: pytest.LogCaptureFixture
) -> None:
    centre.holds["calibration"] = {**CALIBRATION, "a": {"offset": 1e9}, "b": 7, "c": {"gain": "2"}, "d": {"offset": 0.0, "gain": 1.0}}
    centre.holds["profile"] = {"desk": [], "other": {"skew_max_deg": 1.0}}
    pi = Pi(tmp_path, centre.url)
    asyncio.run(pi.restorer.begin())
    assert (pi.documents.all("calibration"), pi.documents.all("profile")) == (CALIBRATION, {})
    assert [record.levelname for record in caplog.records if "not taken" in record.message] == ["ERROR"] * 4


def test_over_tls_it_asks_a_centre_that_is_known_and_no_other(tmp_path: Path) -> None:
    certificate, private = self_signed(tmp_path)
    centre = Documentary(tls=(certificate, private))
    (tmp_path / "token").write_text("secret\n")
    ask = partial(ask_centre, centre.url, agent="room-101", token_file=tmp_path / "token")
    with pytest.raises(ssl.SSLError):
        ask()
    assert centre.asked == [], "not even the token went there"
    assert ask(tls_ca=certificate)["calibration"] == CALIBRATION
    centre.close()
