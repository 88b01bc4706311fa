"""Who works at a bench: operators with their PINs as the centre set them, one of them signed in, offline, for as long as they work.

A PIN is kept as scrypt hash only. Wrong tries are counted on disk, so that a restart forgives none; the wait after them grows.
"""

import asyncio
import contextlib
import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import time as TimeOfDay
from typing import Any

from scanner_line.errors import OperatorsError, SignInRefused
from scanner_line.spool import Spool
from wire.operators import mistake_in

PIN = re.compile(r"[0-9]{6,12}")
# scrypt$LOG2N$R$P$SALT$HASH, hex; the bounds keep one try within 64 MiB (RFC 7914: 128 * N * r bytes)
HASH = re.compile(r"scrypt\$(1[0-6])\$8\$1\$([0-9a-f]{32})\$([0-9a-f]{64})")
MEMORY_MAX = 96 * 2**20
FREE_TRIES = 3
FIRST_WAIT_S, MOST_WAIT_S = 5.0, 900.0
SEEN_STEP_S = 30.0  # how often the last use is written down
NOBODY = "scrypt$14$8$1$" + "0" * 32 + "$" + "0" * 64  # what an unknown operator's PIN is compared with
SCHEMA = """
CREATE TABLE IF NOT EXISTS sign_in_tries(operator TEXT PRIMARY KEY, wrong INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sign_in(
  one INTEGER PRIMARY KEY CHECK (one = 1), operator TEXT NOT NULL, session TEXT NOT NULL, since_ms INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL) STRICT;
"""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Operator:
    """One who may work here: an opaque id (what records carry), the name that the screen shows, the PIN's hash."""

    id: str
    name: str
    pin: str


@dataclass(frozen=True, slots=True)
class Rules:
    """`required`: no press counts without a sign-in; `idle_s`: signed out after so long without a press or touch (None: never);
    `shift_ends`: signed out at these times of the bench's local day."""

    required: bool = False
    idle_s: float | None = 1800.0
    shift_ends: tuple[TimeOfDay, ...] = ()


def operators_of(given: Any) -> tuple[Operator, ...]:
    """The operators of a command or document; OperatorsError for anything that is none."""
    if mistake := mistake_in(given):
        raise OperatorsError(mistake)
    for number, one in enumerate(given, 1):
        if not HASH.fullmatch(one["pin"]):
            raise OperatorsError(f"operator {number}: pin is no scrypt hash within bounds")
    return tuple(Operator(one["id"], one["name"].strip(), one["pin"]) for one in given)


def is_pin(pin: str, kept: str) -> bool:
    """Whether this is the PIN behind a hash; takes about a tenth of a second, in whatever thread calls it."""
    found = HASH.fullmatch(kept)
    if found is None:
        return False
    salt, expected = bytes.fromhex(found[2]), bytes.fromhex(found[3])
    made = hashlib.scrypt(pin.encode(), salt=salt, n=2 ** int(found[1]), r=8, p=1, maxmem=MEMORY_MAX, dklen=32)
    return hmac.compare_digest(made, expected)


def wait_after_s(wrong: int) -> float:
    """How long nobody may try again after so many wrong tries in a row: none for three, then 5 s, doubled each time up to 15 min."""
    return 0.0 if wrong < FREE_TRIES else min(MOST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(wrong - FREE_TRIES, 20))


class SignInDesk:
    """At most one operator is signed in at a bench. For the event loop's own thread; the disk and the hash are waited for in others."""

    def __init__(
        self,
        spool: Spool,
        *,
        rules: Rules,
        operators: Sequence[Operator] = (),
        changed: Callable[[], None] = lambda: None,
        boot_s: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        local: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        """`changed` is called when somebody signs in or out, or the operators change. Reads who was signed in before a restart."""
        self.rules = rules
        self._spool = spool
        self._changed = changed
        self._boot_s, self._local = boot_s, local
        self._operators = {one.id: one for one in operators}
        self._trying = asyncio.Lock()
        self._session: str | None = None
        self._current: Operator | None = None
        self.since_ms: int | None = None
        self._seen_s = boot_s()
        self._written_s = self._seen_s
        self._looked = local()
        with spool.transaction() as connection:
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
        with spool.reading() as connection:
            self._wrong = {row[0]: row[1] for row in connection.execute("SELECT operator, wrong FROM sign_in_tries")}
            row = connection.execute("SELECT operator, session, since_ms, seen_ms FROM sign_in").fetchone()
        self._until_s = {key: self._seen_s + wait_after_s(wrong) for key, wrong in self._wrong.items()}  # a restart shortens no wait
        if row is not None:
            self._resume(*row)

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Those who may work here, by name."""
        return tuple(sorted(self._operators.values(), key=lambda one: (one.name.casefold(), one.id)))

    @property
    def current(self) -> Operator | None:
        """Who is signed in."""
        return self._current

    @property
    def ident(self) -> str | None:
        """The opaque id of who is signed in, as records carry it."""
        return None if self._current is None else self._current.id

    def refusal(self) -> tuple[str, str] | None:
        """(code, words) where no press counts for want of a sign-in."""
        return ("sign-in", "nobody is signed in at this bench") if self.rules.required and self._current is None else None

    def wait_s(self, operator: str) -> float:
        """How long this operator's PIN is not looked at."""
        key = operator if operator in self._operators else ""
        return max(0.0, self._until_s.get(key, 0.0) - self._boot_s())

    def is_session(self, token: str | None) -> bool:
        """Whether a cookie belongs to who is signed in now."""
        return token is not None and self._session is not None and hmac.compare_digest(_digest(token), self._session)

    async def sign_in(self, operator: str, pin: str) -> str:
        """Sign in, in place of whoever was; the secret for the screen's cookie. SignInRefused for a wrong PIN, or while it must wait."""
        async with self._trying:  # one after the other, so that tries at once do not slip past the count
            key = operator if operator in self._operators else ""
            if (wait := self.wait_s(operator)) > 0:
                raise SignInRefused("wait", wait)
            one = self._operators.get(operator)
            await asyncio.to_thread(self._count, key, self._wrong.get(key, 0) + 1)  # counted before it is looked at: no kill forgives it
            right = PIN.fullmatch(pin) is not None and await asyncio.to_thread(is_pin, pin, one.pin if one else NOBODY)
            if not right or one is None or self._operators.get(operator) != one:
                log.warning("a wrong PIN at the bench, %d in a row", self._wrong[key])
                raise SignInRefused("wrong", self.wait_s(operator))
            await asyncio.to_thread(self._count, key, 0)
            token = secrets.token_urlsafe(32)
            now_ms = time.time_ns() // 1_000_000
            await asyncio.to_thread(self._keep, (one.id, _digest(token), now_ms, now_ms))
            self._session, self._current, self.since_ms = _digest(token), one, now_ms
            self._seen_s = self._written_s = self._boot_s()
            self._looked = self._local()
            self._changed()
            return token

    async def sign_out(self) -> None:
        """Sign out whoever is signed in; may be called when nobody is."""
        if self._current is None:
            return
        self._session, self._current, self.since_ms = None, None, None
        self._changed()
        await asyncio.to_thread(self._keep, None)

    def touch(self) -> None:
        """Somebody works: a press, a touch, a key."""
        self._seen_s = self._boot_s()

    async def look(self) -> None:
        """Sign out who was idle for too long, or whose shift is over; called every few seconds between presses."""
        before, self._looked = self._looked, self._local()
        if self._current is None:
            return
        idle = self.rules.idle_s is not None and self._boot_s() - self._seen_s >= self.rules.idle_s
        if idle or _passed(self.rules.shift_ends, before, self._looked):
            log.info("signed out: %s", "nobody worked for a while" if idle else "the shift is over")
            await self.sign_out()
        elif self._seen_s - self._written_s >= SEEN_STEP_S:
            self._written_s = self._seen_s
            ago_ms = round((self._boot_s() - self._seen_s) * 1000)
            await asyncio.to_thread(self._seen, time.time_ns() // 1_000_000 - ago_ms)

    async def set_operators(self, operators: Sequence[Operator]) -> None:
        """Take new operators from the centre; who is not among them any more, or has a new PIN, is signed out."""
        current = self._current
        self._operators = {one.id: one for one in operators}
        if current is not None:
            new = self._operators.get(current.id)
            if new is None or new.pin != current.pin:
                await self.sign_out()
            else:
                self._current = new
        self._changed()

    def _resume(self, operator: str, session: str, since_ms: int, seen_ms: int) -> None:
        """Go on with who was signed in before the restart, unless their time was over meanwhile."""
        one = self._operators.get(operator)
        now_ms = time.time_ns() // 1_000_000
        idle_s = max(0.0, (now_ms - seen_ms) / 1000)
        seen = datetime.fromtimestamp(seen_ms / 1000).astimezone(self._looked.tzinfo)
        over = self.rules.idle_s is not None and idle_s >= self.rules.idle_s
        if one is None or over or _passed(self.rules.shift_ends, seen, self._looked):
            self._keep(None)
            return
        self._session, self._current, self.since_ms = session, one, since_ms
        self._seen_s = self._boot_s() - idle_s

    def _count(self, key: str, wrong: int) -> None:
        self._wrong[key] = wrong
        self._until_s[key] = self._boot_s() + wait_after_s(wrong)
        with self._spool.transaction() as connection:
            if wrong:
                statement = "INSERT INTO sign_in_tries VALUES (?, ?) ON CONFLICT(operator) DO UPDATE SET wrong = excluded.wrong"
                connection.execute(statement, (key, wrong))
            else:
                connection.execute("DELETE FROM sign_in_tries WHERE operator = ?", (key,))

    def _keep(self, row: tuple[str, str, int, int] | None) -> None:
        with self._spool.transaction() as connection:
            connection.execute("DELETE FROM sign_in")
            if row is not None:
                connection.execute("INSERT INTO sign_in VALUES (1, ?, ?, ?, ?)", row)

    def _seen(self, seen_ms: int) -> None:
        with self._spool.transaction() as connection:
            connection.execute("UPDATE sign_in SET seen_ms = ?", (seen_ms,))


def shift_ends_of(given: Sequence[str]) -> tuple[TimeOfDay, ...]:
    """Times of day from texts such as "12:00"; OperatorsError for anything else."""
    made = []
    for text in given:
        with contextlib.suppress(ValueError):
            made.append(TimeOfDay.fromisoformat(text))
            continue
        raise OperatorsError(f"shift_ends: {text[:20]!r} is not a time such as 17:30")
    return tuple(made)


def _passed(ends: Sequence[TimeOfDay], before: datetime, now: datetime) -> bool:
    """Whether one of the times of day lies in (before, now]; a longer span than a day holds all of them."""
    if (now - before).total_seconds() >= 86_400:
        return bool(ends)
    days = {before.date(), now.date()}
    return any(before < datetime.combine(day, end, tzinfo=now.tzinfo) <= now for day in days for end in ends)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
