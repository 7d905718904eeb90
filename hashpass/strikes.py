"""False answers and what they cost: the session that lies, and the address that keeps sending liars."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import trio
from attrs import field, frozen

from hashpass.domain.errors import ShutOut
from hashpass.domain.values import Address

SESSION_STRIKES = 3
ADDRESS_STRIKES = 10
ADDRESS_SESSIONS = 3
MINUTES_10 = 600.0
REMEMBERED = 32
"""The newest strikes kept of one address: enough to see ten of them by three sessions, a session having three."""


@frozen
class StrikeVerdict:
    """What follows from one false answer."""

    revoke: bool
    """End this session."""
    shut_out: bool
    """The address has just been shut out: tickets for which `shut_out()` now says so are void."""


@frozen
class _Strike:
    at: float
    digest: str


class Strikes:
    """Counts false answers by session, by address key and, for IPv6, by /48 as well.

    A shut-out closes an address (or a whole /48) to new sessions and to every session that has never sent a true
    proof; a session that has is not asked where it comes from. In an IPv6 network this means that liars hopping over
    the /64s of their /48 are stopped together, and their neighbours who have proved themselves play on.

    The maps are bounded. Each strike has cost its sender a session and a turn in the queue, so pushing one's own
    strikes out by others costs more than waiting ten minutes.
    """

    def __init__(self, clock: Callable[[], float] = trio.current_time, *, max_keys: int = 50_000) -> None:
        self._clock = clock
        self._by_session = _Recent(max_keys)
        self._by_place = _Recent(max_keys)
        self._shut: OrderedDict[str, float] = OrderedDict()  # place -> until, soonest first
        self._proved: OrderedDict[str, None] = OrderedDict()
        self._max_keys = max_keys

    def strike(self, digest: str, address: Address) -> StrikeVerdict:
        """Note one false answer."""
        strike = _Strike(self._clock(), digest)
        revoke = len(self._by_session.add(digest, strike)) >= SESSION_STRIKES
        shut_out = False
        for place in _places(address):
            strikes = self._by_place.add(place, strike)
            liars = {each.digest for each in strikes}
            if len(strikes) >= ADDRESS_STRIKES and len(liars) >= ADDRESS_SESSIONS:
                self._shut_out(place, strike.at)
                self._by_place.forget(place)
                shut_out = True
        return StrikeVerdict(revoke, shut_out)

    def proved(self, digest: str) -> None:
        """This session has sent a true proof, whether or not it won."""
        self._proved[digest] = None
        self._proved.move_to_end(digest)
        if len(self._proved) > self._max_keys:
            self._proved.popitem(last=False)

    def shut_out(self, digest: str | None, address: Address) -> float | None:
        """Seconds for which this session (None: one not yet opened) may not play from here; None if it may."""
        if digest is not None and digest in self._proved:
            return None
        now = self._clock()
        until = max(self._shut.get(place, 0.0) for place in _places(address))
        return until - now if until > now else None

    def check(self, digest: str | None, address: Address) -> None:
        """Raise ShutOut with the seconds left, if so it is."""
        left = self.shut_out(digest, address)
        if left is not None:
            raise ShutOut(retry_after=left)

    def forget(self, digest: str) -> None:
        """The session has ended. What it did still counts against its address."""
        self._by_session.forget(digest)
        self._proved.pop(digest, None)

    def _shut_out(self, place: str, now: float) -> None:
        self._shut[place] = now + MINUTES_10
        self._shut.move_to_end(place)
        while next(iter(self._shut.values())) <= now or len(self._shut) > self._max_keys:
            self._shut.popitem(last=False)


@frozen
class _Recent:
    """Strikes of the last ten minutes by key, the key last struck at the end."""

    max_keys: int
    kept: OrderedDict[str, list[_Strike]] = field(factory=OrderedDict)

    def add(self, key: str, strike: _Strike) -> list[_Strike]:
        horizon = strike.at - MINUTES_10
        strikes = [old for old in self.kept.pop(key, []) if old.at > horizon]
        self.kept[key] = [*strikes, strike][-REMEMBERED:]
        oldest = next(iter(self.kept))
        if len(self.kept) > self.max_keys or self.kept[oldest][-1].at <= horizon:
            del self.kept[oldest]
        return self.kept[key]

    def forget(self, key: str) -> None:
        self.kept.pop(key, None)


def _places(address: Address) -> tuple[str, ...]:
    return (address.key,) if address.ip.version == 4 else (address.key, address.prefix)
