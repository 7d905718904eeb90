"""The exact bytes a proof is made of, and when its hash wins. Every miner, in any language, must agree with this."""

from __future__ import annotations

from attrs import field, frozen

from hashpass.domain.values import Argon2Params, Proof, Puzzle


@frozen
class Work:
    """One hash to compute, and what it is claimed to be."""

    params: Argon2Params
    password: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    expected: bytes = field(repr=False)


def work_for(proof: Proof, puzzle: Puzzle) -> Work:
    """What it takes to judge this proof, under the rules its puzzle was opened with."""
    return Work(
        params=puzzle.rules.argon2,
        password=password(proof.nonce),
        salt=salt(proof.seed, proof.visitor_id, proof.trace_data),
        expected=proof.hash,
    )


def password(nonce: int) -> bytes:
    """The nonce in decimal, without leading zeros."""
    return str(nonce).encode("ascii")


def salt(seed: str, visitor_id: str, trace_data: str) -> bytes:
    """Seed, visitor and trace with nothing between them. The seed's 64 characters satisfy Argon2's minimum of 8."""
    return (seed + visitor_id + trace_data).encode("utf-8")


def leading_zero_bits(digest: bytes) -> int:
    """How many bits are zero before the first one that is set."""
    return 8 * len(digest) - int.from_bytes(digest, "big").bit_length()


def wins(digest: bytes, target: int) -> bool:
    """Whether the hash, read as a big-endian number, is below the target. Equal is not enough."""
    return int.from_bytes(digest, "big") < target
