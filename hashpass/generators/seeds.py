"""A seed as text: base58 of its 32 bytes, 44 characters or fewer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hashpass.domain.codes import base58
from hashpass.domain.errors import BadRequest
from hashpass.generators.alphabets import BASE58

SEED_BYTES: Final = 32

_VALUES: Final[Mapping[str, int]] = MappingProxyType({char: n for n, char in enumerate(BASE58.characters)})


def format_seed(seed: bytes) -> str:
    return base58(seed)


def parse_seed(text: str) -> bytes:
    """Any text that decodes to exactly 32 bytes; BadRequest says what is wrong with it."""
    try:
        seed = decode_base58(text)
    except ValueError as error:
        raise BadRequest(f"Invalid seed: Invalid base58 string: {error}", field="seed") from None
    if len(seed) != SEED_BYTES:
        raise BadRequest(f"Invalid seed: Seed must be exactly 32 bytes, got {len(seed)} bytes", field="seed")
    return seed


def decode_base58(text: str) -> bytes:
    """Bitcoin's base58, where each leading `1` is a zero byte. ValueError names the first character that is none."""
    for index, char in enumerate(text):
        if not char.isascii():
            raise ValueError(f"provided string contained non-ascii character starting at byte {index}")
        if char not in _VALUES:
            raise ValueError(f"provided string contained invalid character {char!r} at byte {index}")
    number = _number(text)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _number(text: str) -> int:
    """In halves, since a whole body of digits would otherwise hold up the server for tens of milliseconds."""
    if len(text) > 64:
        half = len(text) // 2
        scale: int = 58 ** (len(text) - half)
        return _number(text[:half]) * scale + _number(text[half:])
    number = 0
    for char in text:
        number = number * 58 + _VALUES[char]
    return number
