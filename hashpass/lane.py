"""The lane: WebSocket upgrades served on the raw stream, before Hypercorn or Quart hear of them.

`Lane` recognises an upgrade of one of its paths, answers it, and runs the path's door with a `Socket`. Whatever is not
an upgrade in the form that every browser sends is left alone, for others to judge.
"""

from __future__ import annotations

import base64
import binascii
import logging
import os
import re
import socket as stdlib_socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import parse_qsl

import trio
from attrs import field, frozen
from wsproto.utilities import generate_accept_token

from hashpass.frames import GOING_AWAY, INTERNAL, NORMAL
from hashpass.sockets import Host, Socket, SocketClosed, SocketLimits

LOG = logging.getLogger(__name__)

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]

CHUNK = 4096
MAX_HEAD = 16 * 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@frozen
class Handshake:
    """What a client asked for when it opened its socket. Header names are in lower case."""

    path: str
    query: dict[str, str] = field(repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    peer: str | None
    """The IP address of the other end, None for a Unix socket."""
    secure: bool

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> list[str]:
        """Every header of that name, in order."""
        wanted = name.lower().encode("latin-1")
        return [value.decode("latin-1") for key, value in self.headers if key == wanted]


@frozen
class LaneStatistics:
    open: int
    dropped: int
    """Peers cut off because they did not take what was sent to them."""


class PlainSocket(Socket):
    """A WebSocket on a TCP or Unix socket. It writes to the descriptor itself: the fewest steps between us and them."""

    __slots__ = ("_socket",)

    def __init__(self, host: Host, socket: trio.socket.SocketType) -> None:
        super().__init__(host)
        self._socket = socket  # its fileno() is -1 once closed, so a number used again is never written to

    async def _read(self) -> bytes | None:
        try:
            try:
                data = os.read(self._socket.fileno(), CHUNK)
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._socket)
                data = os.read(self._socket.fileno(), CHUNK)
            else:
                await trio.lowlevel.checkpoint()
        except (trio.ClosedResourceError, BlockingIOError):
            return None
        except OSError:
            return b""
        return data

    def _write_now(self, item: bytes) -> bytes | None:
        try:
            sent = os.write(self._socket.fileno(), item)
        except BlockingIOError:
            return item
        except OSError:
            self.drop("The connection broke.")
            return None
        return None if sent == len(item) else item[sent:]

    async def _write(self, item: bytes) -> None:
        while item and not self._gone:
            try:
                item = item[os.write(self._socket.fileno(), item) :]
            except BlockingIOError:
                # Woken by `_wake`, meant for the reader, when the descriptor still stands: go on.
                with suppress(trio.ClosedResourceError):
                    await trio.lowlevel.wait_writable(self._socket)

    def _wake(self) -> None:
        if self._socket.fileno() != -1:
            trio.lowlevel.notify_closing(self._socket)

    def _reset(self) -> None:
        with suppress(OSError):
            self._socket.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_LINGER, RESET_ON_CLOSE)

    def _half_close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(stdlib_socket.SHUT_WR)


class StreamSocket(Socket):
    """A WebSocket on a stream that must do its own sending, such as TLS."""

    __slots__ = ("_reading", "_stream")

    def __init__(self, host: Host, stream: trio.abc.Stream) -> None:
        super().__init__(host)
        self._stream = stream
        self._reading: trio.CancelScope | None = None

    async def _read(self) -> bytes | None:
        try:
            with trio.CancelScope() as self._reading:
                return bytes(await self._stream.receive_some(CHUNK))
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            return b""
        finally:
            self._reading = None
        return None

    def _write_now(self, item: bytes) -> bytes | None:
        return item

    async def _write(self, item: bytes) -> None:
        await self._stream.send_all(item)

    def _wake(self) -> None:
        if self._reading is not None:
            self._reading.cancel()


Door = Callable[[Handshake, Socket], Awaitable[None]]
"""Serves one socket until it returns. It runs after the 101, so it can refuse with a close code that a browser shows.
It should read until the end of the iteration, and `del handshake` before: the headers weigh more than all the rest."""


class Lane:
    """Knows the doors, recognises their upgrades, and serves the sockets."""

    def __init__(
        self,
        doors: Mapping[str, Door],
        *,
        limits: SocketLimits | None = None,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self.doors = dict(doors)
        self.limits = limits or SocketLimits()
        self.clock = clock
        self._starts = tuple(b"GET " + path.encode("ascii") for path in doors)
        self._sockets: set[Socket] = set()
        self._nursery: trio.Nursery | None = None
        self._dropped = 0
        self._closed: tuple[int, str] | None = None

    @contextmanager
    def open(self, nursery: trio.Nursery) -> Iterator[None]:
        """Use this nursery for what congested sockets have yet to send."""
        self._nursery = nursery
        try:
            yield
        finally:
            self._nursery = None

    def spawn(self, flush: Callable[[], Awaitable[None]]) -> None:
        if self._nursery is None:
            raise RuntimeError("The lane is not open.")
        self._nursery.start_soon(flush)

    def drop(self, socket: Socket, reason: str) -> None:
        self._dropped += 1
        socket.drop(reason)

    def statistics(self) -> LaneStatistics:
        return LaneStatistics(open=len(self._sockets), dropped=self._dropped)

    def close(self, code: int = GOING_AWAY, reason: str = "server shutdown") -> None:
        """Close every socket, and those still to come."""
        self._closed = code, reason
        for socket in list(self._sockets):
            socket.close(code, reason)

    async def read_head(self, stream: Stream, head: bytearray) -> bool:
        """Fill `head` with a whole head if it may be one of ours, else with what happens to come. False at the end."""
        while not head or (self._may_be_ours(head) and b"\r\n\r\n" not in head):
            chunk = await stream.receive_some(CHUNK)
            if not chunk:
                return False
            head += chunk
        return True

    def accept(self, stream: Stream, head: bytes) -> Awaitable[None] | None:
        """What serves the socket that `head` asks for; None unless it is an upgrade beyond any doubt, and ours."""
        secure = isinstance(stream, trio.SSLStream)
        transport = stream.transport_stream.socket if isinstance(stream, trio.SSLStream) else stream.socket
        text, end, early = head.partition(b"\r\n\r\n")
        if not end or not self._may_be_ours(text):
            return None
        upgrade = parse_upgrade(text, peer=_peer(transport), secure=secure)
        if upgrade is None or upgrade[0].path not in self.doors:
            return None
        handshake, key = upgrade
        socket = StreamSocket(self, stream) if secure else PlainSocket(self, transport)
        socket.begin(_switching(key), early)
        return self.serve(handshake, socket)

    async def serve(self, handshake: Handshake, socket: Socket) -> None:
        """Run the door for a socket and close it in the way the visit ended."""
        visit = self.doors[handshake.path](handshake, socket)
        del handshake  # held by the visit alone, which may let go of it
        self._sockets.add(socket)
        if self._closed is not None:
            socket.close(*self._closed)
        try:
            try:
                await visit
            except* SocketClosed:
                pass
            except* Exception as failures:  # one socket's bug ends one socket
                LOG.exception("A WebSocket failed.", exc_info=failures)
                socket.close(INTERNAL, "The server failed.")
            socket.close(NORMAL)
            await socket.finish()
        finally:
            socket.release()
            self._sockets.discard(socket)

    def _may_be_ours(self, head: bytes | bytearray) -> bool:
        return len(head) <= MAX_HEAD and any(head[: len(start)] == start[: len(head)] for start in self._starts)


_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST = re.compile(rb"GET (/[!-~]*) HTTP/1\.1")
_HEADER = re.compile(rb"(" + _TOKEN + rb"):[ \t]*((?:[!-~\x80-\xff](?:[ \t!-~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*")
_ONCE = (b"host", b"upgrade", b"connection", b"sec-websocket-key", b"sec-websocket-version")


def parse_upgrade(head: bytes, *, peer: str | None, secure: bool) -> tuple[Handshake, bytes] | None:
    """The handshake and its key, if `head` is a WebSocket upgrade in the exact form that every browser sends."""
    request, *lines = head.split(b"\r\n")
    start = _REQUEST.fullmatch(request)
    matches = [_HEADER.fullmatch(line) for line in lines]
    if start is None or not all(matches):
        return None
    headers = tuple((match[1].lower(), match[2]) for match in matches if match)
    names = [name for name, _ in headers]
    if any(names.count(name) != 1 for name in _ONCE) or b"content-length" in names or b"transfer-encoding" in names:
        return None
    only = dict(headers)
    key = only[b"sec-websocket-key"]
    if (
        only[b"upgrade"].lower() != b"websocket"
        or b"upgrade" not in [token.strip() for token in only[b"connection"].lower().split(b",")]
        or only[b"sec-websocket-version"] != b"13"
        or not only[b"host"]
        or not _is_key(key)
    ):
        return None
    path, _, query = start[1].decode("ascii").partition("?")
    return Handshake(path, parse_query(query), headers, peer, secure), key


def parse_query(query: str) -> dict[str, str]:
    """The first value of each name; an endless query is no query."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=32)
    except ValueError:
        return {}
    return dict(reversed(pairs))


def _is_key(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False


def _switching(key: bytes) -> bytes:
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + generate_accept_token(key)
        + b"\r\n\r\n"
    )


def _peer(socket: trio.socket.SocketType) -> str | None:
    if socket.family == stdlib_socket.AF_UNIX:
        return None
    try:
        return str(socket.getpeername()[0])
    except OSError:
        return ""  # gone already; the first read will tell
