"""What was won lately, so that a winner whose answer got lost on the way can ask again."""

from __future__ import annotations

from collections import deque
from typing import Literal

from attrs import frozen

from hashpass.domain.difficulty import Adjustment
from hashpass.domain.values import Address, Proof, Puzzle

KEPT = 24 * 3600.0

WinReason = Literal["solved", "consolation"]


@frozen
class Prize:
    """One code and who may ask for it: this session, from the prefix that it won from."""

    invite_code: str
    won_at: float
    reason: WinReason
    session: str
    prefix: str
    visitor_id: str
    nonce: int
    seed: str
    round: int = 0

    def is_for(self, proof: Proof) -> bool:
        return (self.seed, self.nonce, self.visitor_id) == (proof.seed, proof.nonce, proof.visitor_id)


@frozen
class Award:
    """A code at the moment it is given: all that the audit log needs so that the record alone proves it."""

    invite_code: str
    key_id: str
    won_at: float
    reason: WinReason
    session: str
    address: Address
    proof: Proof
    puzzle: Puzzle
    solve_time: float
    adjustment: Adjustment

    @property
    def prize(self) -> Prize:
        return Prize(
            self.invite_code,
            self.won_at,
            self.reason,
            self.session,
            self.address.prefix,
            self.proof.visitor_id,
            self.proof.nonce,
            self.proof.seed,
            self.puzzle.round,
        )


class Prizes:
    """The codes of the last 24 hours by session. Bounded by the race itself, which gives out one a round."""

    def __init__(self) -> None:
        self._by_session: dict[str, list[Prize]] = {}
        self._oldest_first: deque[Prize] = deque()

    def remember(self, prize: Prize, now: float) -> None:
        self._forget(now)
        self._by_session.setdefault(prize.session, []).append(prize)
        self._oldest_first.append(prize)

    def of(self, session: str, now: float) -> tuple[Prize, ...]:
        self._forget(now)
        return tuple(self._by_session.get(session, ()))

    def of_departed(self, session: str, address: Address, now: float) -> tuple[Prize, ...]:
        """For a session that has ended: only what was won from where the caller is now."""
        return tuple(prize for prize in self.of(session, now) if prize.prefix == address.prefix)

    def won_with(self, session: str, proof: Proof, now: float) -> Prize | None:
        """The prize that this very answer has won already."""
        return next((prize for prize in self.of(session, now) if prize.is_for(proof)), None)

    def _forget(self, now: float) -> None:
        while self._oldest_first and self._oldest_first[0].won_at < now - KEPT:
            prize = self._oldest_first.popleft()
            left = self._by_session[prize.session]
            left.remove(prize)
            if not left:
                del self._by_session[prize.session]
