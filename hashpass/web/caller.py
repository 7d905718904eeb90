"""What a request says of who sent it."""

from __future__ import annotations

from quart import request


def peer() -> str | None:
    """The address at the other end of the connection; None for a Unix socket."""
    client = request.scope.get("client")
    return client[0] if client else None


def bearer() -> str | None:
    """The token in the Authorization header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None
