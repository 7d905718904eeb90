"""The race, live: answers are admitted, checked on threads, judged one at a time, recorded, and told to everybody.

What the lock guards: a round is ended or opened only while it is held, and it is held until the end of the round is on
disk and the next puzzle is open. Hashing happens outside it, and so does every network write. From the moment an answer
has its ticket, the work belongs to tasks of the server: a client that hangs up changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import trio
from attrs import define, evolve, field, frozen

from hashpass.domain.consolation import Consolation, Entry
from hashpass.domain.difficulty import Adjustment, Evidence, bits_for
from hashpass.domain.errors import HashPassError, NotReady, ProofFalse, RoundStale
from hashpass.domain.prizes import Award, Prize, Prizes
from hashpass.domain.proof import Work, leading_zero_bits, work_for
from hashpass.domain.race import (
    Event,
    Race,
    RaceState,
    RoundReset,
    RoundTimedOut,
    RoundWon,
    Ticket,
    TicketRefused,
    VoidReason,
)
from hashpass.domain.values import Address, Proof, Puzzle, Rules

log = logging.getLogger("hashpass.arbiter")

PATIENCE = 120.0
"""An answer that is not decided by then is told to come back; its ticket stays valid."""
MAX_CONSOLATIONS = 8


class Verifier(Protocol):
    async def check(self, work: Work, *, key: str) -> bool: ...

    async def check_when_idle(self, work: Work) -> bool: ...


@frozen
class Effects:
    """What follows from a verdict outside the race. Those that return None do not wait for anybody."""

    code_for: Callable[[Proof], tuple[str, str]]
    """The invite code of a winning answer, and the id of the key it was made with."""
    record: Callable[[Award], Awaitable[None]]
    """The award is on disk when this returns, or queued while the disk refuses."""
    save: Callable[[RaceState, Rules], Awaitable[None]]
    publish: Callable[[dict[str, Any]], None]
    tell: Callable[[str, dict[str, Any]], None]
    """Says something to the sockets of one session."""
    notify: Callable[[Award], None]
    strike: Callable[[str, Address], Awaitable[None]]
    """A session has lied."""
    prove: Callable[[str], None]
    """A session has sent a true proof."""
    count_round: Callable[[str], None]
    has_room: Callable[[], bool]
    """Whether another award could be recorded. Without a record there is no code."""


@define(eq=False)
class _Pending:
    """One answer on its way: who waits for it, and what became of it."""

    scope: trio.CancelScope = field(factory=trio.CancelScope)
    decided: trio.Event = field(factory=trio.Event)
    outcome: Prize | HashPassError | None = None


class Arbiter:
    def __init__(
        self,
        race: Race,
        verifier: Verifier,
        prizes: Prizes,
        effects: Effects,
        *,
        new_seed: Callable[[], str],
        wall: Callable[[], float],
    ) -> None:
        self._race = race
        self._verifier = verifier
        self._prizes = prizes
        self._effects = effects
        self._new_seed = new_seed
        self._wall = wall
        self._lock = trio.Lock()
        self._pending: dict[int, _Pending] = {}
        self._consolations: dict[str, Consolation] = {}
        self._nursery: trio.Nursery | None = None
        self._changed = trio.Event()
        self._closing = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the race going: judge what is handed in, and end rounds whose time is up."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                await self._begin()
                task_status.started()
                await self._watch_time()
            finally:
                self._nursery = None
                for number in list(self._pending):
                    self._answer(number, NotReady(retry_after=1))

    async def drain(self, seconds: float) -> None:
        """Take no more answers, and let those that are being checked be decided, for at most so long."""
        self._closing = True
        with trio.move_on_after(seconds):
            for pending in list(self._pending.values()):
                await pending.decided.wait()

    # What a visitor can ask

    @property
    def rules(self) -> Rules:
        return self._race.rules

    @property
    def target(self) -> int:
        return self._race.state.target

    @property
    def puzzle(self) -> Puzzle | None:
        return self._race.puzzle

    @property
    def undecided(self) -> int:
        return self._race.undecided

    def job(self) -> dict[str, Any]:
        """Everything a miner needs to know of the open puzzle."""
        puzzle = self._race.puzzle
        if puzzle is None:
            raise NotReady(retry_after=1)
        argon2, times = puzzle.rules.argon2, self._race.state.solve_times
        return {
            "round": puzzle.round,
            "seed": puzzle.seed,
            "difficulty": bits_for(puzzle.target),
            "target": puzzle.target_hex,
            "algorithm": argon2.algorithm,
            "memory_cost": argon2.memory_cost,
            "time_cost": argon2.time_cost,
            "parallelism": argon2.parallelism,
            "worker_count": puzzle.rules.worker_count,
            "target_timeout": puzzle.rules.target_timeout,
            "puzzle_start_time": puzzle.started_at,
            "mining_time": round(self._race.mining_time(trio.current_time()), 3),
            "last_solve_time": round(times[-1], 3) if times else None,
            "average_solve_time": round(sum(times) / len(times), 3) if times else None,
        }

    async def fetch(self, session: str) -> dict[str, Any]:
        """The job, for a session that asks. Between two rounds it waits for the next, which takes one disk write."""
        if self._race.puzzle is None:
            with trio.move_on_after(PATIENCE):
                async with self._lock:
                    pass
        self._race.note_fetch(session, trio.current_time())
        return self.job()

    def start_mining(self, miner: int) -> None:
        self._race.start_mining(miner, trio.current_time())
        self._changed.set()

    def stop_mining(self, miner: int) -> None:
        self._race.stop_mining(miner, trio.current_time())
        self._changed.set()

    async def submit(self, session: str, address: Address, proof: Proof) -> Prize:
        """Race with this answer: returns the prize, or raises why there is none."""
        nursery = self._ready()
        ticket = self._race.admit(session, address, proof, trio.current_time())
        log.debug("round %d: ticket %d to session %s", ticket.puzzle.round, ticket.number, session)
        pending = self._pending[ticket.number] = _Pending()
        nursery.start_soon(self._judge, ticket, pending)
        with trio.move_on_after(PATIENCE):
            await pending.decided.wait()
        if isinstance(pending.outcome, Prize):
            return pending.outcome
        raise pending.outcome or NotReady(retry_after=1)

    def submit_best(self, session: str, address: Address, proof: Proof) -> None:
        """Hand in the best hash of a puzzle that timed out within the last ten seconds."""
        self._ready()
        consolation = self._consolations.get(proof.seed)
        if consolation is None or trio.current_time() >= consolation.closes_at:
            raise RoundStale("Best hashes are taken for ten seconds after a time-out, for that puzzle only.")
        consolation.enter(session, address, proof)

    # What an operator, or a verdict elsewhere, can demand

    async def reset(self) -> None:
        async with self._lock:
            await self._carry_out(self._race.reset())

    async def configure(self, rules: Rules, target: int | None = None) -> None:
        async with self._lock:
            await self._carry_out(self._race.configure(rules, target))

    def void(self, reason: VoidReason) -> None:
        """Take back what is still open, wherever there is a reason. Does not wait; an answer may win by it."""
        for consolation in self._consolations.values():
            consolation.void(reason)
        if self._nursery is not None:
            self._nursery.start_soon(self._void, reason)

    # The way of one answer

    async def _judge(self, ticket: Ticket, pending: _Pending) -> None:
        verdict: bool | HashPassError = NotReady(retry_after=1)
        with pending.scope:
            verdict = await self._check(ticket)
        if pending.scope.cancelled_caught:  # its round ended while it waited for its turn
            return
        async with self._lock:
            now = trio.current_time()
            if isinstance(verdict, HashPassError):
                events = self._race.withdraw(ticket.number, verdict, now)
            else:
                events = self._race.settle(ticket.number, verdict, now)
            await self._carry_out(events)
        if any(isinstance(event, TicketRefused) and isinstance(event.error, ProofFalse) for event in events):
            await self._effects.strike(ticket.session, ticket.address)
            self._answer(ticket.number, ProofFalse())

    async def _check(self, ticket: Ticket) -> bool | HashPassError:
        try:
            proved = await self._verifier.check(work_for(ticket.proof, ticket.puzzle), key=ticket.address.key)
        except HashPassError as error:
            return error
        except (MemoryError, OSError):
            log.exception("ticket %d could not be checked", ticket.number)
            return NotReady("The server could not check this answer. Send it again.", retry_after=1)
        if proved:
            self._effects.prove(ticket.session)
        return proved

    async def _void(self, reason: VoidReason) -> None:
        async with self._lock:
            await self._carry_out(self._race.void(reason, trio.current_time()))

    def _answer(self, number: int, outcome: Prize | HashPassError) -> None:
        pending = self._pending.pop(number, None)
        if pending is not None:
            pending.outcome = outcome
            pending.decided.set()
            pending.scope.cancel()

    # What follows from a change of the race; only called with the lock held

    async def _carry_out(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case TicketRefused(ticket, error):
                    if not isinstance(error, ProofFalse):  # a liar is answered once its strike counts
                        self._answer(ticket.number, error)
                case RoundWon(ticket, adjustment):
                    await self._reward(ticket, adjustment)
                case RoundTimedOut(puzzle, mining_time, adjustment):
                    log.info("round %d timed out after %.0f s: %s", puzzle.round, mining_time, adjustment.reason)
                    self._begin_consolation(Consolation(puzzle, mining_time, trio.current_time()))
                    await self._open_next("timeout")
                case RoundReset(puzzle):
                    log.info("round %d was reset", puzzle.round)
                    await self._open_next("admin")

    async def _reward(self, ticket: Ticket, adjustment: Adjustment) -> None:
        award = self._award(ticket.session, ticket.address, ticket.proof, ticket.puzzle, ticket.solved.time, adjustment)
        await self._effects.record(award)
        self._prizes.remember(award.prize, award.won_at)
        log.info("round %d was won in %.1f s: %s", ticket.puzzle.round, ticket.solved.time, adjustment.reason)
        await self._open_next("solved", ticket.solved.time)
        self._effects.notify(award)
        self._answer(ticket.number, award.prize)

    def _award(
        self, session: str, address: Address, proof: Proof, puzzle: Puzzle, seconds: float, adjustment: Adjustment
    ) -> Award:
        code, key_id = self._effects.code_for(proof)
        return Award(
            invite_code=code,
            key_id=key_id,
            won_at=self._wall(),
            reason="solved",
            session=session,
            address=address,
            proof=proof,
            puzzle=puzzle,
            solve_time=seconds,
            adjustment=adjustment,
        )

    async def _open_next(self, reason: str, solve_time: float | None = None) -> None:
        self._race.open(self._new_seed(), trio.current_time(), self._wall())
        self._effects.publish(
            {
                "type": "PUZZLE_RESET",
                **self.job(),
                "solve_time": None if solve_time is None else round(solve_time, 3),
                "is_timeout": reason == "timeout",
                "reason": reason,
            }
        )
        self._effects.count_round(reason)
        self._changed.set()
        await self._effects.save(self._race.state, self._race.rules)

    # Time

    async def _begin(self) -> None:
        async with self._lock:
            # After a crash of this task tickets may be left that nobody works on any more.
            await self._carry_out(self._race.void(lambda *_: NotReady(retry_after=1), trio.current_time()))
            if self._race.puzzle is None:
                await self._open_next("opened")

    async def _watch_time(self) -> None:
        while True:
            self._changed = trio.Event()
            with trio.move_on_at(self._race.next_deadline(trio.current_time())):
                await self._changed.wait()
            async with self._lock:
                await self._carry_out(self._race.tick(trio.current_time()))

    def _begin_consolation(self, consolation: Consolation) -> None:
        if self._nursery is not None and len(self._consolations) < MAX_CONSOLATIONS:
            self._consolations[consolation.puzzle.seed] = consolation
            self._nursery.start_soon(self._hold_consolation, consolation)

    async def _hold_consolation(self, consolation: Consolation) -> None:
        await trio.sleep_until(consolation.closes_at)
        try:
            best = await self._find_best(consolation)
        finally:
            del self._consolations[consolation.puzzle.seed]
        if best is None:
            return
        puzzle = consolation.puzzle
        async with self._lock:
            evidence = Evidence(best.proof.claimed, puzzle.target, consolation.mining_time)
            self._race.note_evidence(evidence, trio.current_time())
            if puzzle.rules.timeout_award:
                await self._console(best, consolation)
            await self._effects.save(self._race.state, self._race.rules)

    async def _find_best(self, consolation: Consolation) -> Entry | None:
        """The lowest claim that is true. It is checked only while no ticket waits."""
        for entry in consolation.ranking():
            if not consolation.counts(entry):
                continue
            try:
                proved = await self._verifier.check_when_idle(work_for(entry.proof, consolation.puzzle))
            except (HashPassError, MemoryError, OSError):
                log.exception("a best hash of round %d could not be checked", consolation.puzzle.round)
                continue
            if proved:
                self._effects.prove(entry.session)
                return entry
            await self._effects.strike(entry.session, entry.address)
        return None

    async def _console(self, best: Entry, consolation: Consolation) -> None:
        adjustment = Adjustment(
            self._race.state.target, self._race.state.estimate, "Best hash of a round that timed out; nothing changed."
        )
        award = evolve(
            self._award(
                best.session, best.address, best.proof, consolation.puzzle, consolation.mining_time, adjustment
            ),
            reason="consolation",
        )
        await self._effects.record(award)
        self._prizes.remember(award.prize, award.won_at)
        self._effects.notify(award)
        self._effects.tell(
            best.session,
            {
                "type": "TIMEOUT_INVITE_CODE",
                "invite_code": award.invite_code,
                "leading_zeros": leading_zero_bits(best.proof.hash),
            },
        )

    def _ready(self) -> trio.Nursery:
        if self._nursery is None or self._closing or not self._effects.has_room():
            raise NotReady(retry_after=1)
        return self._nursery
