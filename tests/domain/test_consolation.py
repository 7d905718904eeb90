from __future__ import annotations

import pytest
from attrs import evolve

from hashpass.domain.consolation import MAX_CHECKED, Consolation
from hashpass.domain.errors import AddressBusy, AlreadySubmitted, NonceTooFast, SessionRevoked
from hashpass.domain.values import Address, Proof, Puzzle, Rules

PUZZLE = Puzzle(1, "a" * 64, 2**253, Rules(), opened_at=0.0, started_at=1e9)


def claim(best: int, nonce: int = 1) -> Proof:
    return Proof("v", nonce, PUZZLE.seed, "", best.to_bytes(32, "big"))


def address(number: int) -> Address:
    return Address.parse(f"10.{number // 62500}.{number // 250 % 250}.{number % 250}")


def test_claims_are_checked_in_ascending_order_and_at_most_64_of_them() -> None:
    consolation = Consolation(PUZZLE, 300.0, now=5.0)
    for number in range(100):
        consolation.enter(f"s{number}", address(number), claim((number * 37) % 101))
    claims = [entry.proof.claimed for entry in consolation.ranking()]
    assert claims == sorted((number * 37) % 101 for number in range(100))[:MAX_CHECKED]
    assert consolation.closes_at == 15.0


def test_a_session_has_one_entry_and_an_address_four() -> None:
    consolation = Consolation(PUZZLE, 300.0, now=0.0)
    consolation.enter("a", address(1), claim(5))
    with pytest.raises(AlreadySubmitted):
        consolation.enter("a", address(2), claim(4))
    for session in "bcd":
        consolation.enter(session, address(1), claim(5))
    with pytest.raises(AddressBusy):
        consolation.enter("e", address(1), claim(1))
    assert len(consolation.ranking()) == 4


def test_a_hash_above_the_target_is_welcome_but_an_impossible_nonce_is_not() -> None:
    fast = evolve(PUZZLE, rules=evolve(PUZZLE.rules, max_nonce_speed=10.0))
    consolation = Consolation(fast, 300.0, now=0.0)
    consolation.enter("a", address(1), claim(2**255, nonce=3000))
    with pytest.raises(NonceTooFast):
        consolation.enter("b", address(2), claim(2**255, nonce=3001))


def test_void_entries_do_not_count_and_cannot_be_replaced() -> None:
    consolation = Consolation(PUZZLE, 300.0, now=0.0)
    consolation.enter("liar", address(1), claim(0))
    consolation.enter("honest", address(2), claim(9))
    consolation.void(lambda session, _: SessionRevoked() if session == "liar" else None)
    assert [consolation.counts(entry) for entry in consolation.ranking()] == [False, True]
    with pytest.raises(AlreadySubmitted):
        consolation.enter("liar", address(3), claim(1))
