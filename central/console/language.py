"""Which language and which time zone a page is drawn in: what the viewer chose, else what the browser asks for."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import flask_babel
from flask import Flask, request
from flask_babel import Babel
from flask_login import current_user

LANGUAGES = {"zh": "zh_Hans_CN", "en": "en"}  # what the switch says -> the catalogue
DEFAULT = "zh"
LANGUAGE_COOKIE = "muniment_lang"
ZONE_COOKIE = "muniment_zone"
THEME_COOKIE = "muniment_theme"
THEMES = ("auto", "light", "dark")
YEAR_S = 31_536_000


def language() -> str:
    """`zh` or `en`: the cookie of the switch, the user's own setting, the browser's wish, Chinese."""
    for wish in (request.cookies.get(LANGUAGE_COOKIE), getattr(current_user, "lang", None)):
        if wish in LANGUAGES:
            return str(wish)
    return request.accept_languages.best_match(list(LANGUAGES)) or DEFAULT


def zone() -> ZoneInfo:
    """The viewer's time zone as the browser told it in a cookie; UTC until it has."""
    try:
        return ZoneInfo(unquote(request.cookies.get(ZONE_COOKIE, "UTC"))[:64] or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def theme() -> str:
    """`auto`, `light` or `dark`, from the cookie of the switch."""
    wish = request.cookies.get(THEME_COOKIE, "auto")
    return wish if wish in THEMES else "auto"


def gettext(text: str, **values: object) -> str:
    """The text in the viewer's language, `%(name)s` filled in."""
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, num: int, **values: object) -> str:
    """The text for this number in the viewer's language; `%(num)d` is the number."""
    return str(flask_babel.ngettext(one, many, num, **values))


def html_lang() -> str:
    """The page's language as a BCP 47 tag."""
    return str(flask_babel.get_locale()).replace("_", "-")


def install(app: Flask) -> None:
    """Give the app its translations, kept beside this module."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(Path(__file__).parent / "translations")
    app.config["BABEL_DEFAULT_LOCALE"] = LANGUAGES[DEFAULT]
    Babel(app, locale_selector=lambda: LANGUAGES[language()])
