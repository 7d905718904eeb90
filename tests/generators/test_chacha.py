"""The keystream is the published one, however many blocks are computed at once."""

from __future__ import annotations

import struct
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from hashpass.generators.chacha import keystream, words

PUBLISHED = (
    "3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e"
    "984ce172b9216f419f445367456d5619314a42a3da86b001387bfdb80e0cfe42"
    "d2aefa0deaa5c151bf0adb6c01f2a5adc0fd581259f9a2aadcf20f8fd566a26b"
    "5032ec38bbc5da98ee0c6f568b872a65a08abf251deb21bb4b56e5d8821e68aa"
)
"""draft-strombergson-chacha-test-vectors, TC1: a key and a nonce of zeros, 256 bits, 8 rounds."""

KEYS = st.binary(min_size=32, max_size=32)


def textbook_block(key: bytes, counter: int) -> bytes:
    """One block as the paper has it, a word at a time."""
    start = [*struct.unpack("<4I", b"expand 32-byte k"), *struct.unpack("<8I", key), counter, 0, 0, 0]
    state = list(start)

    def rotate(word: int, by: int) -> int:
        return (word << by | word >> 32 - by) & 0xFFFFFFFF

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for x, y, z, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            state[z] = rotate(state[z] ^ state[x], by)

    for _ in range(4):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((x + y) & 0xFFFFFFFF for x, y in zip(state, start, strict=True)))


def test_the_published_vector() -> None:
    assert keystream(bytes(32), 2).hex() == PUBLISHED


@given(KEYS, st.integers(1, 9), st.integers(0, 2**20))
def test_blocks_computed_at_once_are_the_textbook_s_one_by_one(key: bytes, blocks: int, first: int) -> None:
    assert keystream(key, blocks, first) == b"".join(textbook_block(key, first + n) for n in range(blocks))


@given(KEYS)
def test_words_go_on_over_the_end_of_a_block(key: bytes) -> None:
    assert struct.pack("<40I", *islice(words(key), 40)) == keystream(key, 3)[:160]
