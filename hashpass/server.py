"""Listening, accepting, and ending in good order. Only this file and `connection.py` know Hypercorn.

Every connection is first shown to the lane, which keeps the WebSockets; the rest goes to Hypercorn and the app. One
connection's exception ends one connection.
"""

from __future__ import annotations

import errno
import logging
import socket as stdlib_socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import ExitStack, asynccontextmanager
from math import inf

import h11
import trio
import wsproto.utilities
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.typing import ASGIFramework

from hashpass.connection import GONE, Http, Refusal, ServerLimits, Site, bare_refusal
from hashpass.lane import MAX_HEAD, Lane, Stream
from hashpass.listening import address_of, listen

LOG = logging.getLogger(__name__)

COMPLAIN_EVERY = 10.0
OVERLOADED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


async def serve(
    app: ASGIFramework,
    *,
    binds: Sequence[str],
    lane: Lane,
    closing: trio.Event,
    tls: tuple[str, str] | None = None,
    limits: ServerLimits | None = None,
    refusal: Refusal = bare_refusal,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `closing` is set, then let what is running finish, within limits. Reports the addresses it bound.

    A bind is `host:port` or `unix:path`; `tls` is a certificate chain and its key, used on every bind but Unix sockets.
    """
    context = _tls_context(*tls) if tls is not None else None
    server = _Server(app, lane, limits or ServerLimits(), refusal)
    with ExitStack() as stack:
        sockets = []
        for bind in binds:
            sockets += await listen(bind, stack)
        async with server.lifespan(), server.listening(sockets, context):
            addresses = [address_of(sock) for sock in sockets]
            LOG.info("Listening on %s.", ", ".join(addresses))
            task_status.started(addresses)
            await closing.wait()


class _Server:
    """What the connections of one `serve` share."""

    def __init__(self, app: ASGIFramework, lane: Lane, limits: ServerLimits, refusal: Refusal) -> None:
        self.lane = lane
        self.limits = limits
        self.site = Site(ASGIWrapper(app), _config(limits), limits, refusal)
        self._room = trio.Semaphore(limits.connections)
        self._open = 0
        self._last_closed = trio.Event()
        self._complained_at = -inf

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """The app's start-up and shut-down. Should its own nursery die in between, the server must not live on."""
        lifespan = Lifespan(self.site.app, self.site.config, self.site.state)
        serving = False

        async def watch() -> None:
            await lifespan.shutdown.wait()
            if serving:
                raise RuntimeError("The app's own nursery ended while it was serving.")

        async with trio.open_nursery() as nursery:
            await nursery.start(lifespan.handle_lifespan)
            await lifespan.wait_for_startup()
            serving = lifespan.supported
            nursery.start_soon(watch)
            yield
            serving = False
            await lifespan.wait_for_shutdown()
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def listening(self, sockets: list[stdlib_socket.socket], tls: ssl.SSLContext | None) -> AsyncIterator[None]:
        """Accept connections while the block lasts, and let them finish at its end."""
        async with trio.open_nursery() as connections:
            with self.lane.open(connections):
                async with trio.open_nursery() as listeners:
                    for sock in sockets:
                        listener = trio.SocketListener(trio.socket.from_stdlib_socket(sock))
                        secure = tls if sock.family != stdlib_socket.AF_UNIX else None
                        listeners.start_soon(self._accept, listener, secure, connections)
                    yield
                    listeners.cancel_scope.cancel()
                await self._drain()
                connections.cancel_scope.cancel()

    async def _drain(self) -> None:
        await self.site.close()
        self.lane.close()
        with trio.move_on_after(self.limits.drain):
            while self._open:
                self._last_closed = trio.Event()
                await self._last_closed.wait()
        self.site.cut()

    async def _accept(
        self, listener: trio.SocketListener, tls: ssl.SSLContext | None, connections: trio.Nursery
    ) -> None:
        async with listener:
            while True:
                await self._take_room()
                try:
                    stream = await listener.accept()
                except OSError as error:
                    self._room.release()
                    if error.errno not in OVERLOADED:
                        raise
                    self._complain("Cannot accept connections: %s. Raise the limit of open files.", error.strerror)
                    await trio.sleep(self.limits.pause)
                else:
                    self._open += 1
                    connections.start_soon(self._connection, stream, tls)

    async def _take_room(self) -> None:
        try:
            self._room.acquire_nowait()
        except trio.WouldBlock:
            self._complain("All %d connections are in use; new ones wait.", self.limits.connections)
            await self._room.acquire()

    def _complain(self, text: str, *args: object) -> None:
        """Say what is wrong, but not once a connection."""
        now = trio.current_time()
        if now - self._complained_at >= COMPLAIN_EVERY:
            self._complained_at = now
            LOG.error(text, *args)

    async def _connection(self, stream: trio.SocketStream, tls: ssl.SSLContext | None) -> None:
        """Whatever goes wrong on a connection ends that connection and nothing else."""
        try:
            visit = await self._greet(stream, tls)
            if visit is not None:
                await visit
        except* (OSError, *GONE):
            pass  # gone, and nobody is left to tell
        except* (h11.ProtocolError, wsproto.utilities.ProtocolError) as failures:
            # Hypercorn trips over some things that no honest client sends; a traceback each would be a gift.
            LOG.warning("A connection broke the protocol: %s", failures.exceptions[0])
        except* Exception as failures:  # the edge of a connection: log and let the others live
            LOG.exception("A connection failed.", exc_info=failures)
        finally:
            self._room.release()
            self._open -= 1
            self._last_closed.set()
            await trio.aclose_forcefully(stream)

    async def _greet(self, stream: trio.SocketStream, tls: ssl.SSLContext | None) -> Awaitable[None] | None:
        """What will serve this connection. It alone keeps the head in memory."""
        wire: Stream = stream
        head = bytearray()
        more = False
        deadline = trio.current_time() + self.limits.head
        with trio.move_on_at(deadline) as scope:
            if tls is not None:
                wire = trio.SSLStream(stream, tls, server_side=True, https_compatible=True)
                await wire.do_handshake()
            more = await self.lane.read_head(wire, head)
        if scope.cancelled_caught and head:
            with trio.move_on_after(self.limits.closing):
                await wire.send_all(self.site.slow)
        if not more:
            return None
        first = bytes(head)
        return self.lane.accept(wire, first) or Http(self.site, wire, first, deadline).run()


def _config(limits: ServerLimits) -> Config:
    config = Config()
    config.accesslog = None  # its lines hold what was asked, tokens included
    config.errorlog = LOG
    config.include_server_header = False
    config.h11_max_incomplete_size = MAX_HEAD
    config.websocket_max_message_size = limits.websocket_message
    config.websocket_ping_interval = limits.ping
    return config


def _tls_context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context
