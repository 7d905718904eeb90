"""The ten seconds after a time-out in which best hashes are taken, and the search for the best true one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio

from hashpass.arbiter.effects import Effects, Verifier
from hashpass.domain.consolation import Consolation, Entry
from hashpass.domain.errors import HashPassError, RoundStale
from hashpass.domain.proof import work_for
from hashpass.domain.race import VoidReason
from hashpass.domain.values import Address, Proof

MOST = 8
"""So many may be going on at once, with time-outs in quick succession."""

log = logging.getLogger("hashpass.arbiter")


class Consolations:
    def __init__(
        self,
        verifier: Verifier,
        effects: Effects,
        *,
        judge: Callable[[Entry, Consolation], Awaitable[None]],
    ) -> None:
        self._verifier = verifier
        self._effects = effects
        self._judge = judge
        """Told the best true hash, if there is one."""
        self._open: dict[str, Consolation] = {}

    def begin(self, consolation: Consolation, nursery: trio.Nursery) -> None:
        if len(self._open) < MOST:
            self._open[consolation.puzzle.seed] = consolation
            nursery.start_soon(self._hold, consolation)

    def enter(self, session: str, address: Address, proof: Proof) -> None:
        consolation = self._open.get(proof.seed)
        if consolation is None or trio.current_time() >= consolation.closes_at:
            raise RoundStale("Best hashes are taken for ten seconds after a time-out, for that puzzle only.")
        consolation.enter(session, address, proof)

    def void(self, reason: VoidReason) -> None:
        for consolation in self._open.values():
            consolation.void(reason)

    async def _hold(self, consolation: Consolation) -> None:
        await trio.sleep_until(consolation.closes_at)
        try:
            best = await self._find_best(consolation)
        finally:
            del self._open[consolation.puzzle.seed]
        if best is not None:
            await self._judge(best, consolation)

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
