"""What every page's frame needs: navigation by right, home by role, file names of the build, template filters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask, g, request, url_for
from flask_login import current_user
from jinja2 import pass_context

from central.console import formats, language, shapes, words
from central.console.facts import Facts
from central.console.language import gettext, ngettext
from central.console.tabs import line_tabs, room_tabs
from central.environment.limits.queries import settings_of
from central.store.engine import reading
from central.web.state import config, engine, state

MANIFEST = Path(__file__).parent / "static" / "dist" / "manifest.json"
LINE_PAGES = frozenset(f"console.{name}" for name in ("board", "volumes", "volume", "yields", "acceptance", "line_people"))
STALE_S = 180  # a value older than this is marked: agents report at least each minute

# the first that a person has decides
HOMES = (
    ("security", "console.security"),
    ("operator", "console.line"),
    ("facility", "console.rooms"),
    ("archivist", "console.batches"),
)


class Assets:
    """Names of the built files, read again when the build has changed."""

    def __init__(self, manifest: Path = MANIFEST) -> None:
        self._manifest = manifest
        self._stamp = -1
        self._names: dict[str, str] = {}

    def url(self, source: str) -> str:
        """The address of what a source file was built into; without a build the name itself, which answers 404."""
        try:
            stamp = self._manifest.stat().st_mtime_ns
            if stamp != self._stamp:
                self._names, self._stamp = json.loads(self._manifest.read_text()), stamp
        except FileNotFoundError:
            self._names = {}
        return url_for("console.static", filename=f"dist/{self._names.get(source, source)}")


def home_of(roles: Iterable[str]) -> str:
    """The endpoint of the home page for these roles."""
    having = set(roles)
    return next((endpoint for role, endpoint in HOMES if role in having), "console.overview")


def _items(facts: Facts) -> list[dict[str, Any]]:
    may = current_user.may
    shown: list[tuple[str, str, str, bool]] = [
        ("overview", "console.overview", gettext("Overview"), bool({"auditor", "admin"} & current_user.roles)),
        ("rooms", "console.rooms", gettext("Storerooms"), may("environment.read")),
        ("plan", "console.plans", gettext("Floor plans"), bool({"facility", "security", "auditor"} & current_user.roles)),
        ("sensor", "console.sensors", gettext("Sensors"), bool({"facility", "auditor"} & current_user.roles)),
        ("alarms", "console.alarms", gettext("Alarms"), may("alarms.read")),
        ("patrol", "console.patrol", gettext("Patrol"), may("patrols.read")),
        ("calendar", "console.calendar", gettext("Calendar"), may("calendar.edit")),
        ("security", "console.security", gettext("Review queue"), may("security.read")),
        ("line", "console.line", gettext("Line"), may("stations.read")),
        ("batches", "console.batches", gettext("Batches"), may("digitization.read")),
        ("search", "console.search", gettext("Search"), may("search")),
        ("ledger", "console.ledger", gettext("Ledger"), may("ledger.read")),
        ("agents", "console.agents", gettext("Agents"), may("agents.read")),
    ]
    own = home_of(current_user.roles)
    items = []
    for symbol, endpoint, text, allowed in sorted(shown, key=lambda item: item[1] != own):
        if not allowed:
            continue
        here = request.endpoint or ""
        current = (
            here == endpoint
            or (here.startswith("console.room") and symbol == "rooms")
            or (here in LINE_PAGES and symbol == "line")
            or (here == "console.plan" and symbol == "plan")
            or (here.startswith("console.batch") and symbol == "batches")
            or (here == "console.alarm" and symbol == "alarms")
            or (here.startswith("console.patrol") and symbol == "patrol")
        )
        tally = facts.open_alarms() if symbol == "alarms" else 0
        said = ngettext("%(num)d open alarm", "%(num)d open alarms", tally) if tally else ""
        items.append({"icon": symbol, "url": url_for(endpoint), "words": text, "current": current, "tally": tally, "tally_words": said})
    return items


def limits_of(room: dict[str, Any], reading: dict[str, Any]) -> dict[str, float | None]:
    """The tightest limits in force for a reading's channel."""
    mine = [limit for limit in room.get("limits") or () if limit.get("channel", limit.get("sensor")) == reading["sensor"]]
    above = [limit["above"] for limit in mine if limit.get("above") is not None]
    below = [limit["below"] for limit in mine if limit.get("below") is not None]
    return {"above": min(above) if above else None, "below": max(below) if below else None}


@pass_context
def _word(_context: object, code: object, table: str) -> str:
    """The word for a code; with the context, so that Jinja does not fold it into the template in the language of the first reader."""
    return words.word(getattr(words, table.upper()), code)


def room_name(room: str | None) -> str:
    """What people call a room; its id where nobody has named it. All names are read once for a page."""
    if "room_names" not in g:
        with reading(engine()) as connection:
            g.room_names = {ident: one.name(language.language()) for ident, one in settings_of(connection).items()}
    return str(g.room_names.get(room) or room or "–")


def _problem_words(status: int) -> tuple[str, str]:
    if status == 404:
        return gettext("Not found"), gettext("There is nothing at this address, or it is not kept any more.")
    if status in (401, 403):
        return gettext("Not allowed"), gettext("Your roles do not include this page. Ask an administrator if you need it.")
    if status == 429:
        return gettext("Too many tries"), gettext("Wait a minute, then try again.")
    if status < 500:
        return gettext("That did not work"), gettext("The request could not be understood. Go back, load the page anew and try again.")
    return gettext("The centre has a problem"), gettext("It was logged. Rooms and benches go on by themselves; try again in a moment.")


def anchor(text: object) -> str:
    """An element id for any identity."""
    return hashlib.sha256(str(text).encode()).hexdigest()[:12]


def live_from() -> int:
    """The newest live event before anything of this page was read: its stream starts there, so that nothing falls between."""
    if "live_from" not in g:
        g.live_from = state().live.newest()
    return int(g.live_from)


def install(app: Flask, facts: Facts) -> None:
    """Register the filters and functions that templates call."""
    assets = Assets()
    app.jinja_env.filters.update(
        when=lambda t, form="": formats.when(t, language.zone(), form),
        age=formats.age,
        number=formats.number,
        figure=formats.figure,
        size=formats.size,
        short=formats.short,
        spark=formats.spark,
        worst=formats.worst,
        localized=lambda text: formats.localized(text, language.language()),
        word=_word,
        unit=words.unit,
        decimals=words.decimals,
        anchor=anchor,
        tail=lambda identity: str(identity).rpartition("/")[2],
        contact_said=shapes.contact_said,
        room_name=room_name,
        alarm_words=lambda alarm: shapes.alarm_words(alarm, language.language()),
        why=lambda room: shapes.why(room, language.language()),
        alarm_advice=lambda alarm: shapes.alarm_advice(alarm, language.language()),
        check_words=lambda check: shapes.check_words(check, language.language()),
        problem_words=_problem_words,
        path=partial(quote, safe=""),
    )

    app.jinja_env.globals.update(  # not a context processor: macros that are imported need them, too
        asset=assets.url,
        browser_words=words.for_browser,
        html_lang=language.html_lang,
        language=language.language,
        limits_of=limits_of,
        line_tabs=line_tabs,
        live_from=live_from,
        live_url=lambda: url_for("live.live_stream"),
        may=lambda right: current_user.may(right),
        navigation=partial(_items, facts),
        room_tabs=room_tabs,
        sign_out_url=lambda: url_for("people.logout"),
        site_name=lambda: config().site,
        stale_s=STALE_S,
        theme=language.theme,
        zone=language.zone,
    )
