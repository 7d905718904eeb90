"""ChaCha with 8 rounds, in the original layout: a 64-bit block counter from 0 and a 64-bit stream id of 0.

Neither the standard library nor `cryptography` has the 8-round variant.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import count
from typing import Final

BLOCK: Final = 64
"""Bytes in a block: 16 words of 32 bits, each little-endian."""
CONSTANTS: Final = struct.unpack("<4I", b"expand 32-byte k")
DOUBLE_ROUNDS: Final = 4


def keystream(key: bytes, blocks: int, first: int = 0) -> bytes:
    """So many blocks from the one numbered `first`; the key has 32 bytes. Only the counter's low word is counted.

    All blocks are computed at once, each row of the state as one large integer: lanes of 64 bits, the upper half kept
    free for carries, word by word and within a word block by block. Python then spends its time on few large
    operations instead of many small ones, and turning a row by one word is one rotation of the integer.
    """
    turn = 64 * blocks
    each_block = sum(1 << 64 * n for n in range(blocks))
    low_half = sum(0xFFFFFFFF << 64 * n for n in range(4 * blocks))

    def row(words: tuple[int, ...]) -> int:
        return sum(word * each_block << turn * n for n, word in enumerate(words))

    words = struct.unpack("<8I", key)
    counters = sum(first + n << 64 * n for n in range(blocks))
    start = (row(CONSTANTS), row(words[:4]), row(words[4:]), counters)
    a, b, c, d = start
    for _ in range(DOUBLE_ROUNDS):
        # Columns, then the diagonals, which become columns when the rows are turned; the second turn undoes the first.
        for one, two, three in ((turn, 2 * turn, 3 * turn), (3 * turn, 2 * turn, turn)):
            a = a + b & low_half
            d ^= a
            d = (d << 16 | d >> 16) & low_half
            c = c + d & low_half
            b ^= c
            b = (b << 12 | b >> 20) & low_half
            a = a + b & low_half
            d ^= a
            d = (d << 8 | d >> 24) & low_half
            c = c + d & low_half
            b ^= c
            b = (b << 7 | b >> 25) & low_half
            b = (b >> one | b << 4 * turn - one) & low_half
            c = (c >> two | c << 4 * turn - two) & low_half
            d = (d >> three | d << 4 * turn - three) & low_half
    rows = [
        struct.unpack(f"<{4 * blocks}Q", (x + y & low_half).to_bytes(32 * blocks, "little"))
        for x, y in zip((a, b, c, d), start, strict=True)
    ]
    return struct.pack(f"<{16 * blocks}I", *(w for n in range(blocks) for lanes in rows for w in lanes[n::blocks]))


def words(key: bytes) -> Iterator[int]:
    """The same stream as numbers of 32 bits, without an end."""
    for n in count():
        yield from struct.unpack("<16I", keystream(key, 1, n))
