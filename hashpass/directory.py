"""The data directory: its lock, files replaced in one step, the state, the keys, and the disk beneath."""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from attrs import evolve, field, frozen

_HEX_64 = re.compile(r"[0-9a-f]{64}")
_SINGLE_KEYS = ("audit", "trace", "cap", "rounds")


class DirectoryError(Exception):
    """Something in the data directory stops the start. The text is a sentence for the operator."""


class DirectoryInUse(DirectoryError):
    """Another server holds the lock."""


class FileUnreadable(DirectoryError):
    """A file is there, but it cannot be read or is not what was written. It is left as it is."""


class Disk(Protocol):
    """The few operations that files here are made of, each of which may raise OSError.

    A port, so that a test can fail or stop every one of them in turn.
    """

    def read(self, path: Path) -> bytes: ...

    def names(self, directory: Path) -> list[str]: ...

    def create(self, path: Path, mode: int) -> int:
        """Make a file where there was none, and open it for writing."""
        ...

    def open(self, path: Path) -> int:
        """Open a file that exists for writing."""
        ...

    def write(self, fd: int, data: bytes, offset: int) -> int:
        """Write at a place; like `os.pwrite` it may write less than asked and says how much."""
        ...

    def truncate(self, fd: int, size: int) -> None: ...

    def sync(self, fd: int) -> None:
        """Return when what was written is on the disk."""
        ...

    def close(self, fd: int) -> None: ...

    def rename(self, old: Path, new: Path) -> None: ...

    def remove(self, path: Path) -> None: ...

    def sync_directory(self, path: Path) -> None:
        """Return when the names in a directory are on the disk."""
        ...


class RealDisk:
    """The operating system's files."""

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def names(self, directory: Path) -> list[str]:
        return os.listdir(directory)  # noqa: PTH208 - names are wanted, not paths

    def create(self, path: Path, mode: int) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)

    def open(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def write(self, fd: int, data: bytes, offset: int) -> int:
        return os.pwrite(fd, data, offset)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def sync(self, fd: int) -> None:
        if hasattr(fcntl, "F_FULLFSYNC"):  # on macOS fsync alone stops at the drive's own cache
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fsync(fd)

    def close(self, fd: int) -> None:
        os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def remove(self, path: Path) -> None:
        path.unlink()

    def sync_directory(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


DISK = RealDisk()


def write_all(disk: Disk, fd: int, data: bytes, offset: int) -> None:
    """Write all of it, in one operation if the disk is able to."""
    while data:
        done = disk.write(fd, data, offset)
        if done <= 0:
            raise OSError(errno.EIO, "The disk took nothing of a write")
        data, offset = data[done:], offset + done


def replace(path: Path, data: bytes, *, mode: int = 0o640, disk: Disk = DISK) -> None:
    """Put a file in the place of another in one step: at every instant the old one is there, or the whole new one."""
    temporary = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        disk.remove(temporary)
    fd = disk.create(temporary, mode)
    try:
        try:
            write_all(disk, fd, data, 0)
            disk.sync(fd)
        finally:
            disk.close(fd)
        disk.rename(temporary, path)
    except OSError:
        with suppress(OSError):  # a full disk needs the room
            disk.remove(temporary)
        raise
    disk.sync_directory(path.parent)


def read_json(path: Path, *, disk: Disk = DISK) -> Any:
    """What a JSON file says, or None if there is no such file."""
    try:
        return json.loads(disk.read(path).decode())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read: {error.strerror or 'input/output error'}.") from error
    except (ValueError, RecursionError):
        # The parser's own words may quote the file, and the file may hold keys.
        raise FileUnreadable(f"{path} is not valid JSON. Repair it or move it away; nothing was changed.") from None


def write_json(path: Path, value: object, *, mode: int = 0o640, disk: Disk = DISK) -> None:
    """Replace a file by this value, written for people to read."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    replace(path, text.encode() + b"\n", mode=mode, disk=disk)


class DirectoryLock:
    """Held while a server, or a command that writes, uses a directory. It goes with the process, however that ends."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "hashpass.lock"
        self._fd: int | None = None

    def acquire(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise FileUnreadable(f"{self._path} cannot be opened: {error.strerror}.") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise FileUnreadable(f"{self._path} cannot be locked: {error.strerror}.") from error
            raise DirectoryInUse(
                f"Another HashPass is using {self._path.parent.resolve()}. One server a directory: "
                "stop the other one, or give this one its own HASHPASS_DATA_DIR."
            ) from None
        self._fd = fd

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.release()


class StateFile:
    """A JSON object that survives a restart: `state.json`, and others like it."""

    def __init__(self, path: Path, *, disk: Disk = DISK) -> None:
        self._path = path
        self._disk = disk

    def load(self) -> dict[str, Any]:
        value = read_json(self._path, disk=self._disk)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise FileUnreadable(f"{self._path} must hold a JSON object. Repair it or move it away.")
        return value

    def save(self, value: dict[str, Any]) -> None:
        write_json(self._path, value, disk=self._disk)


@frozen
class CodeKey:
    """A secret that codes are made with, and the name by which records refer to it."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return sha256(self.secret).hexdigest()[:8]


@frozen
class ReceiptKey:
    """The seed of an Ed25519 key that receipts are signed with."""

    seed: bytes = field(repr=False)
    since: float
    """On the wall clock; 0 if nobody wrote it down."""

    @property
    def kid(self) -> str:
        return sha256(self.seed).hexdigest()[:16]


@frozen
class Keys:
    """The server's secrets."""

    audit: bytes = field(repr=False)
    trace: bytes = field(repr=False)
    cap: bytes = field(repr=False)
    rounds: bytes = field(repr=False)
    code: CodeKey
    """The one that new codes are made with."""
    receipts: tuple[ReceiptKey, ...]
    """The newest, which signs, stands last. What the others have signed is still true."""
    retired: tuple[CodeKey, ...] = ()
    """Earlier ones that are still known; their codes are revoked, yet can be recomputed."""

    @property
    def code_keys(self) -> dict[str, bytes]:
        return {key.id: key.secret for key in (*self.retired, self.code)}


class KeyFile:
    """`keys.json`: each key is made once. A code key that the environment gives is never written to it.

    The file notes the id of the environment's key. While that stays the same, a key that an admin made later
    wins over it; when it changes, the environment wins.
    """

    def __init__(
        self,
        path: Path,
        *,
        code_secret: bytes | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
        wall: Callable[[], float] = time.time,
        disk: Disk = DISK,
    ) -> None:
        self._path = path
        self._given = None if code_secret is None else CodeKey(code_secret)
        self._random = random
        self._wall = wall
        self._disk = disk

    def load(self) -> Keys:
        """Read the keys and make those that are missing."""
        value = StateFile(self._path, disk=self._disk).load()
        keys = self._from_json(value)
        if self._as_json(keys) != value:
            self._save(keys)
        return keys

    def read(self) -> Keys:
        """The keys as the last server left them, for commands that may run beside one. Nothing is written.

        A DirectoryError if the environment gives another code key than that server's: it is not the server's own, and
        to write the file under it would bring back a key that an admin has retired.
        """
        value = StateFile(self._path, disk=self._disk).load()
        if not value:
            raise DirectoryError(f"There is no {self._path}: no server has kept its files there.")
        if value.get("environment") != (None if self._given is None else self._given.id):
            raise DirectoryError(
                f"{self._path} was written under another HASHPASS_HMAC_SECRET. Give this command the server's settings."
            )
        return self._from_json(value)

    def renew_code(self, keys: Keys, secret: bytes | None = None) -> Keys:
        """Retire the code key for a new one. ValueError if the given one has been used before."""
        fresh = CodeKey(secret if secret is not None else self._random(32))
        if fresh.id in keys.code_keys or (self._given is not None and fresh == self._given):
            raise ValueError("This secret has been used before; codes that are revoked would be valid again.")
        return self._change(keys, evolve(keys, code=fresh, retired=(*keys.retired, keys.code)))

    def renew_receipt(self, keys: Keys) -> Keys:
        """Sign with a new key from now on."""
        fresh = ReceiptKey(self._random(32), self._now())
        return self._change(keys, evolve(keys, receipts=(*keys.receipts, fresh)))

    def _change(self, old: Keys, new: Keys) -> Keys:
        try:
            self._save(new)
        except OSError:
            with suppress(OSError):  # the new file may have its name already, and only that name is not safe yet
                self._save(old)
            raise
        return new

    def _from_json(self, value: dict[str, Any]) -> Keys:
        single = {name: self._secret(value[name]) if name in value else self._random(32) for name in _SINGLE_KEYS}
        made = self._made(value.get("code", []))
        known = {key.id: key for key in made}
        chosen = known.get(str(value.get("current")))
        given = self._given
        if given is not None and (chosen is None or value.get("environment") != given.id):
            current = given
        elif chosen is not None:
            current = chosen
        else:
            current = made[-1] if made else CodeKey(self._random(32))
        others = made if given is None else [*made, given]
        return Keys(
            **single,
            code=current,
            receipts=tuple(self._receipts(value)),
            retired=tuple(key for key in others if key != current),
        )

    def _save(self, keys: Keys) -> None:
        write_json(self._path, self._as_json(keys), mode=0o600, disk=self._disk)

    def _as_json(self, keys: Keys) -> dict[str, Any]:
        return {
            **{name: getattr(keys, name).hex() for name in _SINGLE_KEYS},
            "code": [
                {"id": key.id, "key": key.secret.hex()} for key in (*keys.retired, keys.code) if key != self._given
            ],
            "current": keys.code.id,
            "environment": None if self._given is None else self._given.id,
            "receipts": [{"kid": key.kid, "key": key.seed.hex(), "since": key.since} for key in keys.receipts],
        }

    def _made(self, listed: object) -> list[CodeKey]:
        entries = self._entries(listed)
        made = [CodeKey(self._secret(entry.get("key"))) for entry in entries]
        if [key.id for key in made] != [entry.get("id") for entry in entries]:
            raise self._unreadable()
        return made

    def _receipts(self, value: dict[str, Any]) -> list[ReceiptKey]:
        """Where there is none yet, one is made; the first version of this file had a single one, without a date."""
        if "receipts" not in value and "receipt" in value:
            return [ReceiptKey(self._secret(value["receipt"]), 0)]
        entries = self._entries(value.get("receipts", []))
        made = [ReceiptKey(self._secret(entry.get("key")), entry.get("since", 0)) for entry in entries]
        dated = all(isinstance(key.since, int | float) and 0 <= key.since < math.inf for key in made)
        if not dated or [key.kid for key in made] != [entry.get("kid") for entry in entries]:
            raise self._unreadable()
        return made or [ReceiptKey(self._random(32), self._now())]

    def _entries(self, listed: object) -> list[dict[str, Any]]:
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise self._unreadable()
        return listed

    def _now(self) -> float:
        return round(self._wall(), 3)

    def _secret(self, text: object) -> bytes:
        if not isinstance(text, str) or _HEX_64.fullmatch(text) is None:
            raise self._unreadable()
        return bytes.fromhex(text)

    def _unreadable(self) -> FileUnreadable:
        return FileUnreadable(f"{self._path} holds something that is not a key of 64 hex digits. Restore it.")


class KeyRing:
    """The keys that are in use now, shared by those who may renew one: whoever renews keeps what the others renewed."""

    def __init__(self, file: KeyFile, keys: Keys) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.keys = keys

    def renew_code(self, secret: bytes | None = None) -> CodeKey:
        """In use from the moment it is on the disk. ValueError if it was used before; what the disk says otherwise."""
        with self._lock:
            self.keys = self._file.renew_code(self.keys, secret)
            return self.keys.code

    def renew_receipt(self) -> ReceiptKey:
        with self._lock:
            self.keys = self._file.renew_receipt(self.keys)
            return self.keys.receipts[-1]
