"""Who may embed, call and connect: the headers of every answer, CORS, and the WebSocket's Origin rule."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from attrs import Attribute, evolve, field, frozen
from quart import Response, request
from quart_trio import QuartTrio

PERMISSIONS: Final = (
    "screen-wake-lock=(self), clipboard-write=(self), accelerometer=(), autoplay=(), camera=(), "
    "clipboard-read=(), display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), "
    "gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), "
    "picture-in-picture=(), publickey-credentials-get=(), serial=(), usb=(), xr-spatial-tracking=()"
)
"""The page keeps the screen awake and copies codes; what else a browser can be asked for is off.

Names that Chromium does not know everywhere (bluetooth, web-share) are left out: each would be a complaint in every
visitor's console.
"""

EXPOSED: Final = "Retry-After, WWW-Authenticate"
PREFLIGHT_SECONDS: Final = 600

ORIGIN = re.compile(r"(https?)://([a-z0-9._~%-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", re.IGNORECASE)
HOST = re.compile(r"([a-z0-9._~%-]+|\[[0-9a-f:.]+\])(?::([0-9]{0,5}))?", re.IGNORECASE)
DEFAULT_PORT: Final = {"http": 80, "https": 443}


def _sources(instance: Any, attribute: Attribute[Any], value: tuple[str, ...]) -> None:
    for source in value:
        if re.fullmatch(r"[!-~]+", source) is None or ";" in source or "," in source:
            raise ValueError(f"{attribute.name}: {source!r} is not a source")
        if "unsafe-inline" in source or "unsafe-eval" in source:
            raise ValueError(f"{attribute.name}: {source!r} would undo the policy")


@frozen
class Csp:
    """What a part of the page needs beyond our own origin; a gate states its own, and `+` joins them."""

    script_src: tuple[str, ...] = field(default=(), validator=_sources)
    frame_src: tuple[str, ...] = field(default=(), validator=_sources)
    style_src: tuple[str, ...] = field(default=(), validator=_sources)
    connect_src: tuple[str, ...] = field(default=(), validator=_sources)

    def __add__(self, other: Csp) -> Csp:
        names = ("script_src", "frame_src", "style_src", "connect_src")
        # A dictionary keeps the order and drops what both ask for.
        return evolve(self, **{n: tuple(dict.fromkeys(getattr(self, n) + getattr(other, n))) for n in names})

    def header(self) -> str:
        """The whole policy. `wasm-unsafe-eval` lets the page compile WebAssembly, and nothing else."""
        directives = {
            "default-src": ("'none'",),
            "script-src": ("'self'", "'wasm-unsafe-eval'", *self.script_src),
            "style-src": ("'self'", *self.style_src),
            "img-src": ("'self'", "data:"),
            "font-src": ("'self'",),
            "connect-src": ("'self'", *self.connect_src),
            "worker-src": ("'self'", "blob:"),
            "frame-src": self.frame_src or ("'none'",),
            "manifest-src": ("'self'",),
            "base-uri": ("'none'",),
            "form-action": ("'self'",),
            "frame-ancestors": ("'none'",),
        }
        return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def headers(csp: Csp) -> dict[str, str]:
    """What every answer carries. No COEP: it would break Turnstile's frame, and workers served by a proxy."""
    return {
        "Content-Security-Policy": csp.header(),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": PERMISSIONS,
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def install(app: QuartTrio, csp: Csp, cors: Mapping[str, Collection[str]] | None = None) -> None:
    """Put the headers on every answer of `app`, and let the listed origins read those below a path.

    `cors` maps a path's beginning to its origins; of several that fit the longest counts, so that a part can be
    excepted: `{"/api/": {"https://a.example"}, "/api/admin/": ()}`.
    """
    fixed = headers(csp)
    listed = {
        prefix: frozenset(filter(None, map(_listed_origin, origins)))
        for prefix, origins in sorted((cors or {}).items(), key=lambda item: -len(item[0]))
    }

    async def protect(response: Response) -> Response:
        for name, value in fixed.items():
            response.headers[name] = value
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        for prefix, origins in listed.items():
            if request.path.startswith(prefix):
                _share(response, origins)
                break
        return response

    async def protect_upgrade(response: Response | None) -> Response | None:
        if response is not None:  # the upgrade was refused
            for name, value in fixed.items():
                response.headers[name] = value
        return response

    app.after_request(protect)
    app.after_websocket(protect_upgrade)  # type: ignore[type-var]  # Quart passes None for an accepted one


def _share(response: Response, origins: frozenset[tuple[str, str, int]]) -> None:
    """Let a listed origin read this answer. Sessions travel as bearer tokens, so credentials are never allowed."""
    if not origins:
        return
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if _parse_origin(origin) not in origins:
        return
    response.access_control_allow_origin = origin
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        # Quart answers OPTIONS by itself, with the route's own methods in Allow.
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)


def origin_allowed(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Whether a WebSocket may be opened by a page of this Origin.

    It may if it is the page's own server (host and port as in the Host header, a port that Origin leaves out being its
    scheme's; the host alone where Host names no port, as behind many proxies), or if it is one of `allowed`, which
    are addresses as an operator writes them. Browsers always send Origin; without one there is no browser to protect.
    """
    if origin is None:
        return True
    theirs = _parse_origin(origin)
    if theirs is None:  # "null", or not an origin at all
        return False
    if any(_listed_origin(url) == theirs for url in allowed):
        return True
    ours = HOST.fullmatch(host or "")
    if ours is None or ours[1].lower() != theirs[1]:
        return False
    return not ours[2] or int(ours[2]) == theirs[2]


def _parse_origin(text: str) -> tuple[str, str, int] | None:
    """Scheme, host and port, in one spelling; None if this is not an origin of the web."""
    match = ORIGIN.fullmatch(text)
    if match is None:
        return None
    scheme = match[1].lower()
    return scheme, match[2].lower(), int(match[3] or DEFAULT_PORT[scheme])


def _listed_origin(url: str) -> tuple[str, str, int] | None:
    """The origin of an address in a setting, which may have a path."""
    return _parse_origin("/".join(url.strip().split("/")[:3]))
