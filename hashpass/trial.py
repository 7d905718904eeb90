"""Whether this server could check hashes of other parameters: found out by trying, and cheaply where it could not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import trio
from attrs import evolve, frozen

from hashpass.domain.errors import BadRequest, NotReady
from hashpass.domain.values import Argon2Params

KIB = 1024
SAMPLE = 16 * 1024
"""KiB of the small hash that the large one is estimated by."""
SLOWEST = 10.0
"""Seconds for one hash: those who wait for a verdict, and the server's end, wait for that."""
SPARE = 0.9
"""How much of the free memory hashing may take."""
PATIENCE = 60.0
"""A trial waits for its turn like any check."""


@frozen
class Trial:
    """`measure` says how many seconds a hash takes; `free` how many bytes it may use, None where nobody knows."""

    measure: Callable[[Argon2Params], Awaitable[float]]
    threads: int
    free: Callable[[], int | None]
    slowest: float = SLOWEST
    patience: float = PATIENCE

    async def check(self, params: Argon2Params) -> None:
        """BadRequest with the reason, if hashes of these parameters could not be checked here."""
        needed, free = self.threads * params.memory_cost * KIB, self.free()
        if free is not None and needed > SPARE * free:
            raise BadRequest(
                f"{self.threads} threads with {params.memory_cost} KiB each need {needed >> 20} MiB, and of"
                f" {free >> 20} MiB free memory hashing may take {SPARE:.0%}.",
                field="memory_cost",
            )
        try:
            with trio.fail_after(self.patience):
                await self._time(params)
        except MemoryError:
            raise BadRequest("The system has no memory for such a hash.", field="memory_cost") from None
        except trio.TooSlowError:
            raise NotReady("The server is too busy to try such a hash. Try again later.", retry_after=5) from None

    async def _time(self, params: Argon2Params) -> None:
        """A thread cannot be stopped, so a hash that would take minutes is not begun: a small one tells."""
        sample = evolve(params, time_cost=1, memory_cost=min(params.memory_cost, max(SAMPLE, 8 * params.parallelism)))
        work = params.time_cost * params.memory_cost / sample.memory_cost
        seconds = await self.measure(sample) * work
        if work > 1 and seconds <= self.slowest:
            seconds = await self.measure(params)
        if seconds > self.slowest:
            raise BadRequest(
                f"One such hash would take this server {seconds:.0f} s; it must be at most {self.slowest:.0f} s."
            )


def free_memory(proc: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that could be had now, by the system and by the container's limit; None where neither says."""
    found = [left for left in (_of_system(proc), _of_container(cgroup)) if left is not None]
    return min(found, default=None)


def _of_system(proc: Path) -> int | None:
    try:
        for line in proc.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * KIB
    except (OSError, ValueError):
        return None
    return None


def _of_container(cgroup: Path) -> int | None:
    try:
        limit = int((cgroup / "memory.max").read_text(encoding="ascii"))  # "max" is no number, and no limit
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
        stat = dict(line.split() for line in (cgroup / "memory.stat").read_text(encoding="ascii").splitlines())
        return max(0, limit - used + int(stat["inactive_file"]))  # cached files make room when they must
    except (OSError, ValueError, KeyError):
        return None
