"""The race as a machine: every change of a round happens here, and here only.

Two rules keep it readable. A method either refuses, and then nothing has changed, or it returns the events that tell
what has happened, in order. And a puzzle is never replaced in passing: what ends a round leaves the race closed until
`open` is called with the next seed, so that whoever drives the machine can put the record on disk in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from attrs import evolve, frozen

from hashpass.domain.difficulty import (
    Adjustment,
    DifficultyPolicy,
    Estimate,
    Evidence,
    Solved,
    TimedOut,
    target_for,
)
from hashpass.domain.errors import (
    AddressBusy,
    AnswerPending,
    HashAboveTarget,
    HashPassError,
    NonceTooFast,
    ProofFalse,
    QueueFull,
    RoundLost,
    RoundStale,
)
from hashpass.domain.mining_clock import MiningClock
from hashpass.domain.seeds import Origin
from hashpass.domain.values import Address, Proof, Puzzle, Rules

MAX_TICKETS = 256
MAX_TICKETS_PER_ADDRESS = 4
MAX_FETCHES = 100_000
REMEMBERED_SOLVES = 5
RETRY_AFTER = 0.25

VoidReason = Callable[[str, Address], HashPassError | None]
"""Why what this session handed in from this address no longer counts, or None if it does."""


@frozen
class Ticket:
    """A place in the queue. It carries its puzzle, so that new rules cannot turn a true proof into a lie."""

    number: int
    session: str
    address: Address
    proof: Proof
    puzzle: Puzzle
    solved: Solved
    """How long the answer took, as of its arrival: a slow check must not count against anybody."""


@frozen
class TicketRefused:
    ticket: Ticket
    error: HashPassError


@frozen
class RoundWon:
    ticket: Ticket
    adjustment: Adjustment


@frozen
class RoundTimedOut:
    puzzle: Puzzle
    mining_time: float
    adjustment: Adjustment


@frozen
class RoundReset:
    """An operator replaced the puzzle, or the race closes; nobody won."""

    puzzle: Puzzle
    cause: Literal["admin", "closed"] = "admin"


Event = TicketRefused | RoundWon | RoundTimedOut | RoundReset


@frozen
class RaceState:
    """What a restart must not lose."""

    round: int
    """The number of the newest puzzle that was opened."""
    target: int
    estimate: Estimate
    solve_times: tuple[float, ...] = ()


class Race:
    """One puzzle at a time, tickets in order of arrival, and the lowest valid ticket wins."""

    def __init__(self, rules: Rules, policy: DifficultyPolicy, state: RaceState) -> None:
        self.rules = rules
        self.puzzle: Puzzle | None = None
        self.state = evolve(state, target=_within(rules, state.target))
        self._policy = policy
        self._clock = MiningClock()
        self._tickets: dict[int, Ticket] = {}  # of the open puzzle: undecided or proved, in order of arrival
        self._proved: set[int] = set()
        self._last_number = 0
        self._fetched: dict[str, float] = {}  # session -> when it first fetched the open puzzle

    @property
    def undecided(self) -> int:
        return len(self._tickets)

    @property
    def miners(self) -> int:
        return self._clock.miners

    def mining_time(self, now: float) -> float:
        return self._clock.elapsed(now)

    def next_deadline(self, now: float) -> float:
        """When `tick` will have something to do; infinity while nobody mines, or while open tickets decide."""
        if self.puzzle is None or self._tickets:
            return math.inf
        return self._clock.reaches(self.puzzle.rules.target_timeout, now)

    # People come, look and go

    def start_mining(self, miner: int, now: float) -> None:
        self._clock.start(miner, now)

    def stop_mining(self, miner: int, now: float) -> None:
        self._clock.stop(miner, now)

    def note_fetch(self, session: str, now: float) -> None:
        """A session has seen the open puzzle; an answer that nobody announced is timed from here."""
        if len(self._fetched) < MAX_FETCHES:
            self._fetched.setdefault(session, now)

    # A round

    def open(self, seed: str, now: float, wall: float, origin: Origin | None = None) -> Puzzle:
        """Open the next puzzle. The one before must have been closed by an event, or be the very first."""
        if self.puzzle is not None:
            raise RuntimeError("a puzzle is open already")
        self.state = evolve(self.state, round=self.state.round + 1)
        self.puzzle = Puzzle(self.state.round, seed, self.state.target, self.rules, now, wall, origin)
        self._clock.restart(now)
        self._fetched.clear()
        return self.puzzle

    def admit(self, session: str, address: Address, proof: Proof, now: float) -> Ticket:
        """Give an answer its place in the queue, or say why not; cheap, so that it can stand before any hashing."""
        puzzle = self.puzzle
        if puzzle is None or proof.seed != puzzle.seed or self._overdue(puzzle, now):
            raise RoundStale
        solved = self._timing(puzzle, session, now)
        check_nonce_speed(proof, solved.time, puzzle.rules)
        if proof.claimed >= puzzle.target:
            raise HashAboveTarget
        if any(ticket.session == session for ticket in self._tickets.values()):
            raise AnswerPending(retry_after=RETRY_AFTER)
        same_address = sum(ticket.address.key == address.key for ticket in self._tickets.values())
        if same_address >= MAX_TICKETS_PER_ADDRESS:
            raise AddressBusy(retry_after=RETRY_AFTER)
        if len(self._tickets) >= MAX_TICKETS:
            raise QueueFull(retry_after=RETRY_AFTER)
        self._last_number += 1
        ticket = Ticket(self._last_number, session, address, proof, puzzle, solved)
        self._tickets[ticket.number] = ticket
        return ticket

    def settle(self, number: int, proved: bool, now: float) -> list[Event]:
        """A ticket's hash has been checked. Nothing happens if its round was over, or the ticket void, before that."""
        ticket = self._tickets.get(number)
        if ticket is None:
            return []
        if proved:
            self._proved.add(number)
            return self._decide(now)
        return [self._refuse(ticket, ProofFalse()), *self._decide(now)]

    def withdraw(self, number: int, error: HashPassError, now: float) -> list[Event]:
        """A ticket could not be checked at all; that is nobody's lie."""
        ticket = self._tickets.get(number)
        return [] if ticket is None else [self._refuse(ticket, error), *self._decide(now)]

    def void(self, reason: VoidReason, now: float) -> list[Event]:
        """Take back every ticket for which there is a reason: its session was revoked, its address shut out."""
        return self.take_back(lambda ticket: reason(ticket.session, ticket.address), now)

    def take_back(self, reason: Callable[[Ticket], HashPassError | None], now: float) -> list[Event]:
        """The same, for whatever a ticket says."""
        refused: list[Event] = [
            self._refuse(ticket, error)
            for ticket in list(self._tickets.values())
            if (error := reason(ticket)) is not None
        ]
        return [*refused, *self._decide(now)]

    def tick(self, now: float) -> list[Event]:
        """Time has passed: end a round that is overdue, unless open tickets may still win it."""
        return self._decide(now)

    def reset(self, cause: Literal["admin", "closed"] = "admin") -> list[Event]:
        """An operator ends the round. Open tickets are told that it is over; none of them was a lie."""
        if self.puzzle is None:
            return []
        puzzle = self._close()
        return [RoundReset(puzzle, cause), *self._refuse_all(RoundStale)]

    def configure(self, rules: Rules, target: int | None = None) -> list[Event]:
        """Play by other rules, and perhaps another difficulty, from the next puzzle on, which is due now.

        What the policy has learnt does not hold for other hashes, and must not pull back what an operator has set.
        """
        if target is not None or rules.argon2 != self.rules.argon2:
            self.state = evolve(self.state, estimate=Estimate())
        self.rules = rules
        self.state = evolve(self.state, target=_within(rules, self.state.target if target is None else target))
        return self.reset()

    def note_evidence(self, evidence: Evidence, now: float) -> None:
        """A dead puzzle's best hash proved true. The open puzzle stays as it is; the next one counts it in."""
        adjustment = self._policy.adjust(self.state.target, self.state.estimate, evidence, self.rules, now)
        self.state = evolve(self.state, estimate=adjustment.estimate)

    # How a round ends

    def _decide(self, now: float) -> list[Event]:
        if self.puzzle is None:
            return []
        for number, ticket in self._tickets.items():
            return self._win(ticket, now) if number in self._proved else []
        return self._time_out(self.puzzle, now) if self._overdue(self.puzzle, now) else []

    def _win(self, ticket: Ticket, now: float) -> list[Event]:
        del self._tickets[ticket.number]
        self._close()
        adjustment = self._adjust(ticket.puzzle, ticket.solved, now)
        times = (*self.state.solve_times, ticket.solved.time)[-REMEMBERED_SOLVES:]
        self.state = evolve(self.state, solve_times=times)
        return [RoundWon(ticket, adjustment), *self._refuse_all(RoundLost)]

    def _time_out(self, puzzle: Puzzle, now: float) -> list[Event]:
        mining_time = self._clock.elapsed(now)
        self._close()
        return [RoundTimedOut(puzzle, mining_time, self._adjust(puzzle, TimedOut(mining_time), now))]

    def _adjust(self, puzzle: Puzzle, outcome: Solved | TimedOut, now: float) -> Adjustment:
        adjustment = self._policy.adjust(puzzle.target, self.state.estimate, outcome, self.rules, now)
        self.state = evolve(self.state, target=adjustment.target, estimate=adjustment.estimate)
        return adjustment

    def _close(self) -> Puzzle:
        puzzle = self.puzzle
        assert puzzle is not None  # noqa: S101 - only called by what has just looked
        self.puzzle = None
        self._proved.clear()
        return puzzle

    def _refuse(self, ticket: Ticket, error: HashPassError) -> TicketRefused:
        del self._tickets[ticket.number]
        self._proved.discard(ticket.number)
        return TicketRefused(ticket, error)

    def _refuse_all(self, error: type[HashPassError]) -> list[TicketRefused]:
        return [self._refuse(ticket, error()) for ticket in list(self._tickets.values())]

    def _overdue(self, puzzle: Puzzle, now: float) -> bool:
        return self._clock.elapsed(now) >= puzzle.rules.target_timeout

    def _timing(self, puzzle: Puzzle, session: str, now: float) -> Solved:
        if self._clock.ran:
            return Solved(self._clock.elapsed(now), measured=True)
        return Solved(now - self._fetched.get(session, puzzle.opened_at), measured=False)


def check_nonce_speed(proof: Proof, seconds: float, rules: Rules) -> None:
    if rules.max_nonce_speed and proof.nonce > rules.max_nonce_speed * seconds:
        raise NonceTooFast(field="nonce")


def _within(rules: Rules, target: int) -> int:
    return max(target_for(rules.max_difficulty), min(target, target_for(rules.min_difficulty)))
