"""Who may talk to a bench's screen: its own pages only. Host and Origin are checked, bodies bounded, headers strict."""

import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

BODY_MAX = 4096
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def host_is_ours(host: str, *, names: frozenset[str]) -> bool:
    """Whether a Host header names this machine: an address, or one of its own names. A stranger's domain that resolves here does not."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:  # half a pair of brackets
        return False
    if name is None:
        return False
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        return name.rstrip(".") in names


def own_names() -> frozenset[str]:
    """The names under which a browser in the house may call this machine."""
    own = socket.gethostname().lower()
    return frozenset({"localhost", own, f"{own}.local", own.split(".", 1)[0]})


def guard(names: frozenset[str]) -> Middleware:
    """A middleware that lets no other site in: neither under a foreign Host nor with a foreign Origin."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not host_is_ours(request.host, names=names):
            raise web.HTTPMisdirectedRequest(text="this bench is not known under that name")
        if request.method not in ("GET", "HEAD"):
            if request.headers.get("Origin") != f"{request.scheme}://{request.host}":
                raise web.HTTPForbidden(text="only the bench's own screen may ask for this")
            if request.content_type != "application/json":
                raise web.HTTPUnsupportedMediaType(text="a request is JSON")
        return await handler(request)

    return guarded


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the strict headers on every answer."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
