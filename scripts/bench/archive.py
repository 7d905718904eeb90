"""What an operator waits for in a long audit log, and what everybody else waits for meanwhile.

The log is made in a temporary directory and read by the server's own `Archive`. Beside every reading a task sleeps for
a millisecond at a time; the longest time by which it came too late is what the loop stood still, garbage collection
and the sharing of the interpreter with the reading thread included. `alone` is the same with nothing to read. On Linux
a nap is left out during which one of our threads was ready to run and some other program had the processor.

The last rows turn it round: what a winner waits for whose record is appended, alone and while others read. The
collector is set as the server sets it.
"""

from __future__ import annotations

import argparse
import gc
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path

import trio

from hashpass.archive import Archive
from hashpass.audit import audit_file
from hashpass.domain.chain import Head, Sealed
from hashpass.domain.records import AuditRecord, stamp
from hashpass.export import csv_line
from hashpass.journal import Journal

AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
NAP = 0.001
DENIED = 200_000
"""Nanoseconds without a processor that spoil a nap."""
RACERS = 50
KEY = bytes(32)

Reading = Callable[[], Awaitable[object]]


def record(number: int, start: float, dice: random.Random) -> AuditRecord:
    address = f"198.51.{dice.randrange(256)}.{dice.randrange(256)}"
    bits = dice.uniform(8, 14)
    return AuditRecord(
        timestamp=stamp(start + 60 * number),
        invite_code=f"HASHPASS-{dice.randbytes(8).hex()}",
        visitor_id=("besucher-ü-" if number % 50 == 0 else "") + dice.randbytes(16).hex(),
        nonce=dice.randrange(100_000),
        hash=dice.randbytes(32).hex(),
        seed=dice.randbytes(32).hex(),
        real_ip=address,
        trace_data=f"ip={address}\nts={start}\nvisit_scheme=https\nuag={AGENT}\nsig={dice.randbytes(32).hex()}\n",
        difficulty=bits,
        solve_time=round(dice.expovariate(1 / 60), 3),
        new_difficulty=bits + 0.1,
        adjustment_reason="The network is estimated at 34.1 hashes a second; the difficulty is set for 60 s.",
        round=number,
        reason="solved" if number % 20 else "consolation",
        target=dice.randbytes(32).hex(),
        algorithm="argon2d",
        time_cost=3,
        memory_cost=65536,
        parallelism=1,
        key_id="0123abcd",
        session=dice.randbytes(32).hex(),
    )


def fill(directory: Path, records: int) -> tuple[str, str]:
    """Write the log, a file at a time; the codes of its oldest and of its newest record."""
    dice = random.Random(1)
    file = audit_file(directory, KEY)
    file.open()
    oldest = newest = ""
    for first in range(0, records, 1000):
        head, batch = file.head, list[Sealed]()
        for number in range(first, min(first + 1000, records)):
            made = record(number, time.time() - 60 * records, dice)
            newest = made.invite_code
            oldest = oldest or newest
            batch.append(file.chain.seal(made.as_record(), head, dice.randbytes))
            head = Head(head.count + 1, batch[-1].hash)
        file.write(batch)
    file.close()
    return oldest, newest


def denied() -> int:
    """Nanoseconds for which our threads were ready and had no processor, where the system tells."""
    total = 0
    for thread in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError):  # a thread that has ended
            total += int(thread.read_text().split()[1])
    return total


async def watch(gaps: list[float]) -> None:
    waited = denied()
    while True:
        before = time.perf_counter()
        await trio.sleep(NAP)
        late = time.perf_counter() - before - NAP
        waited, earlier = denied(), waited
        if waited - earlier < DENIED:
            gaps.append(late)


async def measure(reading: Reading, settle: float = 0.05) -> tuple[float, float]:
    """Seconds of a reading, and the longest stand-still beside it."""
    gaps: list[float] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch, gaps)
        await trio.sleep(settle)
        gaps.clear()
        started = time.perf_counter()
        await reading()
        taken = time.perf_counter() - started
        await trio.sleep(2 * NAP)
        nursery.cancel_scope.cancel()
    return taken, max(gaps, default=0.0)


async def append(journal: Journal, readers: list[Reading], dice: random.Random) -> tuple[float, float]:
    """Seconds that an append takes at some moment while these read, and the longest stand-still beside it."""
    made = record(journal.count, time.time(), dice).as_record()

    async def win() -> None:
        await journal.append(made)

    async with trio.open_nursery() as nursery:
        for reading in readers:
            nursery.start_soon(reading)
        await trio.sleep(dice.uniform(0, 0.03))
        measured = await measure(win, settle=0)
        nursery.cancel_scope.cancel()
    return measured


async def export(archive: Archive) -> None:
    async with aclosing(archive.export_text(csv_line)) as pieces:
        async for _ in pieces:
            await trio.lowlevel.checkpoint()


def show(what: str, measured: list[tuple[float, float]]) -> None:
    taken = [seconds * 1000 for seconds, _ in measured]
    gaps = [gap * 1000 for _, gap in measured]
    print(
        f"{what:30}{min(taken):10.1f}{statistics.median(taken):10.1f}{max(taken):10.1f}"
        f"{min(gaps):16.1f}{statistics.median(gaps):10.1f}{max(gaps):10.1f}"
    )


async def compare(directory: Path, records: int, rounds: int, oldest: str, newest: str, winners: bool) -> None:
    journal = Journal(audit_file(directory, KEY))
    await journal.open()
    last = -(-records // 50)
    fresh = [Archive(journal, directory) for _ in range(rounds)]
    cold: dict[str, Callable[[Archive], Awaitable[object]]] = {
        "last page, nothing counted": lambda each: each.page(last, 50),
        "stats, nothing added up": lambda each: each.stats(),
    }
    archive = fresh[0]
    warm: dict[str, Reading] = {
        "page 1": lambda: archive.page(1, 50),
        "page in the middle": lambda: archive.page(last // 2, 50),
        "last page": lambda: archive.page(last, 50),
        "search, some hits": lambda: archive.page(1, 50, "198.51.7.2"),
        "search, no hit": lambda: archive.page(1, 50, "no such thing"),
        "search, no hit, not ASCII": lambda: archive.page(1, 50, "gibt's nicht: \u00c4"),
        "search, all are hits": lambda: archive.page(1, 50, "mozilla"),
        "find the oldest code": lambda: archive.find_code(oldest),
        "find the newest code": lambda: archive.find_code(newest),
        "find no code": lambda: archive.find_code("HASHPASS-nothing"),
        "stats": archive.stats,
        "export as CSV": partial(export, archive),
    }
    print(f"{'milliseconds':30}{'least':>10}{'median':>10}{'most':>10}{'loop: least':>16}{'median':>10}{'most':>10}")
    show("alone", [await measure(partial(trio.sleep, 0.5)) for _ in range(rounds)])
    if not winners:
        for what, read in cold.items():
            show(what, [await measure(partial(read, each)) for each in fresh])
        for what, reading in warm.items():
            show(what, [await measure(reading) for _ in range(rounds)])
    dice = random.Random(2)
    beside = {
        "append": [],
        f"append, {RACERS} redeem a code": [warm["find the newest code"]] * RACERS,
        f"append, {RACERS} redeem no code": [warm["find no code"]] * RACERS,
        "append, 1 exports": [warm["export as CSV"]],
        "append, 1 searches": [warm["search, all are hits"]],
    }
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        for what, readers in beside.items():
            show(what, [await append(journal, readers, dice) for _ in range(2 * rounds)])
        await journal.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_900, help="the last nine hundred are in the file that grows")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--winners", action="store_true", help="only what winners wait for")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        oldest, newest = fill(directory, chosen.records)
        size = sum(path.stat().st_size for path in directory.glob("verify*"))
        print(f"Python {platform.python_version()}, {chosen.records} records, {size / 1e6:.0f} MB")
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 1000)
        trio.run(compare, directory, chosen.records, chosen.rounds, oldest, newest, chosen.winners)


if __name__ == "__main__":
    main()
