"""Which codes have been redeemed: kept in `redeemed.json`, or in a store that outlives the process.

Codes stand here as digests, instants as stamps. Bounded by the codes that were given out.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import trio
from attrs import define

from hashpass.directory import DISK, Disk, FileUnreadable, read_json, replace
from hashpass.domain.errors import StoreUnavailable
from hashpass.domain.values import HEX_64
from hashpass.storage.base import Store

log = logging.getLogger("hashpass.redemptions")

FILE = "redeemed.json"
KEY = "redeemed:"
PATIENCE = 10.0

_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


def digest(code: str) -> str:
    """What is kept of a code, so that nobody reads codes off the list."""
    return sha256(code.encode()).hexdigest()


async def open_redemptions(
    directory: Path, store: Store | None, *, disk: Disk = DISK
) -> RedeemedFile | RedeemedInStore:
    """In the file, or with a store there. A DirectoryError stops the start.

    A directory that kept its redemptions in the file before it was given a store goes on honouring them.
    """
    path = directory / FILE
    kept = await trio.to_thread.run_sync(read_redeemed, path, disk)
    return RedeemedFile(path, kept, disk=disk) if store is None else RedeemedInStore(store, kept)


def read_redeemed(path: Path, disk: Disk = DISK) -> dict[str, str]:
    value = read_json(path, disk=disk)
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(
        HEX_64.fullmatch(name) and isinstance(moment, str) and _STAMP.fullmatch(moment)
        for name, moment in value.items()
    ):
        raise FileUnreadable(f"{path} is not what this server wrote. Repair it or move it away; nothing was changed.")
    return value


@define(eq=False)
class _Asking:
    """A code that is not on the disk yet. Whoever asked first is the one who redeems it; others learn how it ends."""

    moment: str
    kept: bool = False


class RedeemedFile:
    """The file is replaced whole. Whoever comes while it is being written shares the next writing with all others."""

    def __init__(self, path: Path, kept: dict[str, str], *, disk: Disk = DISK, patience: float = PATIENCE) -> None:
        self._path = path
        self._kept = kept
        self._disk = disk
        self._patience = patience
        self._asked: dict[str, _Asking] = {}
        self._turn = trio.Lock()
        self._thread = trio.CapacityLimiter(1)
        """A thread that hangs keeps its token even when it was given up, so nobody ever writes beside it."""

    async def when(self, code: str) -> str | None:
        """The stamp of its redemption, if it has one."""
        return self._kept.get(digest(code))

    async def add(self, code: str, moment: str) -> bool:
        """True, once it is on the disk, for exactly one of any number of racing callers.

        With StoreUnavailable it is not redeemed and may be tried again. Only where the disk hangs, or does not even
        take back what it refused, may the file tell the next process otherwise. A code is never redeemed twice.
        """
        name = digest(code)
        if name in self._kept:
            return False
        first = name not in self._asked
        asking = self._asked.setdefault(name, _Asking(moment))
        # Shielded: a caller who hangs up has redeemed the code or has not, and the file and we agree on it.
        with trio.move_on_after(self._patience, shield=True):
            async with self._turn:
                if self._asked.get(name) is asking:  # nobody whose turn came before has tried it
                    await self._write()
        if first:
            self._forget(name, asking)
        if not asking.kept:
            raise StoreUnavailable(f"{self._path.name} cannot be written; the code was not redeemed.")
        return first

    async def listing(self) -> Mapping[str, str]:
        """All of them, by digest."""
        return dict(self._kept)

    async def _write(self) -> None:
        """Try to keep all that were asked for until now."""
        batch = dict(self._asked)
        try:
            moments = {name: asking.moment for name, asking in batch.items()}
            await trio.to_thread.run_sync(self._replace, moments, limiter=self._thread, abandon_on_cancel=True)
        except OSError as error:
            log.error("%s: the disk refuses: %s", self._path.name, error.strerror or error)  # noqa: TRY400 - the operator needs the cause, not our frames
        else:
            self._kept.update(moments)
            for asking in batch.values():
                asking.kept = True
        finally:
            for name, asking in batch.items():
                self._forget(name, asking)

    def _forget(self, name: str, asking: _Asking) -> None:
        if self._asked.get(name) is asking:  # after a failure it may be another's
            del self._asked[name]

    def _replace(self, moments: dict[str, str]) -> None:
        try:
            replace(self._path, _content({**self._kept, **moments}), disk=self._disk)
        except OSError:
            with suppress(OSError):  # the new file may have its name already, and only that name is not safe yet
                replace(self._path, _content(self._kept), disk=self._disk)
            raise


def _content(kept: Mapping[str, str]) -> bytes:
    """Oldest first, one a line."""
    return json.dumps(kept, indent=0).encode() + b"\n"


class RedeemedInStore:
    """The store decides who was first."""

    def __init__(self, store: Store, earlier: Mapping[str, str]) -> None:
        self._store = store
        self._earlier = earlier
        """What the file says, from before there was a store."""

    async def when(self, code: str) -> str | None:
        name = digest(code)
        kept = await self._store.get(KEY + name)
        return self._earlier.get(name) if kept is None else kept.decode()

    async def add(self, code: str, moment: str) -> bool:
        name = digest(code)
        return name not in self._earlier and await self._store.put_if_absent(KEY + name, moment.encode())

    async def listing(self) -> Mapping[str, str]:
        found = await self._store.items(KEY)
        return {**self._earlier, **{key.removeprefix(KEY): value.decode() for key, value in found}}
