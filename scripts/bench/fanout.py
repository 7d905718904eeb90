"""One new puzzle told to thousands of sockets: our server beside a FastAPI one that gathers over `send_text`.

Each server runs in a process of its own and is told to reset over HTTP; this process holds the sockets and notes when
the reset has reached the last of them. What the server spent is its own processor time for one reset, which a busy
machine disturbs least. Both servers take turns, and the ratios are taken within a round.

The peer needs the group `bench`: `./scripts/nox -s bench -- fanout`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field, frozen

TOKEN = "only for measuring"
OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
"""What browsers offer. Our server declines it."""
PATIENCE = 60.0
LEAST = 40
"""Bytes of a reset, however well it is compressed; nothing else that comes is as long."""
PONG = b"\x8a\x80\0\0\0\0"
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "User-Agent: Mozilla/5.0 (bench)\r\n{offer}\r\n"
)

PEER = """
import asyncio, json, secrets
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app, room = FastAPI(), set()

@app.websocket("/api/ws")
async def enter(socket: WebSocket):
    await socket.accept()
    room.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        room.discard(socket)

@app.post("/api/admin/reset-puzzle")
async def reset():
    text = json.dumps({"type": "PUZZLE_RESET", "seeds": secrets.token_hex(450)})
    await asyncio.gather(*(socket.send_text(text) for socket in room))
"""


@frozen
class Server:
    """A server in a process of its own, and how one enters it."""

    name: str
    process: subprocess.Popen[bytes]
    port: int

    def spent(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def running(name: str, command: list[str], port: int, **env: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "peer.py").write_text(PEER)
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            await_port(port)
            yield Server(name, process, port)
        finally:
            process.terminate()
            process.wait(30)


def await_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > deadline:
            raise SystemExit("A server did not open.")
        time.sleep(0.1)


def ours(port: int) -> contextlib.AbstractContextManager[Server]:
    settings = {
        "PORT": str(port),
        "ADMIN_TOKEN": TOKEN,
        "HASHPASS_GATE": "open",
        "HASHPASS_CONNECTIONS_PER_IP": "100000",
        "HASHPASS_HASHRATE_INTERVAL": "3600",
    }
    return running("HashPass", [sys.executable, "-m", "hashpass", "serve"], port, **settings)


def peer(port: int) -> contextlib.AbstractContextManager[Server]:
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--port",
        str(port),
        "--log-level",
        "error",
        "--ws-ping-interval",
        "3600",
    ]
    return running("FastAPI", [*command, "peer:app"], port)


@define
class Crowd:
    """Sockets that only listen."""

    sockets: list[socket.socket] = field(factory=list)
    selector: selectors.BaseSelector = field(factory=selectors.DefaultSelector)

    def enter(self, server: Server, path: str, offer: str) -> None:
        made = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        made.sendall(HANDSHAKE.format(path=path, port=server.port, offer=offer).encode())
        if b" 101 " not in made.recv(4096):
            raise SystemExit(f"{server.name} let nobody in.")
        made.setblocking(False)
        self.sockets.append(made)
        self.selector.register(made, selectors.EVENT_READ)

    def stay(self) -> None:
        """Say that we are still here, before anybody asks."""
        for made in self.sockets:
            made.send(PONG)

    def drain(self) -> None:
        """Read what else was said, until it is quiet."""
        while events := self.selector.select(0.5):
            for key, _ in events:
                with contextlib.suppress(BlockingIOError):
                    key.fileobj.recv(65536)  # type: ignore[union-attr]  # they are all sockets

    def hear(self) -> list[float]:
        """When each of them has heard of the reset."""
        heard: dict[int, float] = {}
        while len(heard) < len(self.sockets):
            events = self.selector.select(PATIENCE)
            if not events:
                raise SystemExit(f"Only {len(heard)} of {len(self.sockets)} have heard of it.")
            now = time.perf_counter()
            for key, _ in events:
                said = key.fileobj.recv(65536)  # type: ignore[union-attr]  # as above
                if not said:
                    raise SystemExit("A socket was closed.")
                if len(said) >= LEAST:
                    heard.setdefault(key.fd, now)
        return sorted(heard.values())


@frozen
class Measured:
    median: float
    last: float
    spent: float


def measure(server: Server, crowd: Crowd, resets: int) -> Measured:
    medians, lasts = [], []
    crowd.stay()
    crowd.drain()
    before = server.spent()
    for _ in range(resets):
        started = time.perf_counter()
        with contextlib.closing(start_reset(server)):
            heard = crowd.hear()
        medians.append(heard[len(heard) // 2] - started)
        lasts.append(heard[-1] - started)
        crowd.drain()
    return Measured(statistics.median(medians), statistics.median(lasts), (server.spent() - before) / resets)


def start_reset(server: Server) -> socket.socket:
    """Ask for a reset and do not wait for the answer: this process has to listen."""
    asking = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    asking.sendall(
        f"POST /api/admin/reset-puzzle HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
    )
    return asking


def open_session(server: Server) -> str:
    """A session's token: one opening serves all sockets."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/session",
        data=b"{}",
        method="POST",
        headers={"User-Agent": "Mozilla/5.0 (bench)"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        token: str = json.loads(answer.read())["session_token"]
        return token


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=2000)
    parser.add_argument("--browsers", action="store_true", help="offer compression, as browsers do")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--resets", type=int, default=5, help="in each round, for each server")
    chosen = parser.parse_args()
    with ours(free_port()) as we, peer(free_port()) as they:
        crowds = {we.name: Crowd(), they.name: Crowd()}
        offer = OFFER if chosen.browsers else ""
        path = f"/api/ws?token={open_session(we)}"
        for _ in range(chosen.sockets):
            crowds[we.name].enter(we, path, offer)
            crowds[they.name].enter(they, "/api/ws", offer)
        ratios: dict[str, list[float]] = {"median": [], "last": [], "spent": []}
        for number in range(chosen.rounds):
            order = (we, they) if number % 2 else (they, we)
            results = {server.name: measure(server, crowds[server.name], chosen.resets) for server in order}
            for name, found in results.items():
                print(
                    f"{name:9} median {found.median * 1e3:7.1f} ms, last {found.last * 1e3:7.1f} ms,"
                    f" processor {found.spent / chosen.sockets * 1e6:6.1f} µs a socket"
                )
            for what, values in ratios.items():
                values.append(getattr(results[they.name], what) / getattr(results[we.name], what))
    for what, values in ratios.items():
        shown = " - ".join(f"{value:.2f}" for value in (min(values), statistics.median(values), max(values)))
        print(f"FastAPI / HashPass, {what}: {shown}")


if __name__ == "__main__":
    main()
