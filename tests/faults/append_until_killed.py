"""Appends to an audit log and prints each code as soon as it may be answered. The test kills it at any instant."""

from __future__ import annotations

import sys
from pathlib import Path

import trio

from hashpass.domain.chain import Chain
from hashpass.journal import Journal
from hashpass.logfile import LogFile


async def main(directory: Path) -> None:
    journal = Journal(LogFile(directory, Chain("verify", bytes(32), ("visitor_id",)), rotate_at=7))
    await journal.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        for _ in range(100_000):
            number = journal.count
            await journal.append({"invite_code": f"code-{number}", "visitor_id": "v" * (number % 5000)})
            if not journal.degraded:
                sys.stdout.write(f"code-{number}\n")
                sys.stdout.flush()


trio.run(main, Path(sys.argv[1]))
