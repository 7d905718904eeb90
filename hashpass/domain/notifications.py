"""One webhook notification: what it is, how it is signed, and how it stands in `webhooks.json`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable

from attrs import field, frozen

PAUSES = (1.0, 4.0, 16.0, 64.0, 256.0, *[3600.0] * 72)
"""Seconds before each further try: quickly at first, then hourly for three days."""
TRIES = len(PAUSES) + 1
MAX_DATE = 1e11
"""Unix seconds of a year that no clock here will see."""


@frozen
class Notification:
    """One body on its way. It keeps its id through every try, so that the receiver can tell a repeat."""

    id: str
    body: str = field(repr=False)
    created_at: float
    """Unix seconds, like `next_try_at`: both stand in the file."""
    next_try_at: float
    tries: int = 0
    last_error: str | None = None

    @property
    def failed(self) -> bool:
        return self.tries >= TRIES


def signing_key(secret: str) -> bytes:
    """The key in a WEBHOOK_SECRET: `whsec_` and base64 as Standard Webhooks writes it, else the text's own bytes.

    Plain text is never taken for base64, though much of it would pass: `correcthorsebattery` means its letters. A
    receiver with a Standard Webhooks library gives that library the same bytes (its "raw" form).
    """
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("WEBHOOK_SECRET starts with whsec_, but what follows is not base64.")
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of Standard Webhooks."""
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def render(kept: Iterable[Notification]) -> bytes:
    """The file's content: one line a notification, so that a person can read it."""
    lines = [
        json.dumps(
            {
                "id": one.id,
                "created_at": one.created_at,
                "next_try_at": one.next_try_at,
                "tries": one.tries,
                "last_error": one.last_error,
                "body": one.body,
            }
        )
        for one in kept
    ]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def parse(data: bytes | None) -> list[Notification]:
    """Read the file's content; ValueError with a sentence if it is not what `render` writes."""
    if data is None:
        return []
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise _unreadable("it is not JSON") from None
    if not isinstance(found, list):
        raise _unreadable("it is not a list")
    return [_parse_one(number, one) for number, one in enumerate(found, 1)]


def _parse_one(number: int, found: object) -> Notification:
    match found:
        case {
            "id": str(message_id),
            "body": str(body),
            "created_at": int() | float() as created_at,
            "next_try_at": int() | float() as next_try_at,
            "tries": int(tries),
            "last_error": (str() | None) as last_error,
        } if (message_id + body).isascii() and message_id.isprintable() and 0 <= tries <= TRIES:
            if 0 <= created_at < MAX_DATE and 0 <= next_try_at < MAX_DATE:  # which NaN is not
                return Notification(message_id, body, float(created_at), float(next_try_at), tries, last_error)
    raise _unreadable(f"entry {number} is not a notification")


def _unreadable(why: str) -> ValueError:
    return ValueError(
        f"webhooks.json cannot be read: {why}. Nothing was overwritten. Mend it or move it away, then start again."
    )
