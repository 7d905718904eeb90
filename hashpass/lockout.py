"""Who guesses wrong ten times is not listened to for five minutes, not even with the right word."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import trio
from attrs import define, field

from hashpass.domain.errors import RateLimited


@define
class _Guesses:
    """The wrong guesses of one key."""

    at: list[float] = field(factory=list)
    locked_until: float = 0.0


class Lockout:
    """Counts wrong guesses by key, and locks a key out after `guesses` of them within `window` seconds.

    What comes while a key is locked out is not counted, so an old tab that keeps asking prolongs nothing. A right guess
    clears nothing either: else whoever shares the owner's address could guess ten times for each of his calls.

    When `max_keys` keys are in use, the one whose last wrong guess is oldest is forgotten. Whoever would have his own
    guesses forgotten must first come from that many other addresses.
    """

    def __init__(
        self,
        *,
        guesses: int = 10,
        window: float = 300.0,
        life: float = 300.0,
        clock: Callable[[], float] = trio.current_time,
        max_keys: int = 50_000,
    ) -> None:
        self._most = guesses
        self._window = window
        self._life = life
        self._clock = clock
        self._max_keys = max_keys
        self._keys: OrderedDict[str, _Guesses] = OrderedDict()  # by the last guess that was counted

    def __len__(self) -> int:
        return len(self._keys)

    def check(self, key: str) -> None:
        """Raise RateLimited with the seconds that are left, if this key is locked out."""
        known = self._keys.get(key)
        if known is not None and known.locked_until > self._clock():
            raise RateLimited(
                "Too many wrong tokens came from this address. Wait before you try again.",
                retry_after=known.locked_until - self._clock(),
            )

    def fail(self, key: str) -> bool:
        """Count a wrong guess; True if it is the one that locks the key out."""
        now = self._clock()
        known = self._keys.pop(key, None) or _Guesses()
        self._keys[key] = known
        if known.locked_until > now:
            return False
        known.at = [*(at for at in known.at if at > now - self._window), now]
        self._forget_idle(now)
        if len(known.at) < self._most:
            return False
        known.at = []
        known.locked_until = now + self._life
        return True

    def _forget_idle(self, now: float) -> None:
        """Two at a time, so that the map shrinks faster than it may grow."""
        for _ in range(2):
            key, oldest = next(iter(self._keys.items()))
            idle = oldest.locked_until <= now and all(at <= now - self._window for at in oldest.at)
            if not idle and len(self._keys) <= self._max_keys:
                return
            del self._keys[key]
