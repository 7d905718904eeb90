"""After a time-out, the best hash of the dead puzzle: evidence of work, and a prize where the operator gives one."""

from __future__ import annotations

from attrs import frozen

from hashpass.domain.errors import AddressBusy, AlreadySubmitted, QueueFull
from hashpass.domain.race import MAX_TICKETS_PER_ADDRESS, RETRY_AFTER, VoidReason, check_nonce_speed
from hashpass.domain.values import Address, Proof, Puzzle

WINDOW = 10.0
MAX_CHECKED = 64
MAX_ENTRIES = 4096


@frozen
class Entry:
    session: str
    address: Address
    proof: Proof


class Consolation:
    """Collects claims for ten seconds; the lowest that proves true is the best. Belongs to one dead puzzle."""

    def __init__(self, puzzle: Puzzle, mining_time: float, now: float) -> None:
        self.puzzle = puzzle
        self.mining_time = mining_time
        self.closes_at = now + WINDOW
        self._entries: dict[str, Entry] = {}
        self._by_address: dict[str, int] = {}
        self._void: set[str] = set()

    def enter(self, session: str, address: Address, proof: Proof) -> None:
        """Take a session's one entry. Whether the claim is true is found out after the window."""
        check_nonce_speed(proof, self.mining_time, self.puzzle.rules)
        if session in self._entries:
            raise AlreadySubmitted
        if self._by_address.get(address.key, 0) >= MAX_TICKETS_PER_ADDRESS:
            raise AddressBusy(retry_after=RETRY_AFTER)
        if len(self._entries) >= MAX_ENTRIES:
            raise QueueFull(retry_after=RETRY_AFTER)
        self._entries[session] = Entry(session, address, proof)
        self._by_address[address.key] = self._by_address.get(address.key, 0) + 1

    def void(self, reason: VoidReason) -> None:
        """Entries with a reason against them are not checked; their place stays taken."""
        self._void.update(e.session for e in self._entries.values() if reason(e.session, e.address) is not None)

    def counts(self, entry: Entry) -> bool:
        return entry.session not in self._void

    def ranking(self) -> list[Entry]:
        """The entries worth checking, best claim first; of equal claims the earlier one."""
        return sorted(self._entries.values(), key=lambda entry: entry.proof.claimed)[:MAX_CHECKED]
