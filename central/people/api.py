"""`/api/v1/users`: people, their roles and tokens; for the admin, and for the auditor to read."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import Blueprint
from flask_login import current_user

from central.people import queries, rights, users
from central.store.engine import reading, writing
from central.web import paging
from central.web.operation import Operation, operation
from central.web.problems import Problem, not_found
from central.web.state import engine

Role = Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(rights.ROLES)})$")]
Roles = Annotated[list[Role], msgspec.Meta(max_length=len(rights.ROLES))]
UserName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$")]
NewPassword = Annotated[str, msgspec.Meta(min_length=users.PASSWORD_MIN, max_length=users.PASSWORD_MAX)]


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person to be."""

    name: UserName
    password: NewPassword
    roles: Roles


class UserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change about a person; what is left out stays."""

    roles: Roles | None = None
    enabled: bool | None = None
    password: NewPassword | None = None


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token is for."""

    label: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class MadeToken(msgspec.Struct, frozen=True):
    """A token, shown this once."""

    token: str


def _refused(error: users.PeopleError) -> Problem:
    return Problem(409, "refused", str(error))


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("users", __name__, url_prefix="/api/v1")

    @made.get("/users")
    @operation(Operation(right="people.read", summary="People and their roles.", query=paging.Paged, result=queries.Users))
    def users_list(query: paging.Paged) -> queries.Users:
        key = paging.decode(query.cursor, str)
        with reading(engine()) as connection:
            rows = queries.users_after(connection, str(key[0]) if key else "", query.limit + 1)
        items, after = paging.cut(rows, query.limit, lambda row: (row.name,))
        return queries.Users(items=items, next=after)

    @made.post("/users")
    @operation(
        Operation(right="people.manage", summary="Make a person.", body=NewUser, result=queries.User, status=201, also={409: "refused"})
    )
    def users_add(body: NewUser) -> queries.User:
        try:
            with writing(engine()) as connection:
                users.add_user(connection, name=body.name, password=body.password, roles=body.roles, by=current_user.name)
                return queries.user_named(connection, body.name)
        except users.PeopleError as error:
            raise _refused(error) from error

    @made.patch("/users/<string(maxlength=60):name>")
    @operation(
        Operation(
            right="people.manage",
            summary="Change roles, password, or let in and out.",
            body=UserChange,
            result=queries.User,
            also={409: "refused"},
        )
    )
    def users_change(name: str, body: UserChange) -> queries.User:
        if body.enabled is False and name == current_user.name:
            raise Problem(409, "refused", "Nobody locks themselves out.")
        try:
            with writing(engine()) as connection:
                if not queries.exists(connection, name):
                    raise not_found("There is no such user.")
                if body.roles is not None:
                    users.set_roles(connection, name=name, roles=body.roles, by=current_user.name)
                if body.password is not None:
                    users.set_password(connection, name=name, password=body.password, by=current_user.name)
                if body.enabled is not None:
                    users.set_enabled(connection, name=name, enabled=body.enabled, by=current_user.name)
                return queries.user_named(connection, name)
        except users.PeopleError as error:
            raise _refused(error) from error

    @made.post("/session/tokens")
    @operation(
        Operation(
            right=rights.SIGNED_IN,
            summary="A bearer token with one's own rights; shown this once.",
            body=NewToken,
            result=MadeToken,
            status=201,
            also={409: "too many tokens"},
        )
    )
    def token_add(body: NewToken) -> MadeToken:
        try:
            with writing(engine()) as connection:
                return MadeToken(token=users.add_token(connection, name=current_user.name, label=body.label, by=current_user.name))
        except users.PeopleError as error:
            raise _refused(error) from error

    @made.delete("/session/tokens")
    @operation(Operation(right=rights.SIGNED_IN, summary="Revoke all of one's own tokens.", status=204))
    def tokens_revoke() -> tuple[str, int]:
        with writing(engine()) as connection:
            users.revoke_tokens(connection, user_id=current_user.id, by=current_user.name)
        return "", 204

    return made
