"""Tells the operator's own server of each invite code: signed, tried again for three days, kept over a restart."""

from __future__ import annotations

import heapq
import json
import logging
import random
import secrets
import threading
from collections.abc import Callable
from typing import Any

import httpx
import trio
from attrs import define, evolve, field

from hashpass.domain.notifications import PAUSES, Notification, parse, render, sign, signing_key

TRY_SECONDS = 5.0
AT_ONCE = 4
MAX_KEPT = 10_000
FAILURES_SHOWN = 20
SAVE_SECONDS = 5.0
"""How long the last write of the file may take at the end."""
SAVE_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

log = logging.getLogger("hashpass.webhooks")


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=TRY_SECONDS)


def _message_id() -> str:
    return f"msg_{secrets.token_hex(16)}"


@define(eq=False)
class Webhooks:
    """Delivers what is `put`, in its own task. With an empty URL it is off: nothing is kept, `run` ends at once.

    `load` and `save` reach the file; they run on a thread. Until `run` has started, nothing has been loaded.
    """

    url: str = field(repr=False)
    token: str = field(repr=False)
    secret: str = field(repr=False)
    load: Callable[[], bytes | None]
    save: Callable[[bytes], None]
    wall: Callable[[], float] = field(kw_only=True)
    clock: Callable[[], float] = field(default=trio.current_time, kw_only=True)
    client: Callable[[], httpx.AsyncClient] = field(default=_client, kw_only=True)
    chance: Callable[[], float] = field(default=random.random, kw_only=True)
    """From 0 to 1, for the jitter."""
    message_id: Callable[[], str] = field(default=_message_id, kw_only=True)
    grace: float = field(default=TRY_SECONDS, kw_only=True)
    """Seconds that deliveries get at the end, before what is left is only written down."""

    delivered: int = field(default=0, init=False)
    refused: int = field(default=0, init=False)
    """Notifications that found no room."""
    saved: bool = field(default=True, init=False)
    """False while the file lags behind because a write failed."""
    _key: bytes = field(init=False, repr=False)
    _kept: dict[str, Notification] = field(factory=dict, init=False, repr=False)
    _failed: dict[str, None] = field(factory=dict, init=False, repr=False)
    """The ids in `_kept` that were given up, oldest first."""
    _due: list[tuple[float, str]] = field(factory=list, init=False, repr=False)
    """A heap by monotonic time. An entry counts only while `_turn` has the same time for it."""
    _turn: dict[str, float] = field(factory=dict, init=False, repr=False)
    _under_way: set[str] = field(factory=set, init=False, repr=False)
    _loaded: bool = field(default=False, init=False)
    _closing: bool = field(default=False, init=False)
    _version: int = field(default=0, init=False)
    _written: int = field(default=0, init=False)
    _write_lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _wake: trio.Event = field(factory=trio.Event, init=False, repr=False)
    _changed: trio.Event = field(factory=trio.Event, init=False, repr=False)
    _running: trio.CancelScope | None = field(default=None, init=False, repr=False)
    _ended: trio.Event = field(factory=trio.Event, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.url:
            try:
                url = httpx.URL(self.url)
            except httpx.InvalidURL:
                url = httpx.URL("")
            if url.scheme not in ("http", "https") or not url.host:
                raise ValueError("WEBHOOK_URL must be an http or https URL with a host.")
        self._key = signing_key(self.secret)

    # What others call

    def put(self, body: dict[str, Any]) -> None:
        """Take a notification to be delivered. Never waits; when too many are kept, it is refused in the log."""
        if not self.url:
            return
        if len(self._kept) >= MAX_KEPT:
            self.refused += 1
            log.error(
                "%d webhook notifications are undelivered, so a new one was not kept (%d so far). The audit log has its"
                " code. Mend the receiver, then call POST /api/admin/webhooks/retry.",
                len(self._kept),
                self.refused,
            )
            return
        text, now = json.dumps(body, separators=(",", ":")), self.wall()
        kept = Notification(self.message_id(), text, created_at=now, next_try_at=now)
        self._keep(kept)
        self._schedule(kept.id, self.clock())
        self._wake_workers()

    def retry_now(self) -> int:
        """Try everything undelivered again at once; what was given up starts its three days anew. Returns how many."""
        for message_id in list(self._failed):
            self._keep(evolve(self._kept[message_id], tries=0))
        waiting = [message_id for message_id in self._kept if message_id not in self._under_way]
        for message_id in waiting:
            self._schedule(message_id, self.clock())
        self._wake_workers()
        return len(waiting)

    @property
    def pending(self) -> int:
        return len(self._kept) - len(self._failed)

    @property
    def failed(self) -> int:
        return len(self._failed)

    def status(self) -> dict[str, Any]:
        """For the admin. It names no code and no part of the URL."""
        newest = list(self._failed)[-FAILURES_SHOWN:]
        return {
            "enabled": bool(self.url),
            "pending": self.pending,
            "failed": self.failed,
            "delivered": self.delivered,
            "refused": self.refused,
            "saved": self.saved,
            "failures": [
                {"id": kept.id, "created_at": kept.created_at, "last_error": kept.last_error}
                for kept in (self._kept[message_id] for message_id in newest)
            ],
        }

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Load the file, then deliver until `close()`. ValueError if the file makes no sense; it is left alone then."""
        if not self.url:
            task_status.started()
            return
        if not self._loaded:
            self._take_in(parse(await trio.to_thread.run_sync(self.load)))
        self._resume()
        self._ended = trio.Event()
        try:
            async with self.client() as client:
                with trio.CancelScope() as self._running:
                    await self._deliver_and_save(client, task_status)
        finally:
            self._running = None
            self._under_way.clear()
            with trio.move_on_after(SAVE_SECONDS, shield=True):
                await self._save_last()
            self._ended.set()

    async def close(self) -> None:
        """Let what is due have its try within the grace, then write the file once more. Bounded; `run` ends."""
        self._closing = True
        self._wake_workers()
        with trio.move_on_after(self.grace):
            while self._running is not None:
                await self._ended.wait()
        if self._running is not None:
            self._running.cancel()
            with trio.move_on_after(SAVE_SECONDS + 1):
                await self._ended.wait()
        elif self._loaded:
            with trio.move_on_after(SAVE_SECONDS):
                await self._save_last()
        if self._written != self._version:
            log.error("webhooks.json could not be written at the end; only the audit log has the newest codes.")

    # Delivery

    async def _deliver_and_save(self, client: httpx.AsyncClient, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as saving:
            saving.start_soon(self._save_changes)
            async with trio.open_nursery() as workers:
                for _ in range(AT_ONCE):
                    workers.start_soon(self._work, client)
                task_status.started()
            saving.cancel_scope.cancel()

    async def _work(self, client: httpx.AsyncClient) -> None:
        while (message_id := await self._next()) is not None:
            self._under_way.add(message_id)
            error = await self._try(client, self._kept[message_id])
            self._under_way.discard(message_id)
            self._settle(message_id, error)

    async def _next(self) -> str | None:
        """Wait for the next that is due and take it; None when closing and nothing is due."""
        while True:
            while self._due and self._turn.get(self._due[0][1]) != self._due[0][0]:
                heapq.heappop(self._due)
            wait = self._due[0][0] - self.clock() if self._due else float("inf")
            if wait <= 0:
                message_id = heapq.heappop(self._due)[1]
                del self._turn[message_id]
                return message_id
            if self._closing:
                return None
            with trio.move_on_after(wait):
                await self._wake.wait()

    async def _try(self, client: httpx.AsyncClient, kept: Notification) -> str | None:
        """Send it once; returns what went wrong, in words that give nothing away."""
        body = kept.body.encode()
        timestamp = int(self.wall())
        headers = {
            b"content-type": b"application/json",
            b"user-agent": b"HashPass",
            b"webhook-id": kept.id.encode(),
            b"webhook-timestamp": str(timestamp).encode(),
        }
        if self._key:
            headers[b"webhook-signature"] = sign(self._key, kept.id, timestamp, body).encode()
        if self.token:
            headers[b"authorization"] = b"Bearer " + self.token.encode()
        try:
            with trio.fail_after(TRY_SECONDS):
                # The status is the whole answer: reading the body would let a receiver fill our memory.
                async with client.stream(
                    "POST", self.url, content=body, headers=headers, follow_redirects=False
                ) as response:
                    return None if response.is_success else f"status {response.status_code}"
        except trio.TooSlowError:
            return "no answer in time"
        except httpx.HTTPError as error:
            return type(error).__name__

    def _settle(self, message_id: str, error: str | None) -> None:
        kept = self._kept[message_id]
        if error is None:
            self.delivered += 1
            del self._kept[message_id]
            self._changed_now()
            return
        kept = evolve(kept, tries=kept.tries + 1, last_error=error)
        if kept.failed:
            self._keep(kept)
            log.error("Webhook notification %s was given up after %d tries: %s.", kept.id, kept.tries, error)
            return
        pause = PAUSES[kept.tries - 1] * (0.8 + 0.4 * self.chance())
        self._keep(evolve(kept, next_try_at=self.wall() + pause))
        self._schedule(kept.id, self.clock() + pause)
        self._wake_workers()
        log.warning("Webhook try %d of %s failed: %s. Next in %.0f s.", kept.tries, kept.id, error, pause)

    # What is kept, and its turns

    def _keep(self, kept: Notification) -> None:
        self._kept[kept.id] = kept
        if kept.failed:
            self._failed[kept.id] = None
        else:
            self._failed.pop(kept.id, None)
        self._changed_now()

    def _schedule(self, message_id: str, when: float) -> None:
        self._turn[message_id] = when
        heapq.heappush(self._due, (when, message_id))

    def _wake_workers(self) -> None:
        self._wake.set()
        self._wake = trio.Event()

    def _resume(self) -> None:
        """Give everything a turn that has none: after a start, and after a crash in mid-try.

        The file has wall times. A clock that was set back must not hold a try for longer than the longest pause.
        """
        for kept in self._kept.values():
            if not kept.failed and kept.id not in self._turn:
                wait = min(max(kept.next_try_at - self.wall(), 0.0), PAUSES[-1])
                self._schedule(kept.id, self.clock() + wait)

    # The file

    def _take_in(self, loaded: list[Notification]) -> None:
        fresh, self._kept = self._kept, {}
        for kept in [*loaded, *fresh.values()]:
            self._kept[kept.id] = kept
            if kept.failed:
                self._failed[kept.id] = None
        self._loaded = True

    def _changed_now(self) -> None:
        self._version += 1
        self._changed.set()

    async def _save_changes(self) -> None:
        failures = 0
        while True:
            await self._changed.wait()
            if await self._save():
                failures = 0
            else:
                await trio.sleep(SAVE_PAUSES[min(failures, len(SAVE_PAUSES) - 1)])
                failures += 1

    async def _save(self) -> bool:
        """Write what is kept now. A write that fails is for the log and a later try, never for the winner."""
        self._changed = trio.Event()
        version, kept = self._version, tuple(self._kept.values())
        try:
            await trio.to_thread.run_sync(self._write, version, kept, abandon_on_cancel=True)
        except OSError as error:
            self.saved = False
            self._changed.set()
            log.warning("webhooks.json could not be written (%s).", error.strerror or type(error).__name__)
            return False
        self.saved = True
        return True

    async def _save_last(self) -> None:
        if self._written != self._version:
            await self._save()

    def _write(self, version: int, kept: tuple[Notification, ...]) -> None:
        """On a thread. The lock and the version keep an abandoned write from following a newer one, or the last one."""
        with self._write_lock:
            if version > self._written:
                self.save(render(kept))
                self._written = version
