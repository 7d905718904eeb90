"""Texts and one-time codes: what HashRand 1.4.5 makes of the same seeds."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.generators import alphabets
from hashpass.generators.alphabets import ALPHABETS, find_alphabet
from hashpass.generators.seeds import parse_seed
from hashpass.generators.text import PAIRS, draw_digit, otp, spell, spell_without_pairs

SEEDS = st.binary(min_size=32, max_size=32)
SYMBOLS = ALPHABETS["full-with-symbols"]
A = parse_seed("2R7KDyMvBTv3WLAY8AAiBNFgBkv7zHvjpTp6U2eWMGfR")


def test_the_alphabets_are_these_in_this_order() -> None:
    assert {name: alphabet.characters for name, alphabet in ALPHABETS.items()} == {
        "base58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
        "no-look-alike": "346789ABCDEFGHJKLMNPQRTUVWXYabcdefghijkmnpqrtwxyz",
        "full": string.digits + string.ascii_uppercase + string.ascii_lowercase,
        "full-with-symbols": string.digits + string.ascii_uppercase + string.ascii_lowercase + "-_*^@#+!?$%",
        "numeric": "0123456789",
    }
    assert [len(alphabet.characters) for alphabet in ALPHABETS.values()] == [58, 49, 62, 73, 10]


@pytest.mark.parametrize("name", ["", "Base58", "FULL", "full ", "nonsense"])
def test_an_unknown_alphabet_is_base58(name: str) -> None:
    assert find_alphabet(name) is alphabets.BASE58


@pytest.mark.parametrize(
    ("seed", "code"),
    [
        ("2R7KDyMvBTv3WLAY8AAiBNFgBkv7zHvjpTp6U2eWMGfR", "546799639"),
        ("CZer2Wi2kKJFBXLxn5ZJFVtLo65S8EV2offwhJd7WV5H", "128063137"),
        ("1" * 32, "911920865"),
        ("JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG", "558704034"),
        ("3qbR1eZRqXUWroWKKYhbDmR3FfqTHfqSU8zZSxtANzYh", "013242330"),
        ("1thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE", "727079339"),
        ("e5FaMMJRbNmNqLYGmvrM7jPegTHVBjgiRzNNCTkHxUP", "021654643"),
        ("JAQxrJ2WuDF4APfSifurJJ4HzV5Z3FyBuBeSMj7mo9aw", "848121658"),
        ("8w7JU9tywaRLsh9v9Yz2v2g7UApy6RcUxZqYX36aTUsZ", "972578821"),  # a digit corrected, without a carry
        ("7gHpqqFSkd1d1kTAHGUAbAYbxQzKvTg3WiZz5rHva4kX", "932667606"),  # and with one
    ],
)
def test_one_time_codes(seed: str, code: str) -> None:
    assert otp(parse_seed(seed)) == code


@pytest.mark.parametrize(
    ("seed", "text"),
    [
        ("84q3pRuSpqQkDCd4y6UCBpFi8aSR1fydt2XjM1yznaM3", "v*xto6q^ET*BCs_Q6PGJCG+hh3dTyH9W-igKqk9YuX?Y"),
        ("3yADBMoz3JusYF7ekxxwFYsgjSMbhb688xdmdnqk3mFR", "BnVU+0UKXVw0wgU4*1*aqaWbFVX0PM54+6iYN?aU$_ZB"),
    ],
)
def test_a_neighbour_with_a_pair_is_passed_over(seed: str, text: str) -> None:
    own = parse_seed(seed)
    first = bytes([own[0] + 1]) + own[1:]
    assert any(pair in spell(first, 44, SYMBOLS) for pair in PAIRS)
    assert spell_without_pairs(own, 44, SYMBOLS) == text


def test_the_neighbour_of_255_is_0() -> None:
    assert spell_without_pairs(b"\xff" + bytes(31), 21, SYMBOLS) == "-*sViyOK6dD!n%uE*Fj1k"
    assert spell_without_pairs(b"\xff" + bytes(31), 21, SYMBOLS) == spell(bytes(32), 21, SYMBOLS)


def test_where_every_neighbour_has_a_pair_the_seed_spells_its_own() -> None:
    assert spell_without_pairs(A, 16, SYMBOLS, "a__") == "a__CUN6n4XG%lCt1C+#"
    assert spell_without_pairs(A, 16, SYMBOLS, "a_") == "a_EsF244ONFO@4exW%"
    assert spell_without_pairs(A, 16, SYMBOLS, "", "--") == spell(A, 16, SYMBOLS) + "--"


def test_the_fiftieth_neighbour_is_tried_and_no_further_one() -> None:
    dashes = alphabets.Alphabet("dashes", "-abc")

    def neighbours(seed: bytes) -> list[str]:
        return [spell(bytes([(seed[0] + step) % 256]) + seed[1:], 60, dashes) for step in range(52)]

    clean_at_50, clean_at_51 = (n.to_bytes(32, "little") for n in (1850, 21053))
    for seed, first in ((clean_at_50, 50), (clean_at_51, 51)):
        assert next(step for step, text in enumerate(neighbours(seed)) if "--" not in text) == first
    assert spell_without_pairs(clean_at_50, 60, dashes) == neighbours(clean_at_50)[50]
    assert spell_without_pairs(clean_at_51, 60, dashes) == spell(clean_at_51, 60, dashes)


@pytest.mark.parametrize(
    ("words", "digit"),
    [
        ((2**31 - 1,), 4),  # the remainder is 2^32 - 10, which no second word can bring over the edge
        ((2**32 - 1,), 9),
        ((3435973836, 2**32 - 1), 8),  # 2^32 - 8, and 9 more
        ((3435973836, 3435973835), 7),
    ],
)
def test_a_digit_takes_a_second_word_only_where_it_may_matter(words: tuple[int, ...], digit: int) -> None:
    draws = iter(words)
    assert draw_digit(draws) == digit
    assert next(draws, None) is None


@given(SEEDS, st.sampled_from(list(ALPHABETS.values())), st.integers(1, 127))
def test_a_longer_text_begins_with_the_shorter(seed: bytes, alphabet: alphabets.Alphabet, length: int) -> None:
    longer = spell(seed, length + 1, alphabet)
    assert len(longer) == length + 1
    assert set(longer) <= set(alphabet.characters)
    assert longer.startswith(spell(seed, length, alphabet))


@given(SEEDS, st.integers(1, 128), st.sampled_from(["", "a", "_", "-"]), st.sampled_from(["", "-", "b_"]))
def test_no_pair_comes_out_not_even_over_a_seam(seed: bytes, length: int, prefix: str, suffix: str) -> None:
    text = spell_without_pairs(seed, length, SYMBOLS, prefix, suffix)
    assert text.startswith(prefix)
    assert text.endswith(suffix)
    assert len(text) == len(prefix) + length + len(suffix)
    assert not any(pair in text for pair in PAIRS)


@given(SEEDS)
def test_a_one_time_code_has_nine_digits(seed: bytes) -> None:
    assert len(otp(seed)) == 9
    assert set(otp(seed)) <= set(string.digits)
