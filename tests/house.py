"""A whole server for a test: built from settings as an operator would give them, on a free port of the loopback."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import trio
from attrs import define, field

from hashpass import settings
from hashpass.app import build
from hashpass.argon import Arena
from hashpass.directory import DirectoryLock
from hashpass.domain import proof as proofs
from hashpass.domain.values import Argon2Params
from hashpass.house import House
from hashpass.verifier import Verifier

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) a test"

CHEAP = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "HASHPASS_GATE": "open",
    "HASHPASS_ARGON2_TIME_COST": "1",
    "HASHPASS_ARGON2_MEMORY_COST": "8",
    "HASHPASS_DIFFICULTY": "1",
    "HASHPASS_TARGET_TIME": "0.1",
    "HASHPASS_MAX_DIFFICULTY": "1",
    "HASHPASS_CONNECTIONS_PER_IP": "1000",
}
"""Hashes of microseconds, two of which win a round on average, and that stays so."""


@define
class Running:
    """An open server and how to reach it."""

    house: House
    url: str
    closing: trio.Event
    http: httpx.AsyncClient

    @property
    def websocket_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/api/ws"


@asynccontextmanager
async def open_house(
    directory: Path, *, verifier: Verifier | None = None, wall: Callable[[], float] = time.time, **env: str
) -> AsyncIterator[Running]:
    """Run a server until the block ends, then close it as a signal would. `env` is added to CHEAP."""
    wanted = settings.load({**CHEAP, "HASHPASS_DATA_DIR": str(directory), **env})
    closing = trio.Event()
    with DirectoryLock(wanted.data_dir):
        async with trio.open_nursery() as nursery:
            house = await build(wanted, verifier=verifier, wall=wall)
            addresses = await nursery.start(house.run, closing)
            url = f"http://{addresses[0]}"
            async with httpx.AsyncClient(base_url=url, headers={"User-Agent": BROWSER}, timeout=30) as http:
                yield Running(house, url, closing, http)
            closing.set()


@define
class Player:
    """A client over HTTP that does everything right: the pieces of a test that wants to do one thing wrong."""

    http: httpx.AsyncClient
    visitor: str = "visitor"
    token: str = ""
    puzzle: dict[str, Any] = field(factory=dict)
    trace: str = ""
    headers: dict[str, str] = field(factory=dict)
    """Sent with every call, such as `X-Real-IP` for an address of one's own."""

    async def enter(self) -> Player:
        answer = await self.http.post("/api/session", json={"token": ""}, headers=self.headers)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["session_token"]
        self.headers = {**self.headers, "Authorization": f"Bearer {self.token}"}
        return self

    async def look(self) -> Player:
        """Fetch the open puzzle and a trace for it."""
        answer = await self.http.post("/api/puzzle", json={"visitorId": self.visitor}, headers=self.headers)
        assert answer.status_code == 200, answer.text
        self.puzzle = answer.json()
        self.trace = (await self.http.get("/api/trace", headers=self.headers)).text
        return self

    def hash(self, nonce: int) -> bytes:
        puzzle = self.puzzle
        params = Argon2Params(
            variant=puzzle["algorithm"].removeprefix("argon2"),
            time_cost=puzzle["time_cost"],
            memory_cost=puzzle["memory_cost"],
            parallelism=puzzle["parallelism"],
        )
        return Arena().hash(proofs.password(nonce), proofs.salt(puzzle["seed"], self.visitor, self.trace), params)

    def answers(self) -> Iterator[dict[str, Any]]:
        """True answers to the puzzle it looked at, one after another."""
        for nonce in count():
            digest = self.hash(nonce)
            if proofs.wins(digest, int(self.puzzle["target"], 16)):
                yield self.answer(nonce, digest.hex())

    def answer(self, nonce: int, claimed: str) -> dict[str, Any]:
        return {
            "visitorId": self.visitor,
            "nonce": nonce,
            "submittedSeed": self.puzzle["seed"],
            "traceData": self.trace,
            "hash": claimed,
        }

    async def submit(self, answer: dict[str, Any], path: str = "/api/verify") -> httpx.Response:
        return await self.http.post(path, json=answer, headers=self.headers)

    async def win(self) -> str:
        """Enter if need be, look, solve, and submit until a code comes of it."""
        if not self.token:
            await self.enter()
        await self.look()
        answer = await self.submit(next(self.answers()))
        assert answer.status_code == 200, answer.text
        code: str = answer.json()["invite_code"]
        return code
