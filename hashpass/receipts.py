"""Signed receipts: that a code was won here, checkable by anybody who has our public keys, without asking us."""

from __future__ import annotations

import base64
from typing import Any, Final

import jwt
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hashpass.directory import KeyRing, ReceiptKey
from hashpass.domain.errors import StoreUnavailable
from hashpass.domain.records import read_stamp, stamp

ALGORITHM: Final = "EdDSA"
TYPE: Final = "hashpass-receipt+jwt"
"""In the header, so that no other token signed with the same key can pass for a receipt, nor a receipt for one."""


class Receipts:
    """The newest key signs. The public halves of all keys stay listed: what an older one has signed is still true."""

    def __init__(self, ring: KeyRing, *, issuer: str) -> None:
        self._ring = ring
        self._issuer = issuer

    def sign(self, code: str, round_number: int, won_at: float) -> str:
        """A JWS in compact form; the same for the same win, as long as no new key was made."""
        key = self._ring.keys.receipts[-1]
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "code": code,
            "round": round_number,
            # As the audit log has it, from where a winner's code is answered again.
            "iat": int(read_stamp(stamp(won_at))),
        }
        return jwt.encode(claims, _private(key), algorithm=ALGORITHM, headers={"kid": key.kid, "typ": TYPE})

    def jwks(self) -> dict[str, Any]:
        """The public keys, the one that signs first."""
        return {"keys": [_public(key) for key in reversed(self._ring.keys.receipts)]}

    async def rotate(self) -> str:
        """Sign with a new key from the moment it is on the disk; its id."""
        try:
            key = await trio.to_thread.run_sync(self._ring.renew_receipt)
        except OSError as error:
            raise StoreUnavailable(f"keys.json cannot be written: {error.strerror}.") from error
        return key.kid


def _private(key: ReceiptKey) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.seed)


def _public(key: ReceiptKey) -> dict[str, Any]:
    point = base64.urlsafe_b64encode(_private(key).public_key().public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": point, "kid": key.kid, "use": "sig", "alg": ALGORITHM}
