"""`rounds.json`: how each round ended, and the secret that its seed was made of."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import trio

from hashpass.directory import DISK, Disk
from hashpass.domain.chain import LINES, Chain
from hashpass.domain.seeds import RoundRecord
from hashpass.journal import Journal, JournalClosed, JournalFull
from hashpass.logfile import LogFile, Tampered

ROUNDS_A_FILE = 1000

log = logging.getLogger("hashpass.rounds")


def rounds_chain(key: bytes) -> Chain:
    return Chain("rounds", key)


class Rounds:
    """The log of the rounds of the running server."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._unwritten: RoundRecord | None = None

    @classmethod
    async def open(
        cls, directory: Path, audit_key: bytes, *, wall: Callable[[], float] = time.time, disk: Disk = DISK
    ) -> Self:
        """Check and repair the log. A DirectoryError stops the start."""
        chain = rounds_chain(audit_key)
        file = LogFile(directory, chain, layout=LINES, rotate_at=ROUNDS_A_FILE, disk=disk, wall=wall)
        journal = Journal(file)
        await journal.open()
        return cls(journal)

    @property
    def degraded(self) -> bool:
        return self.journal.degraded

    async def last(self) -> RoundRecord | None:
        """The newest round that is over."""
        for name in await self.journal.files():
            for record in await self.journal.read(name):
                try:
                    return RoundRecord.from_record(record)
                except (LookupError, TypeError, ValueError) as error:
                    raise Tampered(f"{name} holds something else than rounds. See `hashpass audit verify`.") from error
        return None

    def make_up_for(self, record: RoundRecord) -> None:
        """A round whose end was not written by the process before; it is as soon as this one runs."""
        self._unwritten = record

    async def append(self, record: RoundRecord) -> None:
        """On the disk when this returns, or in memory if the log is `degraded` then.

        Where neither has room, the race goes on without: a missing round proves nothing, and stops nothing.
        """
        try:
            await self.journal.append(record.as_record())
        except (JournalFull, JournalClosed) as error:
            log.error("the end of round %d could not be written down: %s", record.round, error)  # noqa: TRY400 - our frames tell the operator nothing more

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write what is appended. Ends with `close`."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.journal.run)
            unwritten, self._unwritten = self._unwritten, None
            if unwritten is not None:
                await self.append(unwritten)
            task_status.started()

    async def close(self, deadline: float = 5.0) -> int:
        return await self.journal.close(deadline)
