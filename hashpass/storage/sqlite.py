"""The store in one SQLite file: what was kept is still there after a restart."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import trio

from hashpass.directory import FileUnreadable
from hashpass.domain.errors import StoreFull, StoreUnavailable

T = TypeVar("T")

VERSION: Final = 1
APPLICATION: Final = 0x48504153  # "HPAS", so that no other program's file is taken for ours
BUSY_SECONDS: Final = 5.0
"""How long another process, such as a backup, may hold the file."""
EXPIRE_AT_ONCE: Final = 64
MAX_BYTES: Final = 1 << 30

SCHEMA: Final = f"""
CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires REAL) WITHOUT ROWID;
CREATE INDEX by_end ON entries (expires) WHERE expires IS NOT NULL;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""


class SqliteStore:
    """Every call is one transaction on a thread, one at a time.

    Lives are counted on the wall clock, the only one that goes on between two processes. Write-ahead logging, synced
    at once only for what has no end: a killed process loses nothing, a power cut may lose the last sessions and tokens.
    """

    def __init__(self, connection: sqlite3.Connection, wall: Callable[[], float]) -> None:
        self._connection = connection
        self._wall = wall
        self._limiter = trio.CapacityLimiter(1)

    @classmethod
    async def open(
        cls, path: Path, *, wall: Callable[[], float] = time.time, max_bytes: int = MAX_BYTES
    ) -> SqliteStore:
        """Open the file, or make it, readable by this user alone. FileUnreadable if it is none of ours."""
        return cls(await trio.to_thread.run_sync(_open, path, max_bytes), wall)

    async def get(self, key: str) -> bytes | None:
        return await self._run(lambda: self._find(key))

    async def put(self, key: str, value: bytes, *, ttl: float | None = None) -> None:
        await self._run(lambda: self._put(key, value, ttl), writes=True, lasting=ttl is None)

    async def put_if_absent(self, key: str, value: bytes, *, ttl: float | None = None) -> bool:
        return await self.compare_and_set(key, None, value, ttl=ttl)

    async def take(self, key: str) -> bytes | None:
        def take() -> bytes | None:
            value = self._find(key)
            self._remove(key)
            return value

        return await self._run(take, writes=True)

    async def compare_and_set(
        self, key: str, expected: bytes | None, value: bytes | None, *, ttl: float | None = None
    ) -> bool:
        def change() -> bool:
            if self._find(key) != expected:
                return False
            if value is None:
                self._remove(key)
            else:
                self._put(key, value, ttl)
            return True

        return await self._run(change, writes=True, lasting=ttl is None)

    async def touch(self, key: str, *, ttl: float | None) -> bool:
        def touch() -> bool:
            now = self._wall()
            life = "UPDATE entries SET expires = ? WHERE key = ? AND (expires IS NULL OR expires > ?)"
            return self._connection.execute(life, (self._end(ttl), key, now)).rowcount > 0

        return await self._run(touch, writes=True)

    async def delete(self, key: str) -> bool:
        return await self.take(key) is not None

    async def items(self, prefix: str) -> list[tuple[str, bytes]]:
        def read() -> list[tuple[str, bytes]]:
            found = []
            rows = "SELECT key, value FROM entries WHERE key >= ? AND (expires IS NULL OR expires > ?) ORDER BY key"
            for key, value in self._connection.execute(rows, (prefix, self._wall())):
                if not key.startswith(prefix):
                    break
                found.append((key, value))
            return found

        return await self._run(read)

    async def aclose(self) -> None:
        await trio.to_thread.run_sync(self._connection.close, limiter=self._limiter)

    async def _run(self, work: Callable[[], T], *, writes: bool = False, lasting: bool = False) -> T:
        return await trio.to_thread.run_sync(self._transact, work, writes, lasting, limiter=self._limiter)

    def _transact(self, work: Callable[[], T], writes: bool, lasting: bool) -> T:
        with _refusals():
            if writes:
                # What has no end, such as a redeemed code, must outlive a power cut. A session need not.
                self._connection.execute(f"PRAGMA synchronous = {'FULL' if lasting else 'NORMAL'}")
            # Even two reads see one state; a write takes the file before it looks, so nobody comes in between.
            self._connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                if writes:
                    self._expire()
                result = work()
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            return result

    def _find(self, key: str) -> bytes | None:
        living = "SELECT value FROM entries WHERE key = ? AND (expires IS NULL OR expires > ?)"
        row = self._connection.execute(living, (key, self._wall())).fetchone()
        return None if row is None else row[0]

    def _put(self, key: str, value: bytes, ttl: float | None) -> None:
        row = "INSERT OR REPLACE INTO entries (key, value, expires) VALUES (?, ?, ?)"
        self._connection.execute(row, (key, value, self._end(ttl)))

    def _remove(self, key: str) -> None:
        self._connection.execute("DELETE FROM entries WHERE key = ?", (key,))

    def _end(self, ttl: float | None) -> float | None:
        return None if ttl is None else self._wall() + ttl

    def _expire(self) -> None:
        """A few with each write, so that no call pays for a whole crowd and the file does not grow with the dead."""
        outdated = "SELECT key FROM entries WHERE expires <= ? LIMIT ?"
        self._connection.execute(
            f"DELETE FROM entries WHERE key IN ({outdated})",  # noqa: S608 - put together from constants
            (self._wall(), EXPIRE_AT_ONCE),
        )


@contextmanager
def _refusals() -> Iterator[None]:
    """What SQLite raises, as the port has it. Its sentences name no key and no value, but help no caller either."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise StoreFull from error
        raise StoreUnavailable from error


def _open(path: Path, max_bytes: int) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FileUnreadable(f"{path} cannot be opened: {reason}.") from error
    try:
        _prepare(connection, path, max_bytes)
    except sqlite3.Error as error:
        connection.close()
        raise FileUnreadable(f"{path} cannot be used as a store: {error}.") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, max_bytes: int) -> None:
    def read(pragma: str) -> int:
        return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])

    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA max_page_count = {max(16, max_bytes // read('page_size'))}")
    if read("application_id") == 0 and read("user_version") == 0 and read("schema_version") == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
    if (read("application_id"), read("user_version")) != (APPLICATION, VERSION):
        raise FileUnreadable(f"{path} is not a store of this version of HashPass. It was left as it is.")
