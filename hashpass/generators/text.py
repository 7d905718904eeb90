"""Spelling a seed in an alphabet. Every character takes one whole word of the keystream and uses its low byte."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hashpass.generators.alphabets import Alphabet
from hashpass.generators.chacha import BLOCK, keystream, words

WORD: Final = 4
TRIES: Final = 50
PAIRS: Final = ("--", "__")
"""What reads as one dash, or breaks where people paste it."""
OTP_DIGITS: Final = 9
OTP_DOMAIN: Final = 0x5A


def spell(seed: bytes, length: int, alphabet: Alphabet) -> str:
    """The longer text of a seed begins with the shorter one."""
    blocks = -(-length * WORD // BLOCK)
    return keystream(seed, blocks)[::WORD][:length].translate(alphabet.table).decode("ascii")


def spell_without_pairs(seed: bytes, length: int, alphabet: Alphabet, prefix: str = "", suffix: str = "") -> str:
    """The first of 50 neighbours of the seed whose whole text has no pair; if all have one, the seed's own text.

    The first neighbour is the seed plus one, so a seed's own text is not what comes out even if it has no pair.
    """
    for step in range(1, TRIES + 1):
        neighbour = bytes([(seed[0] + step) % 256]) + seed[1:]
        text = prefix + spell(neighbour, length, alphabet) + suffix
        if not any(pair in text for pair in PAIRS):
            return text
    return prefix + spell(seed, length, alphabet) + suffix


def otp(seed: bytes) -> str:
    """Nine digits beside the text, from a key of their own, so that they say nothing about it."""
    draws = words(seed[:-1] + bytes([seed[-1] ^ OTP_DOMAIN]))
    return "".join(str(draw_digit(draws)) for _ in range(OTP_DIGITS))


def draw_digit(draws: Iterator[int]) -> int:
    """One of ten, as rand 0.9 draws it: a second word decides where the first one is too coarse to."""
    digit, low = divmod(next(draws) * 10, 2**32)
    if low > 2**32 - 10:
        digit += low + (next(draws) * 10 >> 32) >> 32
    return digit
