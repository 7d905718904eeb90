"""Clients that speak, or mis-speak, over raw sockets; and a real server to speak to."""

from __future__ import annotations

import os
import socket as stdlib_socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import trio
from attrs import field, frozen
from quart import request
from quart_trio import QuartTrio

from hashpass.connection import ServerLimits
from hashpass.lane import Door, Handshake, Lane
from hashpass.server import serve
from hashpass.sockets import Socket, SocketLimits
from hashpass.web.late_upgrade import add_late_upgrades

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def upgrade(path: str = "/api/ws", *extra: bytes, host: bytes = b"example.org") -> bytes:
    """A browser's upgrade request."""
    lines = [
        f"GET {path} HTTP/1.1".encode(),
        b"Host: " + host,
        b"Upgrade: websocket",
        b"Connection: keep-alive, Upgrade",
        b"Sec-WebSocket-Key: " + KEY,
        b"Sec-WebSocket-Version: 13",
        *extra,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """A client's frame, or something near one."""
    size = len(payload)
    flag = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if size < 126:
        head += bytes([flag | size])
    elif size < 1 << 16:
        head += bytes([flag | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([flag | 127]) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def text(message: str) -> bytes:
    return frame(1, message.encode())


def closing(code: int = 1000, reason: str = "") -> bytes:
    return frame(8, code.to_bytes(2, "big") + reason.encode())


class Peer:
    """One connection, read by the frame or by the HTTP answer."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.buffer = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def _fill(self) -> bool:
        chunk = bytes(await self.stream.receive_some(65536))
        self.buffer += chunk
        return bool(chunk)

    async def exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if not await self._fill():
                raise EOFError(self.buffer)
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    async def head(self) -> bytes:
        """An answer's head; what follows stays in the buffer."""
        while b"\r\n\r\n" not in self.buffer:
            if not await self._fill():
                raise EOFError(self.buffer)
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of an answer that states its length."""
        head = (await self.head()).lower()
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
        return int(head.split(b" ")[1]), await self.exactly(length)

    async def open(self, path: str = "/api/ws", *extra: bytes) -> None:
        await self.send(upgrade(path, *extra))
        head = await self.head()
        assert head.startswith(b"HTTP/1.1 101 "), head

    async def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame; a server's frames are whole and unmasked."""
        first, size = await self.exactly(2)
        assert first & 0xF0 == 0x80
        assert size < 128
        if size == 126:
            size = int.from_bytes(await self.exactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await self.exactly(8), "big")
        return first & 0x0F, await self.exactly(size)

    async def text(self) -> str:
        """The next message; pings on the way are not answered."""
        while True:
            opcode, payload = await self.frame()
            if opcode not in (9, 10):
                assert opcode == 1, (opcode, payload)
                return payload.decode()

    async def close_code(self) -> tuple[int, str]:
        """The code and reason the server says goodbye with, whatever it still had to say before."""
        while True:
            opcode, payload = await self.frame()
            if opcode == 8:
                return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    async def at_end(self) -> bool:
        """Wait for the end of the connection; False if more bytes came."""
        try:
            return not self.buffer and not await self._fill()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return True


@frozen
class House:
    """A server on a port of its own."""

    address: str
    lane: Lane = field(repr=False)
    closing: trio.Event = field(repr=False)
    nursery: trio.Nursery = field(repr=False)
    finished: trio.Event = field(repr=False)
    guests: list[trio.abc.Stream] = field(factory=list, repr=False)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    async def connect(self, *, small_buffer: bool = False) -> Peer:
        if self.address.startswith("unix:"):
            return self.guest(await trio.open_unix_socket(self.address.removeprefix("unix:")))
        sock = trio.socket.socket()
        if small_buffer:
            sock.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_RCVBUF, 4096)
        peer = self.guest(trio.SocketStream(sock))
        await sock.connect(("127.0.0.1", self.port))
        return peer

    def guest(self, stream: trio.abc.Stream) -> Peer:
        self.guests.append(stream)
        return Peer(stream)

    async def get(self, path: str = "/") -> tuple[int, bytes]:
        peer = await self.connect()
        async with peer.stream:
            await peer.send(f"GET {path} HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n".encode())
            return await peer.answer()


def tiny_app() -> QuartTrio:
    app = QuartTrio("tiny")
    app.config["MAX_CONTENT_LENGTH"] = 65536

    async def hello() -> str:
        return "hello"

    async def echo() -> str:
        return str(len(await request.get_data()))

    async def big() -> bytes:
        return b"x" * 32 * 1024 * 1024

    async def broken() -> str:
        raise RuntimeError("a bug in a handler")

    app.add_url_rule("/", "hello", hello)
    app.add_url_rule("/echo", "echo", echo, methods=["POST"])
    app.add_url_rule("/big", "big", big)
    app.add_url_rule("/broken", "broken", broken)
    return app


@asynccontextmanager
async def house(
    doors: Mapping[str, Door],
    *,
    bind: str = "127.0.0.1:0",
    app: QuartTrio | None = None,
    tls: tuple[str, str] | None = None,
    limits: ServerLimits | None = None,
    socket_limits: SocketLimits | None = None,
) -> AsyncIterator[House]:
    """A running server; the block's end closes it and waits until it has ended."""
    app = app or tiny_app()
    lane = Lane(doors, limits=socket_limits)
    add_late_upgrades(app, lane)
    closing = trio.Event()
    finished = trio.Event()
    limits = limits or ServerLimits(drain=2.0)

    async def run(*, task_status: trio.TaskStatus[list[str]]) -> None:
        try:
            async with trio.open_nursery() as inside:
                server = partial(serve, app, binds=[bind], lane=lane, closing=closing, tls=tls, limits=limits)
                task_status.started(await inside.start(server))
        finally:
            finished.set()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            [address] = await nursery.start(run)
            home = House(address, lane, closing, nursery, finished)
            try:
                yield home
            finally:
                with trio.CancelScope(shield=True):  # closing by force waits for nothing
                    for stream in home.guests:
                        await trio.aclose_forcefully(stream)
                closing.set()


class Listeners:
    """A door that only listens, and hands its sockets to the test."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Socket](10_000)

    async def __call__(self, handshake: Handshake, socket: Socket) -> None:
        self._send.send_nowait(socket)
        async for _ in socket:
            pass

    async def next(self) -> Socket:
        return await self._receive.receive()
