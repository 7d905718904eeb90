"""Which nonces have been used: the port, and the memory of one process."""

from __future__ import annotations

import heapq
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

log = logging.getLogger(__name__)


@runtime_checkable
class NonceStore(Protocol):
    """Remembers what has been used. A store that cannot tell raises; it never guesses."""

    def mark_used(self, nonce: str, ttl_seconds: float) -> bool:
        """True for exactly one of any number of racing callers, until `ttl_seconds` have passed."""
        ...


class MemoryNonceStore:
    """Nonces in this process's memory. When it is full it refuses, because to forget one is to let it in again.

    Nonces are grouped by the second in which they expire, and a group is dropped as a whole: a call costs the same
    with a hundred thousand nonces alive as with none. The clock is the wall's, like that of the tokens, so that a
    clock set back revives a token and its mark together.

    It has no length: capjs-server takes an empty store that has one for no store at all.
    """

    def __init__(self, max_nonces: int = 1_000_000, *, clock: Callable[[], float] = time.time) -> None:
        if isinstance(max_nonces, bool) or not isinstance(max_nonces, int) or max_nonces < 1:
            raise ValueError("max_nonces must be a whole number of at least 1.")
        self._max_nonces = max_nonces
        self._clock = clock
        self._lock = threading.Lock()
        self._expiries: dict[str, float] = {}
        self._groups: dict[int, list[str]] = {}
        """By the first whole second in which the whole group has expired."""
        self._seconds: list[int] = []
        """A heap of the keys of `_groups`."""
        self._full = False

    def mark_used(self, nonce: str, ttl_seconds: float) -> bool:
        with self._lock:
            now = self._clock()
            while self._seconds and self._seconds[0] <= now:
                self._forget(self._groups.pop(heapq.heappop(self._seconds)), now)
            if self._expiries.get(nonce, -math.inf) > now or not self._has_room(nonce, now):
                return False
            self._remember(nonce, now + ttl_seconds)
            return True

    def _remember(self, nonce: str, expiry: float) -> None:
        second = math.ceil(expiry)
        if second not in self._groups:
            self._groups[second] = []
            heapq.heappush(self._seconds, second)
        before = self._expiries.get(nonce)
        if before is None or math.ceil(before) != second:
            self._groups[second].append(nonce)
        self._expiries[nonce] = expiry

    def _has_room(self, nonce: str, now: float) -> bool:
        if len(self._expiries) >= self._max_nonces and nonce not in self._expiries:
            # Only the group of the running second can hold anything that has expired.
            self._forget(self._groups.get(math.ceil(now), []), now)
            if len(self._expiries) >= self._max_nonces:
                if not self._full:
                    log.error("All %d nonces are in use: challenges and tokens are refused.", self._max_nonces)
                self._full = True
                return False
        self._full = False
        return True

    def _forget(self, group: list[str], now: float) -> None:
        """Forget those of a group that have expired; one that was marked again lives on in a later group."""
        living = []
        for nonce in group:
            expiry = self._expiries.get(nonce)
            if expiry is not None and expiry > now:
                living.append(nonce)
            else:
                self._expiries.pop(nonce, None)
        group[:] = living
