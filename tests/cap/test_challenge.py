"""The pairs of a token, against numbers that were written down before this code was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.cap.challenge import (
    FNV_START,
    are_solved,
    fnv,
    hex_stream,
    is_solution,
    listed_pairs,
    prng,
    seeded_pairs,
)
from hashpass.cap.testing import solve
from tests.cap import vectors


@pytest.mark.parametrize(("text", "expected"), [(b"", 0x811C9DC5), (b"a", 0xE40C292C), (b"hello", 0x4F9F2CAB)])
def test_the_hash_is_fnv_1a(text: bytes, expected: int) -> None:
    assert fnv(text) == expected


@given(st.binary(), st.binary())
def test_the_hash_goes_on_where_it_stopped(first: bytes, second: bytes) -> None:
    assert fnv(second, fnv(first)) == fnv(first + second)


@pytest.mark.parametrize(
    ("seed", "length", "expected"),
    [
        ("", 8, "4622a677"),
        ("a", 8, "441aaeb8"),
        ("z", 8, "da40eb31"),
        ("test", 32, "9c7ca3730a4a283aa6e4bc1c1d83b14f"),
        ("hello", 40, "eb492c6e1655ea8ccb83decebb129a83e0135ae2"),
        ("é", 8, "31fe7c25"),
        ("\U0001f600", 8, "8771100b"),
        ("test9", 8, "17b21c10"),
        ("test10", 8, "4ed74790"),
        ("test10d", 8, "5c0e2a14"),
        ("test9", 3, "17b"),
    ],
)
def test_the_generator_is_that_of_the_browsers(seed: str, length: int, expected: str) -> None:
    assert prng(seed, length) == expected


def test_the_generator_stays_at_nought() -> None:
    assert hex_stream(0, 9) == "0" * 9


@given(st.text(), st.integers(1, 40))
def test_the_generator_takes_any_text(seed: str, length: int) -> None:
    assert len(prng(seed, length)) == length


@pytest.mark.parametrize("vector", vectors.PAIRS, ids=lambda vector: vector.name)
def test_seeded_pairs_and_their_smallest_solutions(vector: vectors.Pairs) -> None:
    shape = (len(vector.pairs), *map(len, vector.pairs[0]))
    assert list(seeded_pairs(vector.token, *shape)) == list(vector.pairs)
    if vector.solutions:
        assert are_solved(vector.pairs, vector.solutions)
        assert solve(vector.token, {"c": shape[0], "s": shape[1], "d": shape[2]}) == list(vector.solutions)
        wrong = [*vector.solutions[:-1], vector.solutions[-1] + 1]
        assert not are_solved(vector.pairs, wrong)


@pytest.mark.parametrize(
    ("count", "size", "difficulty"), [(1, 8, 1), (3, 9, 2), (50, 32, 4), (7, 33, 5), (1000, 48, 16)]
)
def test_listed_pairs_have_the_lengths_asked_for(count: int, size: int, difficulty: int) -> None:
    pairs = listed_pairs(b"seed", count, size, difficulty)
    assert len(pairs) == count
    assert all((len(salt), len(target)) == (size, difficulty) for salt, target in pairs)
    assert set("".join(salt + target for salt, target in pairs)) <= set("0123456789abcdef")
    assert len({salt for salt, _ in pairs}) == count


def test_listed_pairs_come_from_the_seed_alone() -> None:
    assert listed_pairs(b"one", 5, 32, 4) == listed_pairs(b"one", 5, 32, 4)
    assert listed_pairs(b"one", 5, 32, 4) != listed_pairs(b"two", 5, 32, 4)


def test_nought_may_be_a_solution() -> None:
    (salt,) = [f"{n:08x}" for n in range(400) if are_solved([[f"{n:08x}", "00"]], [0])][:1]
    assert solve("", [[salt, "00"]]) == [0]


@pytest.mark.parametrize("value", [0, 1, 2**53 - 1])
def test_a_solution_is_a_number_that_a_browser_can_hold(value: int) -> None:
    assert is_solution(value)


@pytest.mark.parametrize("value", [-1, 2**53, True, False, 1.0, float("nan"), "1", "zz408", b"1", None, [], {}])
def test_anything_else_is_no_solution(value: object) -> None:
    assert not is_solution(value)


def test_a_state_may_be_handed_on_by_name() -> None:
    assert fnv(b"", FNV_START) == FNV_START


def test_the_solver_gives_up_aloud() -> None:
    with pytest.raises(RuntimeError, match="No solution below 10"):
        solve("x", {"c": 1, "s": 8, "d": 8}, max_nonce=10)
