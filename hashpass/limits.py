"""So many in so much time, for each key by itself."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import trio

from hashpass.domain.errors import RateLimited


class RateLimit:
    """At most `events` in any `per` seconds under one key, by remembering when each of them was.

    When `max_keys` keys are in use, the one idle for longest is forgotten. A refused call counts as use, so whoever
    would have his own count forgotten must first come from `max_keys` other addresses within `per` seconds, and each
    of those has a count of its own to spend: he gains nothing by it.
    """

    def __init__(
        self,
        events: int,
        per: float,
        *,
        clock: Callable[[], float] = trio.current_time,
        max_keys: int = 50_000,
    ) -> None:
        self._events = events
        self._per = per
        self._clock = clock
        self._max_keys = max_keys
        self._taken: OrderedDict[str, list[float]] = OrderedDict()  # by last use

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, key: str) -> None:
        """Count one event, or raise RateLimited with the seconds until the next one is free."""
        now = self._clock()
        self._forget_idle(now)
        taken = self._taken.pop(key, [])
        while taken and taken[0] <= now - self._per:
            taken.pop(0)
        if len(self._taken) >= self._max_keys:
            self._taken.popitem(last=False)
        self._taken[key] = taken
        if len(taken) >= self._events:
            raise RateLimited(retry_after=taken[0] + self._per - now)
        taken.append(now)

    def _forget_idle(self, now: float) -> None:
        """Two at a time, so that the map shrinks as fast as it may grow, and faster."""
        for _ in range(2):
            oldest = next(iter(self._taken.values()), None)
            if oldest is None or oldest[-1] > now - self._per:
                return
            self._taken.popitem(last=False)


class Pace:
    """How long a refused caller waits for its refusal, by key: `burst` of them not at all, then `rate` a second.

    A client that asks again at once a thousand times a second would take the processor from the hashes of others. One
    that waits as it is told never gets here. Nobody is held for more than `most` seconds, so what is held is bounded by
    the connections there are.
    """

    def __init__(
        self,
        *,
        rate: float = 20.0,
        burst: float = 20.0,
        most: float = 1.0,
        clock: Callable[[], float] = trio.current_time,
        max_keys: int = 50_000,
    ) -> None:
        self._gap = 1.0 / rate
        self._slack = burst / rate
        self._most = most
        self._clock = clock
        self._max_keys = max_keys
        self._paid: OrderedDict[str, float] = OrderedDict()  # until when each key has used up its share

    def delay(self, key: str) -> float:
        """Count a refusal, and say how many seconds to hold it."""
        now = self._clock()
        paid = max(self._paid.pop(key, now), now)
        wait = min(max(paid - now - self._slack, 0.0), self._most)
        # What cannot be made to wait longer is not counted further either: a flood of yesterday is not today's debt.
        self._paid[key] = min(paid + self._gap, now + self._slack + self._most + self._gap)
        oldest = next(iter(self._paid))
        if len(self._paid) > self._max_keys or self._paid[oldest] <= now:
            del self._paid[oldest]
        return wait
