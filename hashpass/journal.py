"""A log file as the server uses it: appended from Trio, on disk when `append` returns, patient when the disk is not.

One task, `run`, does all the writing on one thread. A caller that is cancelled, or that stops waiting, changes
nothing: its record has its place in the chain from the moment it was given.

Reading has another thread, and nobody who writes waits for those who read. They look at the newest file without asking
the writer, and only when it was changed meanwhile they look again in between two writes, one of them at a time.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from typing import TypeVar

import trio
from attrs import field, frozen

from hashpass.directory import FileUnreadable
from hashpass.domain.chain import Head, Layout, Record, Sealed
from hashpass.logfile import LogFile, readable

log = logging.getLogger("hashpass.journal")

T = TypeVar("T")

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0


class JournalFull(Exception):
    """So many records wait for the disk that no more are taken."""


class JournalClosed(Exception):
    """The server is stopping; nothing more is written."""


@frozen(eq=False)
class _Waiting:
    sealed: Sealed = field(repr=False)
    tried: trio.Event = field(factory=trio.Event)
    """Set when the disk has taken the record, or has refused it once."""


@frozen(eq=False)
class View:
    """A log as it was at one moment."""

    files: list[str]
    """Newest first."""
    count: int
    """Of all records."""
    data: bytes = field(repr=False)
    """The newest file, perhaps with more records than are in the view."""
    waiting: list[bytes] = field(repr=False)
    """What waits for the disk: the last lines of the newest file."""
    _written: int
    _layout: Layout = field(repr=False)

    def lines(self) -> list[bytes]:
        """Those of the newest file, oldest first. It takes too long for the loop."""
        return [*(line for line, _ in islice(self._layout.split(self.data), self._written)), *self.waiting]


class Journal:
    """The async face of one log file."""

    def __init__(
        self,
        file: LogFile,
        *,
        random: Callable[[int], bytes] = secrets.token_bytes,
        patience: float = 5.0,
        most: int = 10_000,
    ) -> None:
        self._file = file
        self._random = random
        self._patience = patience
        self._most = most
        self._head = file.head
        self._waiting: deque[_Waiting] = deque()
        self._work = trio.Event()
        self._thread = trio.CapacityLimiter(1)
        """A thread that hangs keeps its token even when it was given up, so nobody ever writes beside it."""
        self._changing = False
        self._changes = 0
        """How often the file was changed. This and the flag are set on the writer's thread."""
        self._readers = trio.CapacityLimiter(1)
        self._turn = trio.Lock()
        """Held by the one who looks at the newest file."""
        self._writing = False
        self._refused = False
        self._late = False
        self._closing = False
        self._runs = 0
        self._finished = trio.Event()

    async def open(self) -> None:
        """Check and repair the file, off the loop. A DirectoryError stops the start."""
        await trio.to_thread.run_sync(self._change, self._file.open, limiter=self._thread)
        self._head = self._file.head

    @property
    def count(self) -> int:
        """How many records there are, those that wait for the disk included."""
        return self._head.count

    @property
    def newest_hash(self) -> str:
        return self._head.hash

    @property
    def current(self) -> str:
        """The name of the file that grows."""
        return self._file.current

    @property
    def degraded(self) -> bool:
        """The disk refuses, or does not answer; records wait in memory."""
        return self._refused or self._late

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        return len(self._waiting) >= self._most

    async def append(self, record: Record) -> None:
        """Write a record. It is on the disk when this returns, unless the journal is `degraded` then.

        JournalFull, JournalClosed and ValueError leave everything as it was. Cancelled or not, a record that
        was taken will be written.
        """
        if self._closing:
            raise JournalClosed("The journal is closed.")
        if self.full:
            raise JournalFull(f"{len(self._waiting)} records wait for the disk.")
        sealed = self._file.chain.seal(record, self._head, self._random)
        self._head = Head(sealed.index + 1, sealed.hash)
        waiting = _Waiting(sealed)
        self._waiting.append(waiting)
        self._work.set()
        stuck = self.degraded and self._writing  # who waits for that has waited long enough
        with trio.move_on_after(0 if stuck else self._patience) as scope:
            await waiting.tried.wait()
        if scope.cancelled_caught and not stuck and not waiting.tried.is_set():
            self._late = True
            log.error("%s: the disk has not answered for %.0f s", self._file.current, self._patience)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write what is appended, and try again while the disk refuses. Returns after `close`."""
        self._runs += 1
        try:
            task_status.started()
            self._work.set()  # something may be left of an earlier run
            pause = FIRST_PAUSE
            while self._waiting or not self._closing:
                with trio.move_on_after(pause if self._refused else math.inf) as scope:
                    await self._work.wait()
                self._work = trio.Event()
                await self._write()
                if not self._refused:
                    pause = FIRST_PAUSE
                elif scope.cancelled_caught:
                    pause = min(pause * 2, LONGEST_PAUSE)
            await trio.to_thread.run_sync(self._file.close, limiter=self._thread, abandon_on_cancel=True)
            self._finished.set()
        finally:
            self._runs -= 1

    async def close(self, deadline: float = 5.0) -> int:
        """Take no more, and write what waits; returns how many records could not be written in that time."""
        self._closing = True
        self._work.set()
        if self._runs:
            with trio.move_on_after(deadline):
                await self._finished.wait()
        return len(self._waiting)

    async def files(self) -> list[str]:
        """The names of the log's files, newest first."""
        return (await self._on_thread(self._file.files))[::-1]

    async def read(self, name: str) -> list[Record]:
        """The records of one file, newest first. FileNotFoundError if it is not one of `files`."""
        if name == self._file.current:
            return await self.look(lambda view: readable(view.lines())[::-1])
        with self._patient():  # an archive is replaced whole or not at all
            return await self._beside(lambda: self._file.records(name)[::-1])

    async def look(self, work: Callable[[View], T]) -> T:
        """What some work, which is done on the readers' thread, makes of the log as it is at one moment.

        FileUnreadable if the disk does not answer.
        """
        with self._patient():
            async with self._turn:
                entries = tuple(self._waiting)
                view = partial(self._view, entries, entries[0].sealed.index if entries else self.count, self.count)
                found = await self._beside(partial(self._glance, view))
                if found is None:
                    found = await trio.to_thread.run_sync(view, limiter=self._thread, abandon_on_cancel=True)
                return await self._beside(partial(work, found))

    async def erase(self, select: Callable[[Record], bool], *, ordered: bool = False) -> int:
        """Erase the person from all selected records, one file at a time between two appends; how many there were.

        With `ordered`, it ends at the first file that has whole records and none to erase.
        """
        if self.degraded:
            raise FileUnreadable(f"{self._file.current} waits for the disk. Erase when health is well again.")
        done: set[str] = set()
        total = 0
        while names := [name for name in await self._on_thread(self._file.files) if name not in done]:
            name = names[0]  # listed anew each time, for the newest file may have been moved meanwhile
            try:
                erased, whole = await self._on_thread(partial(self._change, partial(self._file.erase, name, select)))
            except OSError:
                self._refused = True  # the writer makes the file sound again
                self._work.set()
                raise
            done.add(name)
            total += erased
            if ordered and whole and not erased:
                break
        return total

    async def _write(self) -> None:
        batch = tuple(self._waiting)
        entries = [waiting.sealed for waiting in batch]
        self._writing = True
        try:
            write = partial(self._change, partial(self._file.write, entries))
            await trio.to_thread.run_sync(write, limiter=self._thread, abandon_on_cancel=True)
        except OSError as error:
            if not self._refused:
                log.error("%s: the disk refuses: %s", self._file.current, error.strerror or error)  # noqa: TRY400 - the operator needs the cause, not our frames
            self._refused = True
        else:
            if self.degraded:
                log.warning("%s: the disk is back, %d records were written", self._file.current, len(batch))
            self._refused = self._late = False
        finally:
            self._writing = False
            while self._waiting and self._waiting[0].sealed.index < self._file.head.count:
                self._waiting.popleft().tried.set()
            for waiting in batch:
                waiting.tried.set()

    async def _on_thread(self, work: Callable[[], T]) -> T:
        """Work on the file while nobody writes."""
        with self._patient():
            return await trio.to_thread.run_sync(work, limiter=self._thread, abandon_on_cancel=True)

    async def _beside(self, work: Callable[[], T]) -> T:
        """Work on the readers' thread."""
        return await trio.to_thread.run_sync(work, limiter=self._readers, abandon_on_cancel=True)

    @contextmanager
    def _patient(self) -> Iterator[None]:
        try:
            with trio.fail_after(self._patience):
                yield
        except trio.TooSlowError:
            raise FileUnreadable(f"{self._file.current} cannot be read now: the disk does not answer.") from None

    # On a thread

    def _change(self, work: Callable[[], T]) -> T:
        """Work that may change the file."""
        self._changing = True
        try:
            return work()
        finally:
            self._changes += 1
            self._changing = False

    def _glance(self, view: Callable[[], View]) -> View | None:
        """A view, if the file was not changed meanwhile. A file that cannot be read may just have been moved."""
        before = self._changes
        if self._changing:
            return None
        with suppress(OSError):
            found = view()
            return None if self._changing or self._changes != before else found
        return None

    def _view(self, waiting: Sequence[_Waiting], written: int, count: int) -> View:
        """Of so many written records and those that wait. Some of them may have been written and moved meanwhile."""
        files, start, data = self._file.newest(written)
        lines = [entry.sealed.line for entry in waiting if entry.sealed.index >= start]
        return View(files[::-1], max(count, start), data, lines, max(written - start, 0), self._file.layout)
