"""A room's light and the reason for it, from its alarms, limits, and how fresh and good its values are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from central.environment.limits.boxes import Box

RED = ("high", "urgent")  # priorities whose alarm makes a room red
Words = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Value:
    """The last value of a channel; `v` is None where quality says why."""

    channel: str
    v: float | None
    quality: str
    fresh: bool
    tolerance: float | None = None  # of the sensor, either way


@dataclass(frozen=True, kw_only=True)
class Air:
    """Temperature and humidity that one sensor measures at present, with its tolerances."""

    sensor: str  # {agent}.{sensor}
    temp_c: float
    rh_pct: float
    tolerance_c: float = 0.0
    tolerance_pct: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a channel's values should stay within."""

    channel: str
    above: float | None
    below: float | None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An alarm that is active, or over and not yet acknowledged."""

    rule: str
    subject: str
    priority: str
    active: bool
    shelved: bool
    uncertain: bool = False


def _said(en: str, zh: str) -> Words:
    return {"en": en, "zh": zh}


def _hedged(words: Words, uncertain: bool) -> Words:
    """The words, and that the sensor's tolerance leaves it open, where it does."""
    if not uncertain:
        return words
    return _said(f"{words['en']}, within the sensor's uncertainty", f"{words['zh']}，在传感器不确定度之内")


def _alarm(alarm: Standing) -> Words:
    words = _said(f"Alarm: {alarm.rule} ({alarm.subject})", f"报警：{alarm.rule}（{alarm.subject}）")
    return _hedged(words, alarm.uncertain)


def _beyond(values: Sequence[Value], limits: Sequence[Limit]) -> Words | None:
    """The first value that lies beyond its limit."""
    for value in values:
        for limit in limits:
            if limit.channel != value.channel or value.v is None:
                continue
            tolerance = value.tolerance or 0.0
            if limit.above is not None and value.v > limit.above:
                words = _said(f"{value.channel} is above {limit.above:g}", f"{value.channel} 高于上限 {limit.above:g}")
                return _hedged(words, value.v - limit.above <= tolerance)
            if limit.below is not None and value.v < limit.below:
                words = _said(f"{value.channel} is below {limit.below:g}", f"{value.channel} 低于下限 {limit.below:g}")
                return _hedged(words, limit.below - value.v <= tolerance)
    return None


def _outside(airs: Sequence[Air], boxes: Sequence[Box]) -> Words | None:
    """The first sensor whose air lies in none of the boxes that the room's media allow."""
    for air in airs:
        if not boxes or any(box.holds(air.temp_c, air.rh_pct) for box in boxes):
            continue
        is_open = any(_reaches(box, air) for box in boxes)
        figures = f"{air.temp_c:.1f} °C, {air.rh_pct:.1f} %"
        if len(boxes) == 1:
            words = _said(f"{air.sensor} is outside what the media allow: {figures}", f"{air.sensor} 超出载体允许范围：{figures}")
        else:
            words = _said(f"{air.sensor} fits none of the allowed pairs: {figures}", f"{air.sensor} 不符合任何一组允许的温湿度：{figures}")
        return _hedged(words, is_open)
    return None


def _reaches(box: Box, air: Air) -> bool:
    """Whether the air may lie in the box after all, as far as the sensor can tell."""
    (cold, warm), (dry, damp) = box.temperature, box.humidity
    near_c = cold - air.tolerance_c <= air.temp_c <= warm + air.tolerance_c
    return near_c and dry - air.tolerance_pct <= air.rh_pct <= damp + air.tolerance_pct


def light_of(
    values: Sequence[Value],
    limits: Sequence[Limit],
    alarms: Sequence[Standing],
    *,
    airs: Sequence[Air] = (),
    boxes: Sequence[Box] = (),
) -> tuple[str, Words]:
    """(light, why in words): an alarm before a missing value, a missing value before a doubtful one.

    `boxes` are what the room's media allow, judged against `airs`; `limits` those of single channels.
    """
    loud = [alarm for alarm in alarms if alarm.active and not alarm.shelved]
    for alarm in loud:
        if alarm.priority in RED:
            return "red", _alarm(alarm)
    fresh = [value for value in values if value.fresh]
    if loud:
        return "yellow", _alarm(loud[0])
    if not fresh:
        return "grey", _said("No current values", "没有当前数据")
    beyond = _beyond(fresh, limits) or _outside(airs, boxes)
    if beyond is not None:
        return "yellow", beyond
    for value in values:
        if not value.fresh:
            return "yellow", _said(f"No current value of {value.channel}", f"{value.channel} 没有当前数据")
        if value.quality != "good":
            return "yellow", _said(f"The value of {value.channel} is {value.quality}", f"{value.channel} 的数据可疑或无效")
    for alarm in alarms:
        if alarm.shelved and alarm.active:
            return "yellow", _said(f"Shelved alarm: {alarm.rule}", f"已搁置的报警：{alarm.rule}")
        if not alarm.active:
            return "yellow", _said(f"Nobody has acknowledged: {alarm.rule}", f"尚未确认：{alarm.rule}")
    return "green", _said("All values are within their limits", "所有数据均在限值之内")
