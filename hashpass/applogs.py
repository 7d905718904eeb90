"""The server's own log as its operator reads it: by page, by level, by what is looked for.

It is read backwards in blocks, on threads of its own, so that a file of any size costs the memory of a few blocks and
holds up nobody. A page that is not looked for needs only a count of the lines before it, and files that only grow are
not counted twice.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import trio
from attrs import define, field, frozen

from hashpass.domain.errors import BadRequest, StoreUnavailable
from hashpass.domain.needle import Needle

NEWEST = "hashpass.log"
BLOCK = 1 << 19
"""Bytes read at once: more than the longest line the log writes, and little enough not to keep the loop waiting."""
LONGEST = 1 << 16
"""Bytes of a line that are shown; more come only of a text that had nearly all its characters spelt out."""
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_ROTATED = re.compile(rf"{re.escape(NEWEST)}\.[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}")
_LINE = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([A-Z]+) ([^\s:]+): (.*)", re.DOTALL)


@frozen
class LinePage:
    lines: list[dict[str, str]] = field(repr=False)
    """Newest first: `timestamp`, `level`, `logger` and `message`; of a line that is none of ours, all as `message`."""
    total: int
    """Of all pages."""
    page: int
    pages: int
    files: list[str]
    """Newest first."""


@frozen
class _Source:
    """A file as it was when it was looked at. It may get another name meanwhile, and go on growing."""

    name: str
    handle: BinaryIO = field(repr=False)
    inode: int
    size: int


@frozen
class _Counted:
    inode: int
    size: int
    lines: int


@frozen
class _Filter:
    needle: Needle | None
    levels: frozenset[bytes] | None
    """None where lines of every kind are wanted, those without a level too."""

    def find(self, block: bytes) -> Iterator[bytes]:
        """The lines of a block that pass, last first."""
        if self.levels is not None and not any(b" %b " % level in block for level in self.levels):
            return
        if self.needle is not None and block.isascii() and not self.needle.is_in_bytes(block):
            return
        for line in _split(block):
            if self.levels is not None and ((parts := _LINE.fullmatch(line)) is None or parts[2] not in self.levels):
                continue
            if self.needle is None or self.needle.is_in_bytes(line):
                yield line


@define
class _Window:
    """Keeps the lines of one page while all are counted."""

    first: int
    stop: int
    count: int = 0
    kept: list[bytes] = field(factory=list, repr=False)

    def add(self, line: bytes) -> None:
        if self.first <= self.count < self.stop:
            self.kept.append(line[:LONGEST])
        self.count += 1


class AppLogs:
    """Reads `log/hashpass.log` in the data directory and the files of the days before.

    BadRequest names a file or a level that is none; StoreUnavailable says that the disk refuses, or does not answer.
    """

    def __init__(self, directory: Path, *, patience: float = 60.0) -> None:
        self._folder = directory / "log"
        self._patience = patience
        self._threads = trio.CapacityLimiter(2)
        """Two, so that a look at the newest page need not wait for a long search."""
        self._counted: dict[str, _Counted] = {}
        """By name, for the files that are there."""

    async def page(
        self, page: int, per_page: int, search: str = "", level: str | None = None, file: str | None = None
    ) -> LinePage:
        """One page of the lines of at least this level that hold a text in whatever case; in all files, or in one.

        A page behind the last is empty. A line is there when its end is.
        """
        levels = _levels(level)
        chosen = None if levels is None and not search else _Filter(Needle(search) if search else None, levels)
        work = partial(self._read, chosen, file, _Window((page - 1) * per_page, page * per_page))
        with trio.move_on_after(self._patience):
            try:
                files, window = await trio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)
            except OSError as error:
                cause = error.strerror or "input/output error"
                raise StoreUnavailable(f"The log cannot be read now: {cause}") from error
            pages = max(-(-window.count // per_page), 1)
            return LinePage([_shown(line) for line in window.kept], window.count, page, pages, files)
        raise StoreUnavailable("The log could not be read in time. Choose one of its files.")

    # On a thread

    def _read(self, chosen: _Filter | None, file: str | None, window: _Window) -> tuple[list[str], _Window]:
        with ExitStack() as stack:
            sources = self._open(stack)
            files = [source.name for source in sources]
            if file is not None and file not in files:
                raise BadRequest("file must be one of the log's files, which the answer lists.", field="file")
            self._counted = {name: counted for name, counted in self._counted.items() if name in files}
            for source in sources:
                if file is None or source.name == file:
                    if chosen is None:
                        _collect(source, self._count(source), window)
                    else:
                        _sift(source, chosen, window)
        return files, window

    def _open(self, stack: ExitStack) -> list[_Source]:
        """All files, newest first, as they were at one moment. The newest may get the name of a day meanwhile."""
        sources: list[_Source] = []
        for name in self._names():
            try:
                handle = stack.enter_context((self._folder / name).open("rb", buffering=0))
            except FileNotFoundError:
                continue  # a new log, or a day too old to be kept
            status = os.fstat(handle.fileno())
            if all(source.inode != status.st_ino for source in sources):
                sources.append(_Source(name, handle, status.st_ino, status.st_size))
        return sources

    def _names(self) -> Iterator[str]:
        """The newest before the others are listed, so that it is among those if it was moved."""
        yield NEWEST
        with suppress(FileNotFoundError):
            names = os.listdir(self._folder)  # noqa: PTH208 - names are wanted, not paths
            yield from sorted(filter(_ROTATED.fullmatch, names), reverse=True)

    def _count(self, source: _Source) -> _Counted:
        """Count the lines, or those that have come since."""
        known = self._counted.get(source.name)
        if known is None or known.inode != source.inode or known.size > source.size:
            known = _Counted(source.inode, 0, 0)
        at, lines = known.size, known.lines
        while at < source.size and (block := _block(source, at, source.size)):
            lines += block.count(b"\n")
            at += len(block)
        self._counted[source.name] = counted = _Counted(source.inode, at, lines)
        return counted


def _collect(source: _Source, counted: _Counted, window: _Window) -> None:
    """Pass over lines by the block until the page begins, and read no further than its end."""
    whole = window.count + counted.lines
    if window.first < whole and window.count < window.stop:
        for block in _backwards(source, counted.size):
            if window.count + (lines := block.count(b"\n")) <= window.first:
                window.count += lines
                continue
            for line in _split(block):
                window.add(line)
            if window.count >= window.stop:
                break
    window.count = whole


def _sift(source: _Source, chosen: _Filter, window: _Window) -> None:
    for block in _backwards(source, source.size):
        for line in chosen.find(block):
            window.add(line)


def _backwards(source: _Source, end: int) -> Iterator[bytes]:
    """Blocks of whole lines, the last one first. Of a line longer than a block, the end stands for all of it."""
    while end > 0:
        start = max(end - BLOCK, 0)
        block = _block(source, start, end)
        if unfinished := len(block) - block.rfind(b"\n") - 1:  # still being written, or the start of a long line
            end = start + len(block) - unfinished
            continue
        cut = block.find(b"\n", 0, -1) + 1 if start else 0
        yield block[cut:]
        end = start + cut


def _split(block: bytes) -> Iterator[bytes]:
    """The lines of a block, last first."""
    return reversed(block[:-1].split(b"\n"))


def _block(source: _Source, start: int, end: int) -> bytes:
    trio.from_thread.check_cancelled()  # nobody waits for it any more
    return os.pread(source.handle.fileno(), min(end - start, BLOCK), start)


def _shown(line: bytes) -> dict[str, str]:
    text = line.decode(errors="replace")
    if (parts := _LINE.fullmatch(line)) is None:
        return {"message": text}
    timestamp, level, logger, message = (part.decode(errors="replace") for part in parts.groups())
    return {"timestamp": timestamp, "level": level, "logger": logger, "message": message}


def _levels(least: str | None) -> frozenset[bytes] | None:
    """The names of this level and of those above."""
    if least is None:
        return None
    known = logging.getLevelNamesMapping()
    if least.upper() not in LEVELS:
        raise BadRequest(f"level must be one of {', '.join(LEVELS)}.", field="level")
    return frozenset(name.encode() for name in LEVELS if known[name] >= known[least.upper()])
