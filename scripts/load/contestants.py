"""What the programs here play with: contestants on plain sockets, and a server of their own that tells its tickets."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import trio
from attrs import define, field

from hashpass.argon import Arena
from hashpass.domain import proof as proofs
from hashpass.domain.search import Job
from hashpass.sessions import digest_of

EASY = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "HASHPASS_ARGON2_TIME_COST": "1",
    "HASHPASS_ARGON2_MEMORY_COST": "8",
    "HASHPASS_DIFFICULTY": "1",
    "HASHPASS_MAX_DIFFICULTY": "1",
    "HASHPASS_TARGET_TIME": "0.1",
    "HASHPASS_GATE": "open",
    "HASHPASS_LOG_LEVEL": "DEBUG",
}
AGENT = "Mozilla/5.0 (compatible; HashPassRace/1)"


@define
class Contestant:
    """A session with an address and a connection of its own. Plain sockets, so that many can speak at once."""

    stream: trio.abc.Stream
    address: str
    visitor: str
    token: str = field(default="", repr=False)
    trace: str = ""
    _rest: bytes = b""

    @property
    def session(self) -> str:
        """What the server's log calls this session."""
        return digest_of(self.token)

    async def enter(self) -> None:
        """Come in, and fetch the trace that will do for all rounds: it is good for ten minutes."""
        status, body = await self.call("POST", "/api/session", {"token": ""})
        if status != 200:
            raise RuntimeError(f"The server let nobody in: {body.decode()}")
        self.token = json.loads(body)["session_token"]
        self.trace = (await self.call("GET", "/api/trace"))[1].decode()

    async def look(self) -> dict[str, Any]:
        status, body = await self.call("POST", "/api/puzzle", {"visitorId": self.visitor})
        if status != 200:
            raise RuntimeError(f"There is no puzzle: {body.decode()}")
        puzzle: dict[str, Any] = json.loads(body)
        return puzzle

    def solve(self, puzzle: dict[str, Any], arena: Arena) -> bytes:
        """The whole request with a true answer, ready to be sent."""
        job = Job.parse(puzzle, self.visitor, self.trace)
        for nonce in count(random.randrange(2**32)):
            digest = arena.hash(proofs.password(nonce), job.salt, job.params)
            if proofs.wins(digest, job.target):
                break
        return self.claim(puzzle, nonce, digest.hex())

    def claim(self, puzzle: dict[str, Any], nonce: int, digest: str) -> bytes:
        """The whole request with any answer."""
        answer = {
            "visitorId": self.visitor,
            "nonce": nonce,
            "submittedSeed": puzzle["seed"],
            "traceData": self.trace,
            "hash": digest,
        }
        return self.request("POST", "/api/verify", answer)

    def request(self, method: str, path: str, body: object = None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: race.example",
            f"User-Agent: {AGENT}",
            f"X-Real-IP: {self.address}",
            f"Content-Length: {len(content)}",
        ]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join([*lines, "", ""]).encode() + content

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        return await self.send(self.request(method, path, body))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        await self.stream.send_all(request)
        return await self.answer()

    async def answer(self) -> tuple[int, bytes]:
        while b"\r\n\r\n" not in self._rest:
            await self._receive()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(self._rest) < length:
            await self._receive()
        body, self._rest = self._rest[:length], self._rest[length:]
        return int(head.split(b" ", 2)[1]), body

    async def _receive(self) -> None:
        chunk = await self.stream.receive_some(65536)
        if not chunk:
            raise EOFError("The server has hung up.")
        self._rest += bytes(chunk)


@asynccontextmanager
async def contestants(url: str, addresses: Sequence[str]) -> AsyncIterator[list[Contestant]]:
    """A session for each of these addresses."""
    parts = urlsplit(url)
    found = []
    async with AsyncExitStack() as stack:
        for number, address in enumerate(addresses):
            stream = await trio.open_tcp_stream(parts.hostname or "", parts.port or 80)
            found.append(Contestant(await stack.enter_async_context(stream), address, f"visitor-{number:04d}"))
        for contestant in found:
            await contestant.enter()
        yield found


@define
class Tickets:
    """Who held the tickets of each round, as the server's log tells at its most talkative."""

    held: dict[int, dict[int, str]] = field(factory=dict)
    _noted: trio.Event = field(factory=trio.Event)

    async def given(self, number: int, count: int) -> None:
        """Wait until there are so many tickets in this round."""
        while len(self.held.get(number, {})) < count:
            await self._noted.wait()

    def note(self, line: str) -> None:
        words = line.split()
        if "ticket" in words and "session" in words:
            at = words.index("round")
            self.held.setdefault(int(words[at + 1].rstrip(":")), {})[int(words[at + 3])] = words[at + 6]
            self._noted.set()
            self._noted = trio.Event()

    def first(self, number: int) -> str:
        tickets = self.held[number]
        return tickets[min(tickets)]


@asynccontextmanager
async def own_server(**env: str) -> AsyncIterator[tuple[str, Tickets]]:
    """A server in a process and a directory of its own: its address, and its tickets, all there when the block ends."""
    with tempfile.TemporaryDirectory(prefix="hashpass-") as directory:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "hashpass", "serve"],
            env={**os.environ, **EASY, "HASHPASS_DATA_DIR": directory, **env},
            cwd=directory,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        tickets = Tickets()
        async with process.stderr, trio.open_nursery() as nursery:
            try:
                url = await nursery.start(_listen, process.stderr, tickets)
                yield url, tickets
            finally:
                process.terminate()
                with trio.CancelScope(shield=True), trio.move_on_after(15):
                    await process.wait()
                if process.returncode is None:
                    process.kill()


async def _listen(stream: trio.abc.ReceiveStream, tickets: Tickets, *, task_status: trio.TaskStatus[str]) -> None:
    rest, said, is_open = b"", b"", False
    async for chunk in stream:
        *lines, rest = (rest + bytes(chunk)).split(b"\n")
        for line in lines:
            if b" is open at " in line:
                is_open = True
                task_status.started("http://" + line.decode().rpartition(" at ")[2])
            said = line
            tickets.note(line.decode())
    if not is_open:
        raise RuntimeError(f"The server did not open: {said.decode()}")
