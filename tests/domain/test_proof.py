"""The bytes and the arithmetic of a proof, against the vectors that every implementation is held to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from argon2.low_level import Type, hash_secret_raw
from hypothesis import example, given
from hypothesis import strategies as st

from hashpass.domain import proof
from hashpass.domain.values import MAX_NONCE, Argon2Params, Proof, Puzzle, Rules

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "proof.json").read_text(encoding="utf-8")
)


def hash_of(vector: dict[str, Any]) -> bytes:
    return hash_secret_raw(
        proof.password(vector["nonce"]),
        proof.salt(vector["seed"], vector["visitorId"], vector["traceData"]),
        vector["time_cost"],
        vector["memory_cost"],
        vector["parallelism"],
        32,
        {"d": Type.D, "id": Type.ID}[vector["type"]],
        0x13,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['type']}-{v['memory_cost']}-{v['nonce']}" for v in VECTORS])
def test_every_vector_hashes_to_its_value(vector: dict[str, Any]) -> None:
    digest = hash_of(vector)
    assert digest.hex() == vector["hash"]
    assert proof.leading_zero_bits(digest) == vector["leading_zero_bits"]
    assert proof.wins(digest, 2 ** (256 - vector["difficulty"]))


@pytest.mark.parametrize(
    ("nonce", "expected"), [(0, b"0"), (7, b"7"), (1000, b"1000"), (MAX_NONCE, b"9007199254740991")]
)
def test_a_password_is_the_nonce_in_decimal(nonce: int, expected: bytes) -> None:
    assert proof.password(nonce) == expected


def test_a_salt_is_its_parts_in_utf_8_with_nothing_between() -> None:
    assert proof.salt("ab", "访客", "ip=::1\n") == b"ab" + "访客".encode() + b"ip=::1\n"


@given(st.binary(min_size=32, max_size=32))
@example(bytes(32))
@example(b"\xff" * 32)
@example(bytes(31) + b"\x01")
def test_leading_zero_bits_are_those_of_the_binary_text(digest: bytes) -> None:
    text = "".join(f"{byte:08b}" for byte in digest)
    assert proof.leading_zero_bits(digest) == len(text) - len(text.lstrip("0"))


@given(st.binary(min_size=32, max_size=32), st.integers(min_value=1, max_value=32))
@example(bytes(1) + b"\xff" * 31, 8)
@example(b"\x01" + bytes(31), 8)
def test_a_whole_bit_target_asks_for_that_many_zero_bits(digest: bytes, bits: int) -> None:
    assert proof.wins(digest, 2 ** (256 - bits)) == (proof.leading_zero_bits(digest) >= bits)


def test_a_hash_equal_to_the_target_does_not_win() -> None:
    digest = b"\x01" + bytes(31)
    number = int.from_bytes(digest, "big")
    assert not proof.wins(digest, number)
    assert proof.wins(digest, number + 1)


def test_work_is_done_under_the_rules_of_the_proofs_own_puzzle_and_shows_nothing_of_the_visitor() -> None:
    params = Argon2Params(time_cost=1, memory_cost=64)
    puzzle = Puzzle(1, "ab" * 32, 2**248, Rules(argon2=params), 0.0, 0.0)
    work = proof.work_for(Proof("visitor", 12, puzzle.seed, "ip=192.0.2.1\n", b"h" * 32), puzzle)
    assert work == proof.Work(params, b"12", b"ab" * 32 + b"visitorip=192.0.2.1\n", b"h" * 32)
    assert "192.0.2.1" not in repr(work)
