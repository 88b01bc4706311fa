"""Who is asking: a person, a program with a person's token, an agent, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from central.people import rights


@dataclass(frozen=True)
class Principal:
    """Someone who was recognised. `id` is the row of the user or agent, `session` the session's secret where a cookie brought it."""

    kind: str  # person | agent
    id: int
    name: str
    roles: frozenset[str]
    lang: str | None = None
    session: str | None = None
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    @cached_property
    def rights(self) -> frozenset[str]:
        """Every right of the roles."""
        return rights.rights_of(self.roles)

    @property
    def by_cookie(self) -> bool:
        """Whether a browser's cookie brought this identity, so that forged requests must be refused."""
        return self.session is not None

    def may(self, right: str) -> bool:
        """Whether a route or event that needs this right is open to them."""
        if right == rights.PUBLIC:
            return True
        return self.kind == "person" if right == rights.SIGNED_IN else right in self.rights

    def get_id(self) -> str:
        """What the session cookie keeps (Flask-Login asks): the session's secret."""
        return self.session or ""


class Nobody:
    """A visitor who has not signed in; the same attributes as a Principal."""

    kind = "nobody"
    id = 0
    name = ""
    roles: frozenset[str] = frozenset()
    rights: frozenset[str] = frozenset()
    lang: str | None = None
    session: str | None = None
    by_cookie = False
    is_authenticated = False
    is_active = False
    is_anonymous = True

    def may(self, right: str) -> bool:
        """Only what is public."""
        return right == rights.PUBLIC

    def get_id(self) -> str:
        """No session."""
        return ""
