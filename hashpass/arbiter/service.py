"""The race, live: answers are admitted, checked on threads, judged one at a time, recorded, and told to everybody.

What the lock guards: a round is ended or opened only while it is held, and it is held until the end of the round is on
disk and the next puzzle is open. Hashing happens outside it, and so does every network write. From the moment an answer
has its ticket, the work belongs to tasks of the server: a client that hangs up changes nothing.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, evolve, field

from hashpass.arbiter import messages
from hashpass.arbiter.consolations import Consolations
from hashpass.arbiter.effects import Effects, Verifier
from hashpass.domain.consolation import Consolation, Entry
from hashpass.domain.difficulty import Adjustment, Evidence
from hashpass.domain.drop import Drop, DropRules, Win
from hashpass.domain.errors import HashPassError, NotReady, ProofFalse
from hashpass.domain.prizes import Award, Prize, Prizes
from hashpass.domain.proof import leading_zero_bits, work_for
from hashpass.domain.race import (
    Event,
    Race,
    RoundReset,
    RoundTimedOut,
    RoundWon,
    Ticket,
    TicketRefused,
    VoidReason,
)
from hashpass.domain.records import stamp
from hashpass.domain.seeds import Ending, RoundRecord, Seeds
from hashpass.domain.values import Address, Proof, Puzzle, Rules

log = logging.getLogger("hashpass.arbiter")

PATIENCE = 120.0
"""An answer that is not decided by then is told to come back; its ticket stays valid."""
LOOK_BACK = 1000
"""So many codes before a new stock are looked at for winners who still have to wait."""
LOOK_AGAIN = 10.0
"""So often a race that opens or closes at some time looks at the clock on the wall, which may have been set."""


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
        seeds: Seeds,
        drop: Drop,
        wall: Callable[[], float],
    ) -> None:
        self._race = race
        self._verifier = verifier
        self._prizes = prizes
        self._effects = effects
        self._seeds = seeds
        self._drop = drop
        self._wall = wall
        self._lock = trio.Lock()
        self._pending: dict[int, _Pending] = {}
        self._consolations = Consolations(verifier, effects, judge=self._judge_best)
        self._shown = self.drop_status()
        """What everybody was last told of the drop; whoever comes is told at the door."""
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

    @property
    def mining_time(self) -> float:
        return self._race.mining_time(trio.current_time())

    @property
    def solve_times(self) -> tuple[float, ...]:
        """Of the last five rounds that were solved, the newest at the end."""
        return self._race.state.solve_times

    @property
    def drop(self) -> DropRules:
        return self._drop.rules

    def drop_status(self) -> dict[str, Any]:
        """Whether there is something to win, as everybody may know."""
        return messages.drop(self._drop, self._wall())

    def check_drop(self, visitor_id: str, address: Address) -> None:
        """Refuse whoever could not be given a code now."""
        self._drop.check_open(self._wall())
        self._drop.check_winner(visitor_id, address, self._wall())

    def job(self) -> dict[str, Any]:
        """Everything a miner needs to know of the open puzzle."""
        puzzle = self._race.puzzle
        if puzzle is None:
            self._drop.check_open(self._wall())
            raise NotReady(retry_after=1)
        return messages.job(puzzle, self.mining_time, self.solve_times)

    async def fetch(self, session: str) -> dict[str, Any]:
        """The job, for a session that asks. Between two rounds it waits for the next, which takes one disk write."""
        if self._race.puzzle is None:
            self._drop.check_open(self._wall())
        await self.verdict()
        self._race.note_fetch(session, trio.current_time())
        return self.job()

    async def verdict(self) -> None:
        """Between two rounds, wait until it is known who has won: a winner who asks again must not hear of a loss."""
        if self._race.puzzle is None:
            with trio.move_on_after(PATIENCE):
                async with self._lock:
                    pass

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
        self._consolations.enter(session, address, proof)

    # What an operator, or a verdict elsewhere, can demand

    async def reset(self) -> None:
        async with self._changing():
            await self._carry_out(self._race.reset())

    async def configure(self, rules: Rules, target: int | None = None) -> None:
        async with self._changing():
            events = self._race.configure(rules, target)
            await self._carry_out(events)
            if not events:  # the race is closed, and nothing else would write it down
                await self._save()

    async def set_drop(self, rules: DropRules) -> None:
        """Give invites away by other rules from now on. Another stock is counted from its first code."""
        async with self._changing():
            issued = self._effects.issued()
            since = self._drop.since if rules.code_limit == self._drop.rules.code_limit else issued
            # Verdicts wait for this, so that no win is missed and none counted twice. It is read once, when asked for.
            wins = await self._effects.recall(since, issued) if rules.names_winners else []
            earlier = await self._effects.recall(max(since - LOOK_BACK, 0), since) if rules.win_cooldown else []
            self._drop = Drop(rules, since=since, issued=issued - since, wins=wins, earlier=earlier)
            await self._follow_drop()
            await self._save()

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[None]:
        """The lock; whatever becomes of the change, the race looks afterwards whether it is as it should be."""
        try:
            async with self._lock:
                yield
        finally:
            self._changed.set()

    def void(self, reason: VoidReason) -> None:
        """Take back what is still open, wherever there is a reason. Does not wait; an answer may win by it."""
        self._consolations.void(reason)
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
        self._changed.set()  # a race whose time is up closes once nothing is left to decide
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
                    if self._nursery is not None:
                        self._consolations.begin(Consolation(puzzle, mining_time, trio.current_time()), self._nursery)
                    await self._effects.record_round(self._end(puzzle, "timeout"))
                    await self._open_next("timeout")
                case RoundReset(puzzle, cause):
                    log.info("round %d was %s", puzzle.round, "reset" if cause == "admin" else "closed")
                    await self._effects.record_round(self._end(puzzle, cause))
                    await self._open_next(cause)

    async def _reward(self, ticket: Ticket, adjustment: Adjustment) -> None:
        with trio.CancelScope(shield=True):  # a crash elsewhere in the race must not leave a winner half served
            await self._reward_now(ticket, adjustment)

    async def _reward_now(self, ticket: Ticket, adjustment: Adjustment) -> None:
        award = self._award(ticket.session, ticket.address, ticket.proof, ticket.puzzle, ticket.solved.time, adjustment)
        try:
            await self._effects.record(award)
        except HashPassError as refusal:  # without a record there is no code, and so no winner
            await self._effects.record_round(self._end(ticket.puzzle, "admin"))
            await self._open_next("admin")
            self._answer(ticket.number, refusal)
            return
        await self._effects.record_round(self._end(ticket.puzzle, "solved", ticket.proof.hash.hex()))
        self._remember(award)
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

    def _remember(self, award: Award) -> None:
        self._prizes.remember(award.prize, award.won_at)
        self._drop.count(Win(award.proof.visitor_id, award.address.key, award.won_at))

    def _end(self, puzzle: Puzzle, ended: Ending, proof: str | None = None) -> RoundRecord:
        return self._seeds.end(puzzle.round, puzzle.seed, ended, proof, stamp(self._wall()))

    async def _open_next(self, reason: str, solve_time: float | None = None) -> None:
        """Open the next puzzle, unless the drop is closed, and tell everybody."""
        job: dict[str, Any] | None = None
        if self._drop.closed_for(self._wall()) is None:
            origin = self._seeds.origin(self._race.state.round + 1)
            self._race.open(origin.seed, trio.current_time(), self._wall(), origin)
            job = self.job()
        self._tell_drop()
        self._effects.publish(messages.reset(job, reason, solve_time))
        self._effects.count_round(reason)
        self._changed.set()
        await self._save()

    async def _save(self) -> None:
        await self._effects.save(self._race.state, self._race.rules, self._drop)

    # The drop

    async def _follow_drop(self) -> None:
        """Open or close the race if it is time. Tickets that came before the closing are decided first."""
        reason = self._drop.closed_for(self._wall())
        if reason is None and self._race.puzzle is None:
            await self._open_next("opened")
        elif self._race.puzzle is not None and (
            reason == "used_up" or (reason is not None and not self._race.undecided)
        ):
            await self._carry_out(self._race.reset("closed"))
        self._tell_drop()

    def _tell_drop(self) -> None:
        status = self.drop_status()
        if status != self._shown:
            self._shown = status
            self._effects.publish({"type": "RACE", **status})

    # Time

    async def _begin(self) -> None:
        async with self._lock:
            # After a crash of this task tickets may be left that nobody works on any more.
            await self._carry_out(self._race.void(lambda *_: NotReady(retry_after=1), trio.current_time()))
            self._drop.issued = self._effects.issued() - self._drop.since
            await self._follow_drop()

    async def _watch_time(self) -> None:
        while True:
            self._changed = trio.Event()
            with trio.move_on_at(min(self._race.next_deadline(trio.current_time()), self._next_look())):
                await self._changed.wait()
            async with self._lock:
                await self._carry_out(self._race.tick(trio.current_time()))
                await self._follow_drop()

    def _next_look(self) -> float:
        """When time alone may open or close the race."""
        wall, rules = self._wall(), self._drop.rules
        if rules.opens_at is None and rules.closes_at is None:
            return math.inf
        change = self._drop.next_change(wall)
        return trio.current_time() + (LOOK_AGAIN if change is None else min(change - wall, LOOK_AGAIN))

    async def _judge_best(self, best: Entry, consolation: Consolation) -> None:
        """The best hash of a dead puzzle: evidence of work in any case, and where the rules say so, a code."""
        async with self._lock:
            evidence = Evidence(best.proof.claimed, consolation.puzzle.target, consolation.mining_time)
            self._race.note_evidence(evidence, trio.current_time())
            if consolation.puzzle.rules.timeout_award and self._may_win(best):
                await self._console(best, consolation)
            await self._save()

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
        try:
            await self._effects.record(award)
        except HashPassError:
            log.exception("the best hash of round %d wins nothing", consolation.puzzle.round)
            return
        self._remember(award)
        self._effects.notify(award)
        await self._take_back(best)
        await self._follow_drop()
        self._effects.tell(
            best.session,
            {
                "type": "TIMEOUT_INVITE_CODE",
                "invite_code": award.invite_code,
                "leading_zeros": leading_zero_bits(best.proof.hash),
            },
        )

    async def _take_back(self, best: Entry) -> None:
        """An answer that came before, from one who now has won enough, is not to win him another code."""

        def barred(ticket: Ticket) -> HashPassError | None:
            if ticket.proof.visitor_id != best.proof.visitor_id and ticket.address.key != best.address.key:
                return None
            try:
                self._drop.check_winner(ticket.proof.visitor_id, ticket.address, self._wall())
            except HashPassError as refusal:
                return refusal
            return None

        await self._carry_out(self._race.take_back(barred, trio.current_time()))

    def _may_win(self, best: Entry) -> bool:
        """Whether the drop, whose time may have passed since, has a code for this one."""
        if self._drop.remaining == 0 or not self._effects.has_room():
            return False
        try:
            self._drop.check_winner(best.proof.visitor_id, best.address, self._wall())
        except HashPassError:
            return False
        return True

    def _ready(self) -> trio.Nursery:
        if self._nursery is None or self._closing or not self._effects.has_room():
            raise NotReady(retry_after=1)
        return self._nursery
