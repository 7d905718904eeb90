"""What the tests of the console have in common: its operator, and people from many addresses who play beside it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Dialog, Locator, Page
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from hashpass.argon import Arena
from hashpass.domain import proof as proofs
from hashpass.domain.values import Argon2Params
from tests.browser.conftest import SECONDS, Serve, Server, Trouble
from tests.browser.racing import ENDLESS

TOKEN: Final = "operator-of-the-tests"
BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64)"
HOSTILE: Final = """"><img src=x onerror=alert(1)>' onmouseover='alert(2)');alert(document.domain)//"""
MINERS: Final = ("203.0.113.7", "203.0.113.40", "2001:db8:77:1::5")


def operated(serve: Serve, **env: str) -> Server:
    return serve(**{**ENDLESS, "HASHPASS_GATE": "open", "ADMIN_TOKEN": TOKEN, **env})


def log_in(page: Page, token: str = TOKEN) -> None:
    page.get_by_label("Admin token").fill(token)
    page.get_by_role("button", name="Log in", exact=True).click()


def reach(page: Page) -> Locator:
    return page.locator(".reach [role=status]")


def expect_no_dialogs(page: Page, trouble: Trouble) -> None:
    """A script of somebody else's would open one."""

    def opened(dialog: Dialog) -> None:
        trouble.seen.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", opened)


@contextmanager
def operator(server: Server) -> Iterator[httpx.Client]:
    """The admin API without a page."""
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


@contextmanager
def visitor(server: Server, address: str, visitor_id: str) -> Iterator[tuple[httpx.Client, dict[str, Any]]]:
    """A session from there, as whoever, and the puzzle it was given."""
    with httpx.Client(base_url=server.url, headers={"User-Agent": BROWSER, "X-Real-IP": address}) as client:
        answer = client.post("/api/session", json={"token": ""}).raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['session_token']}"
        yield client, client.post("/api/puzzle", json={"visitorId": visitor_id}).raise_for_status().json()


def enter(server: Server, address: str, visitor_id: str) -> str:
    """Opens a session; its token."""
    with visitor(server, address, visitor_id) as (client, _):
        return client.headers["Authorization"].removeprefix("Bearer ")


def win(server: Server, address: str, visitor_id: str) -> str:
    """The code of a round, which must be an easy one."""
    with visitor(server, address, visitor_id) as (client, puzzle):
        trace = client.get("/api/trace").raise_for_status().text
        params = Argon2Params(
            variant=puzzle["algorithm"].removeprefix("argon2"),
            time_cost=puzzle["time_cost"],
            memory_cost=puzzle["memory_cost"],
            parallelism=puzzle["parallelism"],
        )
        arena, salt, target = Arena(), proofs.salt(puzzle["seed"], visitor_id, trace), int(puzzle["target"], 16)
        tries = ((nonce, arena.hash(proofs.password(nonce), salt, params)) for nonce in count())
        nonce, digest = next((nonce, digest) for nonce, digest in tries if proofs.wins(digest, target))
        proof = {"visitorId": visitor_id, "nonce": nonce, "submittedSeed": puzzle["seed"], "traceData": trace}
        answer = client.post("/api/verify", json={**proof, "hash": digest.hex()})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["invite_code"])


class Miner:
    """A socket that says it mines."""

    def __init__(self, server: Server, address: str, rate: float, visitor_id: str = "somebody") -> None:
        parts = urlsplit(server.url)
        token = enter(server, address, visitor_id)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=SECONDS)
        self._wire = WSConnection(ConnectionType.CLIENT)
        self._events: list[Any] = []
        headers = [(b"user-agent", BROWSER.encode()), (b"x-real-ip", address.encode())]
        self._send(Request(host=parts.netloc, target=f"/api/ws?token={token}", extra_headers=headers))
        self._await(AcceptConnection)
        self._send(TextMessage('{"type":"mining_start"}'))
        self._send(TextMessage(f'{{"type":"hashrate","payload":{{"rate":{rate}}}}}'))

    def hear(self, kind: str) -> dict[str, Any]:
        """The next message of this kind; waits until it comes."""
        while True:
            message: dict[str, Any] = json.loads(self._await(TextMessage).data)
            if message["type"] == kind:
                return message

    def reason(self) -> str:
        """Why it was closed; waits until it is."""
        return str(self._await(CloseConnection).reason)

    def close(self) -> None:
        self._socket.close()

    def _send(self, event: Any) -> None:
        self._socket.sendall(self._wire.send(event))

    def _await(self, kind: type[Any]) -> Any:
        while True:
            while self._events:
                if isinstance(event := self._events.pop(0), kind):
                    return event
            data = self._socket.recv(65536)
            assert data, "The socket ended without a word."
            self._wire.receive_data(data)
            self._events += self._wire.events()


@contextmanager
def mining(server: Server) -> Iterator[list[Miner]]:
    with ExitStack() as sockets:
        miners = []
        for place, address in enumerate(MINERS):
            miners.append(Miner(server, address, 10.0 * place + 5, HOSTILE if place == 0 else f"visitor {place}"))
            sockets.callback(miners[-1].close)
        yield miners
