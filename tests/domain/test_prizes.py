from __future__ import annotations

from attrs import evolve

from hashpass.domain.prizes import KEPT, Prize, Prizes
from hashpass.domain.values import Address, Proof

HOME = Address.parse("192.0.2.7")
PRIZE = Prize("CODE", 1000.0, "solved", "session", HOME.prefix, "v", 5, "a" * 64)
ANSWER = Proof("v", 5, "a" * 64, "trace", bytes(32))


def test_the_same_winning_answer_finds_its_prize_again_and_another_does_not() -> None:
    prizes = Prizes()
    prizes.remember(PRIZE, 1000.0)
    assert prizes.won_with("session", ANSWER, 1001.0) == PRIZE
    assert prizes.won_with("session", evolve(ANSWER, nonce=6), 1001.0) is None
    assert prizes.won_with("another", ANSWER, 1001.0) is None


def test_a_departed_session_is_answered_at_home_only() -> None:
    prizes = Prizes()
    prizes.remember(PRIZE, 1000.0)
    assert prizes.of_departed("session", Address.parse("192.0.2.200"), 1001.0) == (PRIZE,)
    assert prizes.of_departed("session", Address.parse("198.51.100.1"), 1001.0) == ()


def test_prizes_are_forgotten_after_a_day_and_leave_nothing_behind() -> None:
    prizes = Prizes()
    prizes.remember(PRIZE, 1000.0)
    prizes.remember(evolve(PRIZE, invite_code="LATER", won_at=5000.0), 5000.0)
    assert [prize.invite_code for prize in prizes.of("session", 1001.0 + KEPT)] == ["LATER"]
    assert prizes.of("session", 5001.0 + KEPT) == ()
    assert vars(prizes)["_by_session"] == {}
