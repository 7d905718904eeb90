"""Cap challenges created and redeemed, next to capjs-server, in one process on one core.

All take turns in every round, and the ratios are taken within a round. Time is the process's own, so that a busy
machine disturbs it less; still, read the ratios and their spread, not the microseconds. Challenges have the default
count and sizes but for the difficulty, on which a server's work does not depend.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import capjs_server  # type: ignore[import-untyped]  # it has no py.typed
from attrs import define, field

from hashpass.cap import CapServer, MemoryNonceStore
from hashpass.cap.testing import solve

SECRET = "a secret for measuring only"
SERVERS: dict[str, Callable[..., Any]] = {
    "capjs-server": lambda **options: capjs_server.CapServer(SECRET, **options),
    "seeded": lambda **options: CapServer(SECRET, challenge_format="seeded", **options),
    "list": lambda **options: CapServer(SECRET, **options),
}
SLICES = 20
Solved = tuple[str, list[int]]
Round = dict[str, float]
"""Seconds a call, by who and what."""


@define
class PlainNonces:
    """The same cheap store for all, so that the protocol is measured and not the store."""

    used: set[str] = field(factory=set)

    def mark_used(self, nonce: str, ttl_seconds: float) -> bool:
        if nonce in self.used:
            return False
        self.used.add(nonce)
        return True


def timed(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def create(server: Any, times: int) -> None:
    for _ in range(times):
        server.create_challenge()


def redeem(server: Any, solved: Sequence[Solved]) -> None:
    for token, solutions in solved:
        if not server.redeem(token, solutions)["success"]:
            raise SystemExit("A right answer was refused, so nothing here means anything.")


def timed_marks(store: Any, alive: int, times: int) -> float:
    """Seconds to mark one more nonce when many are alive."""
    started = time.process_time()
    for n in range(times):
        store.mark_used(f"{alive} {n} {started}", 600.0)
    return (time.process_time() - started) / times


def solved_challenges(who: str, many: int) -> list[Solved]:
    server = SERVERS[who](challenge_difficulty=1)
    challenges = [server.create_challenge() for _ in range(many)]
    return [(made["token"], solve(made["token"], made["challenge"])) for made in challenges]


def run_round(solved: dict[str, list[Solved]], creates: int) -> Round:
    """All take turns in short slices, so that what else the machine does hits them alike."""
    seconds: Round = dict.fromkeys((f"{who} {what}" for who in SERVERS for what in ("create", "redeem")), 0.0)
    servers = {who: make(nonce_store=PlainNonces()) for who, make in SERVERS.items()}
    gc.collect()
    for i in range(SLICES):
        for who in random.sample(list(SERVERS), len(SERVERS)):
            server, part = servers[who], solved[who][i::SLICES]
            seconds[f"{who} create"] += timed(lambda: create(server, creates // SLICES)) / creates  # noqa: B023  # at once
            seconds[f"{who} redeem"] += timed(lambda: redeem(server, part)) / len(solved[who])  # noqa: B023  # at once
    for who in SERVERS:
        seconds[f"{who} both"] = seconds[f"{who} create"] + seconds[f"{who} redeem"]
    return seconds


def report(title: str, rounds: Sequence[Round], ours: str, peer: str = "") -> None:
    peer = peer or f"capjs-server {ours.split()[1]}"
    ratios = [found[peer] / found[ours] for found in rounds]
    mine, other = (statistics.median(found[who] for found in rounds) * 1e6 for who in (ours, peer))
    shown = " - ".join(f"{ratio:.2f}" for ratio in (min(ratios), statistics.median(ratios), max(ratios)))
    print(f"{title}: {shown}x   ({mine:.1f} us, capjs-server {other:.1f} us)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds that count (at least 5)")
    parser.add_argument("--creates", type=int, default=4000, help="challenges created a round")
    parser.add_argument("--redeems", type=int, default=60, help="challenges redeemed a round")
    parser.add_argument("--alive", type=int, default=100_000, help="nonces alive when one more is marked")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    solved = {who: solved_challenges(who, options.redeems) for who in SERVERS}
    stores = {"ours mark": MemoryNonceStore(), "capjs-server mark": capjs_server.MemoryNonceStore()}
    for n in range(options.alive):
        stores["ours mark"].mark_used(f"{n}", 6000.0)
    # Theirs looks at every nonce at every call, so it is filled from behind.
    stores["capjs-server mark"]._used.update({f"{n}": time.time() + 6000.0 for n in range(options.alive)})

    run_round(solved, options.creates)  # warm
    rounds = []
    for _ in range(max(5, options.rounds)):
        found = run_round(solved, options.creates)
        for name, store in stores.items():
            found[name] = timed_marks(store, options.alive, 50)
        rounds.append(found)

    print(f"Python {platform.python_version()}, capjs-server {version('capjs-server')}, one core, 50 sub-challenges")
    print(f"{len(rounds)} rounds; ratios are peer / ours in the same round: least - median - most; times are medians")
    report("seeded: create", rounds, "seeded create")
    report("seeded: redeem", rounds, "seeded redeem")
    report("list: create and redeem", rounds, "list both")
    report("list: create", rounds, "list create")
    report("list: redeem", rounds, "list redeem")
    report(f"mark a nonce, {options.alive} alive", rounds, "ours mark")


if __name__ == "__main__":
    main()
