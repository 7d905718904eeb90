"""The race, live, on a virtual clock: the lock, the order of effects, and what survives a client that leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from attrs import define, evolve, field

from hashpass.arbiter import PATIENCE, Arbiter, Effects
from hashpass.domain.difficulty import Estimate, StepPolicy, target_for
from hashpass.domain.drop import Drop, DropRules, Win
from hashpass.domain.errors import (
    AddressBusy,
    AlreadySubmitted,
    HashPassError,
    NotReady,
    ProofFalse,
    RaceClosed,
    RoundLost,
    RoundStale,
    SessionRevoked,
    VisitorDone,
)
from hashpass.domain.prizes import Award, Prize, Prizes
from hashpass.domain.race import Race, RaceState
from hashpass.domain.seeds import RoundCheck, RoundRecord, Seeds
from hashpass.domain.values import Address, Proof, Rules
from hashpass.testing import Clock, FakeVerifier

RULES = Rules(target_timeout=300, timeout_award=True)


@define
class World:
    """An arbiter with everything around it written down in order."""

    rules: Rules = RULES
    drop: DropRules = DropRules()  # noqa: RUF009 - a frozen value
    happened: list[tuple[str, Any]] = field(factory=list)
    verifier: FakeVerifier = field(factory=FakeVerifier)
    prizes: Prizes = field(factory=Prizes)
    clock: Clock = field(factory=Clock)
    disk: trio.Event | None = None
    room: bool = True
    refusal: HashPassError | None = None
    """What the log says instead of taking a record."""
    on_strike: Callable[[str, Address], None] = lambda session, address: None
    arbiter: Arbiter = field(init=False)

    def __attrs_post_init__(self) -> None:
        race = Race(self.rules, StepPolicy(), RaceState(0, target_for(5), Estimate()))
        self.arbiter = Arbiter(
            race,
            self.verifier,
            self.prizes,
            Effects(
                code_for=lambda proof: (f"CODE-{proof.nonce}", "key"),
                record=self.record,
                save=self.save,
                publish=lambda message: self.happened.append(("published", message)),
                tell=lambda session, message: self.happened.append(("told", (session, message))),
                notify=lambda award: self.happened.append(("notified", award.invite_code)),
                strike=self.strike,
                prove=lambda session: self.happened.append(("proved", session)),
                count_round=lambda reason: None,
                has_room=lambda: self.room,
                record_round=self.record_round,
                issued=lambda: len(self.of("recorded")),
                recall=self.recall,
            ),
            seeds=Seeds(b"key"),
            drop=Drop(self.drop),
            wall=self.clock.wall,
        )

    async def record(self, award: Award) -> None:
        if self.refusal is not None:
            raise self.refusal
        if self.disk is not None:
            await self.disk.wait()
        self.happened.append(("recorded", award))

    async def record_round(self, record: RoundRecord) -> None:
        await trio.lowlevel.checkpoint()
        self.happened.append(("ended", record))

    async def recall(self, first: int, end: int) -> list[Win]:
        await trio.lowlevel.checkpoint()
        return [
            Win(award.proof.visitor_id, award.address.key, award.won_at) for award in self.of("recorded")[first:end]
        ]

    async def save(self, state: RaceState, rules: Rules, drop: Drop) -> None:
        await trio.lowlevel.checkpoint()
        self.happened.append(("saved", state.round))

    async def strike(self, session: str, address: Address) -> None:
        await trio.lowlevel.checkpoint()
        self.happened.append(("struck", session))
        self.on_strike(session, address)

    def of(self, kind: str) -> list[Any]:
        return [what for name, what in self.happened if name == kind]

    def answer(self, nonce: int, claimed: int = 0) -> Proof:
        puzzle = self.arbiter.puzzle
        assert puzzle is not None
        return Proof("v", nonce, puzzle.seed, "trace", (claimed + nonce).to_bytes(32, "big"))

    async def submit(self, session: str, proof: Proof, outcomes: dict[str, Prize | HashPassError]) -> None:
        """Submit and write down what comes of it."""
        try:
            outcomes[session] = await self.arbiter.submit(session, address_of(session), proof)
        except HashPassError as error:
            outcomes[session] = error


def address_of(session: str) -> Address:
    return Address.parse(f"10.0.{ord(session[0]) % 250}.{ord(session[-1]) % 250}")


@pytest.fixture
async def world(nursery: trio.Nursery) -> World:
    made = World()
    await nursery.start(made.arbiter.run)
    return made


async def test_a_win_is_recorded_then_a_new_puzzle_is_told_then_the_winner(world: World) -> None:
    first = world.arbiter.puzzle
    prize = await world.arbiter.submit("a", address_of("a"), world.answer(7))
    assert prize.invite_code == "CODE-7"
    happened = [name for name, _ in world.happened]
    assert happened[:3] == ["published", "saved", "proved"]  # the opening, then the answer
    assert sorted(happened[3:5]) == ["ended", "recorded"]  # both on their way to the disk at once
    assert happened[5:] == ["published", "saved", "notified"]
    award = world.of("recorded")[0]
    assert (award.puzzle, award.reason, award.session) == (first, "solved", "a")
    assert world.of("published")[1]["reason"] == "solved"
    assert world.of("published")[1]["round"] == 2
    assert world.prizes.of("a", world.clock.wall())[0].invite_code == "CODE-7"


async def test_the_lowest_ticket_wins_when_its_check_is_the_slowest(world: World, nursery: trio.Nursery) -> None:
    outcomes: dict[str, Prize | HashPassError] = {}
    for number, session in enumerate("abc"):
        world.verifier.hold(world.answer(number).hash)
        nursery.start_soon(world.submit, session, world.answer(number), outcomes)
        await trio.testing.wait_all_tasks_blocked()
    hashes = [world.answer(number).hash for number in range(3)]
    world.verifier.release(hashes[2])
    world.verifier.release(hashes[1])
    await trio.testing.wait_all_tasks_blocked()
    assert outcomes == {}
    world.verifier.release(hashes[0])
    await trio.testing.wait_all_tasks_blocked()
    assert isinstance(outcomes["a"], Prize)
    assert isinstance(outcomes["b"], RoundLost)
    assert isinstance(outcomes["c"], RoundLost)


async def test_losers_still_in_the_queue_are_told_at_once_and_their_checks_dropped(
    world: World, nursery: trio.Nursery
) -> None:
    outcomes: dict[str, Prize | HashPassError] = {}
    first, late = world.answer(1), world.answer(2)
    for session, answer in (("a", first), ("b", late)):
        world.verifier.hold(answer.hash)
        nursery.start_soon(world.submit, session, answer, outcomes)
        await trio.testing.wait_all_tasks_blocked()
    world.verifier.release(first.hash)
    await trio.testing.wait_all_tasks_blocked()
    assert {type(outcome) for outcome in outcomes.values()} == {Prize, RoundLost}
    assert world.verifier.waiting == 0


async def test_a_winner_that_hangs_up_before_its_verdict_is_recorded_all_the_same(world: World) -> None:
    answer = world.answer(7)
    world.verifier.hold(answer.hash)
    async with trio.open_nursery() as client:
        client.start_soon(world.submit, "a", answer, {})
        await trio.testing.wait_all_tasks_blocked()
        client.cancel_scope.cancel()
    world.verifier.release(answer.hash)
    await trio.testing.wait_all_tasks_blocked()
    assert world.of("recorded")[0].invite_code == "CODE-7"
    assert world.prizes.won_with("a", answer, world.clock.wall()) is not None


async def test_no_winner_is_answered_before_the_record_is_on_disk(world: World, nursery: trio.Nursery) -> None:
    outcomes: dict[str, Prize | HashPassError] = {}
    world.disk = trio.Event()
    dead = world.arbiter.puzzle
    assert dead is not None
    nursery.start_soon(world.submit, "a", world.answer(7), outcomes)
    await trio.testing.wait_all_tasks_blocked()
    assert outcomes == {}
    assert len(world.of("published")) == 1
    with pytest.raises(RoundStale):
        await world.arbiter.submit("b", address_of("b"), Proof("v", 8, dead.seed, "", bytes(32)))
    world.disk.set()
    await trio.testing.wait_all_tasks_blocked()
    assert isinstance(outcomes["a"], Prize)


async def test_while_no_more_can_be_recorded_no_answer_is_taken(world: World) -> None:
    world.room = False
    with pytest.raises(NotReady):
        await world.arbiter.submit("a", address_of("a"), world.answer(7))
    world.room = True
    assert (await world.arbiter.submit("a", address_of("a"), world.answer(7))).invite_code == "CODE-7"


async def test_whoever_fetches_between_two_rounds_gets_the_next_one(world: World, nursery: trio.Nursery) -> None:
    jobs: list[dict[str, Any]] = []

    async def fetch() -> None:
        jobs.append(await world.arbiter.fetch("b"))

    world.disk = trio.Event()
    nursery.start_soon(world.submit, "a", world.answer(7), {})
    await trio.testing.wait_all_tasks_blocked()
    nursery.start_soon(fetch)
    await trio.testing.wait_all_tasks_blocked()
    assert jobs == []
    world.disk.set()
    await trio.testing.wait_all_tasks_blocked()
    assert jobs[0]["round"] == 2


async def test_a_lie_is_struck_before_the_liar_hears_of_it(world: World) -> None:
    answer = world.answer(7)
    world.verifier.false.add(answer.hash)
    with pytest.raises(ProofFalse):
        await world.arbiter.submit("liar", address_of("liar"), answer)
    assert world.of("struck") == ["liar"]
    assert len(world.of("published")) == 1


async def test_an_admins_reset_is_no_strike_even_for_a_liar_in_the_queue(world: World, nursery: trio.Nursery) -> None:
    outcomes: dict[str, Prize | HashPassError] = {}
    answer = world.answer(7)
    world.verifier.false.add(answer.hash)
    world.verifier.hold(answer.hash)
    nursery.start_soon(world.submit, "a", answer, outcomes)
    await trio.testing.wait_all_tasks_blocked()
    await world.arbiter.reset()
    world.verifier.release(answer.hash)
    await trio.testing.wait_all_tasks_blocked()
    assert isinstance(outcomes["a"], RoundStale)
    assert world.of("struck") == []
    assert world.of("published")[-1]["reason"] == "admin"


async def test_a_revoked_sessions_ticket_is_void_and_the_next_one_wins(world: World, nursery: trio.Nursery) -> None:
    outcomes: dict[str, Prize | HashPassError] = {}
    slow = world.answer(1)
    world.verifier.hold(slow.hash)
    nursery.start_soon(world.submit, "revoked", slow, outcomes)
    await trio.testing.wait_all_tasks_blocked()
    nursery.start_soon(world.submit, "honest", world.answer(2), outcomes)
    await trio.testing.wait_all_tasks_blocked()
    world.arbiter.void(lambda session, _: SessionRevoked() if session == "revoked" else None)
    await trio.testing.wait_all_tasks_blocked()
    assert isinstance(outcomes["revoked"], SessionRevoked)
    assert isinstance(outcomes["honest"], Prize)


async def test_a_check_that_fails_is_nobodys_lie_and_the_answer_may_come_again(world: World) -> None:
    answer = world.answer(7)
    world.verifier.broken.add(answer.hash)
    with pytest.raises(NotReady):
        await world.arbiter.submit("a", address_of("a"), answer)
    world.verifier.broken.clear()
    assert (await world.arbiter.submit("a", address_of("a"), answer)).invite_code == "CODE-7"
    assert world.of("struck") == []


async def test_an_unsolved_round_closes_after_300_mined_seconds(world: World, autojump_clock: object) -> None:
    began = trio.current_time()
    await trio.sleep(1000)
    world.arbiter.start_mining(1)
    await trio.sleep(100)
    world.arbiter.stop_mining(1)
    await trio.sleep(500)
    world.arbiter.start_mining(2)
    await trio.sleep(199)
    assert len(world.of("published")) == 1
    await trio.sleep(2)
    reset = world.of("published")[1]
    assert (reset["reason"], reset["is_timeout"], reset["solve_time"]) == ("timeout", True, None)
    assert reset["difficulty"] == 3
    assert trio.current_time() - began == pytest.approx(1801, abs=0.01)


async def test_miners_connected_at_a_time_out_need_not_announce_themselves_again(
    world: World, autojump_clock: object
) -> None:
    world.arbiter.start_mining(1)
    await trio.sleep(950)
    assert [message["reason"] for message in world.of("published")] == ["opened", "timeout", "timeout", "timeout"]


async def time_out(world: World) -> Callable[[int, int], Proof]:
    """Let the open round time out; returns how to make answers to the dead puzzle."""
    dead = world.arbiter.puzzle
    assert dead is not None
    world.arbiter.start_mining(1)
    await trio.sleep(300.5)
    world.arbiter.stop_mining(1)
    return lambda nonce, claimed: Proof("v", nonce, dead.seed, "trace", claimed.to_bytes(32, "big"))


async def test_after_a_time_out_the_best_true_hash_wins_the_consolation(world: World, autojump_clock: object) -> None:
    claim = await time_out(world)
    forged, honest, worse = claim(1, 0), claim(2, 2**252), claim(3, 2**253)
    world.verifier.false.add(forged.hash)
    for session, proof in (("w", worse), ("honest", honest), ("liar", forged)):
        world.arbiter.submit_best(session, address_of(session), proof)
    await trio.sleep(11)
    award = world.of("recorded")[0]
    assert (award.session, award.reason, award.invite_code) == ("honest", "consolation", "CODE-2")
    assert world.of("struck") == ["liar"]
    session, message = world.of("told")[0]
    assert session == "honest"
    assert message == {"type": "TIMEOUT_INVITE_CODE", "invite_code": "CODE-2", "leading_zeros": 3}
    assert world.prizes.of("honest", world.clock.wall())[0].reason == "consolation"


async def test_a_solve_of_the_new_puzzle_changes_nothing_of_the_consolation(
    world: World, autojump_clock: object
) -> None:
    claim = await time_out(world)
    world.arbiter.submit_best("a", address_of("a"), claim(2, 2**252))
    await world.arbiter.submit("b", address_of("b"), world.answer(9))
    await trio.sleep(11)
    assert [award.reason for award in world.of("recorded")] == ["solved", "consolation"]


async def test_best_hashes_are_taken_for_ten_seconds_once_a_session_and_for_that_puzzle_only(
    world: World, autojump_clock: object
) -> None:
    claim = await time_out(world)
    world.arbiter.submit_best("a", address_of("a"), claim(2, 2**252))
    with pytest.raises(AlreadySubmitted):
        world.arbiter.submit_best("a", address_of("a"), claim(3, 2**250))
    with pytest.raises(RoundStale):
        world.arbiter.submit_best("b", address_of("b"), world.answer(1))
    for session in ("x1", "x2", "x3"):
        world.arbiter.submit_best(session, Address.parse("192.0.2.1"), claim(2, 2**252))
    world.arbiter.submit_best("x4", Address.parse("192.0.2.1"), claim(2, 2**252))
    with pytest.raises(AddressBusy):
        world.arbiter.submit_best("x5", Address.parse("192.0.2.1"), claim(2, 2**252))
    await trio.sleep(10)
    with pytest.raises(RoundStale):
        world.arbiter.submit_best("c", address_of("c"), claim(3, 2**250))


async def test_a_revoked_session_has_no_consolation(world: World, autojump_clock: object) -> None:
    claim = await time_out(world)
    world.arbiter.submit_best("a", address_of("a"), claim(2, 2**251))
    world.arbiter.submit_best("b", address_of("b"), claim(3, 2**252))
    world.arbiter.void(lambda session, _: SessionRevoked() if session == "a" else None)
    await trio.sleep(11)
    assert [award.session for award in world.of("recorded")] == ["b"]


async def test_without_the_award_the_best_hash_is_evidence_and_no_code(
    nursery: trio.Nursery, autojump_clock: object
) -> None:
    world = World(rules=evolve(RULES, timeout_award=False))
    await nursery.start(world.arbiter.run)
    claim = await time_out(world)
    world.arbiter.submit_best("a", address_of("a"), claim(2, 2**252))
    await trio.sleep(11)
    assert world.of("recorded") == []
    assert world.of("proved") == ["a"]


async def test_new_rules_open_a_new_puzzle_under_them(world: World) -> None:
    await world.arbiter.configure(evolve(RULES, worker_count=9), target_for(7))
    job = world.arbiter.job()
    assert (job["worker_count"], job["difficulty"], job["target"]) == (9, 7, f"{2**249:064x}")
    assert world.of("published")[-1]["reason"] == "admin"


async def test_an_undecided_answer_is_told_to_come_back_after_two_minutes(world: World, autojump_clock: object) -> None:
    answer = world.answer(7)
    world.verifier.hold(answer.hash)
    began = trio.current_time()
    with pytest.raises(NotReady):
        await world.arbiter.submit("a", address_of("a"), answer)
    assert trio.current_time() - began == pytest.approx(PATIENCE)
    world.verifier.release(answer.hash)
    await trio.testing.wait_all_tasks_blocked()
    assert world.of("recorded")[0].session == "a"


async def test_draining_takes_nothing_new_and_lets_checks_finish(world: World, nursery: trio.Nursery) -> None:
    outcomes: dict[str, Prize | HashPassError] = {}
    answer = world.answer(7)
    world.verifier.hold(answer.hash)
    nursery.start_soon(world.submit, "a", answer, outcomes)
    await trio.testing.wait_all_tasks_blocked()
    nursery.start_soon(world.arbiter.drain, 10)
    await trio.testing.wait_all_tasks_blocked()
    with pytest.raises(NotReady):
        await world.arbiter.submit("b", address_of("b"), world.answer(8))
    world.verifier.release(answer.hash)
    await trio.testing.wait_all_tasks_blocked()
    assert isinstance(outcomes["a"], Prize)


async def test_a_crash_of_the_race_leaves_nobody_waiting_and_it_can_go_on(world: World) -> None:
    other = World()
    outcomes: dict[str, Prize | HashPassError] = {}
    answer: Proof
    async with trio.open_nursery() as outer, trio.open_nursery() as crashing:
        await crashing.start(other.arbiter.run)
        answer = other.answer(7)
        other.verifier.hold(answer.hash)
        outer.start_soon(other.submit, "a", answer, outcomes)
        await trio.testing.wait_all_tasks_blocked()
        crashing.cancel_scope.cancel()
    assert isinstance(outcomes["a"], NotReady)
    async with trio.open_nursery() as again:
        await again.start(other.arbiter.run)
        other.verifier.release(answer.hash)
        assert (await other.arbiter.submit("a", address_of("a"), answer)).invite_code == "CODE-7"
        again.cancel_scope.cancel()


# Drops


async def open_world(nursery: trio.Nursery, drop: DropRules) -> World:
    world = World(drop=drop)
    await nursery.start(world.arbiter.run)
    return world


def closed(world: World) -> bool:
    return world.arbiter.puzzle is None


async def test_an_answer_from_before_the_closing_still_wins(nursery: trio.Nursery, autojump_clock: object) -> None:
    world = await open_world(nursery, DropRules(closes_at=Clock().date + 20))
    outcomes: dict[str, Prize | HashPassError] = {}
    answer = world.answer(7)
    world.verifier.hold(answer.hash)
    nursery.start_soon(world.submit, "a", answer, outcomes)
    await trio.testing.wait_all_tasks_blocked()
    world.clock.advance(20)
    await trio.sleep(30)
    assert not closed(world)
    with pytest.raises(RaceClosed):
        world.arbiter.check_drop("v", address_of("b"))
    assert world.of("published")[-1] == {"type": "RACE", **world.arbiter.drop_status()}
    world.verifier.release(answer.hash)
    await trio.testing.wait_all_tasks_blocked()
    assert isinstance(outcomes["a"], Prize)
    assert closed(world)
    assert world.of("published")[-1]["reason"] == "closed"
    assert world.of("published")[-1]["solve_time"] is not None


async def test_a_race_closes_once_the_last_answer_from_before_was_a_lie(
    nursery: trio.Nursery, autojump_clock: object
) -> None:
    world = await open_world(nursery, DropRules(closes_at=Clock().date + 20))
    outcomes: dict[str, Prize | HashPassError] = {}
    lie = world.answer(7)
    world.verifier.false.add(lie.hash)
    world.verifier.hold(lie.hash)
    nursery.start_soon(world.submit, "a", lie, outcomes)
    await trio.testing.wait_all_tasks_blocked()
    world.clock.advance(20)
    await trio.sleep(30)
    world.verifier.release(lie.hash)
    await trio.testing.wait_all_tasks_blocked()
    assert closed(world)
    assert [record.ended for record in world.of("ended")] == ["closed"]


async def test_a_clock_set_back_does_not_open_the_race_early(nursery: trio.Nursery, autojump_clock: object) -> None:
    world = await open_world(nursery, DropRules(opens_at=Clock().date + 100))
    world.clock.date -= 3600
    await trio.sleep(200)
    assert closed(world)
    world.clock.date += 3700
    await trio.sleep(10)
    assert not closed(world)
    assert world.of("published")[-1]["reason"] == "opened"


async def test_a_code_for_a_best_hash_comes_out_of_the_stock_and_can_close_the_race(
    nursery: trio.Nursery, autojump_clock: object
) -> None:
    world = await open_world(nursery, DropRules(code_limit=1))
    world.arbiter.start_mining(1)
    best = world.answer(7, claimed=2**255)
    await trio.sleep(301)
    world.arbiter.submit_best("a", address_of("a"), best)
    late: dict[str, Prize | HashPassError] = {}
    await trio.sleep(9)
    slow = world.answer(8)
    await trio.sleep(2)
    await world.submit("b", slow, late)
    assert [award.reason for award in world.of("recorded")] == ["consolation"]
    assert closed(world)
    assert isinstance(late["b"], RoundStale)
    assert world.of("published")[-1]["reason"] == "closed"


async def test_whoever_has_won_enough_gets_no_code_for_a_best_hash(
    nursery: trio.Nursery, autojump_clock: object
) -> None:
    world = await open_world(nursery, DropRules(wins_per_visitor=1))
    await world.submit("a", world.answer(1), {})
    world.arbiter.start_mining(1)
    best = world.answer(7, claimed=2**255)
    await trio.sleep(301)
    world.arbiter.submit_best("a", address_of("a"), best)
    await trio.sleep(11)
    assert [award.reason for award in world.of("recorded")] == ["solved"]


# What can be proved of the rounds


async def test_every_end_of_a_round_is_written_before_the_next_is_told(
    nursery: trio.Nursery, autojump_clock: object
) -> None:
    world = await open_world(nursery, DropRules())
    await world.submit("a", world.answer(7), {})
    world.arbiter.start_mining(1)
    await trio.sleep(301)
    await world.arbiter.reset()
    assert [record.ended for record in world.of("ended")] == ["solved", "timeout", "admin"]
    told = [what for name, what in world.happened if name in {"ended", "published"}]
    for place, what in enumerate(told):
        if isinstance(what, RoundRecord):
            assert told[place + 1]["round"] == what.round + 1
    check = RoundCheck()
    assert [check.take(record.as_record()) for record in world.of("ended")] == [None] * 3
    announced = [message["commitment"] for message in world.of("published")]
    assert [record.commitment for record in world.of("ended")][1:] == announced[:-2]


async def test_a_clock_set_back_opens_a_race_that_had_ended(nursery: trio.Nursery, autojump_clock: object) -> None:
    world = await open_world(nursery, DropRules(closes_at=Clock().date + 20))
    world.clock.advance(30)
    await trio.sleep(11)
    assert closed(world)
    world.clock.date -= 3600
    await trio.sleep(11)
    assert not closed(world)


async def test_a_best_hash_that_wins_takes_back_what_its_sender_has_still_open(
    nursery: trio.Nursery, autojump_clock: object
) -> None:
    world = await open_world(nursery, DropRules(wins_per_visitor=1))
    world.arbiter.start_mining(1)
    best = world.answer(7, claimed=2**255)
    await trio.sleep(301)
    world.arbiter.submit_best("a", address_of("a"), best)
    outcomes: dict[str, Prize | HashPassError] = {}
    answer = world.answer(8)
    world.verifier.hold(answer.hash)
    nursery.start_soon(world.submit, "a", answer, outcomes)
    await trio.sleep(20)
    assert [award.reason for award in world.of("recorded")] == ["consolation"]
    assert isinstance(outcomes["a"], VisitorDone)


# A log that takes nothing


async def test_without_a_record_there_is_no_winner_and_the_race_goes_on(world: World) -> None:
    world.refusal = NotReady()
    first = world.arbiter.puzzle
    outcomes: dict[str, Prize | HashPassError] = {}
    await world.submit("a", world.answer(7), outcomes)
    assert isinstance(outcomes["a"], NotReady)
    assert [record.ended for record in world.of("ended")] == ["admin"]
    world.refusal = None
    assert first is not None
    await world.submit("b", world.answer(8), outcomes)
    assert isinstance(outcomes["b"], Prize)


async def test_who_asks_while_a_win_is_written_down_waits_for_it(world: World, nursery: trio.Nursery) -> None:
    world.disk = trio.Event()
    nursery.start_soon(world.submit, "a", world.answer(7), {})
    await trio.testing.wait_all_tasks_blocked()
    heard: list[int] = []

    async def ask() -> None:
        await world.arbiter.verdict()
        heard.append(len(world.prizes.of("a", world.clock.wall())))

    nursery.start_soon(ask)
    await trio.testing.wait_all_tasks_blocked()
    assert heard == []
    world.disk.set()
    await trio.testing.wait_all_tasks_blocked()
    assert heard == [1]
