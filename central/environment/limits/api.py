"""`/api/v1/limits` and `/api/v1/rooms/{room}/limits`: profiles by medium, what a room shall hold, what its agents keep."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response
from flask_login import current_user
from sqlalchemy import Connection

from central.environment.limits import queries, sending
from central.environment.limits.asked import MEDIA_MAX, Asked, mistakes, strictest, why_not
from central.environment.limits.boxes import Box, TooMany
from central.environment.limits.media import BOXES_MAX, CONFIRMATIONS, VERIFY, Celsius, Name, Percent, Profile, Swing, Words, shipped
from central.environment.queries import room_exists
from central.store.engine import reading, writing
from central.web import acting
from central.web.fields import IDENT, Text
from central.web.operation import Operation, operation
from central.web.problems import Problem, not_found
from central.web.state import engine

LATE = {202: "recorded; takes effect when ingest is back"}
OWN_MAX = 500  # copies that were edited here
PROFILE_ID = re.compile(r"[^a-z0-9]+")

ProfileId = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Short = Annotated[str, msgspec.Meta(max_length=120)]


class ShownProfile(msgspec.Struct, frozen=True):
    """A profile, whether it is a copy that was edited here, and how far its figures were confirmed, in words."""

    profile: Profile
    own: bool
    confirmation: dict[str, str]
    verify: dict[str, str]


class Profiles(msgspec.Struct, frozen=True):
    """All profiles."""

    items: list[ShownProfile]
    next: str | None


class ProfileBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A copy of a profile, edited; `id` names an own copy to change, left out a new one is made."""

    id: ProfileId | None = None
    copied_from: ProfileId | None = None
    medium_en: Name
    medium_zh: Name
    use_en: Short = ""
    use_zh: Short = ""
    standard: Short = ""
    boxes: Annotated[list[Box], msgspec.Meta(min_length=1, max_length=BOXES_MAX)]
    swing_c: Swing | None = None
    swing_pct: Swing | None = None
    rate_c_h: Swing | None = None
    rate_pct_h: Swing | None = None
    note_en: Words = ""
    note_zh: Words = ""


class LimitsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a room shall hold: its media, and the set point and margins chosen within them; empty gives the agents' own limits back."""

    media: Annotated[list[ProfileId], msgspec.Meta(max_length=MEDIA_MAX)]
    set_point_c: Celsius | None = None
    set_point_pct: Percent | None = None
    swing_c: Swing | None = None
    swing_pct: Swing | None = None
    rate_c_h: Swing | None = None
    rate_pct_h: Swing | None = None
    dew_point_max_c: Celsius | None = None
    condensation_margin_k: Annotated[float, msgspec.Meta(gt=0, le=20)] | None = None
    surface: Annotated[str, msgspec.Meta(max_length=40)] | None = None


class SettingsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a room is called, and whether its sensors hang outdoors."""

    name_en: Short | None = None
    name_zh: Short | None = None
    outdoor: bool = False
    note: Text | None = None


class Combination(msgspec.Struct, frozen=True, kw_only=True):
    """What several media allow together: `boxes`, the strictest swing and rates, or why there is no such climate."""

    media: list[str]
    boxes: list[Box]
    conflict: dict[str, str] | None
    strictest: dict[str, float | None]


class RoomLimitsShown(msgspec.Struct, frozen=True, kw_only=True):
    """A room's limits, what was asked for, how they stand at its agents, and every change with who and when."""

    limits: queries.RoomLimits
    asked: queries.Change | None
    agents: list[sending.InForce]
    history: list[queries.Change]
    settings: queries.RoomSettings


class ProfileHistory(msgspec.Struct, frozen=True):
    """Every change of an edited copy, newest first."""

    items: list[queries.ProfileChange]
    next: str | None


class CombineQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ids of profiles, with commas between them."""

    media: Annotated[str, msgspec.Meta(max_length=1000)] = ""


def chosen(connection: Connection, media: list[str]) -> list[Profile]:
    """The profiles of these ids, each once; a Problem names one that there is not."""
    known = queries.profiles(connection)
    for ident in media:
        if ident not in known:
            raise Problem(400, "invalid-body", f"media: there is no profile {ident[:60]}", field="media")
    return [known[ident] for ident in dict.fromkeys(media)]


def combination(profiles: list[Profile]) -> Combination:
    """What these media allow together."""
    try:
        boxes = Asked(media=[], profiles=profiles).boxes
    except TooMany as error:
        raise Problem(422, "limits-impossible", "These profiles have too many pairs. / 这些条件的组合过多。", field="media") from error
    return Combination(media=[one.id for one in profiles], boxes=boxes, conflict=why_not(profiles), strictest=strictest(profiles))


def shown(connection: Connection, room: str) -> RoomLimitsShown:
    """All about a room's limits."""
    return RoomLimitsShown(
        limits=queries.limits_of_room(connection, room),
        asked=queries.asked_of(connection, room),
        agents=[sending.state_at(connection, room, agent) for agent in sending.agents_of(connection, room)],
        history=queries.history_of(connection, room),
        settings=queries.room_setting(connection, room),
    )


def _known_room(connection: Connection, room: str) -> None:
    if not room_exists(connection, room):
        raise not_found("There is no such room.")


def _profile(ident: str) -> ShownProfile:
    with reading(engine()) as connection:
        return shown_profile(queries.profiles(connection, retired=True)[ident])


def shown_profile(profile: Profile) -> ShownProfile:
    """A profile with its confirmation in words."""
    return ShownProfile(profile, profile.id not in shipped(), CONFIRMATIONS[profile.confirmation], VERIFY)


def _own_id(connection: Connection, body: ProfileBody) -> str:
    known = queries.profiles(connection, retired=True)
    if body.copied_from is not None and body.copied_from not in known:
        raise Problem(400, "invalid-body", "copied_from: There is no such profile. / 没有该限值方案。", field="copied_from")
    if body.id is None:
        if len(known) >= len(shipped()) + OWN_MAX:
            raise Problem(409, "full", f"There are {OWN_MAX} copies of profiles: edit one of them.")
        stem = PROFILE_ID.sub("-", (body.copied_from or body.medium_en).lower()).strip("-")[:40] or "profile"
        return f"own-{stem}-{uuid.uuid4().hex[:6]}"
    if body.id in shipped():
        raise Problem(
            409,
            "shipped-profile",
            "The product's profiles stay as they are: make a copy and edit that. / 随附的限值方案不可更改：请复制后编辑副本。",
            field="id",
        )
    if body.id not in known:
        raise not_found("There is no such profile.")
    return body.id


def _read_routes(made: Blueprint) -> None:
    @made.get("/limits/profiles")
    @operation(Operation(right="limits.read", summary="What each medium wants, by which standard.", result=Profiles))
    def profiles_list() -> Profiles:
        with reading(engine()) as connection:
            return Profiles(items=[shown_profile(one) for one in queries.profiles(connection).values()], next=None)

    @made.get(f"/limits/profiles/<{IDENT}:profile>/history")
    @operation(Operation(right="limits.read", summary="How an edited copy came to be what it is: who, when.", result=ProfileHistory))
    def profile_history(profile: str) -> ProfileHistory:
        with reading(engine()) as connection:
            found = queries.profile_history(connection, profile)
        if not found:
            raise not_found("There is no such copy.")
        return ProfileHistory(items=found, next=None)

    @made.get("/limits/combine")
    @operation(Operation(right="limits.read", summary="What several media allow together.", query=CombineQuery, result=Combination))
    def media_combine(query: CombineQuery) -> Combination:
        media = [ident for ident in query.media.split(",") if ident]
        with reading(engine()) as connection:
            return combination(chosen(connection, media[:MEDIA_MAX]))

    @made.get(f"/rooms/<{IDENT}:room>/limits")
    @operation(
        Operation(
            right="limits.read",
            summary="A room's limits, as asked for and as kept by its agents, with every change.",
            result=RoomLimitsShown,
        )
    )
    def room_limits_show(room: str) -> RoomLimitsShown:
        with reading(engine()) as connection:
            _known_room(connection, room)
            return shown(connection, room)


def _write_routes(made: Blueprint) -> None:
    @made.post("/limits/profiles")
    @operation(
        Operation(
            right="limits.set", summary="Keep an edited copy of a profile.", body=ProfileBody, result=ShownProfile, status=201, also=LATE
        )
    )
    def profile_set(body: ProfileBody) -> Response:
        with reading(engine()) as connection:
            ident = _own_id(connection, body)
        profile = msgspec.convert(msgspec.to_builtins(body) | {"id": ident, "confirmation": "own"}, Profile)
        done = acting.perform("limits.profile", {"profile": msgspec.to_builtins(profile), "retired": False})
        answer = acting.answer(done, shown_profile(profile))
        answer.status_code = 201 if done else 202
        return answer

    @made.post(f"/limits/profiles/<{IDENT}:profile>/retire")
    @operation(
        Operation(right="limits.set", summary="Take an edited copy out of the choice; rooms that use it keep it.", status=204, also=LATE)
    )
    def profile_retire(profile: str) -> Response:
        with reading(engine()) as connection:
            found = queries.profiles(connection).get(profile)
        if found is None or profile in shipped():
            raise not_found("There is no such copy.")
        acting.perform("limits.profile", {"profile": msgspec.to_builtins(found), "retired": True})
        return Response(status=204)

    @made.post(f"/rooms/<{IDENT}:room>/limits")
    @operation(
        Operation(
            right="limits.set",
            summary="Set what a room shall hold; its agents are told.",
            body=LimitsBody,
            result=RoomLimitsShown,
            also=LATE,
        )
    )
    def room_limits_set(room: str, body: LimitsBody) -> Response:
        with reading(engine()) as connection:
            _known_room(connection, room)
            profiles = chosen(connection, body.media)
        told: dict[str, Any] = {**msgspec.to_builtins(body), "media": [one.id for one in profiles]}
        asked = msgspec.convert({**told, "profiles": msgspec.to_builtins(profiles)}, Asked)
        wrong = mistakes(asked)
        if wrong:
            field, words = wrong[0]
            raise Problem(422, "limits-impossible", f"{words['en']} / {words['zh']}", field=field)
        facts = {name: value for name, value in msgspec.to_builtins(asked).items() if value is not None}
        done = acting.perform("room.limits", {"room": room, **facts})
        if done:
            with writing(engine()) as connection:
                for agent in sending.agents_of(connection, room):
                    sending.send(connection, agent, actor=current_user.name)
        with reading(engine()) as connection:
            return acting.answer(done, shown(connection, room))

    @made.post(f"/rooms/<{IDENT}:room>")
    @operation(
        Operation(
            right="limits.set", summary="Name a room; say that it is outdoors.", body=SettingsBody, result=queries.RoomSettings, also=LATE
        )
    )
    def room_set(room: str, body: SettingsBody) -> Response:
        with reading(engine()) as connection:
            _known_room(connection, room)
        done = acting.perform("room.set", {"room": room, **msgspec.structs.asdict(body)})
        with reading(engine()) as connection:
            return acting.answer(done, queries.room_setting(connection, room))


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("limits", __name__, url_prefix="/api/v1")
    _read_routes(made)
    _write_routes(made)
    return made
