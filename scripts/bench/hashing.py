"""How fast one proof is hashed and how many are judged, next to plain argon2-cffi and to the first HashPass's way.

Everything that is compared runs in one process, interleaved and in a new order each round; ratios are taken within a
round. Read those: milliseconds are this machine's, and this minute's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context

import trio
from argon2.low_level import Type, hash_secret_raw

from hashpass.argon import Arena
from hashpass.domain.proof import Work, password
from hashpass.domain.values import Argon2Params
from hashpass.verifier import Verifier

SALT = b"5" * 64 + b"visitor" + b"ip=192.0.2.1\n" * 8
THREADS = 2

Round = Callable[[], float]


def plain(secret: bytes, salt: bytes, params: Argon2Params) -> bytes:
    return hash_secret_raw(
        secret,
        salt,
        params.time_cost,
        params.memory_cost,
        params.parallelism,
        32,
        Type.D if params.variant == "d" else Type.ID,
    )


# One hash


def timed_hashes(
    hashes: Sequence[Callable[[bytes, bytes, Argon2Params], bytes]], params: Argon2Params, n: int
) -> float:
    """Seconds a hash, when each of these runs n of them on a thread of its own."""

    def work(hash_one: Callable[[bytes, bytes, Argon2Params], bytes]) -> None:
        for nonce in range(n):
            hash_one(password(nonce), SALT, params)

    threads = [threading.Thread(target=work, args=(hash_one,)) for hash_one in hashes]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - started) / n


# Proofs judged


def judged_by_verifier(works: Sequence[Work], verifier: Verifier) -> float:
    """Seconds a proof: all arrive at once, from as many addresses."""

    async def judge(work: Work, key: str) -> None:
        if not await verifier.check(work, key=key):
            raise RuntimeError("A true proof was called a lie.")

    async def main() -> float:
        started = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for number, work in enumerate(works):
                nursery.start_soon(judge, work, str(number))
        return (time.perf_counter() - started) / len(works)

    return trio.run(main)


def judged_inside_the_lock(works: Sequence[Work], pool: ProcessPoolExecutor) -> float:
    """The same, as the first HashPass does it: one lock, and a process pool behind it."""
    lock = asyncio.Lock()

    async def judge(work: Work) -> None:
        async with lock:
            running = asyncio.get_running_loop().run_in_executor(pool, plain, work.password, work.salt, work.params)
            if await running != work.expected:
                raise RuntimeError("A true proof was called a lie.")

    async def main() -> float:
        started = time.perf_counter()
        await asyncio.gather(*(judge(work) for work in works))
        return (time.perf_counter() - started) / len(works)

    return asyncio.run(main())


# Rounds


def run_rounds(variants: dict[str, Round], rounds: int) -> dict[str, list[float]]:
    """Each variant once a round, in a new order each round; a first round warms up and is thrown away."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name in random.sample(list(variants), len(variants)):
            taken = variants[name]()
            if number:
                seconds[name].append(taken)
    return seconds


def spread(values: Sequence[float], unit: str = "") -> str:
    return f"{min(values):.2f} - {statistics.median(values):.2f} - {max(values):.2f}{unit}"


def report(title: str, seconds: dict[str, list[float]], name: str, peer: str) -> None:
    ratios = [theirs / ours for ours, theirs in zip(seconds[name], seconds[peer], strict=True)]
    milliseconds = {who: statistics.median(seconds[who]) * 1000 for who in (name, peer)}
    print(f"{title}: {spread(ratios, 'x')}   ({name} {milliseconds[name]:.1f} ms, {peer} {milliseconds[peer]:.1f} ms)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count (at least 5)")
    parser.add_argument("--hashes", type=int, default=4, help="hashes a thread and round")
    parser.add_argument("--proofs", type=int, default=16, help="proofs judged a round")
    parser.add_argument("--memory", type=int, default=65536, help="KiB")
    parser.add_argument("--time", type=int, default=3, help="passes")
    options = parser.parse_args()
    rounds = max(5, options.rounds)
    params = Argon2Params(time_cost=options.time, memory_cost=options.memory)

    arenas = [Arena() for _ in range(THREADS)]
    reused = [arena.hash for arena in arenas]
    works = [
        Work(params, password(nonce), SALT, arenas[0].hash(password(nonce), SALT, params))
        for nonce in range(options.proofs)
    ]
    if any(plain(work.password, work.salt, params) != work.expected for work in works[:2]):
        sys.exit("The hashes differ, so nothing here means anything.")
    verifier = Verifier(threads=THREADS)

    print(
        f"{params.algorithm}, {params.memory_cost} KiB, {params.time_cost} passes; Python {platform.python_version()}, "
        f"argon2-cffi-bindings {version('argon2-cffi-bindings')}, {os.cpu_count()} cores, "
        f"memory reused: {arenas[0].reused}"
    )
    print(f"{rounds} rounds; ratios are peer / ours in the same round: least - median - most; milliseconds are medians")
    # The peer starts cpu - 1 processes, of which its lock keeps one busy.
    with ProcessPoolExecutor(max(1, (os.cpu_count() or 2) - 1), mp_context=get_context("spawn")) as pool:
        seconds = run_rounds(
            {
                "plain": lambda: timed_hashes([plain], params, options.hashes),
                "arena": lambda: timed_hashes(reused[:1], params, options.hashes),
                "plain, 2 threads": lambda: timed_hashes([plain] * THREADS, params, options.hashes),
                "arena, 2 threads": lambda: timed_hashes(reused, params, options.hashes),
                "verifier": lambda: judged_by_verifier(works, verifier),
                "lock and pool": lambda: judged_inside_the_lock(works, pool),
            },
            rounds,
        )
    report("one hash, 1 thread", seconds, "arena", "plain")
    report("one hash each on 2 threads", seconds, "arena, 2 threads", "plain, 2 threads")
    report("two hashes at once / one (2 threads' wall)", seconds, "arena", "arena, 2 threads")
    report(f"proofs judged a second, {THREADS} threads", seconds, "verifier", "lock and pool")


if __name__ == "__main__":
    main()
