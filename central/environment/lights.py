"""A room's light and the reason for it, from its alarms, limits, and how fresh and good its values are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RED = ("high", "urgent")  # priorities whose alarm makes a room red
Words = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Value:
    """The last value of a channel; `v` is None where quality says why."""

    channel: str
    v: float | None
    quality: str
    fresh: bool


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


def _said(en: str, zh: str) -> Words:
    return {"en": en, "zh": zh}


def light_of(values: Sequence[Value], limits: Sequence[Limit], alarms: Sequence[Standing]) -> tuple[str, Words]:
    """(light, why in words): an alarm before a missing value, a missing value before a doubtful one."""
    loud = [alarm for alarm in alarms if alarm.active and not alarm.shelved]
    for alarm in loud:
        if alarm.priority in RED:
            return "red", _said(f"Alarm: {alarm.rule} ({alarm.subject})", f"报警：{alarm.rule}（{alarm.subject}）")
    fresh = [value for value in values if value.fresh]
    if not fresh:
        if loud:
            return "yellow", _said(f"Alarm: {loud[0].rule} ({loud[0].subject})", f"报警：{loud[0].rule}（{loud[0].subject}）")
        return "grey", _said("No current values", "没有当前数据")
    if loud:
        return "yellow", _said(f"Alarm: {loud[0].rule} ({loud[0].subject})", f"报警：{loud[0].rule}（{loud[0].subject}）")
    for value in fresh:
        for limit in limits:
            if limit.channel != value.channel or value.v is None:
                continue
            if limit.above is not None and value.v > limit.above:
                return "yellow", _said(f"{value.channel} is above {limit.above:g}", f"{value.channel} 高于上限 {limit.above:g}")
            if limit.below is not None and value.v < limit.below:
                return "yellow", _said(f"{value.channel} is below {limit.below:g}", f"{value.channel} 低于下限 {limit.below:g}")
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
