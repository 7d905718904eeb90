"""Argon2 on worker threads: whose turn it is, how many run at once, and what memory they use.

Waiting work is served round-robin over keys (a key is an address), in order of arrival within a key: an address with a
hundred answers in the queue delays another address's one answer by one turn, not by a hundred.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import trio
from attrs import define, field, frozen

from hashpass.argon import HASH_LENGTH, Arena
from hashpass.domain.errors import HashPassError, NotReady, QueueFull
from hashpass.domain.proof import Work
from hashpass.domain.values import Argon2Params

K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=Hashable)


@frozen
class VerifierStatistics:
    """What the verifier is doing now, and has done since it was made."""

    threads: int
    capacity: int
    running: int
    waiting: int
    waiting_for_idle: int
    checked: int
    refused: int
    """Checks for which there was no room."""
    failed: int
    """Hashes for which the system had no memory or no thread."""
    last_seconds: float | None
    memory: int
    """Bytes kept for hashing, by running and by idle threads."""
    memory_reused: bool
    """False where the system forbids what that takes; hashes are then slower, and right all the same."""


class FairQueue(Generic[K, T]):
    """First in, first out within a key, and round-robin over the keys. A key without items is forgotten."""

    def __init__(self) -> None:
        self._lines: OrderedDict[K, OrderedDict[T, None]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def keys(self) -> int:
        """How many keys have items."""
        return len(self._lines)

    def add(self, key: K, item: T) -> None:
        """Put a new item last in its key's line; a new key gets the last place in the round."""
        line = self._lines.setdefault(key, OrderedDict())
        if item in line:
            raise ValueError("This item is queued already.")
        line[item] = None
        self._length += 1

    def pop(self) -> T:
        """The first item of the key whose turn it is; that key's next turn comes after everybody else's."""
        if not self._lines:
            raise IndexError("The queue is empty.")
        key, line = next(iter(self._lines.items()))
        item, _ = line.popitem(last=False)
        self._length -= 1
        if line:
            self._lines.move_to_end(key)
        else:
            del self._lines[key]
        return item

    def remove(self, key: K, item: T) -> bool:
        """Take an item out of its line; False if it is not there (any more)."""
        line = self._lines.get(key)
        if line is None or item not in line:
            return False
        del line[item]
        self._length -= 1
        if not line:
            del self._lines[key]
        return True


@define(eq=False)
class _Turn:
    """Somebody's place in the queue. Once `decided` is set it has been given, or `refusal` says why not."""

    decided: trio.Event = field(factory=trio.Event)
    refusal: HashPassError | None = None


@frozen
class _Resting:
    arena: Arena
    since: float


class Verifier:
    """Judges proofs on at most `threads` threads at once, each with an arena of its own.

    So the memory for hashing is at most `threads` times what one hash needs (twice that for a moment after an operator
    has lowered it). Nothing here needs a nursery: a check runs in its caller's task. `run` only gives idle memory back.
    """

    def __init__(
        self,
        *,
        threads: int,
        capacity: int = 256,
        clock: Callable[[], float] = trio.current_time,
        idle_release: float = 60.0,
        hasher: Callable[[Work], bytes] | None = None,
        new_arena: Callable[[], Arena] = Arena,
        on_hash: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        if threads < 1:
            raise ValueError("A verifier needs at least one thread.")
        self._threads = threads
        self._capacity = capacity
        self._clock = clock
        self._idle_release = idle_release
        self._hasher = hasher
        self._new_arena = new_arena
        self._on_hash = on_hash
        self._limiter = trio.CapacityLimiter(threads)
        # Whoever waits, waits because all threads are running: a turn that ends is handed on, never dropped.
        self._running = 0
        self._waiting: FairQueue[str, _Turn] = FairQueue()
        self._waiting_for_idle: FairQueue[str, _Turn] = FairQueue()
        self._measuring = trio.Lock()
        self._working: set[Arena] = set()
        self._resting: deque[_Resting] = deque()  # the longest rested first; the last one is used next
        self._rested = trio.Event()
        self._memory_reused = new_arena().reused
        self._closed = False
        self._checked = self._refused = self._failed = 0
        self._last_seconds: float | None = None

    def ensure_room(self) -> None:
        """Raise what `check` would raise at once: QueueFull, or NotReady after `close`."""
        self._ensure_room(self._waiting)

    async def check(self, work: Work, *, key: str) -> bool:
        """Whether the work's hash is what it claims to be, when its turn has come and it has been computed.

        Cancelled while it waits, it leaves the queue at once; cancelled while it runs, it returns when its thread does.
        MemoryError if the system has no memory for the hash: then nothing is known about the claim.
        """
        self._ensure_room(self._waiting)
        await self._wait_for_turn(self._waiting, key)
        try:
            return await self._judge(work)
        finally:
            self._pass_turn()

    async def check_when_idle(self, work: Work) -> bool:
        """As `check`, but started only while no `check` waits. In order of arrival."""
        self._ensure_room(self._waiting_for_idle)
        await self._wait_for_turn(self._waiting_for_idle, "")
        try:
            return await self._judge(work)
        finally:
            self._pass_turn()

    async def measure(self, params: Argon2Params) -> float:
        """How many seconds one hash takes here, in its turn and on a thread. MemoryError if there is no memory for it.

        It waits like a check, and has room even when the queue is full: an operator under a flood may want to know.
        """
        work = Work(params, password=b"0", salt=bytes(64), expected=bytes(HASH_LENGTH))
        async with self._measuring:
            self._ensure_open()
            await self._wait_for_turn(self._waiting, "")
            try:
                with self._lease() as arena:
                    try:
                        first = await self._time(arena, work)
                        # The first hash also pays for fresh memory. A slow one need not be said more exactly.
                        return min(first, await self._time(arena, work)) if first < 1 else first
                    finally:
                        arena.release()  # what is measured need not be what is hashed here
            finally:
                self._pass_turn()

    def statistics(self) -> VerifierStatistics:
        return VerifierStatistics(
            threads=self._threads,
            capacity=self._capacity,
            running=self._running,
            waiting=len(self._waiting),
            waiting_for_idle=len(self._waiting_for_idle),
            checked=self._checked,
            refused=self._refused,
            failed=self._failed,
            last_seconds=self._last_seconds,
            memory=sum(arena.held for arena in self._working) + sum(rest.arena.held for rest in self._resting),
            memory_reused=self._memory_reused,
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Give back the memory of arenas that have rested for `idle_release` seconds."""
        task_status.started()
        while True:
            if not self._resting:
                self._rested = trio.Event()
                await self._rested.wait()
                continue
            due = self._resting[0].since + self._idle_release
            if due <= self._clock():
                self._resting.popleft().arena.release()
            await trio.sleep(max(0.0, due - self._clock()))

    def close(self) -> None:
        """Refuse what waits and whatever still comes; what runs is finished. Memory goes back as threads end."""
        self._closed = True
        for queue in (self._waiting, self._waiting_for_idle):
            while queue:
                turn = queue.pop()
                turn.refusal = NotReady("The server is stopping.")
                turn.decided.set()
        while self._resting:
            self._resting.pop().arena.release()

    # Turns

    def _ensure_open(self) -> None:
        if self._closed:
            raise NotReady("The server is stopping.")

    def _ensure_room(self, queue: FairQueue[str, _Turn]) -> None:
        self._ensure_open()
        if self._running >= self._threads and len(queue) >= self._capacity:
            self._refused += 1
            raise QueueFull(retry_after=self._retry_after())

    def _retry_after(self) -> float:
        """About when half of what waits has been served."""
        return max(1.0, len(self._waiting) * (self._last_seconds or 0.0) / self._threads / 2)

    async def _wait_for_turn(self, queue: FairQueue[str, _Turn], key: str) -> None:
        if self._running < self._threads:
            self._running += 1
            return
        turn = _Turn()
        queue.add(key, turn)
        try:
            await turn.decided.wait()
        except BaseException:
            if not queue.remove(key, turn) and turn.refusal is None:
                self._pass_turn()  # it was given in the very moment of the cancellation
            raise
        if turn.refusal is not None:
            raise turn.refusal

    def _pass_turn(self) -> None:
        if self._waiting:
            self._waiting.pop().decided.set()
        elif self._waiting_for_idle:
            self._waiting_for_idle.pop().decided.set()
        else:
            self._running -= 1

    # Hashes; whoever calls these has the turn

    @contextmanager
    def _lease(self) -> Iterator[Arena]:
        arena = self._resting.pop().arena if self._resting else self._new_arena()
        self._working.add(arena)
        try:
            yield arena
        finally:
            self._working.remove(arena)
            if self._closed:
                arena.release()
            else:
                self._resting.append(_Resting(arena, self._clock()))
                self._rested.set()

    async def _judge(self, work: Work) -> bool:
        started = self._clock()
        try:
            with self._lease() as arena:
                digest = await self._hash(arena, work)
        except MemoryError:
            self._failed += 1
            raise
        self._last_seconds = self._clock() - started
        self._checked += 1
        self._on_hash(self._last_seconds)
        return hmac.compare_digest(digest, work.expected)

    async def _time(self, arena: Arena, work: Work) -> float:
        started = self._clock()
        await self._hash(arena, work)
        return self._clock() - started

    async def _hash(self, arena: Arena, work: Work) -> bytes:
        if self._hasher is not None:
            return await trio.to_thread.run_sync(self._hasher, work, limiter=self._limiter)
        return await trio.to_thread.run_sync(arena.hash, work.password, work.salt, work.params, limiter=self._limiter)
