"""The race against a plain model: at most one winner a puzzle, always the lowest valid ticket, nobody stranded."""

from __future__ import annotations

import math
from typing import Any

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hashpass.domain.difficulty import Adjustment, Estimate, Evidence, Solved, TimedOut, target_for
from hashpass.domain.errors import (
    AddressBusy,
    AnswerPending,
    HashAboveTarget,
    HashPassError,
    NonceTooFast,
    NotReady,
    ProofFalse,
    QueueFull,
    RoundLost,
    RoundStale,
    SessionRevoked,
)
from hashpass.domain.race import (
    MAX_TICKETS,
    Event,
    Race,
    RaceState,
    RoundReset,
    RoundTimedOut,
    RoundWon,
    Ticket,
    TicketRefused,
)
from hashpass.domain.values import Address, Argon2Params, Proof, Rules


class Remembering:
    """A policy that changes nothing and remembers what it was told."""

    def __init__(self) -> None:
        self.outcomes: list[Any] = []

    def adjust(
        self, target: int, estimate: Estimate, outcome: Solved | TimedOut | Evidence, rules: Rules, now: float
    ) -> Adjustment:
        self.outcomes.append(outcome)
        return Adjustment(target, estimate, "Nothing changed.")


RULES = Rules(min_difficulty=1, max_difficulty=32, target_timeout=300)
HOME = Address.parse("192.0.2.1")


def seed(number: int) -> str:
    return f"{number:064x}"


def proof(puzzle_seed: str, *, nonce: int = 1, claimed: int = 0, visitor: str = "v") -> Proof:
    return Proof(visitor, nonce, puzzle_seed, "ip=192.0.2.1\n", claimed.to_bytes(32, "big"))


def new_race(rules: Rules = RULES) -> tuple[Race, Remembering]:
    policy = Remembering()
    race = Race(rules, policy, RaceState(0, target_for(3), Estimate()))
    race.open(seed(1), 0.0, 1e9)
    return race, policy


def admit(race: Race, session: str, *, address: str | None = None, now: float = 1.0, **of_proof: Any) -> Ticket:
    where = Address.parse(address) if address else Address.parse(f"198.51.{len(session)}.{hash(session) % 250}")
    assert race.puzzle is not None
    return race.admit(session, where, proof(race.puzzle.seed, **of_proof), now)


def only(events: list[Event], kind: type[Any]) -> Any:
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, events
    return found[0]


def test_the_first_to_arrive_wins_even_when_its_check_is_the_slowest() -> None:
    race, _ = new_race()
    first, second, third = admit(race, "a"), admit(race, "b"), admit(race, "c")
    assert race.settle(third.number, True, 2) == []
    assert race.settle(second.number, True, 2) == []
    events = race.settle(first.number, True, 3)
    assert only(events, RoundWon).ticket == first
    assert [type(e.error) for e in events if isinstance(e, TicketRefused)] == [RoundLost, RoundLost]
    assert race.puzzle is None


def test_a_valid_ticket_wins_as_soon_as_the_lower_ones_have_lied() -> None:
    race, _ = new_race()
    liar, honest, late = admit(race, "a"), admit(race, "b"), admit(race, "c")
    assert race.settle(honest.number, True, 2) == []
    events = race.settle(liar.number, False, 2)
    assert isinstance(only(events[:1], TicketRefused).error, ProofFalse)
    assert only(events, RoundWon).ticket == honest
    assert isinstance(events[-1], TicketRefused)
    assert events[-1].ticket == late


def test_a_void_ticket_makes_way_for_the_next_one_even_when_it_was_proved() -> None:
    race, _ = new_race()
    slow, proved, honest = admit(race, "slow"), admit(race, "revoked"), admit(race, "honest")
    race.settle(proved.number, True, 2)
    race.settle(honest.number, True, 2)
    events = race.void(lambda session, _: SessionRevoked() if session == "revoked" else None, 2)
    assert [e.ticket for e in events if isinstance(e, TicketRefused)] == [proved]
    assert only(race.settle(slow.number, False, 3), RoundWon).ticket == honest


def test_a_verdict_after_the_end_of_its_round_changes_nothing() -> None:
    race, _ = new_race()
    ticket = admit(race, "a")
    events = race.reset()
    assert isinstance(events[0], RoundReset)
    assert isinstance(only(events, TicketRefused).error, RoundStale)
    race.open(seed(2), 5, 1e9)
    assert race.settle(ticket.number, False, 6) == []
    assert race.settle(ticket.number, True, 6) == []
    assert race.puzzle is not None


def test_answers_between_two_puzzles_are_told_that_the_round_is_over() -> None:
    race, _ = new_race()
    dead = seed(1)
    race.settle(admit(race, "a").number, True, 2)
    with pytest.raises(RoundStale):
        race.admit("b", HOME, proof(dead), 2)


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (proof(seed(9)), RoundStale),
        (proof(seed(1), claimed=target_for(3)), HashAboveTarget),
        (proof(seed(1), nonce=1001), NonceTooFast),
    ],
)
def test_cheap_refusals_come_before_any_hashing_and_change_nothing(answer: Proof, refusal: type[HashPassError]) -> None:
    race, _ = new_race(evolve(RULES, max_nonce_speed=100.0))
    with pytest.raises(refusal):
        race.admit("a", HOME, answer, 10.0)
    assert race.undecided == 0


def test_the_largest_hash_below_the_target_is_enough() -> None:
    race, _ = new_race()
    assert admit(race, "a", claimed=target_for(3) - 1).number == 1


def test_one_undecided_answer_a_session_four_an_address_and_256_in_all() -> None:
    race, _ = new_race()
    admit(race, "a", address="192.0.2.1")
    with pytest.raises(AnswerPending):
        admit(race, "a", address="192.0.2.2")
    for number in range(3):
        admit(race, f"home{number}", address="192.0.2.1")
    with pytest.raises(AddressBusy):
        admit(race, "one too many", address="192.0.2.1")
    for number in range(MAX_TICKETS - 4):
        admit(race, f"s{number}", address=f"10.0.{number // 200}.{number % 200}")
    with pytest.raises(QueueFull):
        admit(race, "last", address="203.0.113.1")
    assert race.undecided == MAX_TICKETS


def test_all_of_an_ipv6_64_counts_as_one_address() -> None:
    race, _ = new_race()
    for number in range(4):
        admit(race, f"s{number}", address=f"2001:db8::{number + 1}")
    with pytest.raises(AddressBusy):
        admit(race, "s4", address="2001:db8::ffff")
    admit(race, "elsewhere", address="2001:db8:0:1::1")


def test_a_round_times_out_after_its_seconds_of_mining_not_of_waiting() -> None:
    race, policy = new_race()
    assert race.next_deadline(1000.0) == math.inf
    race.start_mining(1, 1000.0)
    race.start_mining(2, 1100.0)
    race.stop_mining(1, 1200.0)
    race.stop_mining(2, 1250.0)
    assert race.next_deadline(5000.0) == math.inf
    assert race.tick(5000.0) == []
    race.start_mining(3, 6000.0)
    assert race.next_deadline(6000.0) == pytest.approx(6050.0)
    assert race.tick(6049.9) == []
    event = only(race.tick(6050.0), RoundTimedOut)
    assert event.mining_time == pytest.approx(300.0)
    assert policy.outcomes == [TimedOut(300.0)]


def test_whoever_mines_at_a_reset_goes_on_mining_the_next_puzzle() -> None:
    race, _ = new_race()
    race.start_mining(1, 0.0)
    race.reset()
    race.open(seed(2), 100.0, 1e9)
    assert race.mining_time(130.0) == pytest.approx(30.0)
    assert race.next_deadline(130.0) == pytest.approx(400.0)


def test_a_time_out_waits_for_open_tickets_and_a_true_one_wins() -> None:
    race, policy = new_race()
    race.start_mining(1, 0.0)
    ticket = admit(race, "a", now=299.0)
    assert race.tick(301.0) == []
    assert race.next_deadline(301.0) == math.inf
    with pytest.raises(RoundStale):
        admit(race, "too late", now=300.0)
    event = only(race.settle(ticket.number, True, 302.0), RoundWon)
    assert event.ticket == ticket
    assert policy.outcomes == [Solved(299.0, measured=True)]


def test_a_time_out_comes_with_the_verdict_when_the_last_open_ticket_lied() -> None:
    race, _ = new_race()
    race.start_mining(1, 0.0)
    ticket = admit(race, "a", now=299.0)
    events = race.settle(ticket.number, False, 305.0)
    assert isinstance(events[0], TicketRefused)
    assert only(events, RoundTimedOut).mining_time == pytest.approx(305.0)


def test_a_solve_that_nobody_announced_is_timed_from_the_first_fetch_and_marked() -> None:
    race, policy = new_race()
    race.note_fetch("a", 50.0)
    race.note_fetch("a", 70.0)
    race.settle(admit(race, "a", now=80.0).number, True, 81.0)
    assert policy.outcomes == [Solved(30.0, measured=False)]


def test_a_solve_that_nobody_announced_or_fetched_is_timed_from_the_opening() -> None:
    race, policy = new_race()
    race.settle(admit(race, "a", now=80.0).number, True, 81.0)
    assert policy.outcomes == [Solved(80.0, measured=False)]


def test_an_unannounced_honest_answer_is_not_too_fast() -> None:
    race, _ = new_race(evolve(RULES, max_nonce_speed=10.0))
    admit(race, "a", nonce=500, now=60.0)


def test_new_rules_close_the_round_and_keep_the_difficulty_inside_them() -> None:
    race, _ = new_race()
    ticket = admit(race, "a")
    events = race.configure(evolve(RULES, min_difficulty=5))
    assert isinstance(events[0], RoundReset)
    assert ticket.puzzle.rules == RULES
    assert race.open(seed(2), 2, 1e9).target == target_for(5)
    race.configure(evolve(RULES, max_difficulty=8), target_for(20))
    assert race.open(seed(3), 2, 1e9).target == target_for(8)


def test_what_was_learnt_is_forgotten_with_other_hashes_or_another_difficulty_and_only_then() -> None:
    learnt = Estimate(samples=(1.0, 2.0))
    for rules, target, kept in [
        (evolve(RULES, worker_count=2), None, learnt),
        (evolve(RULES, argon2=Argon2Params(memory_cost=8)), None, Estimate()),
        (RULES, target_for(9), Estimate()),
    ]:
        race = Race(RULES, Remembering(), RaceState(0, target_for(3), learnt))
        race.configure(rules, target)
        assert race.state.estimate == kept


def test_a_ticket_that_could_not_be_checked_makes_way() -> None:
    race, _ = new_race()
    broken, honest = admit(race, "a"), admit(race, "b")
    race.settle(honest.number, True, 2)
    events = race.withdraw(broken.number, NotReady(), 2)
    assert only(events, RoundWon).ticket == honest


class RaceAgainstModel(RuleBasedStateMachine):
    """Any interleaving of arrivals, verdicts, voids, resets, time and new rules, against a list and a counter."""

    @initialize()
    def begin(self) -> None:
        self.race, _ = new_race()
        self.now = 0.0
        self.seeds = 1
        self.mined = 0.0
        self.miners: set[int] = set()
        self.open: list[list[Any]] = []  # [ticket, proved] of the open puzzle, in order of arrival
        self.old: list[Ticket] = []
        self.winners: dict[str, Ticket] = {}

    def expect(self, events: list[Event], refused: list[Ticket]) -> None:
        """Work out plainly what should have happened, and compare."""
        self.open = [row for row in self.open if row[0] not in refused]
        expected: list[tuple[str, Ticket | None]] = [("refused", ticket) for ticket in refused]
        if self.open and self.open[0][1]:
            expected.append(("won", self.open[0][0]))
            expected += [("refused", row[0]) for row in self.open[1:]]
            self.end_round()
        elif not self.open and self.mined >= self.timeout:
            expected.append(("timeout", None))
            self.end_round()
        assert [self.name(event) for event in events] == expected
        for event in events:
            if isinstance(event, RoundWon):
                assert event.ticket.puzzle.seed not in self.winners
                self.winners[event.ticket.puzzle.seed] = event.ticket
        self.open_if_closed()

    @staticmethod
    def name(event: Event) -> tuple[str, Ticket | None]:
        match event:
            case TicketRefused(ticket, _):
                return "refused", ticket
            case RoundWon(ticket, _):
                return "won", ticket
            case RoundTimedOut():
                return "timeout", None
            case RoundReset():
                return "reset", None

    @property
    def timeout(self) -> float:
        assert self.race.puzzle is not None or self.closed_timeout
        return self.race.puzzle.rules.target_timeout if self.race.puzzle else self.closed_timeout

    closed_timeout = RULES.target_timeout

    def end_round(self) -> None:
        self.old += [row[0] for row in self.open]
        self.open = []
        self.mined = 0.0

    def open_if_closed(self) -> None:
        if self.race.puzzle is None:
            self.seeds += 1
            puzzle = self.race.open(seed(self.seeds), self.now, 1e9)
            self.closed_timeout = puzzle.rules.target_timeout

    @rule(session=st.sampled_from("abcdef"), address=st.integers(1, 2))
    def arrive(self, session: str, address: int) -> None:
        refused = (
            self.mined >= self.timeout
            or any(row[0].session == session for row in self.open)
            or sum(row[0].address.key == f"192.0.2.{address}" for row in self.open) >= 4
        )
        assert self.race.puzzle is not None
        arrive = (session, Address.parse(f"192.0.2.{address}"), proof(self.race.puzzle.seed), self.now)
        if refused:
            with pytest.raises((RoundStale, AnswerPending, AddressBusy)):
                self.race.admit(*arrive)
        else:
            self.open.append([self.race.admit(*arrive), False])

    @rule(which=st.integers(0, 20), valid=st.booleans())
    def verdict(self, which: int, valid: bool) -> None:
        waiting = [row for row in self.open if not row[1]]
        if not waiting:
            return
        row = waiting[which % len(waiting)]
        if valid:
            row[1] = True
        events = self.race.settle(row[0].number, valid, self.now)
        self.expect(events, [] if valid else [row[0]])

    @rule(which=st.integers(0, 20), valid=st.booleans())
    def late_verdict(self, which: int, valid: bool) -> None:
        if self.old:
            assert self.race.settle(self.old[which % len(self.old)].number, valid, self.now) == []

    @rule(session=st.sampled_from("abcdef"))
    def revoke(self, session: str) -> None:
        refused = [row[0] for row in self.open if row[0].session == session]
        events = self.race.void(lambda who, _: SessionRevoked() if who == session else None, self.now)
        self.expect(events, refused)

    @rule(seconds=st.sampled_from([0.5, 30.0, 120.0, 301.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.mined += seconds if self.miners else 0.0
        self.expect(self.race.tick(self.now), [])

    @rule(miner=st.integers(1, 3))
    def start_mining(self, miner: int) -> None:
        self.miners.add(miner)
        self.race.start_mining(miner, self.now)

    @rule(miner=st.integers(1, 3))
    def stop_mining(self, miner: int) -> None:
        self.miners.discard(miner)
        self.race.stop_mining(miner, self.now)

    @rule(new_rules=st.one_of(st.none(), st.sampled_from([100.0, 300.0])))
    def operator(self, new_rules: float | None) -> None:
        if new_rules is None:
            events = self.race.reset()
        else:
            events = self.race.configure(evolve(RULES, target_timeout=new_rules))
        assert [self.name(e) for e in events] == [("reset", None), *(("refused", row[0]) for row in self.open)]
        assert not any(isinstance(e, TicketRefused) and isinstance(e.error, ProofFalse) for e in events)
        self.end_round()
        self.open_if_closed()

    @invariant()
    def nobody_is_stranded(self) -> None:
        if hasattr(self, "race"):
            assert self.race.undecided == len(self.open)
            assert not (self.open and self.open[0][1])
            assert self.race.mining_time(self.now) == pytest.approx(self.mined)


RaceAgainstModel.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_any_interleaving_has_one_winner_and_strands_nobody = RaceAgainstModel.TestCase
