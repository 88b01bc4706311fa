"""Passwords and rights for the embedded broker, read from the same files as Mosquitto's.

Password lines are Mosquitto's ``name:$7$iterations$salt$hash`` (PBKDF2-HMAC-SHA512, base64); rights lines are its
``user NAME`` and ``topic read|write|readwrite FILTER``. A changed file is read again at the next connection.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
from dataclasses import dataclass
from pathlib import Path

from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

log = logging.getLogger(__name__)


def password_matches(stored: str, password: str) -> bool:
    """Whether a password fits a stored ``$7$iterations$salt$hash``; anything else never fits."""
    parts = stored.split("$")
    if len(parts) != 5 or parts[1] != "7" or not parts[2].isdecimal():
        return False
    salt, wanted = base64.b64decode(parts[3]), base64.b64decode(parts[4])
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, int(parts[2]), dklen=len(wanted))
    return hmac.compare_digest(made, wanted)


def covers(allowed: str, asked: str) -> bool:
    """Whether a topic filter covers a topic or a filter (MQTT 3.1.1 section 4.7: + one level, # the rest)."""
    rule, levels = allowed.split("/"), asked.split("/")
    for position, level in enumerate(rule):
        if level == "#":
            return True
        if position >= len(levels) or levels[position] == "#":
            return False
        if level != "+" and level != levels[position]:
            return False
    return len(rule) == len(levels)


def parse_rights(text: str) -> dict[str, dict[str, list[str]]]:
    """Rights as {user: {"read": [filters], "write": [filters]}}; lines before the first ``user`` give nobody anything."""
    rights: dict[str, dict[str, list[str]]] = {}
    user: dict[str, list[str]] | None = None
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "user":
            user = rights.setdefault(words[1], {"read": [], "write": []})
        elif len(words) >= 2 and words[0] == "topic" and user is not None:
            access = words[1] if len(words) == 3 else "readwrite"
            for way in ("read", "write"):
                if access in (way, "readwrite"):
                    user[way].append(words[-1])
    return rights


class PasswordPlugin(BaseAuthPlugin):
    """Lets a client in when its user name and password are in the file."""

    @dataclass
    class Config:
        """path: the password file."""

        path: str = ""

    async def authenticate(self, *, session: Session) -> bool:
        """True for a known name with its password, False for all else."""
        lines = await asyncio.to_thread(Path(self.config.path).read_text)
        stored = dict(line.split(":", 1) for line in lines.splitlines() if ":" in line)
        name, password = session.username or "", session.password or ""
        if name not in stored:
            return False
        return await asyncio.to_thread(password_matches, stored[name], password)


class RightsPlugin(BaseTopicPlugin):
    """Lets a client publish and subscribe within its own rights only."""

    @dataclass
    class Config:
        """path: the rights file."""

        path: str = ""

    def __init__(self, context: BaseContext) -> None:
        """Start with no rights read; the file is read when it is first needed and whenever it changed."""
        super().__init__(context)
        self._stamp = 0
        self._rights: dict[str, dict[str, list[str]]] = {}

    def _refresh(self) -> None:
        path = Path(self.config.path)
        stamp = path.stat().st_mtime_ns
        if stamp != self._stamp:
            self._rights, self._stamp = parse_rights(path.read_text()), stamp

    async def topic_filtering(self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None) -> bool:
        """Whether the session's user may do this with this topic."""
        await asyncio.to_thread(self._refresh)
        mine = self._rights.get((session.username if session else None) or "")
        if mine is None or not topic:
            return False
        way = "write" if action == Action.PUBLISH else "read"
        return any(covers(allowed, topic) for allowed in mine[way])
