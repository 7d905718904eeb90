"""A whole server and its operator."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import trio
from attrs import define
from openapi_schema_validator import OAS31Validator

from hashpass.verifier import Verifier
from hashpass.web.openapi import document
from tests.house import BROWSER, Running, open_house
from tests.wire.peers import Peer

DOCUMENT = document("1.0")

TOKEN = "the token of the operator"
HOME, AWAY = "203.0.113.5", "198.51.100.7"


def bearer(token: str = TOKEN, address: str | None = None) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "curl/8.5.0"}
    return headers if address is None else {**headers, "X-Real-IP": address}


def described(method: str, path: str, answer: httpx.Response) -> httpx.Response:
    """Hold an answer to the document: its status is one of those, and its JSON has the shape that is promised."""
    responses = DOCUMENT["paths"][f"/api/admin{path}"][method]["responses"]
    assert str(answer.status_code) in responses, f"{path} answers {answer.status_code}: {answer.text}"
    content = responses[str(answer.status_code)]["content"]
    kind = answer.headers["Content-Type"].partition(";")[0]
    assert kind in content, kind
    if kind.endswith("json"):
        whole = {**content[kind]["schema"], "components": DOCUMENT["components"]}
        OAS31Validator(whole).validate(answer.json())
    if answer.status_code >= 400:
        assert answer.json()["type"].rpartition(":")[2] in content[kind]["examples"]
    return answer


@define
class Office:
    running: Running
    directory: Path

    async def get(self, path: str, address: str | None = None, **params: Any) -> httpx.Response:
        answer = await self.running.http.get(f"/api/admin{path}", params=params, headers=bearer(address=address))
        return described("get", path, answer)

    async def post(self, path: str, body: Any = None, address: str | None = None) -> httpx.Response:
        content = None if body is None else json.dumps(body).encode()
        answer = await self.running.http.post(f"/api/admin{path}", content=content, headers=bearer(address=address))
        return described("post", path, answer)

    async def status(self) -> dict[str, Any]:
        answer = await self.get("/status")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def change(self, path: str, body: Any = None) -> dict[str, Any]:
        answer = await self.post(path, body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def trail(self) -> list[dict[str, Any]]:
        """What operators did, oldest first, as it is on the disk."""
        records: list[dict[str, Any]] = json.loads((self.directory / "admin.json").read_bytes())
        return records

    def deeds(self) -> list[tuple[str, dict[str, Any]]]:
        return [(record["action"], record["values"]) for record in self.trail()]


@asynccontextmanager
async def open_office(
    directory: Path, *, verifier: Verifier | None = None, wall: Callable[[], float] = time.time, **env: str
) -> AsyncIterator[Office]:
    wanted = {"ADMIN_TOKEN": TOKEN, "HASHPASS_MAX_DIFFICULTY": "8", **env}
    async with open_house(directory, verifier=verifier, wall=wall, **wanted) as running:
        yield Office(running, directory)


@asynccontextmanager
async def console(running: Running, query: str, *headers: bytes, address: str = HOME) -> AsyncIterator[Peer]:
    """An operator's socket, as far as the upgrade."""
    stream = await trio.open_tcp_stream("127.0.0.1", int(running.url.rpartition(":")[2]))
    async with stream:
        peer = Peer(stream)
        own = (f"X-Real-IP: {address}".encode(), b"User-Agent: " + BROWSER.encode())
        await peer.open(f"/api/admin/ws{query}", *own, *headers)
        yield peer
