"""WebSockets as a door sees them: an iterator of messages, and sends that never wait.

A frame goes straight to the kernel. What the kernel does not take waits in a backlog that is bounded in bytes and in
time; whoever exceeds either bound is dropped, and nobody else notices.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

import trio
from attrs import frozen

from hashpass.frames import (
    ABNORMAL,
    NORMAL,
    PING,
    POLICY,
    Close,
    Event,
    Ping,
    Pong,
    Reader,
    Violation,
    close_frame,
    pong_frame,
    text_frame,
)

LOG = logging.getLogger(__name__)

OVERHEAD = 64
"""Bytes a waiting frame is charged beyond its own, for what remembers it: two-byte frames are not free."""

# Control frames wait under a key of their own, so that at most one of each waits.
_PING = "\0ping"
_PONG = "\0pong"


@frozen
class SocketLimits:
    """What one socket may do. Times are in seconds, sizes in bytes."""

    message: int = 4096
    messages_per_second: int = 20
    frames_per_second: int = 100
    """Frames of any kind: pings and empty fragments are no messages, but work."""
    backlog: int = 256 * 1024
    stuck: float = 20.0
    """How long a frame may be on its way to the kernel."""
    closing: float = 5.0
    """How long a peer may take to say goodbye."""


class SocketClosed(Exception):
    """Nothing more will be received on this socket."""


class Host(Protocol):
    """What a socket needs from whoever serves it."""

    limits: SocketLimits
    clock: Callable[[], float]

    def spawn(self, flush: Callable[[], Awaitable[None]]) -> None:
        """Run `flush` in the background, as long as the server lives."""

    def drop(self, socket: Socket, reason: str) -> None:
        """Call `socket.drop(reason)`, and remember that it was necessary."""


class Socket(ABC):
    """One WebSocket, as a door sees it: an iterator of messages, and sends that return at once.

    A text message arrives as `str`, a binary one as `bytes`. Pings are answered here. Only one task may receive; any
    may send. Once the socket is closed, by whichever side, the iteration ends and sends do nothing.
    """

    __slots__ = (
        "_backlog",
        "_backlog_bytes",
        "_ended",
        "_flushed",
        "_flushing",
        "_frames",
        "_gone",
        "_host",
        "_inbox",
        "_messages",
        "_peer_close",
        "_reader",
        "_window",
        "unanswered",
    )

    def __init__(self, host: Host) -> None:
        self._host = host
        self._reader = Reader(host.limits.message)
        self._inbox: list[str | bytes] = []
        self._backlog: OrderedDict[object, bytes] | None = None  # exists only while something waits
        self._backlog_bytes = 0
        self._flushing = False
        self._flushed: trio.Event | None = None
        self._ended: tuple[int, str] | None = None
        self._peer_close: Close | None = None
        self._gone = False
        self._window = 0.0
        self._messages = 0
        self._frames = 0
        self.unanswered = 0
        """Pings sent since the last pong."""

    def __aiter__(self) -> Socket:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.receive()
        except SocketClosed:
            raise StopAsyncIteration from None

    async def receive(self) -> str | bytes:
        """The next message. Raises `SocketClosed` when there will be none."""
        while not self._inbox:
            if self._ended is not None:
                raise SocketClosed
            if self._peer_close is not None:
                self._answer_close(self._peer_close)
            else:
                await self._listen()
        return self._inbox.pop(0)

    def send(self, text: str, *, topic: str | None = None) -> None:
        """Send a text message. While it waits, a newer one of its topic replaces it; without one it is never lost."""
        self.post(text_frame(text), topic=topic)

    def post(self, frame: bytes, *, topic: str | None = None) -> None:
        """`send`, for a frame that was made once for many."""
        if self._ended is None:
            self._put(frame, topic)

    def ping(self) -> None:
        """Ask whether anybody is there. `unanswered` tells."""
        if self._ended is None:
            self.unanswered += 1
            self._put(PING, _PING)

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye after all that waits to be sent, and receive no more. The first call counts."""
        if self._ended is None:
            self._ended = (code, reason)
            self._inbox.clear()
            self._put(close_frame(code, reason), None)
            self._wake()

    def drop(self, reason: str) -> None:
        """Cut the connection without a word: for peers that do not listen anyway."""
        if not self._gone:
            self._gone = True
            self._ended = self._ended or (ABNORMAL, reason)
            self._inbox.clear()
            self._backlog = None
            self._backlog_bytes = 0
            self._reset()
            self._wake()

    @property
    def ended(self) -> tuple[int, str] | None:
        """The code and reason this socket was closed with; None while it is open."""
        return self._ended

    @property
    def backlog(self) -> int:
        """Bytes that wait for the peer."""
        return self._backlog_bytes

    def begin(self, answer: bytes, early: bytes) -> None:
        """Start with the answer to the upgrade, and whatever frames came along with the request."""
        self._put(answer, None)
        if early:
            self._heard(early)

    # Receiving

    async def _listen(self) -> None:
        data = await self._read()
        if data is not None:
            self._heard(data)

    def _heard(self, data: bytes) -> None:
        if not data:
            self._peer_close = Close(ABNORMAL, "")
            return
        try:
            for event in self._reader.feed(data):
                self._budget(message=isinstance(event, str | bytes))
                self._on_event(event)
        except Violation as violation:
            self._reader.finish()
            self.close(violation.code, violation.reason)

    def _on_event(self, event: Event | None) -> None:
        if isinstance(event, str | bytes):
            if self._ended is None:
                self._inbox.append(event)
        elif isinstance(event, Ping):
            if self._ended is None:
                self._put(pong_frame(event.payload), _PONG)
        elif isinstance(event, Pong):
            self.unanswered = 0
        elif isinstance(event, Close):
            self._peer_close = event  # answered once what came before it has been received

    def _answer_close(self, close: Close) -> None:
        self._ended = (close.code, close.reason)
        if close.code != ABNORMAL:
            self._put(close_frame(close.code), None)

    def _budget(self, *, message: bool) -> None:
        """Count a frame of this second, and refuse the one too many."""
        now = self._host.clock()
        if now - self._window >= 1.0:
            self._window, self._frames, self._messages = now, 0, 0
        self._frames += 1
        self._messages += message
        limits = self._host.limits
        if self._messages > limits.messages_per_second or self._frames > limits.frames_per_second:
            raise Violation(POLICY, f"More than {limits.messages_per_second} messages a second.")

    # Sending

    def _put(self, item: bytes, key: object) -> None:
        if self._gone:
            return
        if not self._flushing:
            rest = self._write_now(item)
            if rest is None:
                return
            # What is half-way out can no longer be overwritten, so it waits under a key nobody else has.
            self._backlog = OrderedDict([(key if key is not None and rest is item else object(), rest)])
            self._backlog_bytes = _cost(rest)
            self._flushing = True
            self._host.spawn(self._flush)
            return
        backlog = self._backlog
        if backlog is None:
            backlog = self._backlog = OrderedDict()
        older = backlog.pop(key, None) if key is not None else None
        backlog[key if key is not None else object()] = item
        self._backlog_bytes += _cost(item) - (_cost(older) if older is not None else 0)
        if self._backlog_bytes > self._host.limits.backlog:
            self._host.drop(self, "The peer does not read what it is sent.")

    async def _flush(self) -> None:
        """Send what waits. Runs only while something does."""
        stuck = self._host.limits.stuck
        try:
            while self._backlog and not self._gone:
                _, item = self._backlog.popitem(last=False)
                with trio.move_on_after(stuck) as scope:
                    await self._write(item)
                if scope.cancelled_caught:
                    self._host.drop(self, f"A send was stuck for {stuck:g} seconds.")
                self._backlog_bytes -= _cost(item)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            self.drop("The connection broke.")
        except Exception:  # this task has no caller to tell; its failing must not take the server along
            LOG.exception("A WebSocket could not be written to.")
            self.drop("The server failed.")
        finally:
            self._backlog = None
            self._backlog_bytes = 0
            self._flushing = False
            if self._flushed is not None:
                self._flushed.set()

    async def finish(self) -> None:
        """See the goodbyes through, ours out and theirs in, as long as that takes but not longer than `closing`."""
        with trio.move_on_after(self._host.limits.closing):
            if self._flushing:
                self._flushed = trio.Event()
                await self._flushed.wait()
            await self._await_goodbye()

    def release(self) -> None:
        """Touch the stream no more: it is about to be closed."""
        self._gone = True
        self._ended = self._ended or (ABNORMAL, "")
        self._backlog = None

    async def _await_goodbye(self) -> None:
        # Closing with unread bytes in the kernel would reset the connection, and the peer might never see our code.
        if self._reader.finished and self._peer_close is None:
            self._half_close()
        while self._peer_close is None and not self._gone:
            await self._listen()

    # What differs between a bare socket, TLS and Quart

    @abstractmethod
    async def _read(self) -> bytes | None:
        """Some bytes, none at the end, or None when woken."""

    @abstractmethod
    def _write_now(self, item: bytes) -> bytes | None:
        """Send without waiting, as much as possible; what is left of `item`, or None."""

    @abstractmethod
    async def _write(self, item: bytes) -> None:
        """Send all of `item`."""

    @abstractmethod
    def _wake(self) -> None:
        """Let a `_read` that waits return None."""

    def _reset(self) -> None:  # noqa: B027  only a bare socket can
        """Let the close that follows discard what the kernel still holds."""

    def _half_close(self) -> None:  # noqa: B027  only a bare socket can
        """Tell the peer that nothing more will come."""


def _cost(item: bytes) -> int:
    return OVERHEAD + len(item)
