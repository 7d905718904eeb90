"""The pages and their files, as the front end's build left them: read once at start, served from memory by exact name.

A path is only ever a key of a table, so there is no way out of the directory, and nothing to compress while serving.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from attrs import frozen
from quart import Response, abort, request
from quart_trio.wrappers import TrioResponse

from hashpass.web.errors import Application
from hashpass.web.security import Csp

log = logging.getLogger("hashpass.web")

PAGES: Final[Mapping[str, str]] = MappingProxyType({"/": "index.html", "/admin": "admin.html"})
"""Which file is the page at which path."""

WORKSHOP: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(("/generators", "/custom/", "/password/", "/api-key/", "/mnemonic/", "/result/"), "generators.html")
)
"""The same for the generators, which are one page with several addresses."""

TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".ico": "image/x-icon",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
        ".woff2": "font/woff2",
    }
)
"""What is not listed is not served. Written out, since what `mimetypes` says depends on the machine."""

ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
"""What a file may be there as besides itself, the smaller first."""

UNCHANGING: Final = "public, max-age=31536000, immutable"
REVALIDATED: Final = "no-cache"

POLICY: Final = "csp.json"

ROBOTS: Final = "User-agent: *\nDisallow: /admin\nDisallow: /api/\nDisallow: /result/\n"
NOT_BUILT: Final = "The pages have not been built, so there is only the API here. ./scripts/nox -s serve builds them.\n"


@frozen
class Asset:
    """One file in every encoding it is there in; "" is the file itself."""

    bodies: Mapping[str, bytes]
    content_type: str
    cache_control: str
    digest: str

    def answer(self) -> Response:
        """The answer to the present request: 200 in the best encoding that the client names, or 304."""
        accepted = {name.lower() for name, quality in request.accept_encodings if quality > 0}
        encoding = next((name for name in self.bodies if name in accepted), "")
        headers = {
            "Cache-Control": self.cache_control,
            # Other bytes are another representation, and have to have another tag.
            "ETag": f'"{self.digest}-{encoding}"' if encoding else f'"{self.digest}"',
            "Vary": "Accept-Encoding",
        }
        if request.if_none_match.contains_weak(headers["ETag"].strip('"')):
            response = TrioResponse(b"", 304, headers=headers)
            for name in ("Content-Type", "Content-Length"):  # they would speak of a body that is not here
                response.headers.pop(name, None)
            return response
        if encoding:
            headers["Content-Encoding"] = encoding
        return TrioResponse(self.bodies[encoding], content_type=self.content_type, headers=headers)


def read(directory: Path) -> dict[str, Asset]:
    """Every file below the directory that is worth serving, by its path in there."""
    return {
        path.relative_to(directory).as_posix(): _read(path, hashed=path.parent == directory / "assets")
        for path in sorted(directory.rglob("*"))
        if path.suffix in TYPES and path.is_file()
    }


def _read(path: Path, *, hashed: bool) -> Asset:
    content = path.read_bytes()
    compressed = {name: path.with_name(path.name + suffix) for name, suffix in ENCODINGS}
    return Asset(
        bodies={**{name: other.read_bytes() for name, other in compressed.items() if other.is_file()}, "": content},
        content_type=TYPES[path.suffix],
        cache_control=UNCHANGING if hashed else REVALIDATED,
        digest=hashlib.sha256(content).hexdigest()[:32],
    )


def policy(directory: Path) -> Csp:
    """What the built pages need of the policy beyond our own origin: the hash of the style sheet in Cap's widget."""
    path = directory / POLICY
    return Csp(style_src=tuple(json.loads(path.read_bytes())["style_src"])) if path.is_file() else Csp()


def install(app: Application, directory: Path, *, workshop: bool = True) -> None:
    """Serve the pages that were built into `directory`. Where none were, `/` says so and everything else works."""
    assets = read(directory)
    if not assets:
        log.warning("The pages have not been built; only the API is served.")

    async def serve_page(name: str) -> Response:
        asset = assets.get(name)
        if asset is None:
            return TrioResponse(NOT_BUILT, 503, content_type=TYPES[".txt"], headers={"Cache-Control": "no-store"})
        return asset.answer()

    async def serve_file(name: str) -> Response:
        # A page has one address, the one in PAGES.
        if name not in assets or name.endswith(".html"):
            abort(404)
        return assets[name].answer()

    async def serve_icon() -> Response:
        """Browsers ask for it whatever the page says, and write a line of complaint where it is missing."""
        if "favicon.ico" not in assets:
            return TrioResponse(b"", 204)
        return assets["favicon.ico"].answer()

    async def serve_robots() -> Response:
        return TrioResponse(ROBOTS, content_type=TYPES[".txt"], headers={"Cache-Control": "public, max-age=86400"})

    for path, file in {**PAGES, **(WORKSHOP if workshop else {})}.items():
        app.add_url_rule(
            path, f"page {path}", serve_page, defaults={"name": file}, methods=["GET"], strict_slashes=False
        )
    app.add_url_rule("/static/<path:name>", "static file", serve_file, methods=["GET"])
    app.add_url_rule("/favicon.ico", "favicon", serve_icon, methods=["GET"])
    app.add_url_rule("/robots.txt", "robots", serve_robots, methods=["GET"])
