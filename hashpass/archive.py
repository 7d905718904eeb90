"""The audit log as its operator reads it: by page, by what is looked for, by code, in figures, and as a whole.

All reading is done on threads, a file or a part of one at a time, so that those who read take turns with one another
and hold up nobody else: archives on one thread of its own, the newest file on the journal's. An archive is immutable,
save that an erased person's values give way to digests in the same place; so how many records it holds, and what they
add up to, is found once.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio
from attrs import field, frozen

from hashpass.directory import DISK, DirectoryError, Disk, FileUnreadable
from hashpass.domain.chain import ARRAY, Layout, Record
from hashpass.domain.errors import BadRequest, StoreUnavailable
from hashpass.domain.needle import Needle
from hashpass.domain.tally import Tally, codes_per_hour
from hashpass.journal import Journal, View

T = TypeVar("T")

SEARCHED = (
    "invite_code",
    "visitor_id",
    "real_ip",
    "seed",
    "hash",
    "trace_data",
    "timestamp",
    "reason",
    "key_id",
)
HIDDEN = ("salts", "session")
"""Nobody's business: the salts are there to be destroyed, and the digest of a session shows nothing to an operator."""
AT_ONCE = 25
"""Records in one piece of an export: what the loop may have to wait for, as others wait for Python's one lock."""


@frozen
class Page:
    records: list[Record] = field(repr=False)
    """Newest first. `erased` says whether the values of a person are digests."""
    total: int
    """Of all pages."""
    page: int
    pages: int
    files: list[str]
    """Newest first."""


class Archive:
    """Reads the log that a journal writes, whose layout is that of `verify.json`.

    BadRequest names a file that is not there; StoreUnavailable says that the disk refuses, or does not answer.
    """

    def __init__(
        self,
        journal: Journal,
        directory: Path,
        *,
        layout: Layout = ARRAY,
        disk: Disk = DISK,
        wall: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
        patience: float = 10.0,
    ) -> None:
        self._journal = journal
        self._directory = directory
        self._layout = layout
        self._disk = disk
        self._wall = wall
        self._patience = patience
        self._thread = trio.CapacityLimiter(1)
        self._counts: dict[str, int] = {}
        """Records in an archive, for those that are there."""
        self._key = random(32)
        self._adding = trio.Lock()
        """Held while what follows is changed."""
        self._added: list[str] = []
        self._tally = Tally(self._key)
        self._figures: tuple[tuple[int, str], dict[str, Any], Mapping[int, int]] | None = None

    async def page(self, page: int, per_page: int, search: str = "", file: str | None = None) -> Page:
        """One page of all records, of those of one file, or of those that hold a text in whatever case.

        A page behind the last is empty. Without a search, only the files that hold the page are read.
        """
        first = (page - 1) * per_page
        with _readable():
            if search:
                files, total, records = await self._search(search, file, first, first + per_page)
            else:
                while (found := await self._slice(file, first, first + per_page)) is None:
                    pass  # the newest file was moved in between
                files, total, records = found
        return Page([_shown(record) for record in records], total, page, max(-(-total // per_page), 1), files)

    async def find_code(self, code: str) -> Record | None:
        """The newest record of exactly this code, whole as it is in the log; also when it waits for the disk."""
        mark = b'"invite_code":' + json.dumps(code, ensure_ascii=False).encode(errors="replace")
        with _readable():
            files, found = await self._journal.look(partial(_find_newest, mark, code))
            for name in files[1:]:
                if found is not None:
                    break
                found = await self._on_thread(partial(self._find, name, mark, code))
        return found

    async def stats(self) -> dict[str, Any]:
        """What all records add up to. An erased visitor still counts, until the server has started anew."""
        with _readable():
            async with self._adding:
                figures, hours = await self._add_up()
        return {**figures, "codes_per_hour": codes_per_hour(hours, self._wall())}

    async def export_text(self, write: Callable[[Record], str], at_once: int = AT_ONCE) -> AsyncGenerator[str, None]:
        """All records, oldest first as they were written, in pieces of several, each written out on the thread.

        The lines of one file are in memory at a time. What is appended meanwhile comes too. Close it (`aclosing`) if
        you leave early.
        """
        done: set[str] = set()
        while self._journal.current not in done:
            name, lines = await self._next(done)
            done.add(name)
            for at in range(0, len(lines), at_once):
                with _readable():
                    piece = await self._on_thread(partial(_write, lines[at : at + at_once], write))
                if piece:
                    yield piece

    # Parts of these, on the loop

    async def _next(self, done: set[str]) -> tuple[str, list[bytes]]:
        """The oldest file that is not done, and its lines, oldest first."""
        with _readable():
            while True:
                files = await self._journal.files()
                name = next(name for name in reversed(files) if name not in done)
                if name != self._journal.current:
                    return name, await self._on_thread(partial(self._lines, name))
                files, lines = await self._journal.look(lambda view: (view.files, view.lines()))
                if done.issuperset(files[1:]):
                    return name, lines

    async def _slice(self, file: str | None, first: int, stop: int) -> tuple[list[str], int, list[Record]] | None:
        """The files, how many records there are, and some of them by their number from the newest on.

        None if the newest file was moved before it could be read.
        """
        files, count = await self._journal.files(), self._journal.count
        chosen = _choose(files, file)
        counts: dict[str, int] = {}
        for name in files[1:] if files[0] in chosen else chosen:
            known = self._counts.get(name)
            counts[name] = known if known is not None else await self._on_thread(partial(self._count, name))
        self._counts = {**self._counts, **counts} if len(self._counts) <= len(files) else counts
        counts.setdefault(files[0], max(count - sum(counts.values()), 0))
        records: list[Record] = []
        at = 0
        for name in chosen:
            low, high = max(first - at, 0), min(stop - at, counts[name])
            at += counts[name]
            if low >= high:
                continue
            if name != files[0]:
                records += await self._on_thread(partial(self._read_part, name, low, high))
                continue
            newest = await self._journal.look(partial(_read_newest, files, count, low, high))
            if newest is None:
                return None
            records += newest
        return files, at, records

    async def _search(self, text: str, file: str | None, first: int, stop: int) -> tuple[list[str], int, list[Record]]:
        needle, spelt = Needle(text), Needle(json.dumps(text, ensure_ascii=False)[1:-1])
        search = partial(_search_newest, needle, spelt, file, first, stop)
        files, (total, records) = await self._journal.look(search)
        for name in _choose(files, file):
            if name != files[0]:
                work = partial(self._search_file, name, needle, spelt, first - total, stop - total)
                found, part = await self._on_thread(work)
                records += part
                total += found
        return files, total, records

    async def _add_up(self) -> tuple[dict[str, Any], Mapping[int, int]]:
        state = self._journal.count, self._journal.newest_hash
        if self._figures is None or self._figures[0] != state:
            rest = Tally(self._key)
            files = await self._journal.look(partial(_count_newest, rest))
            archives = files[:0:-1]
            if self._added != archives[: len(self._added)]:  # somebody took one away
                self._added, self._tally = [], Tally(self._key)
            for name in archives[len(self._added) :]:
                self._tally.add(await self._on_thread(partial(self._tally_file, name)))
                self._added.append(name)
            figures = await self._on_thread(partial(self._tally.summary, rest))
            self._figures = state, figures, self._tally.hours + rest.hours
        return self._figures[1:]

    async def _on_thread(self, work: Callable[[], T]) -> T:
        with trio.move_on_after(self._patience):
            return await trio.to_thread.run_sync(work, limiter=self._thread, abandon_on_cancel=True)
        raise FileUnreadable("The disk does not answer.")

    # On the thread: one archive at a time

    def _lines(self, name: str) -> list[bytes]:
        return [line for line, _ in self._layout.split(self._disk.read(self._directory / name))]

    def _count(self, name: str) -> int:
        return len(self._lines(name))

    def _read_part(self, name: str, low: int, high: int) -> list[Record]:
        return list(_parse(self._lines(name)[::-1][low:high]))

    def _search_file(self, name: str, needle: Needle, spelt: Needle, first: int, stop: int) -> tuple[int, list[Record]]:
        return _select(reversed(self._lines(name)), needle, spelt, first, stop)

    def _find(self, name: str, mark: bytes, code: str) -> Record | None:
        data = self._disk.read(self._directory / name)
        if mark not in data:
            return None
        return _find(reversed([line for line, _ in self._layout.split(data)]), mark, code)

    def _tally_file(self, name: str) -> Tally:
        tally = Tally(self._key)
        tally.count(_parse(self._lines(name)))
        return tally


def _choose(files: list[str], file: str | None) -> list[str]:
    if file is None:
        return files
    if file not in files:
        raise BadRequest("file must be one of the log's files, which the answer lists.", field="file")
    return [file]


# On the journal's thread: the newest file


def _find_newest(mark: bytes, code: str, view: View) -> tuple[list[str], Record | None]:
    if mark not in view.data and not any(mark in line for line in view.waiting):
        return view.files, None
    return view.files, _find(reversed(view.lines()), mark, code)


def _read_newest(files: list[str], count: int, low: int, high: int, view: View) -> list[Record] | None:
    """Some by their number from what was the newest when there were so many. None if the files have changed."""
    if view.files != files:
        return None
    late = view.count - count
    return list(_parse(view.lines()[::-1][late + low : late + high]))


def _search_newest(
    needle: Needle, spelt: Needle, file: str | None, first: int, stop: int, view: View
) -> tuple[list[str], tuple[int, list[Record]]]:
    chosen = view.files[0] in _choose(view.files, file)
    return view.files, _select(reversed(view.lines()) if chosen else (), needle, spelt, first, stop)


def _count_newest(tally: Tally, view: View) -> list[str]:
    tally.count(_parse(view.lines()))
    return view.files


# What is done with lines


def _find(lines: Iterable[bytes], mark: bytes, code: str) -> Record | None:
    """The first record of the code. The mark is in its line; inside a text the quotes would be escaped."""
    return next(
        (each for each in _parse(line for line in lines if mark in line) if each.get("invite_code") == code), None
    )


def _select(lines: Iterable[bytes], needle: Needle, spelt: Needle, first: int, stop: int) -> tuple[int, list[Record]]:
    """How many records hold the needle in one of their texts, and some of these by their number.

    Only lines are parsed in which it stands as JSON spells it, perhaps in the name of a field.
    """
    count = 0
    kept = []
    for record in _parse(line for line in lines if spelt.is_in_bytes(line)):
        if any(needle.is_in(text) for text in map(record.get, SEARCHED) if isinstance(text, str)):
            if first <= count < stop:
                kept.append(record)
            count += 1
    return count, kept


def _parse(lines: Iterable[bytes]) -> Iterator[Record]:
    """What can be read is shown; what was tampered with is for `hashpass audit verify` to tell."""
    for line in lines:
        with suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict):
                yield record


def _shown(record: Record) -> Record:
    shown = {name: value for name, value in record.items() if name not in HIDDEN}
    return {**shown, "erased": record.get("salts") == {}}


def _write(lines: Iterable[bytes], write: Callable[[Record], str]) -> str:
    return "".join(write(_shown(record)) for record in _parse(lines))


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (OSError, DirectoryError) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreUnavailable(f"The audit log cannot be read now: {cause or 'input/output error'}") from error
