"""What there is to solve: pairs of salt and target, where a solution n makes SHA-256(salt + n) start with target.

Two ways to make the pairs of a token. The seeded one is the protocol's own: the widget computes the pairs from the
token, through a hash of 32 bits, so two tokens in four thousand million share their answers and all answers can be
computed ahead. The listed one is sent in full; its pairs come from a secret key, so nobody knows them before the
token is given out, and no two tokens share them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256, shake_256

MASK = 0xFFFFFFFF
FNV_START = 2166136261
FNV_PRIME = 16777619

MAX_SOLUTION = 2**53 - 1
"""The largest whole number a browser holds exactly."""


def fnv(data: Iterable[int], state: int = FNV_START) -> int:
    """FNV-1a in 32 bits. It goes on from any state, so a common beginning is hashed once."""
    for unit in data:
        state = (state ^ unit) * FNV_PRIME & MASK
    return state


def hex_stream(state: int, length: int) -> str:
    """The first `length` hex digits of xorshift32 from this state."""
    words = []
    for _ in range(0, length, 8):
        state ^= state << 13 & MASK
        state ^= state >> 17
        state ^= state << 5 & MASK
        words.append(f"{state:08x}")
    return "".join(words)[:length]


def prng(seed: str, length: int) -> str:
    """The protocol's generator. It reads UTF-16 code units, because browsers do."""
    return hex_stream(fnv(_code_units(seed)), length)


def seeded_pairs(token: str, count: int, size: int, difficulty: int) -> Iterator[tuple[str, str]]:
    """The pairs that a widget derives from the token, one by one."""
    start = fnv(_code_units(token))
    for i in range(1, count + 1):
        state = fnv(b"%d" % i, start)
        yield hex_stream(state, size), hex_stream(fnv(b"d", state), difficulty)


def listed_pairs(seed: bytes, count: int, size: int, difficulty: int) -> list[list[str]]:
    """Pairs cut from one stream; whoever does not know the seed cannot tell it from chance."""
    width = size + difficulty
    digits = shake_256(seed).hexdigest((count * width + 1) // 2)
    return [[digits[at : at + size], digits[at + size : at + width]] for at in range(0, count * width, width)]


def is_solution(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_SOLUTION


def are_solved(pairs: Iterable[Sequence[str]], solutions: Sequence[int]) -> bool:
    """Whether every solution fits its pair. It stops at the first that does not."""
    return all(
        sha256(b"%b%d" % (salt.encode(), n)).hexdigest().startswith(target)
        for (salt, target), n in zip(pairs, solutions, strict=True)
    )


def _code_units(text: str) -> Iterable[int]:
    if text.isascii():
        return text.encode()
    data = text.encode("utf-16-le", "surrogatepass")
    return struct.unpack(f"<{len(data) // 2}H", data)
