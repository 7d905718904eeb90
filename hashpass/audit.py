"""`verify.json`: every code that was given away, its proof, and the erasing of those who won it."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Self

import trio
from attrs import define, field, frozen

from hashpass.directory import DISK, DirectoryError, DirectoryLock, Disk, FileUnreadable
from hashpass.domain.chain import ARRAY, SLOT, ZERO, Chain, Head, Layout, Record, walk
from hashpass.domain.drop import Win
from hashpass.domain.records import PERSONAL, AuditRecord, read_stamp
from hashpass.journal import Journal
from hashpass.logfile import LogFile, Tampered

log = logging.getLogger("hashpass.audit")

DAY = 24 * 3600.0
RECORDS_A_FILE = 1000
MOST_FAULTS = 100
NEWEST = 20
"""Codes for best hashes may come after the one that ended a round, but never so many."""

DeriveCode = Callable[[bytes, Record], str]
"""The code that a record must hold, by its key. ValueError if it cannot be derived."""
CheckRecord = Callable[[Record], str | None]
"""A sentence about what is wrong with a record, or None."""


def audit_chain(key: bytes) -> Chain:
    return Chain("verify", key, PERSONAL)


def audit_file(
    directory: Path,
    key: bytes,
    *,
    disk: Disk = DISK,
    wall: Callable[[], float] = time.time,
    rotate_at: int = RECORDS_A_FILE,
) -> LogFile:
    return LogFile(directory, audit_chain(key), rotate_at=rotate_at, disk=disk, wall=wall)


def of_visitor(visitor_id: str) -> Callable[[Record], bool]:
    return lambda record: record.get("visitor_id") == visitor_id


def before(moment: float) -> Callable[[Record], bool]:
    """Records that are older than an instant of the wall clock."""
    return lambda record: _moment(record) < moment


class Audit:
    """The audit log of the running server."""

    def __init__(
        self,
        journal: Journal,
        *,
        retention_days: float = 0,
        look_every: float = DAY / 4,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.journal = journal
        self._retention = retention_days * DAY
        self._look_every = look_every
        self._wall = wall

    @classmethod
    async def open(
        cls,
        directory: Path,
        audit_key: bytes,
        *,
        retention_days: float = 0,
        wall: Callable[[], float] = time.time,
        disk: Disk = DISK,
        rotate_at: int = RECORDS_A_FILE,
    ) -> Self:
        """Check and repair the log. A DirectoryError stops the start."""
        journal = Journal(audit_file(directory, audit_key, rotate_at=rotate_at, disk=disk, wall=wall))
        await journal.open()
        return cls(journal, retention_days=retention_days, wall=wall)

    @property
    def count(self) -> int:
        return self.journal.count

    @property
    def newest_hash(self) -> str:
        """What a webhook carries out of the house, so that a roll-back can be seen from there."""
        return self.journal.newest_hash

    @property
    def degraded(self) -> bool:
        return self.journal.degraded

    @property
    def full(self) -> bool:
        """More records wait for the disk than memory should hold; `append` raises JournalFull."""
        return self.journal.full

    @property
    def pending(self) -> int:
        """Records that wait in memory for the disk."""
        return self.journal.waiting

    async def append(self, record: AuditRecord) -> None:
        """On the disk when this returns, or in memory if the log is `degraded` then."""
        await self.journal.append(record.as_record())

    async def files(self) -> list[str]:
        """Newest first."""
        return await self.journal.files()

    async def read(self, name: str) -> list[Record]:
        """The records of one of `files`, newest first."""
        return await self.journal.read(name)

    async def newest_first(self) -> AsyncGenerator[Record, None]:
        """All records, of which one file is in memory at a time. Close it (`aclosing`) if you leave early."""
        names, records = await self._look()
        for name in names:
            if name != self.journal.current:
                records = await self.read(name)
            for record in records:
                yield record

    async def wins(self, first: int, end: int) -> list[Win]:
        """Who won the codes from one number, counted from 0, to another. An erased winner is nobody's double."""
        number = self.count
        found: list[Win] = []
        async with aclosing(self.newest_first()) as records:
            async for record in records:
                number -= 1
                if number < first:
                    break
                if number < end:
                    found.append(_restore(record).win)
        return found

    async def newest_win(self) -> AuditRecord | None:
        """The record of the newest round that was solved."""
        looked = 0
        async with aclosing(self.newest_first()) as records:
            async for record in records:
                if record.get("reason") == "solved":
                    return _restore(record)
                looked += 1
                if looked == NEWEST:
                    break
        return None

    async def recent(self, seconds: float) -> list[AuditRecord]:
        """What was won in so many seconds before now, oldest first."""
        since = self._wall() - seconds
        found: list[AuditRecord] = []
        names, records = await self._look()
        for name in names:
            if name != self.journal.current:
                records = await self.read(name)
            young = [record for record in records if _moment(record) >= since]
            found.extend(_restore(record) for record in young)
            if records and not young:
                break
        return found[::-1]

    async def _look(self) -> tuple[list[str], list[Record]]:
        """The files, newest first, and the records of the newest, seen at one moment."""
        names, records = await self.files(), await self.read(self.journal.current)
        while (now := await self.files()) != names:  # the newest was moved in between
            names, records = now, await self.read(self.journal.current)
        return names, records

    async def erase_visitor(self, visitor_id: str) -> int:
        return await self.journal.erase(of_visitor(visitor_id))

    async def erase_before(self, moment: float) -> int:
        return await self.journal.erase(before(moment), ordered=True)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write what is appended, and erase those who won longer ago than the retention allows. Ends with `close`."""
        async with trio.open_nursery() as nursery:
            if self._retention:
                nursery.start_soon(self._erase_old)
            task_status.started()
            await self.journal.run()
            nursery.cancel_scope.cancel()

    async def close(self, deadline: float = 5.0) -> int:
        """Write what waits; how many records could not be written in that time."""
        return await self.journal.close(deadline)

    async def _erase_old(self) -> None:
        while True:
            try:
                count = await self.erase_before(self._wall() - self._retention)
            except (OSError, DirectoryError) as error:
                log.error("old records could not be erased: %s", error)  # noqa: TRY400 - the sentence says it
            else:
                if count:
                    log.info("%d records have passed the retention; who won them is erased", count)
            await trio.sleep(self._look_every)


def erase_records(
    directory: Path, audit_key: bytes, *, visitor_id: str | None = None, older_than: float | None = None
) -> int:
    """Erase without a server: whoever matches either. DirectoryInUse while one runs."""
    chosen = [before(older_than)] if older_than is not None else []
    if visitor_id is not None:
        chosen.append(of_visitor(visitor_id))
    with DirectoryLock(directory):
        file = audit_file(directory, audit_key)
        file.open()
        try:
            return sum(
                file.erase(name, lambda record: any(is_it(record) for is_it in chosen))[0] for name in file.files()
            )
        except OSError as error:
            raise FileUnreadable(f"The records could not all be erased: {error.strerror or error}.") from error
        finally:
            file.close()


@frozen
class Fault:
    file: str
    record: int | None
    """Counted from 1 in its file; None if the fault is in the file as a whole."""
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}" if self.record is None else f"{self.file}: record {self.record}: {self.text}"


@define
class Report:
    """What a check of a log has found."""

    files: int = 0
    records: int = 0
    erased: int = 0
    codes: int = 0
    """Codes that were derived again and are the same."""
    unproved: int = 0
    """Codes that could not be: the person is erased, or the key is not known any more."""
    ahead: int = 0
    """Records newer than the head, as a crash may leave them; the next start brings it up to date."""
    newest_hash: str = ZERO
    faults: list[Fault] = field(factory=list)

    @property
    def ok(self) -> bool:
        return not self.faults

    def add(self, file: str, record: int | None, text: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(file, record, text))


def verify_directory(
    directory: Path,
    audit_key: bytes,
    *,
    code_keys: Mapping[str, bytes] | None = None,
    derive_code: DeriveCode | None = None,
    check_record: CheckRecord | None = None,
) -> Report:
    """Check every byte of the audit log, every link, signature and code. It may run beside a server."""

    def visit(report: Report, record: Record) -> str | None:
        if derive_code is not None and (wrong := _check_code(report, record, code_keys or {}, derive_code)):
            return wrong
        return check_record(record) if check_record is not None else None

    return verify_log(directory, audit_chain(audit_key), visit=visit)


def verify_log(
    directory: Path,
    chain: Chain,
    *,
    layout: Layout = ARRAY,
    visit: Callable[[Report, Record], str | None] | None = None,
    disk: Disk = DISK,
    pause: Callable[[], None] = lambda: time.sleep(0.1),
) -> Report:
    """Check any of the logs. A fault is looked at again while the files change, for a server may be writing."""
    for _ in range(5):
        seen = _fingerprint(directory, chain, disk)
        report = _verify(directory, chain, layout, visit, disk)
        if report.ok:
            break
        pause()
        if _fingerprint(directory, chain, disk) == seen:
            break
    return report


def _verify(
    directory: Path, chain: Chain, layout: Layout, visit: Callable[[Report, Record], str | None] | None, disk: Disk
) -> Report:
    report = Report()
    heads = _read_heads(directory, chain, disk)
    prev: str | None = ZERO
    agrees = not heads or heads[0] == Head(0, ZERO)
    for name in LogFile(directory, chain, layout=layout, disk=disk).files():
        try:
            data = disk.read(directory / name)
        except OSError as error:
            report.add(name, None, f"it cannot be read: {error.strerror or error}")
            continue

        def look(number: int, record: Record, name: str = name) -> None:
            report.erased += record.get("salts") == {}
            if visit is not None and (wrong := visit(report, record)):
                report.add(name, number, wrong)

        found = walk(chain, layout, data, prev, mark=heads[0].count - report.records if heads else 0, visit=look)
        report.files += 1
        report.records += found.count
        agrees = agrees or bool(heads and found.marked == heads[0].hash)
        if found.fault is not None:
            report.add(name, found.count + 1, found.fault)
        elif found.count:
            report.newest_hash = found.hash
        prev = found.hash if found.fault is None else None
    _check_head(report, f"{chain.name}.head", heads, agrees=agrees)
    return report


def _check_head(report: Report, name: str, heads: list[Head], *, agrees: bool) -> None:
    if not heads:
        report.add(name, None, "it is missing or damaged")
        return
    report.ahead = max(report.records - heads[0].count, 0)
    if report.records < heads[0].count:
        report.add(name, None, f"it names {heads[0].count} records, but {report.records} are good")
    elif not agrees and report.ok:
        report.add(name, None, f"record {heads[0].count} is not the one that it names")
    if len(heads) == 1:
        report.add(name, None, "one half of it is damaged; if a crash did that, the next start repairs it")


def _read_heads(directory: Path, chain: Chain, disk: Disk) -> list[Head]:
    """The newer one first; those that are damaged are left out."""
    try:
        data = disk.read(directory / f"{chain.name}.head")
    except OSError:
        return []
    heads = [chain.read_head(data[:SLOT]), chain.read_head(data[SLOT:])]
    return sorted((head for head in heads if head is not None), key=lambda head: -head.count)


def _fingerprint(directory: Path, chain: Chain, disk: Disk) -> object:
    def read(name: str) -> bytes:
        try:
            return disk.read(directory / name)
        except OSError:
            return b""

    names = disk.names(directory)
    return (
        sorted(name for name in names if name.startswith(f"{chain.name}_")),
        read(f"{chain.name}.head"),
        read(f"{chain.name}.json"),
    )


def _check_code(report: Report, record: Record, code_keys: Mapping[str, bytes], derive_code: DeriveCode) -> str | None:
    key = code_keys.get(str(record.get("key_id")))
    if key is None or "visitor_id" not in record.get("salts", {}):
        report.unproved += 1
        return None
    try:
        derived = derive_code(key, record)
    except ValueError as error:
        return str(error)
    if derived != record.get("invite_code"):
        return "its code does not follow from its proof"
    report.codes += 1
    return None


def _moment(record: Record) -> float:
    try:
        return read_stamp(record["timestamp"])
    except (LookupError, TypeError, ValueError) as error:
        raise Tampered("A record of the audit log has no time. See `hashpass audit verify`.") from error


def _restore(record: Record) -> AuditRecord:
    try:
        return AuditRecord.from_record(record)
    except LookupError as error:
        raise Tampered(f"A record of the audit log lacks {error}. See `hashpass audit verify`.") from error
