"""Magic links: a signed token that names a user and an end, and the address around it, which no caller may choose."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from hashpass.domain.codes import base58
from hashpass.domain.errors import BadRequest, NotReady
from hashpass.generators.seeds import decode_base58
from hashpass.generators.table import GENERATORS
from hashpass.identity.derive import USER_ID_BYTES

LIFE: Final = 900
"""Seconds a link can be used."""
TOKEN_BYTES: Final = 72
SIGNED_BYTES: Final = 40
MAX_TOKEN: Final = 128
MAX_NEXT: Final = 2048

FALSE: Final = "Invalid or expired magic link"
EXPIRED: Final = "Magic link has expired"
NO_ORIGIN: Final = "Sign-in is not set up here: the operator has to set HASHPASS_PUBLIC_URL."


@frozen
class Link:
    """What a token says: the user's 32 bytes and the last second of its life."""

    user_id: bytes
    expires: int


def make_token(key: bytes, link: Link) -> str:
    signed = link.user_id + link.expires.to_bytes(8, "big")
    return base58(signed + hmac.digest(key, signed, "sha3_256"))


def read_token(key: bytes, text: str, now: float) -> Link:
    """What a token of ours says. BadRequest for any other, and for one whose time has passed."""
    try:
        token = decode_base58(text) if len(text) <= MAX_TOKEN else b""
    except ValueError:
        token = b""
    if len(token) != TOKEN_BYTES:
        raise BadRequest(FALSE, field="magiclink")
    signed, mac = token[:SIGNED_BYTES], token[SIGNED_BYTES:]
    if not hmac.compare_digest(hmac.digest(key, signed, "sha3_256"), mac):
        raise BadRequest(FALSE, field="magiclink")
    link = Link(signed[:USER_ID_BYTES], int.from_bytes(signed[USER_ID_BYTES:], "big"))
    if now > link.expires:
        raise BadRequest(EXPIRED, field="magiclink")
    return link


@frozen
class Destination:
    """Where a link leads: one of our own pages, and the form that is to be restored there."""

    origin: str
    form: str | None = None

    def url(self, token: str) -> str:
        """All parts are base58 or come from the settings, so nothing is left to be escaped in a URL."""
        return f"{self.origin}/?magiclink={token}" + ("" if self.form is None else f"&next={self.form}")


@frozen
class Origins:
    """The pages that links may lead to; the first is meant where the caller names none."""

    allowed: tuple[str, ...]

    @classmethod
    def of(cls, public_url: str | None, hosts: Sequence[str], local_port: int | None = None) -> Origins:
        """As set; or, with nothing set and only this machine able to reach the server, this machine's own names."""
        listed = [*([public_url] if public_url else []), *hosts]
        if not listed and local_port is not None:
            listed = [f"http://localhost:{local_port}", f"http://127.0.0.1:{local_port}"]
        return cls(tuple(dict.fromkeys(listed)))

    def choose(self, asked: object) -> str:
        """The origin a caller asked for, if it is one of ours. A link anywhere else would carry the token there."""
        if not self.allowed:
            raise NotReady(NO_ORIGIN)
        if asked is None or asked == "":
            return self.allowed[0]
        wanted = _origin(asked) if isinstance(asked, str) else None
        for origin in self.allowed:
            if wanted is not None and _origin(origin) == wanted:
                return origin
        raise BadRequest("ui_host is not an address of this site.", field="ui_host")


def _origin(text: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an address that has nothing else, slashes at its end apart."""
    try:
        parts = urlsplit(text.rstrip("/"))
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    bare = f"{parts.scheme}://{parts.netloc}".lower() == text.rstrip("/").lower()
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or not bare or not text.isascii():
        return None
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80)


def parse_form(text: object) -> str | None:
    """The state of a form as base58 of a flat JSON object that names its generator; anything else is BadRequest.

    So `next` can never be an address, and there is no way to send somebody elsewhere with it.
    """
    if text is None or text == "":
        return None
    try:
        if isinstance(text, str) and len(text) <= MAX_NEXT and _is_form(json.loads(decode_base58(text).decode())):
            return text
    except (ValueError, RecursionError):  # not base58, not UTF-8, not JSON
        pass
    raise BadRequest("next must be the base58 of a form's state.", field="next")


def _is_form(value: object) -> bool:
    if not isinstance(value, dict) or not all(isinstance(v, str | int | float | None) for v in value.values()):
        return False
    return value.get("endpoint") in GENERATORS
