"""A disk in memory that fails, dies and forgets on demand, as far as POSIX allows a real one to."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from random import Random
from typing import Literal

from attrs import define, field

Kind = Literal["enospc", "eio", "short"]
Change = tuple[int, bytes | None]
"""Bytes at an offset; with None the file is cut there."""


class Killed(BaseException):
    """The process is gone: no handler may do anything that reaches the disk."""


@define(eq=False)
class File:
    seen: bytearray = field(factory=bytearray)
    """What every process reads."""
    safe: bytes = b""
    """What a power failure cannot take."""
    loose: list[Change] = field(factory=list)
    """Changes since the last sync."""


def apply(data: bytearray, change: Change) -> None:
    offset, content = change
    if content is None:
        del data[offset:]
        return
    data.extend(bytes(max(0, offset - len(data))))
    data[offset : offset + len(content)] = content


@define
class SimulatedDisk:
    fail_at: dict[int, Kind] = field(factory=dict)
    """Which calls fail, counted from 0."""
    die_at: int | None = None
    calls: int = 0
    reads: int = 0
    written: int = 0
    dead: bool = False
    _names: dict[Path, File] = field(factory=dict)
    _safe_names: dict[Path, File] = field(factory=dict)
    _loose_names: list[tuple[Path | None, Path | None, File]] = field(factory=list)
    """Names taken and given since the directory was synced, in order."""
    _open: dict[int, File] = field(factory=dict)
    _next: int = 3

    # The port

    def read(self, path: Path) -> bytes:
        self._step()
        self.reads += 1
        return bytes(self._file(path).seen)

    def names(self, directory: Path) -> list[str]:
        self._step()
        return [path.name for path in self._names if path.parent == directory]

    def create(self, path: Path, mode: int) -> int:
        self._step()
        if path in self._names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        file = self._names[path] = File()
        self._loose_names.append((None, path, file))
        return self._opened(file)

    def open(self, path: Path) -> int:
        self._step()
        return self._opened(self._file(path))

    def write(self, fd: int, data: bytes, offset: int) -> int:
        file = self._open[fd]
        half = data[: len(data) // 2]
        if self._dies():
            self._change(file, (offset, half))
        try:
            self._step()
        except OSError:
            self._change(file, (offset, half))
            raise
        if self.fail_at.get(self.calls - 1) == "short" and half:
            self.fail_at[self.calls] = "enospc"
            data = half
        self._change(file, (offset, data))
        self.written += len(data)
        return len(data)

    def truncate(self, fd: int, size: int) -> None:
        self._step()
        self._change(self._open[fd], (size, None))

    def sync(self, fd: int) -> None:
        file = self._open[fd]
        try:
            self._step()
        except OSError:
            file.loose.clear()  # as Linux does it: the pages count as clean, and are never written
            raise
        file.safe = self._merged(file)
        file.loose.clear()

    def close(self, fd: int) -> None:
        self._open.pop(fd)

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        file = self._names.pop(old)
        self._names[new] = file
        self._loose_names.append((old, new, file))

    def remove(self, path: Path) -> None:
        self._step()
        file = self._file(path)
        del self._names[path]
        self._loose_names.append((path, None, file))

    def sync_directory(self, path: Path) -> None:
        self._step()
        self._safe_names = dict(self._names)
        self._loose_names.clear()

    # What happens to it

    def restarted(self, power_failed: Random | None = None) -> SimulatedDisk:
        """What the next process finds; after a power failure, by chance, some of what was not synced."""
        names = dict(self._names)
        files = {id(file): bytes(file.seen) for file in names.values()}
        if power_failed is not None:
            names = dict(self._safe_names)
            for old, new, file in self._loose_names:
                if power_failed.random() < 0.4:
                    continue
                if old is not None:
                    names.pop(old, None)
                if new is not None:
                    names[new] = file
            files = {id(file): self._survives(file, power_failed) for file in names.values()}
        fresh = SimulatedDisk()
        for path, file in names.items():
            content = files[id(file)]
            # After a mere kill the data is still loose: a power failure may yet take it.
            loose = list(file.loose) if power_failed is None else []
            safe = file.safe if power_failed is None else content
            fresh._names[path] = File(bytearray(content), safe, loose)
        fresh._safe_names = dict(fresh._names)
        if power_failed is None:
            fresh._adopt_names(self)
        return fresh

    def put(self, path: Path, data: bytes) -> None:
        """Change a file behind everybody's back."""
        self._names[path].seen[:] = data

    def paths(self) -> list[Path]:
        return sorted(self._names)

    def content(self, path: Path) -> bytes:
        return bytes(self._names[path].seen)

    def _adopt_names(self, before: SimulatedDisk) -> None:
        twins = {id(file): self._names[path] for path, file in before._names.items()}

        def twin(file: File) -> File:
            return twins.setdefault(id(file), File(bytearray(file.seen), file.safe, list(file.loose)))

        self._safe_names = {path: twin(file) for path, file in before._safe_names.items()}
        self._loose_names = [(old, new, twin(file)) for old, new, file in before._loose_names]

    @staticmethod
    def _survives(file: File, chance: Random) -> bytes:
        data = bytearray(file.safe)
        for offset, content in file.loose:
            fate = chance.choice(["lost", "part", "whole"])
            if content is None:
                if fate == "whole":
                    apply(data, (offset, None))
            elif fate != "lost":
                apply(data, (offset, content if fate == "whole" else content[: chance.randint(0, len(content))]))
        return bytes(data)

    @staticmethod
    def _merged(file: File) -> bytes:
        data = bytearray(file.safe)
        for change in file.loose:
            apply(data, change)
        return bytes(data)

    def _change(self, file: File, change: Change) -> None:
        apply(file.seen, change)
        file.loose.append(change)

    def _dies(self) -> bool:
        return not self.dead and self.calls == self.die_at

    def _step(self) -> None:
        if self.dead or self._dies():
            self.dead = True
            raise Killed
        kind = self.fail_at.get(self.calls)
        self.calls += 1
        if kind in ("enospc", "eio"):
            number = errno.ENOSPC if kind == "enospc" else errno.EIO
            raise OSError(number, os.strerror(number))

    def _file(self, path: Path) -> File:
        if path not in self._names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self._names[path]

    def _opened(self, file: File) -> int:
        self._next += 1
        self._open[self._next] = file
        return self._next
