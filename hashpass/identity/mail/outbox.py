"""Between the request for a link and the mail server: nobody who asks waits for a mail, and nothing of one is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

import trio
from attrs import field, frozen

from hashpass.domain.errors import NotReady, QueueFull, RateLimited
from hashpass.identity.mail.message import MailFailed, Transport, compose
from hashpass.identity.mail.texts import find_language

MAX_WAITING: Final = 100
SEND_SECONDS: Final = 30.0
TRIES: Final = 2
PAUSE: Final = 2.0
GRACE: Final = 5.0
"""Seconds that mails get at the end; who waits for one that did not leave asks again."""

log = logging.getLogger("hashpass.identity.mail")


class Limit(Protocol):
    def take(self, key: str) -> None:
        """Count one event under this key, or raise RateLimited."""


@frozen
class _Order:
    to: str = field(repr=False)
    link: str = field(repr=False)
    language: str
    expires: float


class Outbox:
    """Sends one mail after another. An address lives in here until its mail has left or failed, and no longer."""

    def __init__(
        self, transport: Transport, cap: Limit, *, wall: Callable[[], float] = time.time, grace: float = GRACE
    ) -> None:
        self.sent = 0
        self.failed = 0
        self._transport = transport
        self._cap = cap
        self._wall = wall
        self._grace = grace
        self._put, self._orders = trio.open_memory_channel[_Order](MAX_WAITING)
        self._running = False
        self._ended = trio.Event()

    @property
    def waiting(self) -> int:
        return self._put.statistics().current_buffer_used

    def check(self) -> None:
        """Refuse early when a mail would find no room, before anything is spent on it."""
        if self.waiting >= MAX_WAITING:
            raise QueueFull("Too many sign-in mails are waiting to be sent. Try again in a moment.", retry_after=30)

    def put(self, to: str, link: str, language: str, expires: float) -> None:
        """Take a mail to be sent; never waits. QueueFull or NotReady if it cannot be taken."""
        self.check()
        try:
            self._cap.take("")
        except RateLimited as error:
            log.warning("The mails of this hour are used up (HASHPASS_MAILS_PER_HOUR); nobody new can sign in for now")
            late = "This server has sent as many sign-in mails as it may in an hour. Try again later."
            raise NotReady(late, retry_after=error.retry_after) from None
        try:
            self._put.send_nowait(_Order(to, link, find_language(language), expires))
        except trio.ClosedResourceError:
            raise NotReady from None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send until `close()`, and then what is left."""
        self._running = True
        task_status.started()
        async for order in self._orders:
            await self._deliver(order)
        self._ended.set()

    async def close(self) -> None:
        """Take nothing more, and give what is waiting a few seconds."""
        self._put.close()
        if self._running:
            with trio.move_on_after(self._grace):
                await self._ended.wait()
        if left := self._orders.statistics().current_buffer_used:
            log.warning("%d sign-in mails were not sent before the end", left)
        with trio.move_on_after(self._grace, shield=True):
            await self._transport.aclose()

    async def _deliver(self, order: _Order) -> None:
        mail = compose(order.to, order.link, order.language)
        for left in reversed(range(TRIES)):
            if self._wall() > order.expires:
                log.warning("A sign-in mail was not sent: its link had expired while it waited")
                break
            try:
                with trio.fail_after(SEND_SECONDS):
                    await self._transport.send(mail)
            except MailFailed as error:
                reason, again = str(error), error.again
            except trio.TooSlowError:
                reason, again = f"nothing within {SEND_SECONDS:.0f} s", True
            except Exception as error:  # noqa: BLE001 - whatever it says, it may say the address; the next mail must go
                reason, again = type(error).__name__, False
            else:
                self.sent += 1
                return
            if not (again and left):
                log.error("A sign-in mail could not be sent: %s", reason)
                break
            log.warning("A sign-in mail is tried again: %s", reason)
            await trio.sleep(PAUSE)
        self.failed += 1
