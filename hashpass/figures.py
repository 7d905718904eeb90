"""The newest points of two curves: the network's hash rate, and how long the rounds took."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

import trio

POINTS: Final = 50


class Figures:
    """`hash_rate` is read at every interval; `note_solve` is told of every round that was won."""

    def __init__(
        self,
        hash_rate: Callable[[], float],
        *,
        wall: Callable[[], float],
        interval: float = 5.0,
        points: int = POINTS,
    ) -> None:
        self._hash_rate = hash_rate
        self._wall = wall
        self._interval = interval
        self._rates: deque[tuple[float, float]] = deque(maxlen=points)
        self._solves: deque[tuple[float, float]] = deque(maxlen=points)

    def note_solve(self, seconds: float, at: float | None = None) -> None:
        """A round was won after so many seconds; `at` is for those of before the start."""
        self._solves.append((self._wall() if at is None else at, seconds))

    @property
    def hash_rates(self) -> list[dict[str, Any]]:
        return _shown(self._rates)

    @property
    def solve_times(self) -> list[dict[str, Any]]:
        return _shown(self._solves)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take a point of the hash rate at every interval, until cancelled."""
        task_status.started()
        while True:
            self._rates.append((self._wall(), self._hash_rate()))
            await trio.sleep(self._interval)


def _shown(points: deque[tuple[float, float]]) -> list[dict[str, Any]]:
    """Oldest first, as a curve is drawn."""
    return [{"timestamp": round(at, 3), "value": round(value, 3)} for at, value in points]
