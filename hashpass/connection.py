"""One HTTP connection: Hypercorn, with closed what it leaves open to clients that are slow, silent or hostile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import Any, cast
from urllib.parse import unquote, urlparse

import h11
import trio
from attrs import define, field, frozen
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.events import Response
from hypercorn.protocol.h11 import H11Protocol, H11WSConnection
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState, LifespanState
from hypercorn.utils import parse_socket_addr

from hashpass.lane import MAX_HEAD, Stream

SLICE = 16 * 1024
CHUNK = 64 * 1024
EXTENSIONS = b"sec-websocket-extensions"
GONE = (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError)
"""Busy is a ping that meets the end of its connection."""


Refusal = Callable[[int], tuple[list[tuple[bytes, bytes]], bytes]]
"""Headers and body for a status, where the answer is given before the app is asked."""


def bare_refusal(status: int) -> tuple[list[tuple[bytes, bytes]], bytes]:
    return [], b""


@frozen
class ServerLimits:
    """Times in seconds."""

    head: float = 15.0
    """For a request's head, the TLS handshake included."""
    body: float = 30.0
    send: float = 20.0
    """For every 16 KiB of an answer."""
    keep_alive: float = 75.0
    """Longer than a proxy keeps its connections, so that it is never the proxy who finds one closed."""
    silence: float = 45.0
    """For a WebSocket that Hypercorn serves; it is pinged every `ping`."""
    ping: float = 20.0
    closing: float = 2.0
    drain: float = 10.0
    """For what is running when the server is told to stop."""
    connections: int = 20_000
    websocket_message: int = 4096
    pause: float = 0.5
    """Before accepting again when the system has run out of something."""


@define
class Site:
    """What all connections share."""

    app: ASGIWrapper
    config: Config
    limits: ServerLimits
    refusal: Refusal = bare_refusal
    context: WorkerContext = field(factory=lambda: WorkerContext(None))
    state: LifespanState = field(factory=dict)
    https: set[Http] = field(factory=set)
    sending: set[trio.CancelScope] = field(factory=set)
    """The sends that nothing but these can interrupt."""

    async def close(self) -> None:
        """End the connections on which nothing is going on, and the others when they come to that."""
        await self.context.terminated.set()
        for http in list(self.https):
            http.look_again()

    @property
    def slow(self) -> bytes:
        """The whole answer to a client that took too long over its head."""
        headers, body = self.refusal(408)
        headers = [*headers, (b"connection", b"close"), (b"content-length", b"%d" % len(body))]
        lines = [b"HTTP/1.1 408 Request Timeout", *(name + b": " + value for name, value in headers)]
        return b"\r\n".join([*lines, b"", body])

    def cut(self) -> None:
        """Interrupt every send."""
        for scope in self.sending:
            scope.cancel()


class Refused(Exception):
    """This connection has had its answer and is over."""


class Tasks(TaskGroup):
    """Hypercorn's tasks for a connection. Its pings would go on sleeping when the connection is long gone."""

    def __init__(self) -> None:
        super().__init__()
        self._scopes: list[trio.CancelScope] = []

    def spawn(self, func: Callable[..., Awaitable[object]], *args: object) -> None:
        scope = trio.CancelScope()
        self._scopes.append(scope)
        cast("trio.Nursery", self._nursery).start_soon(self._run, scope, func, *args)

    async def _run(self, scope: trio.CancelScope, func: Callable[..., Awaitable[object]], *args: object) -> None:
        with scope:
            await func(*args)

    def end(self) -> None:
        for scope in self._scopes:
            scope.cancel()


def _has_path(target: bytes) -> bool:
    """Whether Quart will find a path in this target. Where it finds none it fails, and the client is to blame."""
    path = unquote(target.partition(b"?")[0].decode("latin-1"))
    try:
        return path.startswith("/") or path == "*" or urlparse(path).netloc != ""
    except ValueError:
        return False


class H1(H11Protocol):
    """Hypercorn's HTTP/1.1 without the ways out of it: HTTP/2, and compressed WebSockets."""

    refusal: Refusal = staticmethod(bare_refusal)

    async def initiate(self) -> None:
        self._answered = trio.Event()
        self._accepted = False
        self._wants_body = True

    async def handle(self, event: Event) -> None:
        refused = isinstance(self.connection, H11WSConnection) and self._answered.is_set() and not self._accepted
        if not (refused and isinstance(event, RawData)):
            await super().handle(event)

    async def _check_protocol(self, event: h11.Request) -> None:
        self._wants_body = event.method != b"HEAD"
        # The original switches to HTTP/2 here. An upgrade to h2c may be ignored; its preface is no HTTP/1.1 request.
        if event.http_version not in (b"1.0", b"1.1"):
            await self._send_error_response(505)
            raise Refused
        if not _has_path(event.target):
            await self._send_error_response(400)
            raise Refused
        # h11 limits what is incomplete; a head that came in one piece it takes at any size.
        if len(event.target) + sum(len(name) + len(value) + 4 for name, value in event.headers) > MAX_HEAD:
            await self._send_error_response(431)
            raise Refused

    async def _send_error_response(self, status_code: int) -> None:
        """As Hypercorn's, in the form of all our answers."""
        headers, body = self.refusal(status_code)
        headers = [*headers, (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        headers += self.config.response_headers("h11")
        await self._send_h11_event(h11.Response(status_code=status_code, headers=headers))
        if self._wants_body:
            await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())

    async def _create_stream(self, request: h11.Request) -> None:
        # Hypercorn agrees to permessage-deflate whenever it is offered, and 58 KB then inflate to 60 MB.
        if any(name == EXTENSIONS for name, _ in request.headers):
            request = h11.Request(
                method=request.method,
                target=request.target,
                headers=[(name, value) for name, value in request.headers if name != EXTENSIONS],
                http_version=request.http_version,
            )
        self._answered = trio.Event()
        self._accepted = False
        await super()._create_stream(request)
        if isinstance(self.connection, H11WSConnection):
            # What the client sends before it has its answer would end in an error that ends the whole process.
            await self._answered.wait()
            if not self._accepted:
                self.connection.buffer.clear()

    async def stream_send(self, event: StreamEvent) -> None:
        if isinstance(event, Response) and self.connection.their_state is h11.SEND_BODY:
            # The connection will end here, with the rest of the body unread. A client that is not told so sends its
            # next request into the void.
            event = replace(event, headers=[*event.headers, (b"connection", b"close")])
        await super().stream_send(event)
        if isinstance(event, Response):
            self._accepted = event.status_code == 101
            self._answered.set()


class Http(TCPServer):
    """A connection that Hypercorn serves, starting with the bytes that were read to find that out."""

    def __init__(self, site: Site, stream: Stream, first: bytes, deadline: float) -> None:
        state = ConnectionState(site.state.copy())
        # Hypercorn's types name TLS alone; it means both.
        super().__init__(site.app, site.config, site.context, state, cast("Any", stream))
        self._site = site
        self._limits = site.limits
        self._first = first
        self._phase = "head"
        self._deadline = deadline
        self._reading: trio.CancelScope | None = None
        site.https.add(self)

    async def run(self) -> None:
        secure = isinstance(self.stream, trio.SSLStream)
        transport: Any = self.stream.transport_stream if secure else self.stream
        try:
            async with Tasks() as tasks:
                self._task_group = tasks
                h1 = H1(
                    self.app,
                    self.config,
                    self.context,
                    tasks,
                    ConnectionState(self.state),
                    secure,
                    parse_socket_addr(transport.socket.family, transport.socket.getpeername()),
                    parse_socket_addr(transport.socket.family, transport.socket.getsockname()),
                    self.protocol_send,
                )
                h1.refusal = self._site.refusal
                # The wrapper this attribute is made for has but one more talent: switching to HTTP/2.
                self.protocol = cast("ProtocolWrapper", h1)
                await self.protocol.initiate()
                await self._feed(self._first)
                await self._read_data()
                await self.protocol.handle(Closed())
                cast("Tasks", tasks).end()
        finally:
            self._site.https.discard(self)
            with trio.move_on_after(self._limits.closing, shield=True):
                await self._close()

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, Updated):
            # Hypercorn would start its timer for idle connections here, in the request's own task, which Quart-Trio
            # is just cancelling: the timer never runs. `_next_deadline` keeps the time instead.
            self.look_again()
            return
        if isinstance(event, Closed):
            await self._say_goodbye()
            return
        if not isinstance(event, RawData):
            return
        async with self.send_lock:
            try:
                for start in range(0, len(event.data), SLICE):
                    await self._send(event.data[start : start + SLICE])
            except GONE:
                await self.protocol.handle(Closed())

    async def _send(self, data: bytes) -> None:
        """Send a piece whole even if its handler is cancelled, but not for ever: some clients never read."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + self._limits.send) as scope:
            self._site.sending.add(scope)
            try:
                await self.stream.send_all(data)
            finally:
                self._site.sending.discard(scope)
        if scope.cancelled_caught:
            await trio.aclose_forcefully(self.stream)
            raise trio.BrokenResourceError("The client does not read.")

    async def _read_data(self) -> None:
        while True:
            data = b""
            with trio.CancelScope(deadline=self._next_deadline()) as self._reading:
                try:
                    data = bytes(await self.stream.receive_some(CHUNK))
                except GONE:
                    return
            if self._reading.cancelled_caught and self._phase == "head":
                with suppress(*GONE):
                    await self._send(self._site.slow)
            if not data:
                return
            self._reading = None
            if self._phase != "closing":
                await self._feed(data)

    async def _feed(self, data: bytes) -> None:
        try:
            await self.protocol.handle(RawData(data))
        except Refused:
            await self.protocol_send(Closed())

    def look_again(self) -> None:
        """Something has changed that may change how long the client is waited for."""
        if self._reading is not None:
            self._reading.deadline = self._next_deadline()

    def _next_deadline(self) -> float:
        """Until when the client may be silent, by what it is in the middle of."""
        if self._phase == "closing":
            return self._deadline
        connection = cast("H11Protocol", self.protocol).connection
        limits = self._limits
        if isinstance(connection, H11WSConnection):
            self._phase, self._deadline = "socket", trio.current_time() + limits.silence
        elif connection.their_state is h11.SEND_BODY:
            self._enter("body", limits.body)
        elif connection.their_state is not h11.IDLE:
            self._enter("answer", inf)
        elif connection.trailing_data[0]:
            self._enter("head", limits.head)
        else:
            self._enter("idle", limits.keep_alive)
            if self.context.terminated.is_set():
                return -inf
        return self._deadline

    def _enter(self, phase: str, limit: float) -> None:
        if phase != self._phase:
            self._phase, self._deadline = phase, trio.current_time() + limit

    async def _say_goodbye(self) -> None:
        """Nothing more will be sent. What is still coming in is read for a moment and thrown away: a connection closed
        on unread bytes is reset, and takes the answer with it."""
        self._enter("closing", self._limits.closing)
        stream: Any = self.stream
        if isinstance(stream, trio.SSLStream):
            await self._close()  # TLS cannot be closed by halves
        else:
            # Quart-Trio has cancelled the request's task by now, and it is in that task that this is to be done.
            with suppress(*GONE), trio.move_on_after(self._limits.closing, shield=True):
                async with self.send_lock:
                    await stream.send_eof()
        self.look_again()
        await self.protocol.handle(Closed())

    async def _close(self) -> None:
        # On TLS this sends, and whoever does not read would hold it up.
        with trio.move_on_after(self._limits.closing, shield=True):
            await super()._close()
