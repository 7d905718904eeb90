"""Sign-in against a server in a process of its own, over sockets of their own: what must happen once happens once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import trio
from attrs import frozen

from tests.process import Program, serving

ENV: Final = {
    "JWT_SECRET": "1a" * 32,
    "MAGIC_LINK_HMAC_KEY": "2b" * 32,
    "PBKDF2_SALT": "3c" * 32,
    "HASHPASS_STORE": "sqlite:///store.db",
    "HASHPASS_LOGIN_DEV": "true",
}
MANY: Final = 50


async def ask(http: httpx.AsyncClient) -> str:
    """The path of a new link."""
    answer = await http.post("/api/login/", json={"email": "somebody@example.org"})
    assert answer.status_code == 200, answer.text
    return f"/api/login/?{urlsplit(answer.json()['dev_magic_link']).query}"


@frozen
class Answer:
    status: int
    headers: str
    access: str
    """The access token; empty where there is none."""


async def at_once(server: Program, request: str) -> list[Answer]:
    """The same request over many connections, whole but for its last byte; then all of these bytes at once."""
    host = urlsplit(server.url)
    text = f"{request}\r\nHost: {host.netloc}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    answers: list[Answer] = []
    streams = [await trio.open_tcp_stream(str(host.hostname), host.port or 0) for _ in range(MANY)]

    async def read(stream: trio.SocketStream) -> None:
        async with stream:
            head, _, body = b"".join([chunk async for chunk in stream]).decode().partition("\r\n\r\n")
            answers.append(Answer(int(head.split()[1]), head, json.loads(body).get("access_token", "")))

    for stream in streams:
        await stream.send_all(text[:-1])
    async with trio.open_nursery() as nursery:
        for stream in streams:
            stream.socket.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
            await stream.send_all(text[-1:])
        for stream in streams:
            nursery.start_soon(read, stream)
    return answers


async def test_one_link_raced_by_fifty_gives_one_session(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with serving(tmp_path, **ENV) as server, httpx.AsyncClient(base_url=server.url, timeout=30) as http:
            answers = await at_once(server, f"GET {await ask(http)} HTTP/1.1")
            assert sorted(answer.status for answer in answers) == [200] + [400] * (MANY - 1)
            (won,) = (answer for answer in answers if answer.access)
            assert [answer for answer in answers if "set-cookie:" in answer.headers.lower()] == [won]
            assert await use(http, won.access) == 200


async def test_a_stolen_refresh_token_that_has_been_rotated_ends_the_session(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with serving(tmp_path, **ENV) as server, httpx.AsyncClient(base_url=server.url, timeout=30) as http:
            stolen, access = await enter(http)
            renewed = await http.post("/api/refresh", headers={"Cookie": stolen})
            assert renewed.status_code == 200
            newest, newer = cookie(renewed), renewed.json()["access_token"]
            # Another sign-in of the same person, which has nothing to do with it.
            _, elsewhere = await enter(http)

            assert (await http.post("/api/refresh", headers={"Cookie": stolen})).status_code == 401
            assert (await http.post("/api/refresh", headers={"Cookie": newest})).status_code == 401
            assert [await use(http, token) for token in (access, newer, elsewhere)] == [401, 401, 200]


async def test_one_refresh_token_shown_by_fifty_is_reuse(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with serving(tmp_path, **ENV) as server, httpx.AsyncClient(base_url=server.url, timeout=30) as http:
            stolen, access = await enter(http)
            answers = await at_once(server, f"POST /api/refresh HTTP/1.1\r\nCookie: {stolen}")
            (won,) = (answer for answer in answers if answer.status == 200)
            assert [await use(http, token) for token in (access, won.access)] == [401, 401]


async def use(http: httpx.AsyncClient, access: str) -> int:
    return (await http.get("/api/password", headers={"Authorization": f"Bearer {access}"})).status_code


async def enter(http: httpx.AsyncClient) -> tuple[str, str]:
    """The cookie and the access token of a new session."""
    answer = await http.get(await ask(http))
    assert answer.status_code == 200, answer.text
    http.cookies.clear()
    return cookie(answer), answer.json()["access_token"]


def cookie(answer: httpx.Response) -> str:
    return answer.headers["Set-Cookie"].partition(";")[0]
