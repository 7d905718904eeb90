"""Many sessions hand in true answers to one puzzle at the same moment, round after round.

Each round must have exactly one winner, and that must be the holder of the lowest ticket. A server that this program
starts itself is asked for its tickets by its log; of one that is given by --url only the winners can be counted. That
server must make it easy (difficulty 1, the least memory), and take the word of this machine for its clients' addresses,
for every session comes with an address of its own. The exit code is 1 if a round went wrong.

Run it from the project: python -m scripts.load.race
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import trio
from attrs import frozen

from hashpass.argon import Arena
from scripts.load.contestants import Contestant, Tickets, contestants, own_server

PATIENCE = 60.0


@frozen
class Round:
    """How one round went."""

    number: int
    statuses: Counter[int]
    winners: list[Contestant]
    seconds: float
    """From the first answer that is sent to the last verdict."""


async def race(
    entrants: Sequence[Contestant], arena: Arena, *, after_first: Callable[[], Awaitable[None]] | None = None
) -> Round:
    """One round: all at once and in no order, or one of them first and the others when `after_first` returns."""
    puzzle = await entrants[0].look()
    order = random.sample(list(entrants), len(entrants))
    requests = [contestant.solve(puzzle, arena) for contestant in order]
    statuses: Counter[int] = Counter()
    winners = []

    async def submit(contestant: Contestant, request: bytes) -> None:
        status, _ = await contestant.send(request)
        statuses[status] += 1
        if status == 200:
            winners.append(contestant)

    began = trio.current_time()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            for contestant, request in zip(order, requests, strict=True):
                nursery.start_soon(submit, contestant, request)
                if after_first is not None and contestant is order[0]:
                    await after_first()
    return Round(puzzle["round"], statuses, winners, trio.current_time() - began)


# The program


def summary(rounds: Sequence[Round], tickets: Tickets | None) -> tuple[list[str], bool]:
    """Lines to print, and whether every round was right."""
    statuses = sum((one.statuses for one in rounds), Counter[int]())
    single = sum(len(one.winners) == 1 for one in rounds)
    seconds = [one.seconds for one in rounds]
    lines = [
        f"{len(rounds)} rounds, answers by status: "
        + ", ".join(f"{status}: {number}" for status, number in sorted(statuses.items())),
        f"exactly one winner: {single} of {len(rounds)} rounds",
        f"seconds a round: median {statistics.median(seconds):.3f}, longest {max(seconds):.3f}",
    ]
    right = single == len(rounds)
    if tickets is not None:
        first = sum([one.session for one in each.winners] == [tickets.first(each.number)] for each in rounds)
        held = [len(tickets.held[each.number]) for each in rounds]
        lines.append(f"won by the lowest ticket: {first} of {len(rounds)} rounds")
        lines.append(f"tickets a round: least {min(held)}, median {statistics.median(held):g}, most {max(held)}")
        right = right and first == len(rounds)
    return lines, right


async def main(options: argparse.Namespace) -> bool:
    async with AsyncExitStack() as stack:
        tickets = None
        url = options.url
        if not url:
            url, tickets = await stack.enter_async_context(own_server())
        addresses = [f"198.18.{number // 250}.{number % 250 + 1}" for number in range(options.sessions)]
        entrants = await stack.enter_async_context(contestants(url, addresses))
        arena = Arena()
        rounds = [await race(entrants, arena) for _ in range(options.rounds)]
    lines, right = summary(rounds, tickets)
    print("\n".join(lines))
    return right


def _number(text: str) -> int:
    return max(1, math.floor(float(text)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a server that runs already; without it one is started for the race")
    parser.add_argument("--sessions", type=_number, default=30)
    parser.add_argument("--rounds", type=_number, default=200)
    sys.exit(0 if trio.run(main, parser.parse_args()) else 1)
