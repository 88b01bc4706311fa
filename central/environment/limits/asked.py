"""What was asked for a room: its media, and the set point, swing, rates and margins chosen within what they allow."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

from central.environment.limits.boxes import Box, TooMany, combine, conflicting, hull
from central.environment.limits.media import Celsius, Percent, Profile, Swing

MEDIA_MAX = 12  # of one room
BOXES_ASKED_MAX = 16  # an agent takes no more


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A room's limits as a person set them; `profiles` as they were then, so that a later edit changes nothing silently."""

    media: Annotated[list[str], msgspec.Meta(max_length=MEDIA_MAX)]
    profiles: Annotated[list[Profile], msgspec.Meta(max_length=MEDIA_MAX)] = []
    set_point_c: Celsius | None = None
    set_point_pct: Percent | None = None
    swing_c: Swing | None = None
    swing_pct: Swing | None = None
    rate_c_h: Swing | None = None
    rate_pct_h: Swing | None = None
    dew_point_max_c: Celsius | None = None
    condensation_margin_k: Annotated[float, msgspec.Meta(gt=0, le=20)] | None = None
    surface: Annotated[str, msgspec.Meta(max_length=40)] | None = None  # name of the sensor on the surface that might sweat

    @property
    def boxes(self) -> list[Box]:
        """Where all media are content; [] where they exclude each other, or where nothing was chosen."""
        return combine([profile.boxes for profile in self.profiles]) if self.profiles else []


def _span(ends: tuple[float, float], unit: str) -> str:
    low, high = ends
    if math.isinf(low) and math.isinf(high):
        return "–"
    if math.isinf(low):
        return f"≤ {high:g} {unit}"
    return f"≥ {low:g} {unit}" if math.isinf(high) else f"{low:g}–{high:g} {unit}"


def _apart(spans: list[tuple[float, float]]) -> bool:
    return max(low for low, _ in spans) > min(high for _, high in spans)


def why_not(profiles: list[Profile]) -> dict[str, str] | None:
    """Which media exclude each other and why, in both languages; None where all go together."""
    found = conflicting([profile.boxes for profile in profiles])
    if not found:
        return None
    parties = [profiles[position] for position in found]
    hulls = [hull(party.boxes) for party in parties]
    said: dict[str, str] = {}
    for lang in ("en", "zh"):
        wants = []
        for axis, unit in ((0, "°C"), (1, "% RH")):
            spans = [one[axis] for one in hulls]
            if _apart(spans):
                each = [f"{party.medium(lang)} {_span(span, unit)}" for party, span in zip(parties, spans, strict=True)]
                wants.append(("; " if lang == "en" else "；").join(each))
        names = (" and " if lang == "en" else "与").join(party.medium(lang) for party in parties)
        if lang == "en":
            reason = f": {'; '.join(wants)}" if wants else ": no pair of temperature and humidity suits all of them at once"
            said[lang] = (
                f"No climate suits them all. {names} exclude each other{reason}. Keep them in different rooms, or choose another use."
            )
        else:
            reason = f"：{'；'.join(wants)}" if wants else "：没有同时适合它们的温湿度组合"
            said[lang] = f"不存在适合全部载体的气候条件。{names}互相冲突{reason}。请分库存放，或选择其他用途。"
    return said


def strictest(profiles: list[Profile]) -> dict[str, float | None]:
    """The smallest swing and rate that any of the media asks for."""
    made: dict[str, float | None] = {}
    for name in ("swing_c", "swing_pct", "rate_c_h", "rate_pct_h"):
        told = [value for profile in profiles if (value := getattr(profile, name)) is not None]
        made[name] = min(told) if told else None
    return made


def mistakes(asked: Asked) -> list[tuple[str, dict[str, str]]]:
    """What cannot be set, as (field, words): a conflict, a set point outside, pairs that nobody can hold."""
    found: list[tuple[str, dict[str, str]]] = []
    try:
        conflict, boxes = why_not(asked.profiles), asked.boxes
    except TooMany:
        return [("media", {"en": "These profiles have too many pairs.", "zh": "这些条件的组合过多。"})]
    if conflict is not None:
        return [("media", conflict)]
    if boxes and not any(box.holdable for box in boxes):
        found.append(("media", {"en": "What is left is too narrow to be held.", "zh": "剩余范围过窄，无法保持。"}))
    if len(boxes) > BOXES_ASKED_MAX:
        found.append(("media", {"en": f"More than {BOXES_ASKED_MAX} pairs are left.", "zh": f"剩余组合超过 {BOXES_ASKED_MAX} 组。"}))
    t, rh = asked.set_point_c, asked.set_point_pct
    if boxes and (t is not None or rh is not None):
        fits = any(
            (t is None or box.temperature[0] <= t <= box.temperature[1]) and (rh is None or box.humidity[0] <= rh <= box.humidity[1])
            for box in boxes
        )
        if not fits:
            words = {"en": "The set point lies outside what the media allow.", "zh": "设定值不在载体允许的范围内。"}
            found.append(("set_point_c" if t is not None else "set_point_pct", words))
    if asked.condensation_margin_k is not None and not asked.surface:
        words = {"en": "Name the sensor on the surface that the margin is about.", "zh": "请指明结露裕度所针对的表面传感器。"}
        found.append(("surface", words))
    return found
