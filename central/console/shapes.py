"""Small pure steps from what the domains answer to what a page shows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for

from central.console import formats, words
from central.console.facts import Facts, Item
from central.console.language import gettext, ngettext
from central.people.principal import Principal
from wire.units import QUANTITIES, unit_of

DERIVED_UNITS = {"dew_point": "Cel", "condensation_margin": "K"}  # of what nothing measures by itself
SENTENCE_END = re.compile(r"[。！](?=.)|[.!] (?=[A-Z])")

# what to do, by rule name as the agents and the centre use them; the first part that matches counts
ADVICE_KEYS = (
    "temperature",
    "humidity",
    "leak",
    "smoke",
    "forced",
    "held",
    "after-hours",
    "silent",
    "silence",
    "missing",
    "camera",
    "clip",
    "disk",
)


def _own_words(alarm: Mapping[str, Any], lang: str) -> tuple[str, str]:
    """What an alarm brings in this language: its first sentence, and what to do."""
    said = formats.localized(alarm.get("words") or "", lang)
    end = SENTENCE_END.search(said)
    return (said[: end.start()], said[end.end() :].strip()) if end else (said, "")


def alarm_words(alarm: Mapping[str, Any], lang: str) -> str:
    """What an alarm says: its own first sentence where that tells the value; else quantity, value, limit; else the sentence or its rule."""
    quantity = str(alarm.get("subject", "")).rpartition(".")[2]
    value, limit, own = alarm.get("value"), alarm.get("limit"), _own_words(alarm, lang)[0]
    if quantity in words.QUANTITY and value is not None and limit is not None and f"{value:.4g}" not in own:
        said = {"what": words.word(words.QUANTITY, quantity), "value": _figure(quantity, value), "limit": _figure(quantity, limit)}
        if value > limit:
            return gettext("%(what)s too high: %(value)s, limit %(limit)s", **said)
        return gettext("%(what)s too low: %(value)s, limit %(limit)s", **said)
    return own or str(alarm.get("rule", ""))


def _figure(quantity: str, value: float) -> str:
    """A value as it is shown, with its unit."""
    unit = words.unit(DERIVED_UNITS.get(quantity) or (unit_of(quantity) if quantity in QUANTITIES else ""))
    return f"{value:.{words.decimals(quantity)}f} {unit}".rstrip()


def check_words(check: Item, lang: str) -> str:
    """What a page check says in this language."""
    return formats.localized({"en": check.get("words"), "zh": check.get("words_zh")}, lang) if isinstance(check.get("words"), str) else ""


def in_order(readings: Sequence[Item]) -> list[Item]:
    """Readings in the order in which quantities are read out; `told_apart` where several sensors measure the same one."""
    order = {quantity: i for i, quantity in enumerate(words.QUANTITY)}
    found = sorted(readings, key=lambda reading: (order.get(reading["q"], len(order)), reading["sensor"]))
    counts = Counter(reading["q"] for reading in found)
    return [reading | {"told_apart": counts[reading["q"]] > 1} for reading in found]


def why(room: Item, lang: str) -> str:
    """Why a room has its light: the loudest alarm in its own words, else what the room says."""
    loud = next((alarm for alarm in room["alarms"] if alarm["active"]), None)
    if loud and room["light"] in ("red", "yellow"):
        return alarm_words(loud, lang)
    over = next((alarm for alarm in room["alarms"] if alarm["state"] == "returned"), None)
    if over and room["light"] == "yellow":
        return gettext("Over, but nobody has acknowledged it: %(what)s", what=alarm_words(over, lang))
    return _without_channels(formats.localized(room["why"], lang), room["readings"])


def _without_channels(said: str, readings: Sequence[Item]) -> str:
    """The words with what is measured, and by which of several sensors, in place of the names of channels."""
    for reading in sorted(in_order(readings), key=lambda reading: len(reading["sensor"]), reverse=True):
        name = words.word(words.QUANTITY, reading["q"]) + (f" · {reading['name']}" if reading["told_apart"] else "")
        said = said.replace(reading["sensor"], name)
    return said


def contact_said(contact: Mapping[str, Any]) -> str:
    """A contact's state in words: by its kind where "active" would say nothing."""
    found = words.CONTACT_SAID.get(f"{contact.get('kind')} {contact['state']}")
    return words.word(words.CONTACT_STATE, contact["state"]) if found is None else str(found)


def alarm_advice(alarm: Mapping[str, Any], lang: str) -> str:
    """What to do about it: the alarm's own advice where it brings one, else the house's."""
    if own := _own_words(alarm, lang)[1]:
        return own
    rule = f"{alarm.get('rule', '')} {alarm.get('subject', '')}".lower()
    key = next((one for one in ADVICE_KEYS if one in rule), "")
    return {
        "temperature": gettext("Check the air conditioning and whether the door is closed."),
        "humidity": gettext("Check the dehumidifier or humidifier and its tank."),
        "leak": gettext("Go there now: find the water, move what stands low, close the valve."),
        "smoke": gettext("Follow the fire plan: warn, close the door, call the fire brigade."),
        "forced": gettext("Send a guard; look at the clip in the review queue."),
        "held": gettext("Have the door closed; ask who left it open."),
        "after-hours": gettext("Find out who is in the room; look at the clip in the review queue."),
        "silent": gettext("Check power and network of the room's agent."),
        "silence": gettext("Check power and network of the room's agent."),
        "missing": gettext("Check the sensor's cable and power."),
        "camera": gettext("Check the camera's cable, power and view."),
        "clip": gettext("Check the recorder of this room."),
        "disk": gettext("Make room on the disk or replace it."),
    }.get(key, "")


def chain(provenance: Item | None, page: Item) -> list[dict[str, Any]]:
    """The steps of a page's way, newest last; what nobody recorded is left out."""
    found = provenance or {}
    press, batch, ledger = found.get("press") or {}, found.get("batch") or {}, found.get("ledger") or {}
    steps: list[dict[str, Any]] = []
    if batch:
        steps.append(
            {
                "words": gettext("Batch opened at %(station)s", station=batch.get("station", "–")),
                "t": batch.get("opened"),
                "detail": batch.get("volume"),
            }
        )
    if press:
        steps.append({"words": gettext("Pedal pressed"), "t": press.get("t"), "detail": press.get("pedal")})
    steps.append(
        {
            "words": gettext("Captured by %(name)s", name=page.get("operator") or gettext("unknown")),
            "t": page.get("t"),
            "detail": page.get("station"),
        }
    )
    if page.get("replaces"):
        steps.append({"words": gettext("Takes the place of an earlier image"), "detail": page.get("reason") or page["replaces"]})
    steps.append(
        {
            "words": gettext("Image filed, %(size)s", size=formats.size(page.get("bytes"))),
            "detail": f"SHA-256 {page.get('sha256') or '–'}",
            "mono": True,
        }
    )
    for climate in found.get("climate") or []:
        name = words.word(words.QUANTITY, climate.get("q", ""))
        value = formats.number(climate.get("v"), words.decimals(str(climate.get("q"))))
        steps.append({"words": gettext("Climate at that moment"), "detail": f"{name} {value} {words.unit(climate.get('u'))}"})
    if ledger:
        steps.append(
            {
                "words": gettext("Entry %(index)s of the ledger", index=formats.number(ledger.get("index"))),
                "detail": ledger.get("leaf_hash"),
                "mono": True,
            }
        )
    if batch.get("decided_by"):
        steps.append(
            {
                "words": gettext("Decided by %(name)s", name=batch["decided_by"]),
                "t": batch.get("decided"),
                "detail": batch.get("decided_reason"),
            }
        )
    return steps


def overview(facts: Facts, who: Principal) -> list[dict[str, Any]]:
    """The cards of the overview, by right."""
    cards: list[dict[str, Any]] = []

    def card(endpoint: str, title: str, tone: str, said: str, detail: str) -> None:
        cards.append({"url": url_for(f"console.{endpoint}"), "title": title, "tone": tone, "words": said, "detail": detail})

    if who.may("environment.read"):
        rooms = facts.rooms()
        light = formats.worst(room["light"] for room in rooms) if rooms else "grey"
        number = ngettext("%(num)d storeroom is watched.", "%(num)d storerooms are watched.", len(rooms))
        card("rooms", gettext("Storerooms"), light, words.word(words.LIGHT, light), number)
    if who.may("alarms.read"):
        count = facts.open_alarms()
        said = ngettext("%(num)d open alarm", "%(num)d open alarms", count) if count else gettext("No open alarms")
        card("alarms", gettext("Alarms"), "red" if count else "green", said, gettext("What needs somebody now, and what was done."))
    if who.may("security.read"):
        waiting = len(facts.reviews(show="waiting")[0])
        said = ngettext("%(num)d waits", "%(num)d wait", waiting) if waiting else gettext("Nothing waits")
        card(
            "security",
            gettext("Review queue"),
            "yellow" if waiting else "green",
            said,
            gettext("Every opening with its clip and its verdict."),
        )
    if who.may("digitization.read"):
        batches = facts.batches()[0]
        waiting = sum(batch["state"] == "closed" for batch in batches)
        said = ngettext("%(num)d waits", "%(num)d wait", waiting) if waiting else gettext("Nothing waits")
        card("batches", gettext("Batches"), "yellow" if waiting else "green", said, gettext("Digitised pages and their acceptance."))
    if who.may("ledger.read"):
        checkpoint = facts.checkpoint()
        said = gettext("%(num)s entries", num=formats.number(checkpoint["size"])) if checkpoint else gettext("No checkpoint")
        card("ledger", gettext("Ledger"), "green" if checkpoint else "grey", said, gettext("What was sent and done, provable to anyone."))
    if who.may("agents.read"):
        agents = facts.agents()
        away = sum(not agent["online"] for agent in agents)
        said = ngettext("%(num)d not reachable", "%(num)d not reachable", away) if away else gettext("All online")
        number = ngettext("%(num)d agent is enrolled.", "%(num)d agents are enrolled.", len(agents))
        card(
            "agents", gettext("Agents"), "red" if away else ("green" if agents else "grey"), said if agents else gettext("None yet"), number
        )
    return cards
