"""Argon2 on memory that is kept from hash to hash.

A plain call asks the system for its memory, faults in every page, and gives all of it back, each time: about a sixth of
what a hash of 64 MiB costs. An arena does that once. The hashes are the same, bit for bit.
"""

from __future__ import annotations

import contextlib
import mmap
import threading
from collections.abc import Callable, Iterator
from typing import Any

from argon2.exceptions import HashingError
from argon2.low_level import ARGON2_VERSION, Type, core, error_to_str, ffi, hash_secret_raw

from hashpass.domain.values import Argon2Params

HASH_LENGTH = 32
KIB = 1024
HUGE_PAGE = 2 * KIB * KIB

# Two of libargon2's codes: the system refused memory, or a thread (parallelism above 1).
OUT_OF_MEMORY = -22
OUT_OF_THREADS = -33


class Arena:
    """Hashes for one thread at a time, on one region of memory that it keeps until `release`.

    The region grows when a puzzle needs more and is replaced by a smaller one when it needs less than half, so an
    arena never holds more than twice what was last asked of it (and never less than one huge page).

    Where the system forbids memory that is both writable and executable, C cannot call back into Python. Then
    `reused` is False, and every hash is a plain one.
    """

    def __init__(self, *, callback: Callable[..., Any] = ffi.callback) -> None:
        self._region = _Region()
        self._turn = threading.Lock()
        self.reused = True
        try:
            self._allocate, self._free = _callbacks(self._region, callback)
        except (MemoryError, SystemError):  # what cffi raises when libffi may not make a callback
            self.reused = False

    @property
    def held(self) -> int:
        """How many bytes this arena keeps."""
        return self._region.size

    def hash(self, password: bytes, salt: bytes, params: Argon2Params) -> bytes:
        """The 32 bytes of the hash; the GIL is released meanwhile.

        MemoryError if the system refuses what it needs: the arena is then empty and may be used again. ValueError if
        Argon2 does not allow the parameters.
        """
        with self._exclusively():
            if not self.reused:
                return _hash_plainly(password, salt, params)
            # libargon2 asks for at most this much; too few KiB for the lanes it refuses by itself.
            self._region.fit(params.memory_cost * KIB)
            return self._hash(password, salt, params)

    def release(self) -> None:
        """Give the memory back to the system. The next hash takes new memory."""
        with self._exclusively():
            self._region.unmap()

    def _hash(self, password: bytes, salt: bytes, params: Argon2Params) -> bytes:
        # The context holds bare pointers. These three names keep what they point to alive until C has returned.
        out = ffi.new("uint8_t[]", HASH_LENGTH)
        password_view = ffi.from_buffer("uint8_t[]", password)
        salt_view = ffi.from_buffer("uint8_t[]", salt)
        context = ffi.new("argon2_context *")  # zeroed: no secret, no associated data, no flags
        context.out, context.outlen = out, HASH_LENGTH
        context.pwd, context.pwdlen = password_view, len(password)
        context.salt, context.saltlen = salt_view, len(salt)
        context.t_cost, context.m_cost = params.time_cost, params.memory_cost
        context.lanes = context.threads = params.parallelism
        context.version = ARGON2_VERSION
        context.allocate_cbk, context.free_cbk = self._allocate, self._free
        code = core(context, _type(params).value)
        if code:
            raise _failure(params, code, error_to_str(code))
        return bytes(ffi.buffer(out))

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Two hashes in one region would both be wrong, and releasing it under a hash would crash the process."""
        if not self._turn.acquire(blocking=False):
            raise RuntimeError("An arena serves one thread at a time.")
        try:
            yield
        finally:
            self._turn.release()


class _Region:
    """Private anonymous memory, aligned so that the kernel can back it with huge pages.

    Its pages are faulted in by the first hash, inside C and without the GIL, rather than here.
    """

    def __init__(self) -> None:
        self.size = 0
        self.start: Any = ffi.NULL
        self._map: mmap.mmap | None = None
        self._view: Any = None

    def fit(self, need: int) -> None:
        """Be large enough, but not more than twice as large as that takes."""
        size = -(-need // HUGE_PAGE) * HUGE_PAGE
        if size <= self.size <= 2 * size:
            return
        self.unmap()  # first, so that the old and the new are never held together
        self._map = _map_memory(size + HUGE_PAGE)
        self._view = ffi.from_buffer("uint8_t[]", self._map)
        address = int(ffi.cast("uintptr_t", self._view))
        self.start = ffi.cast("uint8_t *", address + -address % HUGE_PAGE)
        self.size = size

    def unmap(self) -> None:
        if self._map is None:
            return
        self.start, self.size = ffi.NULL, 0
        ffi.release(self._view)  # an mmap cannot be closed while a buffer of it is out
        self._map.close()
        self._map = self._view = None


def _map_memory(size: int) -> mmap.mmap:
    # Private, because a shared mapping (Python's default) is shmem, for which huge pages are usually off.
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError) as error:
        raise MemoryError(f"The system refused {size // HUGE_PAGE * 2} MiB of memory for Argon2.") from error
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel built without huge pages; ordinary ones do
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _callbacks(region: _Region, callback: Callable[..., Any]) -> tuple[Any, Any]:
    """What libargon2 calls to get and to return its memory. They know the region only, so no arena is in a cycle."""

    def allocate(memory: Any, size: int) -> int:
        memory[0] = region.start if size <= region.size else ffi.NULL
        return 0

    def free(_memory: Any, _size: int) -> None:
        """The region stays for the next hash."""

    return callback("allocate_fptr", allocate), callback("deallocate_fptr", free)


def _hash_plainly(password: bytes, salt: bytes, params: Argon2Params) -> bytes:
    try:
        return hash_secret_raw(
            password, salt, params.time_cost, params.memory_cost, params.parallelism, HASH_LENGTH, _type(params)
        )
    except HashingError as error:
        text = str(error)
        code = next((c for c in (OUT_OF_MEMORY, OUT_OF_THREADS) if error_to_str(c) == text), 0)
        raise _failure(params, code, text) from error


def _failure(params: Argon2Params, code: int, text: str) -> Exception:
    if code == OUT_OF_MEMORY:
        return MemoryError(f"The system refused {params.memory_cost} KiB of memory for Argon2.")
    if code == OUT_OF_THREADS:
        return MemoryError(f"The system refused the {params.parallelism} threads that one Argon2 hash needs.")
    return ValueError(f"Argon2 refuses these parameters: {text}.")


def _type(params: Argon2Params) -> Type:
    return Type.D if params.variant == "d" else Type.ID
