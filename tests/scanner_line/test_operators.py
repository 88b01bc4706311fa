"""Signing in at a bench: PINs, waits that grow and outlive a restart, idle and shift's end, operators set anew by the centre."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from datetime import time as TimeOfDay
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_line.errors import OperatorsError, SignInRefused
from scanner_line.operators import Operator, Rules, SignInDesk, is_pin, operators_of, shift_ends_of, wait_after_s
from scanner_line.spool import Spool
from wire.operators import fingerprint

PINS = {"op-li": "123456", "op-wu": "998877665544"}


def hashed(pin: str, *, salt: bytes = b"0123456789abcdef", log2n: int = 10) -> str:
    made = hashlib.scrypt(pin.encode(), salt=salt, n=2**log2n, r=8, p=1, dklen=32)
    return f"scrypt${log2n}$8$1${salt.hex()}${made.hex()}"


OPERATORS = tuple(Operator(ident, ident[3:].title(), hashed(pin)) for ident, pin in PINS.items())


class Clock:
    """A boot clock and a local day that the test turns."""

    def __init__(self) -> None:
        self.s = 1000.0
        self.now = datetime.now(UTC)

    def on(self, seconds: float) -> None:
        self.s += seconds
        self.now += timedelta(seconds=seconds)

    def desk(self, folder: Path, **rules: Any) -> SignInDesk:
        return SignInDesk(
            Spool(folder), rules=Rules(required=True, **rules), operators=OPERATORS, boot_s=lambda: self.s, local=lambda: self.now
        )


def at_desk(work: Callable[[], Awaitable[None]]) -> None:
    async def day() -> None:
        await work()

    asyncio.run(day())


async def refused(desk: SignInDesk, operator: str, pin: str) -> SignInRefused:
    with pytest.raises(SignInRefused) as caught:
        await desk.sign_in(operator, pin)
    return caught.value


def test_the_right_pin_signs_in_and_only_its_cookie_is_worth_something(tmp_path: Path) -> None:
    async def work() -> None:
        desk = Clock().desk(tmp_path)
        assert desk.refusal() is not None
        token = await desk.sign_in("op-li", PINS["op-li"])
        assert (desk.ident, desk.refusal()) == ("op-li", None)
        assert desk.is_session(token)
        assert not desk.is_session(token + "x")
        assert not desk.is_session(None)
        other = await desk.sign_in("op-wu", PINS["op-wu"])  # a change of hands without signing out
        assert desk.ident == "op-wu"
        assert (desk.is_session(token), desk.is_session(other)) == (False, True)
        await desk.sign_out()
        assert desk.ident is None
        assert not desk.is_session(other)

    at_desk(work)


def test_wrong_pins_are_waited_for_longer_each_time_and_a_restart_forgives_none(tmp_path: Path) -> None:
    async def work() -> None:
        clock = Clock()
        desk = clock.desk(tmp_path)
        for pin in ("000000", "000001", "12345", "1" * 13, "１２３４５６"):  # also too short, too long, and of other digits
            clock.on(desk.wait_s("op-li"))
            error = await refused(desk, "op-li", pin)
            assert error.code == "wrong"
        assert desk.wait_s("op-li") == 20.0
        assert (await refused(desk, "op-li", PINS["op-li"])).code == "wait", "the right one must wait too"
        assert desk.wait_s("op-wu") == 0.0, "nobody else is kept out"
        clock.on(19)
        again = clock.desk(tmp_path)  # the bench's program starts anew: the wait begins anew
        assert again.wait_s("op-li") == 20.0
        clock.on(20)
        await again.sign_in("op-li", PINS["op-li"])
        assert again.wait_s("op-li") == 0.0
        assert (await refused(again, "op-li", "000000")).wait_s == 0.0, "the count began anew"

    at_desk(work)


def test_many_tries_at_once_slip_past_no_count(tmp_path: Path) -> None:
    async def work() -> None:
        desk = Clock().desk(tmp_path)
        results = await asyncio.gather(*(desk.sign_in("op-li", f"{n:06}") for n in range(20)), return_exceptions=True)
        codes = [one.code for one in results if isinstance(one, SignInRefused)]
        assert codes.count("wrong") == 3
        assert codes.count("wait") == 17

    at_desk(work)


def test_unknown_operators_are_refused_as_one_and_fill_no_disk(tmp_path: Path) -> None:
    async def work() -> None:
        desk = Clock().desk(tmp_path)
        codes = [(await refused(desk, f"nobody-{n}", "123456")).code for n in range(6)]
        assert codes == ["wrong"] * 3 + ["wait"] * 3

    at_desk(work)


def test_who_is_idle_is_signed_out_and_who_works_is_not(tmp_path: Path) -> None:
    async def work() -> None:
        clock = Clock()
        desk = clock.desk(tmp_path, idle_s=600.0)
        await desk.sign_in("op-li", PINS["op-li"])
        for _ in range(4):
            clock.on(400)
            desk.touch()
            await desk.look()
        assert desk.ident == "op-li"
        clock.on(601)
        await desk.look()
        assert desk.ident is None

    at_desk(work)


def test_the_shift_ends_at_its_time(tmp_path: Path) -> None:
    async def work() -> None:
        clock = Clock()
        clock.now = datetime(2026, 11, 24, 17, 29, 50, tzinfo=UTC)
        desk = clock.desk(tmp_path, idle_s=None, shift_ends=(TimeOfDay(12), TimeOfDay(17, 30)))
        await desk.sign_in("op-li", PINS["op-li"])
        await desk.look()
        assert desk.ident == "op-li"
        clock.on(20)
        await desk.look()
        assert desk.ident is None
        await desk.sign_in("op-li", PINS["op-li"])  # the next shift
        clock.on(5)
        await desk.look()
        assert desk.ident == "op-li"

    at_desk(work)


def test_a_restart_signs_nobody_out_who_still_works(tmp_path: Path) -> None:
    async def work() -> None:
        clock = Clock()
        desk = clock.desk(tmp_path)
        token = await desk.sign_in("op-li", PINS["op-li"])
        again = clock.desk(tmp_path)
        assert again.ident == "op-li"
        assert again.is_session(token)
        gone = SignInDesk(Spool(tmp_path), rules=Rules(required=True), operators=OPERATORS[1:])
        assert gone.ident is None, "who was taken off the bench meanwhile is not resumed"

    at_desk(work)


def test_the_centre_sets_operators_anew(tmp_path: Path) -> None:
    async def work() -> None:
        desk = Clock().desk(tmp_path)
        await desk.sign_in("op-li", PINS["op-li"])
        await desk.set_operators([Operator("op-li", "Li Na", OPERATORS[0].pin), OPERATORS[1]])
        assert desk.current is not None
        assert desk.current.name == "Li Na", "a new name alone signs nobody out"
        await desk.set_operators([Operator("op-li", "Li Na", hashed("654321"))])
        assert desk.ident is None
        assert (await refused(desk, "op-li", PINS["op-li"])).code == "wrong"
        await desk.sign_in("op-li", "654321")
        await desk.set_operators([])
        assert desk.ident is None

    at_desk(work)


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        [7],
        [{"id": "a", "name": "A", "pin": "123456"}],
        [{"id": "a", "name": "", "pin": OPERATORS[0].pin}],
        [{"id": "a", "name": "x\ny", "pin": OPERATORS[0].pin}],
        [{"id": "a", "name": "A", "pin": OPERATORS[0].pin}] * 2,
        [{"id": "a", "name": "A", "pin": hashed("123456").replace("scrypt$10$", "scrypt$30$")}],
        [{"id": f"a{n}", "name": "A", "pin": OPERATORS[0].pin} for n in range(201)],
    ],
)
def test_what_is_no_list_of_operators_is_refused(given: Any) -> None:
    with pytest.raises(OperatorsError):
        operators_of(given)


def test_operators_and_their_fingerprint() -> None:
    rows = [{"id": one.id, "name": one.name, "pin": one.pin} for one in OPERATORS]
    assert operators_of(rows) == OPERATORS
    assert fingerprint(rows) == fingerprint(rows[::-1])
    assert fingerprint(rows) != fingerprint(rows[:1])
    assert shift_ends_of(["12:00", "17:30"]) == (TimeOfDay(12), TimeOfDay(17, 30))
    with pytest.raises(OperatorsError, match="noon"):
        shift_ends_of(["noon"])


@given(st.text(max_size=20), st.text(max_size=60))
def test_no_text_is_a_pin_of_another(pin: str, kept: str) -> None:
    assert not is_pin(pin, kept)
    assert not is_pin(pin + "x", OPERATORS[0].pin)


def test_waits_grow_to_a_quarter_of_an_hour() -> None:
    waits = [wait_after_s(n) for n in range(40)]
    assert waits == sorted(waits)
    assert waits[:6] == [0, 0, 0, 5, 10, 20]
    assert waits[-1] == 900
