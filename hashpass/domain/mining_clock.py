"""Mining time: the seconds of a round during which at least one connection said that it mines."""

from __future__ import annotations

import math


class MiningClock:
    """Runs while anybody mines, stands while nobody does, starts from zero with each puzzle."""

    def __init__(self) -> None:
        self._miners: set[int] = set()
        self._counted = 0.0
        self._since: float | None = None

    @property
    def miners(self) -> int:
        return len(self._miners)

    @property
    def running(self) -> bool:
        return self._since is not None

    @property
    def ran(self) -> bool:
        """Whether anybody announced mining since the clock was last set to zero."""
        return self.running or self._counted > 0

    def start(self, miner: int, now: float) -> None:
        self._miners.add(miner)
        if self._since is None:
            self._since = now

    def stop(self, miner: int, now: float) -> None:
        self._miners.discard(miner)
        if not self._miners and self._since is not None:
            self._counted += now - self._since
            self._since = None

    def restart(self, now: float) -> None:
        """Back to zero. Whoever mines goes on mining the next puzzle without having to say so again."""
        self._counted = 0.0
        self._since = now if self._miners else None

    def elapsed(self, now: float) -> float:
        return self._counted + (now - self._since if self._since is not None else 0.0)

    def reaches(self, seconds: float, now: float) -> float:
        """When it will show this many seconds if nobody comes or goes; infinity while it stands."""
        return now + max(0.0, seconds - self.elapsed(now)) if self.running else math.inf
