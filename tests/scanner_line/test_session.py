"""A session begins with proof: each camera sees its own card, targets reach their level; afterwards whatever drifts is told."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from scanner_line.cards import Card, cards_in, parse_card
from scanner_line.drift import Patch
from scanner_line.errors import ImageRefused
from scanner_line.session import Session, SessionSettings
from scanner_line.session_book import SessionBook
from scanner_line.spool import Spool
from tests.scanner_line.bench import NAME, RecordTable, records
from tests.scanner_line.session_parts import frame, photograph

LEFT, RIGHT, PLAIN = photograph("MUNIMENT CARD LEFT"), photograph("MUNIMENT CARD RIGHT"), photograph()
SERIALS = {"left": "L-1", "right": "R-1"}


class Desk:
    """A session on a real spool, with cameras, a clock and a target that the test decides."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool = Spool(folder)
        self.serials = dict(SERIALS)
        self.now_ms = 1_800_000_000_000
        self.level = "B"

    def measure(self, image: bytes) -> Mapping[str, Any]:
        if b"target" not in image:
            raise ImageRefused("no target in the picture")
        return {"ppi": 301.0, "levels": {"iso": self.level, "fadgi": 3}}

    def book(self) -> SessionBook:
        return SessionBook(self.spool, RecordTable(self.spool.connection), station=NAME, clock=lambda: (self.now_ms, 1))

    def session(self, required: str = "cards", **settings: Any) -> Session:
        made = Session(
            self.book(),
            serials=lambda: self.serials,
            settings=SessionSettings(required, **settings),
            measure=self.measure,
            clock_ms=lambda: self.now_ms,
        )
        made.resume()
        return made

    def told(self) -> list[dict[str, Any]]:
        return [one["facts"]["session"] for one in records(self.folder, "health")]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.spool.close()


@pytest.mark.parametrize(
    ("text", "card"),
    [
        ("MUNIMENT CARD LEFT", Card("left")),
        ("MUNIMENT CARD OVERHEAD SERIAL=%2Fbase%2Fimx708%401a", Card("overhead", "/base/imx708@1a")),
        ("MUNIMENT BATCH OPEN", None),
        ("MUNIMENT CARD left", None),
        ("xMUNIMENT CARD LEFT", None),
        (None, None),
    ],
)
def test_a_card_is_told_by_its_text(text: str | None, card: Card | None) -> None:
    assert parse_card(text) == card
    if card is not None:
        assert card.text == text


def test_bytes_that_are_no_photograph_show_no_card() -> None:
    assert cards_in(LEFT) == [Card("left")]
    assert cards_in(b"") == cards_in(b"\xff\xd8" + bytes(400)) == cards_in(LEFT[:5000]) == []


async def test_each_camera_must_see_its_own_card(desk: Desk) -> None:
    session = desk.session()
    assert (session.ready, session.state["cards"]) == (False, {"left": "waiting", "right": "waiting"})
    proof = await session.prove({"left": frame(PLAIN), "right": frame(PLAIN)})
    assert (proof.outcome, proof.code) == ("rejected", "session")
    assert "card LEFT and card RIGHT" in proof.words
    proof = await session.prove({"left": frame(LEFT), "right": frame(RIGHT)})
    assert (proof.outcome, proof.code, session.ready) == ("control", "cards-proven", True)
    assert session.state["cards"] == {"left": "proven", "right": "proven"}
    kept = session.state["id"]
    assert [path.name for path in desk.book().proofs(kept)] == [
        "cards-left.jpg",
        "cards-right.jpg",
    ]
    assert desk.told()[-1]["cards"] == {"left": "proven", "right": "proven"}
    assert desk.told()[-1]["serials"] == SERIALS


async def test_one_card_at_a_time_will_do(desk: Desk) -> None:
    session = desk.session()
    assert (await session.prove({"left": frame(LEFT), "right": frame(PLAIN)})).code == "card"
    assert session.state["cards"] == {"left": "proven", "right": "waiting"}
    assert "card RIGHT" in session.state["words"]
    assert "LEFT" not in session.state["words"]
    assert (await session.prove({"left": frame(PLAIN), "right": frame(RIGHT)})).code == "cards-proven"


async def test_swapped_cameras_are_refused_with_what_to_do(desk: Desk) -> None:
    session = desk.session()
    proof = await session.prove({"left": frame(RIGHT), "right": frame(LEFT)})
    assert (proof.outcome, proof.code, session.ready) == ("control", "card-wrong", False)
    assert "Swapped (left sees RIGHT)" in proof.words
    assert "serials in the configuration" in proof.words
    assert session.state["cards"] == {"left": "wrong", "right": "wrong"}
    assert session.state["words_zh"] == proof.words_zh
    await session.prove({"left": frame(LEFT), "right": frame(RIGHT)})
    assert session.ready


async def test_a_card_with_a_serial_is_for_that_camera_alone(desk: Desk) -> None:
    session = desk.session()
    proof = await session.prove({"left": frame(photograph("MUNIMENT CARD LEFT SERIAL=L-2")), "right": frame(RIGHT)})
    assert proof.code == "card-wrong"
    assert "L-2" in proof.words
    await session.prove({"left": frame(photograph("MUNIMENT CARD LEFT SERIAL=L-1")), "right": frame(PLAIN)})
    assert session.ready


async def test_both_cards_under_one_camera_prove_nothing(desk: Desk) -> None:
    session = desk.session()
    both = photograph("MUNIMENT CARD LEFT", "MUNIMENT CARD RIGHT")
    await session.prove({"left": frame(both), "right": frame(PLAIN)})
    assert session.state["cards"] == {"left": "wrong", "right": "waiting"}


async def test_the_only_camera_takes_the_overhead_card(desk: Desk) -> None:
    desk.serials = {"page": "P-1"}
    session = desk.session()
    assert "OVERHEAD" in session.state["words"]
    await session.prove({"page": frame(photograph("MUNIMENT CARD OVERHEAD"))})
    assert session.ready


async def test_a_session_is_resumed_after_a_restart_within_twelve_hours_with_the_same_cameras(desk: Desk) -> None:
    both = {"left": frame(LEFT), "right": frame(RIGHT)}
    await desk.session().prove(both)
    desk.now_ms += 11 * 3_600_000
    assert desk.session().ready
    desk.serials["right"] = "R-9"
    assert not desk.session().ready
    desk.serials["right"] = "R-1"
    await (session := desk.session()).prove(both)
    assert session.ready
    desk.now_ms += 12 * 3_600_000 + 1
    assert not session.ready
    assert (await session.prove({"left": frame(PLAIN), "right": frame(PLAIN)})).outcome == "rejected"
    assert not desk.session().ready
    assert [one["why"] for one in desk.told() if one["event"] == "ended"] == ["other cameras", "other cameras", "12 hours"]


async def test_sign_out_ends_a_session_and_the_same_operator_carries_on(desk: Desk) -> None:
    session = desk.session()
    session.sign_in("op-1")
    await session.prove({"left": frame(LEFT), "right": frame(RIGHT)})
    session.sign_in("op-1")
    assert (session.ready, session.state["operator"]) == (True, "op-1")
    session.sign_in("op-2")
    assert (session.ready, session.state["operator"]) == (False, "op-2")
    await session.prove({"left": frame(LEFT), "right": frame(RIGHT)})
    session.end()
    assert not session.ready


async def test_a_target_must_reach_its_level(desk: Desk) -> None:
    session = desk.session("cards+target", level_min="B")
    await session.prove({"left": frame(LEFT), "right": frame(RIGHT)})
    assert (session.ready, session.step) == (False, "target")
    assert (await session.prove({"left": frame(PLAIN), "right": frame(PLAIN)})).outcome == "rejected"
    desk.level = "C"
    target = frame(PLAIN + b"target")
    proof = await session.prove({"left": target, "right": target})
    assert (proof.code, session.ready) == ("target-low", False)
    assert "level B" in proof.words
    desk.level = "A"
    assert (await session.prove({"left": target, "right": frame(PLAIN)})).code == "target-low"
    assert (await session.prove({"left": frame(PLAIN), "right": target})).code == "target-proven"
    assert session.ready
    assert desk.session("cards+target", level_min="B").ready


@pytest.mark.parametrize(
    ("moved", "name"),
    [
        ({"ExposureTime": 21000}, "exposure time"),
        ({"AnalogueGain": 2.2}, "gain"),
        ({"ColourGains": [1.8, 1.6]}, "white balance"),
        ({"LensPosition": 3.3}, "focus"),
    ],
)
async def test_what_was_locked_and_moved_is_told_against_the_sessions_own_baseline(desk: Desk, moved: dict[str, Any], name: str) -> None:
    session = desk.session("off")
    assert session.ready
    assert await session.watch({"left": frame(PLAIN), "right": frame(PLAIN, ExposureTime=9000)}) == {}
    assert await session.watch({"left": frame(PLAIN), "right": frame(PLAIN, ExposureTime=9001)}) == {"left": [], "right": []}
    found = await session.watch({"left": frame(PLAIN, **moved), "right": frame(PLAIN, ExposureTime=9000)})
    assert [check["name"] for check in found["left"]] == ["drift"]
    assert name in found["left"][0]["words"]
    assert found["right"] == []
    assert session.state["drift"] == [found["left"][0]["words"]]
    await session.watch({"left": frame(PLAIN), "right": frame(PLAIN, ExposureTime=9000)})
    assert session.state["drift"] == []
    assert [one["event"] for one in desk.told()] == ["baseline", "drift"]


async def test_a_reference_patch_tells_light_that_changed(desk: Desk) -> None:
    patch = Patch.from_table({"x": 0.02, "y": 0.03, "w": 0.05, "h": 0.04})
    assert patch is not None
    session = desk.session("off", patches={"left": patch})
    await session.watch({"left": frame(PLAIN)})
    assert await session.watch({"left": frame(photograph(patch=(129, 128, 127)))}) == {"left": []}
    found = await session.watch({"left": frame(photograph(patch=(140, 128, 108)))})
    assert "reference patch" in found["left"][0]["words"]
    assert found["left"][0]["value"] > found["left"][0]["limit"] == 3.0
    assert Patch.from_table({}) is None


async def test_a_picture_of_another_size_has_drifted(desk: Desk) -> None:
    session = desk.session("off")
    await session.watch({"left": frame(PLAIN)})
    assert "pixels" in (await session.watch({"left": frame(PLAIN, size=(450, 600))}))["left"][0]["words"]


async def test_old_sessions_and_their_photographs_go(desk: Desk) -> None:
    book = desk.book()
    first = book.begin(serials=SERIALS, operator=None)
    book.keep_proof(first, "cards", {"left": LEFT})
    assert len(book.proofs(first.session)) == 1
    for _ in range(60):
        desk.now_ms += 1
        book.begin(serials=SERIALS, operator=None)
    assert book.proofs(first.session) == []
