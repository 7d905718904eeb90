"""How long an honest proof waits behind a hundred false ones, in hashes of this machine, taken in the same round.

The liars are sessions that submit from one address, as many at a time as it may have undecided, and the refused ones
try again at once; the honest proof comes from another address when all of them have sent a lie and four of those have
their tickets. The contract says that it may wait for about as long as the four and its own hash take together. Both are
measured without the flood, too.

Run it from the project: python -m scripts.bench.flood
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
from attrs import field, frozen

from hashpass.argon import Arena
from hashpass.domain.values import Argon2Params
from scripts.load.contestants import Contestant, Tickets, contestants, own_server

HONEST = "203.0.113.7"
TICKETS = 4
"""What one address may have undecided."""
PATIENCE = 60.0
"""Seconds that a round may take, on a machine that does much else."""


@frozen
class Round:
    """Seconds, and what the liars were told."""

    hash: float
    """One hash on a quiet machine."""
    own: float
    """The honest proof, sent to a quiet server."""
    tickets: float
    """Four lies at once, to the last verdict."""
    flooded: float
    """The honest proof, sent behind the flood."""
    busy: float
    """One hash in the server while the flood went on: server and liars share the machine."""
    lies: Counter[int] = field(factory=Counter)

    @property
    def in_hashes(self) -> float:
        return self.flooded / self.hash

    @property
    def in_allowance(self) -> float:
        """1 is what the contract allows."""
        return self.flooded / (self.tickets + self.own)

    @property
    def in_busy_hashes(self) -> float:
        """Five hashes on two cores are three turns."""
        return self.flooded / self.busy


class Flood:
    """An honest contestant and, for each round, liars whom nobody has met before."""

    def __init__(self, url: str, tickets: Tickets, honest: Contestant, params: Argon2Params, *, liars: int) -> None:
        self._url = url
        self._tickets = tickets
        self._honest = honest
        self._params = params
        self._liars = liars
        self._arena = Arena()
        self._networks = 0

    async def measure(self) -> Round:
        alone = self._hash()
        own = await self._submit()
        async with self._band(TICKETS) as liars:
            tickets = await self._all_lie(liars)
        async with self._band(self._liars) as liars:
            seconds, hashes = await self._hashed()
            flooded, lies = await self._behind(liars)
            more_seconds, more_hashes = await self._hashed()
        busy = (more_seconds - seconds) / (more_hashes - hashes)
        return Round(min(alone, self._hash()), own, tickets, flooded, busy, lies)

    async def _hashed(self) -> tuple[float, float]:
        """The seconds the server has spent on hashes so far, and how many there were."""
        _, body = await self._honest.call("GET", "/metrics")
        values = dict(line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#"))
        return float(values["hashpass_verify_seconds_sum"]), float(values["hashpass_verify_seconds_count"])

    def _hash(self) -> float:
        began = time.perf_counter()
        self._arena.hash(b"0", os.urandom(64), self._params)
        return time.perf_counter() - began

    @asynccontextmanager
    async def _band(self, size: int) -> AsyncIterator[list[Contestant]]:
        """Liars of one network, each let in from an address of its own, who then all speak from one and the same."""
        self._networks += 1
        network = f"198.18.{self._networks}"
        async with contestants(self._url, [f"{network}.{number + 1}" for number in range(size)]) as liars:
            for liar in liars:
                liar.address = f"{network}.254"
                await liar.call("GET", "/api/trace")
            yield liars

    async def _submit(self) -> float:
        """An honest proof of the open puzzle; how long its verdict takes."""
        request = self._honest.solve(await self._honest.look(), self._arena)
        return await self._win(request)

    async def _win(self, request: bytes) -> float:
        began = time.perf_counter()
        status, body = await self._honest.send(request)
        if status != 200:
            raise RuntimeError(f"The honest proof was refused: {body.decode()}")
        return time.perf_counter() - began

    async def _all_lie(self, liars: Sequence[Contestant]) -> float:
        puzzle = await self._honest.look()
        began = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for liar in liars:
                nursery.start_soon(liar.send, liar.claim(puzzle, random.randrange(2**32), "00" * 32))
        return time.perf_counter() - began

    async def _behind(self, liars: Sequence[Contestant]) -> tuple[float, Counter[int]]:
        puzzle = await self._honest.look()
        request = self._honest.solve(puzzle, self._arena)
        told: Counter[int] = Counter()

        async def go_on(liar: Contestant, lie: bytes) -> None:
            while True:
                status, _ = await liar.answer()
                told[status] += 1
                await liar.stream.send_all(lie)

        async with trio.open_nursery() as nursery:
            lies = [liar.claim(puzzle, random.randrange(2**32), "00" * 32) for liar in liars]
            for liar, lie in zip(liars, lies, strict=True):
                await liar.stream.send_all(lie)
            for liar, lie in zip(liars, lies, strict=True):
                nursery.start_soon(go_on, liar, lie)
            await self._tickets.given(puzzle["round"], TICKETS)
            seconds = await self._win(request)
            nursery.cancel_scope.cancel()
        return seconds, told


async def measure(
    rounds: int, *, liars: int = 100, threads: int = 4, params: Argon2Params | None = None
) -> list[Round]:
    """So many rounds on a server of our own, after one that warms up and is thrown away."""
    params = params or Argon2Params()
    env = {
        "HASHPASS_ARGON2_TIME_COST": str(params.time_cost),
        "HASHPASS_ARGON2_MEMORY_COST": str(params.memory_cost),
        "HASHPASS_VERIFY_THREADS": str(threads),
    }
    with trio.fail_after(PATIENCE * (rounds + 1)):
        async with own_server(**env) as (url, tickets), contestants(url, [HONEST]) as [honest]:
            flood = Flood(url, tickets, honest, params, liars=liars)
            return [await flood.measure() for _ in range(rounds + 1)][1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count (at least 5)")
    parser.add_argument("--liars", type=int, default=100, help="sessions that lie (at most 250)")
    parser.add_argument("--threads", type=int, default=4, help="the server's verifying threads")
    parser.add_argument("--memory", type=int, default=65536, help="KiB")
    parser.add_argument("--time", type=int, default=3, help="passes")
    options = parser.parse_args()
    params = Argon2Params(time_cost=options.time, memory_cost=options.memory)

    async def run() -> list[Round]:
        return await measure(max(5, options.rounds), liars=options.liars, threads=options.threads, params=params)

    found = trio.run(run)
    print(
        f"{params.algorithm}, {params.memory_cost} KiB, {params.time_cost} passes; {options.threads} threads verify, "
        f"{os.cpu_count()} cores; {options.liars} liars on one address; {len(found)} rounds: least - median - most"
    )
    for name, values, unit in (
        ("one hash, quiet machine", [one.hash * 1000 for one in found], " ms"),
        ("the honest proof, quiet server", [one.own * 1000 for one in found], " ms"),
        ("four lies at once", [one.tickets * 1000 for one in found], " ms"),
        ("the honest proof behind the flood", [one.flooded * 1000 for one in found], " ms"),
        ("  in hashes", [one.in_hashes for one in found], ""),
        ("  in four lies and its own", [one.in_allowance for one in found], ""),
        ("  in hashes as slow as they were in the flood", [one.in_busy_hashes for one in found], ""),
    ):
        print(f"{name}: {min(values):.2f} - {statistics.median(values):.2f} - {max(values):.2f}{unit}")
    lies = sum((one.lies for one in found), Counter[int]())
    print("what the liars were told: " + ", ".join(f"{status}: {n}" for status, n in sorted(lies.items())))


if __name__ == "__main__":
    main()
