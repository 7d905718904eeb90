"""What operators did, and who was locked out for trying to be one: the records of `admin.json`."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import trio

from hashpass.directory import DISK, Disk
from hashpass.domain.chain import Chain, Record
from hashpass.domain.errors import NotReady
from hashpass.domain.records import stamp
from hashpass.domain.values import Address
from hashpass.journal import Journal, JournalClosed, JournalFull
from hashpass.logfile import LogFile

LOG = logging.getLogger(__name__)

PERSONAL = ("real_ip",)
"""The field of a record that tells of a person, and can be erased."""
RECORDS_A_FILE = 1000
LOCKOUTS_PER_MINUTE = 10
"""More are only counted: strangers must not be able to fill the disk."""


def trail_chain(key: bytes) -> Chain:
    return Chain("admin", key, PERSONAL)


async def open_trail(
    directory: Path, key: bytes, *, wall: Callable[[], float] = time.time, disk: Disk = DISK
) -> Journal:
    """Check and repair `admin.json`. A DirectoryError stops the start."""
    journal = Journal(LogFile(directory, trail_chain(key), rotate_at=RECORDS_A_FILE, disk=disk, wall=wall))
    await journal.open()
    return journal


class Log(Protocol):
    """A `Journal`, as far as it is needed here."""

    @property
    def full(self) -> bool: ...

    def append(self, record: Record) -> Awaitable[None]: ...


class Trail:
    def __init__(self, log: Log, *, wall: Callable[[], float], clock: Callable[[], float] = trio.current_time) -> None:
        self._log = log
        self._wall = wall
        self._clock = clock
        self._minute = 0.0
        self._lockouts = 0
        self._unwritten = 0

    def ensure_room(self) -> None:
        """Raise NotReady where nothing more could be written: what leaves no trace is not done."""
        if self._log.full:
            raise NotReady("The record of what operators do cannot be written. See to the disk.", retry_after=5)

    async def record(self, action: str, values: dict[str, Any], address: Address) -> None:
        """Write down what was done. It is on the disk when this returns, or queued while the disk refuses."""
        record = {"timestamp": stamp(self._wall()), "action": action, "real_ip": str(address), "values": values}
        try:
            await self._log.append(record)
        except (JournalFull, JournalClosed):
            LOG.error("an operator's %s could not be written down", action)  # noqa: TRY400 - there is no more to tell
            raise NotReady("It was done, but it could not be written down.", retry_after=5) from None

    async def record_lockout(self, address: Address) -> None:
        """An address was locked out. At most so many a minute get a record; the next one tells of the others."""
        now = self._clock()
        if now - self._minute >= 60.0:
            self._minute, self._lockouts = now, 0
        if self._lockouts >= LOCKOUTS_PER_MINUTE or self._log.full:
            self._unwritten += 1
            return
        self._lockouts += 1
        others, self._unwritten = self._unwritten, 0
        await self.record("lockout", {"others_unrecorded": others} if others else {}, address)
