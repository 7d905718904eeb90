"""The embedded store: one process's memory, bounded, gone when the process ends."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from itertools import count

import trio
from attrs import define

from hashpass.domain.errors import StoreFull

EXPIRE_AT_ONCE = 64
"""How many outdated entries one call clears away at most, so that no call pays for a whole crowd."""


@define(eq=False)
class _Entry:
    key: str
    value: bytes
    expires: float
    alarm: float = math.inf
    """When the heap will next look at this entry; never later than `expires`."""
    gone: bool = False


class MemoryStore:
    """A dict whose entries expire. Full means refused: nothing that still lives is ever pushed out.

    Expiry works through a heap of alarms. A longer life leaves the old alarm where it is, and the alarm is set anew
    when it rings early; so `touch`, which every call of every session makes, costs a dict look-up and no more.
    Methods never give way to other tasks, which is what makes each of them atomic.
    """

    def __init__(self, clock: Callable[[], float] = trio.current_time, *, max_entries: int = 250_000) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._entries: dict[str, _Entry] = {}
        self._alarms: list[tuple[float, int, _Entry]] = []
        self._order = count()  # so that the heap never compares two entries

    def __len__(self) -> int:
        """How many entries are held, those counted in whose life has passed but which nobody has cleared yet."""
        return len(self._entries)

    async def get(self, key: str) -> bytes | None:
        entry = self._find(key)
        return None if entry is None else entry.value

    async def put(self, key: str, value: bytes, *, ttl: float | None = None) -> None:
        self._put(key, value, ttl)

    async def put_if_absent(self, key: str, value: bytes, *, ttl: float | None = None) -> bool:
        if self._find(key) is not None:
            return False
        self._put(key, value, ttl)
        return True

    async def take(self, key: str) -> bytes | None:
        entry = self._find(key)
        if entry is None:
            return None
        self._remove(entry)
        return entry.value

    async def compare_and_set(
        self, key: str, expected: bytes | None, value: bytes | None, *, ttl: float | None = None
    ) -> bool:
        entry = self._find(key)
        if (None if entry is None else entry.value) != expected:
            return False
        if value is not None:
            self._put(key, value, ttl)
        elif entry is not None:
            self._remove(entry)
        return True

    async def touch(self, key: str, *, ttl: float | None) -> bool:
        entry = self._find(key)
        if entry is None:
            return False
        self._set_life(entry, ttl)
        return True

    async def delete(self, key: str) -> bool:
        entry = self._find(key)
        if entry is None:
            return False
        self._remove(entry)
        return True

    async def items(self, prefix: str) -> list[tuple[str, bytes]]:
        """Looks at every entry: for listings and clean-ups, not for requests."""
        now = self._clock()
        return sorted((e.key, e.value) for e in self._entries.values() if e.expires > now and e.key.startswith(prefix))

    async def aclose(self) -> None:
        self._entries.clear()
        self._alarms.clear()

    def _find(self, key: str) -> _Entry | None:
        now = self._clock()
        self._expire(now, EXPIRE_AT_ONCE)
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires <= now:
            self._remove(entry)
            return None
        return entry

    def _put(self, key: str, value: bytes, ttl: float | None) -> None:
        entry = self._entries.get(key)
        if entry is None:
            if len(self._entries) >= self._max_entries:
                self._expire(self._clock(), len(self._alarms))
            if len(self._entries) >= self._max_entries:
                raise StoreFull
            entry = self._entries[key] = _Entry(key, value, math.inf)
        entry.value = value
        self._set_life(entry, ttl)

    def _set_life(self, entry: _Entry, ttl: float | None) -> None:
        entry.expires = math.inf if ttl is None else self._clock() + ttl
        if entry.expires < entry.alarm:
            self._set_alarm(entry)
            if len(self._alarms) > 2 * len(self._entries) + EXPIRE_AT_ONCE:
                self._drop_dead_alarms()

    def _set_alarm(self, entry: _Entry) -> None:
        entry.alarm = entry.expires
        if entry.alarm < math.inf:
            heapq.heappush(self._alarms, (entry.alarm, next(self._order), entry))

    def _expire(self, now: float, at_most: int) -> None:
        """Answer up to `at_most` alarms that have rung."""
        for _ in range(at_most):
            if not self._alarms or self._alarms[0][0] > now:
                return
            rung, _number, entry = heapq.heappop(self._alarms)
            if entry.gone or entry.alarm != rung:
                continue
            if entry.expires <= now:
                self._remove(entry)
            else:
                self._set_alarm(entry)

    def _drop_dead_alarms(self) -> None:
        self._alarms = [item for item in self._alarms if not item[2].gone and item[2].alarm == item[0]]
        heapq.heapify(self._alarms)

    def _remove(self, entry: _Entry) -> None:
        entry.gone = True
        del self._entries[entry.key]
