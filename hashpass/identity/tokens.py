"""Access and refresh tokens: JSON Web Tokens under HS256, by PyJWT, with our own clock."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import jwt
from attrs import field, frozen

Kind = Literal["access", "refresh"]

ALGORITHM: Final = "HS256"
MAX_TOKEN: Final = 1024
EXPIRED: Final = "ExpiredSignature"
WRONG_TYPE: Final = "Invalid token type"


class TokenRefused(Exception):
    """`reason` is for the caller."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@frozen
class Claims:
    username: str
    session: int


def _new_id() -> str:
    return secrets.token_hex(16)


@frozen
class Tokens:
    """Mints and reads. A token names its session and is good for nothing once that has ended."""

    key: str = field(repr=False)
    """As it is written: its hex digits are the key, not what they stand for."""
    wall: Callable[[], float]
    access_life: int = 900
    refresh_life: int = 604_800
    new_id: Callable[[], str] = _new_id

    def access(self, claims: Claims) -> str:
        return self.encode(self._claims("access", claims, self.access_life))

    def refresh(self, claims: Claims) -> str:
        """With a number of its own: of two made in one second the older must be known as such."""
        return self.encode({**self._claims("refresh", claims, self.refresh_life), "jti": self.new_id()})

    def encode(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(dict(claims), self.key, ALGORITHM, sort_headers=False)

    def read(self, text: str, kind: Kind, *, even_expired: bool = False) -> Claims:
        """What a token of ours says, or TokenRefused."""
        claims = self._decode(text)
        username, session, expires = claims.get("sub"), claims.get("session_id"), claims.get("exp")
        if claims.get("token_type") != kind:
            raise TokenRefused(WRONG_TYPE)
        if not (isinstance(username, str) and isinstance(session, int) and isinstance(expires, int)):
            raise TokenRefused("InvalidToken")
        if self.wall() >= expires and not even_expired:
            raise TokenRefused(EXPIRED)
        return Claims(username, session)

    def _claims(self, kind: Kind, claims: Claims, life: int) -> dict[str, Any]:
        now = int(self.wall())
        return {
            "sub": claims.username,
            "exp": now + life,
            "iat": now,
            "token_type": kind,
            "session_id": claims.session,
        }

    def _decode(self, text: str) -> dict[str, Any]:
        if len(text) > MAX_TOKEN:
            raise TokenRefused("InvalidToken")
        # PyJWT would ask the system for the time; ours is asked instead, above.
        ours: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
        try:
            return jwt.decode(text, self.key, algorithms=[ALGORITHM], options=ours)
        except jwt.InvalidSignatureError:
            raise TokenRefused("InvalidSignature") from None
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise TokenRefused("InvalidToken") from None


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
