"""One append-only, chained, synced file: how it grows and how it heals. No Trio here; one caller at a time."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hashpass.directory import DISK, DirectoryError, Disk, FileUnreadable, replace, write_all
from hashpass.domain.chain import (
    ARRAY,
    ERASED,
    SLOT,
    ZERO,
    BrokenRecord,
    Chain,
    Head,
    Layout,
    Record,
    Sealed,
    Walk,
    canonical,
    parse,
    walk,
)

_ARCHIVE_TIME = "%Y%m%d_%H%M%S"
_ADVICE = "The server does not start on it: see `hashpass audit verify`, and restore what was written here."


class Tampered(DirectoryError):
    """The log is not what this server wrote. Nothing was changed."""


def readable(lines: Iterable[bytes]) -> list[Record]:
    """The records up to the first line that is none."""
    found: list[Record] = []
    with suppress(BrokenRecord):
        for line in lines:
            found.append(parse(line))  # noqa: PERF401 - those before a broken one are kept
    return found


class HeadFile:
    """Two signed slots, written in turn and in place: a write cut short spoils one of them, never both.

    A head may lag behind its log, for the records themselves prove what came after it. So it is synced not at once but
    before the next one is written, when that costs next to nothing.
    """

    def __init__(self, path: Path, chain: Chain, disk: Disk) -> None:
        self.path = path
        self._chain = chain
        self._disk = disk
        self._fd: int | None = None
        self._slot = 0
        self._synced = True
        self._says: Head | None = None
        """What the file is known to say; None when it is not to be trusted."""

    def read(self) -> tuple[Head | None, bool]:
        """The newest head, None if there is no file, and whether one of the slots is spoilt."""
        try:
            data = self._disk.read(self.path)
        except FileNotFoundError:
            return None, False
        slots = [self._chain.read_head(data[:SLOT]), self._chain.read_head(data[SLOT:])]
        heads = [head for head in slots if head is not None]
        if not heads:
            raise Tampered(f"{self.path} is damaged. Restore it from a backup together with the log.")
        newest = max(heads, key=lambda head: head.count)
        self._slot = 1 - slots.index(newest)
        if len(heads) == 2:
            self._says = newest
            self._synced = False  # the process that wrote it may have been killed before it synced it
        return newest, len(heads) < 2

    def keep(self, head: Head) -> None:
        """Make the file say this."""
        if self._says == head:
            return
        if self._says is None:
            self.renew(head)
            return
        self.sync()
        self._says = None
        write_all(self._disk, self._open(), self._chain.sign_head(head), self._slot * SLOT)
        self._slot = 1 - self._slot
        self._says, self._synced = head, False

    def renew(self, head: Head) -> None:
        """Write a new file, and return when it is on the disk."""
        self.close()
        self._says = None
        replace(self.path, self._chain.sign_head(head) * 2, disk=self._disk)
        self._slot, self._synced, self._says = 0, True, head

    def sync(self) -> None:
        if self._says is not None and not self._synced:
            says, self._says = self._says, None
            self._disk.sync(self._open())
            self._says, self._synced = says, True

    def _open(self) -> int:
        if self._fd is None:
            self._fd = self._disk.open(self.path)
        return self._fd

    def close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            with suppress(OSError):  # what matters was synced before
                self._disk.close(fd)


class LogFile:
    """`name.json`, its head `name.head` and its archives `name_YYYYMMDD_HHMMSS.json`.

    After an operation on the newest file has failed, that file is never trusted again: the next one writes a
    new one from what was synced before and puts it in its place.
    """

    def __init__(
        self,
        directory: Path,
        chain: Chain,
        *,
        layout: Layout = ARRAY,
        rotate_at: int | None = None,
        disk: Disk = DISK,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.directory = directory
        self.chain = chain
        self.layout = layout
        self.head = Head(0, ZERO)
        """The newest record that is on the disk."""
        self._rotate_at = rotate_at
        self._disk = disk
        self._wall = wall
        self._path = directory / f"{chain.name}.json"
        self._head_file = HeadFile(directory / f"{chain.name}.head", chain, disk)
        self._archive = re.compile(rf"{re.escape(chain.name)}_([0-9]{{8}}_[0-9]{{6}})\.json")
        self._fd: int | None = None
        self._sound = False
        self.start = 0
        """How many records stand before the newest file."""
        self._base = ZERO
        """The hash of the record before its first."""
        self._end = 0
        """Where its last record ends."""

    @property
    def current(self) -> str:
        return self._path.name

    @property
    def _here(self) -> int:
        """Records in the newest file."""
        return self.head.count - self.start

    def files(self) -> list[str]:
        """The names of the files, oldest first. They sort as they were made."""
        names = self._disk.names(self.directory)
        return [*sorted(name for name in names if self._archive.fullmatch(name)), self.current]

    def open(self) -> None:
        """Check the log against its head and repair what a crash left. Tampered or FileUnreadable stops the start."""
        try:
            self._recover()
        except OSError as error:
            raise FileUnreadable(f"{self._path} cannot be opened: {error.strerror or error}.") from error

    def write(self, entries: Iterable[Sealed]) -> None:
        """Make these durable, those that are already being skipped. After an OSError call it again with the same."""
        rest = [entry for entry in entries if entry.index >= self.head.count]
        while True:
            room = len(rest) if self._rotate_at is None else max(self._rotate_at - self._here, 0)
            part, rest = rest[:room], rest[room:]
            if not self._sound:
                self._rebuild(part)
            elif part:
                self._extend(part)
            self._head_file.keep(self.head)
            if self._rotate_at is not None and self._here >= self._rotate_at:
                self._rotate()
            elif not rest:
                return

    def newest(self, count: int) -> tuple[list[str], int, bytes]:
        """The files, how many records stand before the newest, and what it holds if it has any of the first `count`.

        While a rotation waits for the disk there is no newest file, and nothing in it.
        """
        return self.files(), self.start, self._disk.read(self._path) if count > self.start else b""

    def records(self, name: str) -> list[Record]:
        """The records of one file, oldest first, as they stand; for people to read, not for proof."""
        if name != self.current and self._archive.fullmatch(name) is None:
            raise FileNotFoundError(errno.ENOENT, "No such log", name)
        return readable(line for line, _ in self.layout.split(self._disk.read(self.directory / name)))

    def erase(self, name: str, select: Callable[[Record], bool]) -> tuple[int, int]:
        """Erase the person from the selected records of one file. How many were erased, and how many are left whole."""
        path = self.directory / name
        if name == self.current and not self._sound:
            raise OSError(errno.EIO, "The log is waiting for the disk")
        if not self.chain.personal:
            return 0, 0
        data = self._disk.read(path)
        lines = [line for line, _ in self.layout.split(data)]
        whole = [i for i, line in enumerate(lines) if ERASED not in line]
        chosen = [i for i in whole if select(self._parse(name, i, lines[i]))]
        if chosen:
            first = self._parse(name, 0, lines[0])
            found = walk(self.chain, self.layout, data, str(first.get("prev")))
            if found.fault is not None:  # evidence is not rewritten
                raise Tampered(f"{name}: record {found.count + 1}: {found.fault}. Nothing was erased in it.")
            for i in chosen:
                lines[i] = canonical(self.chain.erase(parse(lines[i])))
            self._put(path, self.layout.join(lines))
        return len(chosen), len(whole) - len(chosen)

    def close(self) -> None:
        with suppress(OSError):  # a head may lag
            self._head_file.sync()
        self._head_file.close()
        self._close_file()

    # Growing

    def _extend(self, entries: Sequence[Sealed]) -> None:
        lines = self.layout.separator.join(entry.line for entry in entries)
        lead = self.layout.separator if self._here else self.layout.opening
        at = self._end if self._here else 0
        self._sound = False
        try:
            fd = self._open()
            write_all(self._disk, fd, lead + lines + self.layout.closing, at)
            self._disk.sync(fd)
        except OSError:
            self._undo()
            raise
        self._end = at + len(lead) + len(lines)
        self._grown(entries)

    def _undo(self) -> None:
        """Leave valid JSON to those who read meanwhile. On a full disk this may be all that is possible."""
        ending = self.layout.closing if self._here else self.layout.empty
        at = self._end if self._here else 0
        with suppress(OSError):
            write_all(self._disk, self._open(), ending, at)
            self._disk.truncate(self._open(), at + len(ending))

    def _grown(self, entries: Sequence[Sealed]) -> None:
        if entries:
            self.head = Head(entries[-1].index + 1, entries[-1].hash)
        self._sound = True

    def _rebuild(self, entries: Sequence[Sealed]) -> None:
        """Write the file anew: what is known to be good, and these."""
        self._disk.sync_directory(self.directory)  # the archive must have its name before the file gives up its own
        lines: list[bytes] = []
        if self._here:
            lines = [line for line, _ in self.layout.split(self._disk.read(self._path))][: self._here]
            found = walk(self.chain, self.layout, self.layout.join(lines), self._base)
            if found.fault is not None or (found.count, found.hash) != (self._here, self.head.hash):
                raise OSError(errno.EIO, "The disk gives back something else than was written")
        self._put(self._path, self.layout.join([*lines, *(entry.line for entry in entries)]))
        self._grown(entries)

    def _put(self, path: Path, data: bytes) -> None:
        """Replace one of the files, and go on with the new one if it is the newest."""
        newest = path == self._path
        if newest:
            self._sound = False
        replace(path, data, disk=self._disk)
        if newest:
            self._close_file()
            self._end = max(len(data) - len(self.layout.closing), 0)
            self._sound = True

    def _rotate(self) -> None:
        target = self.directory / self._archive_name()
        self._sound = False
        self._disk.rename(self._path, target)
        self._close_file()
        self.start, self._base = self.head.count, self.head.hash
        self._rebuild(())

    def _archive_name(self) -> str:
        """Named for the time, but always after the archives that are there, whatever the clock does."""
        moment = datetime.fromtimestamp(self._wall(), UTC).replace(microsecond=0)
        archives = self.files()[:-1]
        if archives and (newest := self._archive.fullmatch(archives[-1])) is not None:
            last = datetime.strptime(newest[1], _ARCHIVE_TIME).replace(tzinfo=UTC)
            moment = max(moment, last + timedelta(seconds=1))
        return f"{self.chain.name}_{moment.strftime(_ARCHIVE_TIME)}.json"

    def _open(self) -> int:
        if self._fd is None:
            self._fd = self._disk.open(self._path)
        return self._fd

    def _close_file(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            with suppress(OSError):  # what matters was synced before
                self._disk.close(fd)

    # Healing

    def _recover(self) -> None:
        *archives, _ = self.files()
        data = self._read_current()
        head, spoilt = self._head_file.read()
        if head is None:
            if archives or data not in (None, self.layout.empty):
                raise Tampered(f"{self._head_file.path} is missing although there is a log. {_ADVICE}")
            self._head_file.renew(Head(0, ZERO))  # before the log, so that a log never stands without one
            head = Head(0, ZERO)
        before, found, agrees = self._follow(archives, data, head)
        total = before + found.count
        if total < head.count or not agrees:
            what = (
                f"holds {found.count} good records, and then: {found.fault}"
                if found.fault is not None and data is not None
                else f"ends after record {total}"
                if total < head.count
                else "has another record there"
            )
            raise Tampered(f"{self._head_file.path} names record {head.count}, but {self._path} {what}. {_ADVICE}")
        if spoilt and total == head.count:
            raise Tampered(f"{self._head_file.path} was changed by someone else. {_ADVICE}")
        if data and not found.count and data[:1] not in (b"\0", b"{", self.layout.opening[:1]):
            raise FileUnreadable(f"{self._path} is not a log. Restore it or move it away; nothing was changed.")
        self.head = Head(total, found.hash)
        self.start, self._end = before, found.end
        if data is None or found.fault is not None or total != head.count:
            # Also when only the head lags: nobody knows whether the records after it ever reached the disk.
            self._rebuild(())
        else:
            self._disk.sync_directory(self.directory)  # names that a killed process gave may not be safe yet
            self._sound = True
        if spoilt or total != head.count:
            self._head_file.renew(self.head)
        self.write(())

    def _follow(self, archives: Sequence[str], data: bytes | None, head: Head) -> tuple[int, Walk, bool]:
        """Walk from the file that holds the record the head names; older archives are only counted.

        Returns the records before the newest file, how far that one holds, and whether the head's hash was met.
        """
        before, base, agrees = 0, ZERO, head == Head(0, ZERO)
        starts: list[int] = []
        for name in archives:
            starts.append(before)
            before += self._count(self._disk.read(self.directory / name))
        first = max((i for i, start in enumerate([*starts, before]) if start < head.count), default=0)
        if first:
            base = self._last_hash(archives[first - 1])
        for name, start in list(zip(archives, starts, strict=True))[first:]:
            content = self._disk.read(self.directory / name)
            found = walk(self.chain, self.layout, content, base, mark=head.count - start)
            if found.fault is not None:
                raise Tampered(f"{self.directory / name}: record {found.count + 1}: {found.fault}. {_ADVICE}")
            agrees = agrees or found.marked == head.hash
            base = found.hash
        self._base = base
        found = walk(self.chain, self.layout, data or self.layout.empty, base, mark=head.count - before)
        return before, found, agrees or found.marked == head.hash

    def _read_current(self) -> bytes | None:
        try:
            return self._disk.read(self._path)
        except FileNotFoundError:
            return None

    def _count(self, data: bytes) -> int:
        return data.count(b"\n") - self.layout.join([b""]).count(b"\n") + 1

    def _last_hash(self, name: str) -> str:
        lines = [line for line, _ in self.layout.split(self._disk.read(self.directory / name))]
        try:
            return self.chain.check(lines[-1] if lines else b"", None)[1]
        except BrokenRecord as error:
            raise Tampered(f"{self.directory / name}: record {len(lines)}: {error}. {_ADVICE}") from error

    def _parse(self, name: str, index: int, line: bytes) -> Record:
        try:
            return parse(line)
        except BrokenRecord as error:
            raise Tampered(f"{name}: record {index + 1}: {error}. Nothing was erased in it.") from error
