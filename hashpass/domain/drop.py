"""A drop: a limited number of invites. When the race is open, how many there are, and who may win another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import frozen

from hashpass.domain.errors import CoolingDown, RaceClosed, VisitorDone
from hashpass.domain.values import Address

ClosedFor = Literal["not_open_yet", "ended", "used_up"]

SENTENCES: dict[ClosedFor, str] = {
    "not_open_yet": "The race has not opened yet.",
    "ended": "The race is over.",
    "used_up": "Every invite has been won.",
}


@frozen
class DropRules:
    """What an operator decides. 0 and None are off; instants are Unix seconds."""

    code_limit: int = 0
    wins_per_visitor: int = 0
    win_cooldown: float = 0.0
    opens_at: float | None = None
    closes_at: float | None = None

    @property
    def names_winners(self) -> bool:
        """Whether it matters who has won."""
        return self.wins_per_visitor > 0 or self.win_cooldown > 0


@frozen
class Win:
    """A code that was given, as far as the drop's rules go."""

    visitor_id: str
    address_key: str
    won_at: float


class Drop:
    """The rules, and what was given since the stock was last set.

    Winners are remembered only while a rule asks for them, so that a server without one holds no list of them.
    """

    def __init__(
        self,
        rules: DropRules,
        *,
        since: int = 0,
        issued: int = 0,
        wins: Iterable[Win] = (),
        earlier: Iterable[Win] = (),
    ) -> None:
        self.rules = rules
        self.since = since
        """How many codes had ever been given when the stock was set."""
        self.issued = 0
        self._wins: dict[tuple[str, str], tuple[int, float]] = {}
        """By visitor and by address: how many, and when the last one was."""
        for win in earlier:  # of another stock: they do not count, but whoever won just now still waits
            self._remember(win, 0)
        for win in wins:
            self._remember(win, 1)
        self.issued = issued

    def closed_for(self, now: float) -> ClosedFor | None:
        """Why no puzzle is open, or None."""
        rules = self.rules
        if self.remaining == 0:
            return "used_up"
        if rules.closes_at is not None and now >= rules.closes_at:
            return "ended"
        if rules.opens_at is not None and now < rules.opens_at:
            return "not_open_yet"
        return None

    @property
    def remaining(self) -> int | None:
        return max(self.rules.code_limit - self.issued, 0) if self.rules.code_limit else None

    def next_change(self, now: float) -> float | None:
        """The next instant at which time alone opens or closes the race."""
        ahead = [at for at in (self.rules.opens_at, self.rules.closes_at) if at is not None and at > now]
        return min(ahead, default=None)

    def check_open(self, now: float) -> None:
        """RaceClosed, with the seconds until it opens where time heals it."""
        reason = self.closed_for(now)
        if reason is None:
            return
        opens_at = self.rules.opens_at
        wait = opens_at - now if reason == "not_open_yet" and opens_at is not None else None
        raise RaceClosed(SENTENCES[reason], retry_after=wait)

    def check_winner(self, visitor_id: str, address: Address, now: float) -> None:
        """Whether this visitor, from this address, may win another code."""
        for name in _names(visitor_id, address.key):
            count, last = self._wins.get(name, (0, 0.0))
            if self.rules.wins_per_visitor and count >= self.rules.wins_per_visitor:
                raise VisitorDone
            left = last + self.rules.win_cooldown - now
            if name in self._wins and left > 0 and self.rules.win_cooldown:
                raise CoolingDown(retry_after=min(left, self.rules.win_cooldown))

    def count(self, win: Win) -> None:
        """A code was given."""
        self.issued += 1
        if self.rules.names_winners:
            self._remember(win, 1)

    def _remember(self, win: Win, number: int) -> None:
        for name in _names(win.visitor_id, win.address_key):
            count, last = self._wins.get(name, (0, 0.0))
            self._wins[name] = (count + number, max(last, win.won_at))


def _names(visitor_id: str, address_key: str) -> tuple[tuple[str, str], ...]:
    return ("visitor", visitor_id), ("address", address_key)
