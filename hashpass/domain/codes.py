"""Invite codes: derived from the answer that won, so that whoever holds the key can check one from its record."""

from __future__ import annotations

import hashlib
import hmac

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_CODE_LENGTH = 16


def code_seed(key: bytes, visitor_id: str, nonce: int, seed: str) -> bytes:
    """The 32 bytes that a code, or a prize of another style, is spelled from."""
    return hmac.digest(key, f"{visitor_id}:{nonce}:{seed}".encode(), hashlib.sha256)


def derive_code(key: bytes, visitor_id: str, nonce: int, seed: str, *, prefix: str) -> str:
    return prefix + base58(code_seed(key, visitor_id, nonce, seed))[:_CODE_LENGTH]


def base58(data: bytes) -> str:
    """Bitcoin's alphabet: no 0, O, I or l, which people misread. Leading zero bytes become leading ones."""
    number = int.from_bytes(data, "big")
    digits = ""
    while number:
        number, rest = divmod(number, 58)
        digits = _ALPHABET[rest] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits
